"""The moment a run looks at: given as text, or the default that reads the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from nsm_pipeline.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from nsm_pipeline.product.config import ProductConfig


def default_as_of(config: ProductConfig) -> datetime:
    """The declared end of observation, else the start of today where the product is at home."""
    declared = config.source.observed_until
    if declared is not None:
        return (declared if declared.tzinfo else declared.replace(tzinfo=UTC)).astimezone(UTC)
    today = datetime.now(ZoneInfo(config.timezone)).date()
    return parse_as_of(today.isoformat(), config.timezone)


def parse_as_of(text: str, timezone: str) -> datetime:
    """The moment in UTC; a date means its first second, no zone means the product's.

    Raises:
        InvalidInput: The text is not an ISO 8601 date or time.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError) as nonsense:
        problem = Problem(
            f"as_of {text!r}",
            "This is not a date or a time.",
            f"Write it as 2026-03-02 or 2026-03-02T02:00; without a zone it is read in {timezone}.",
        )
        raise InvalidInput(problem) from nonsense
