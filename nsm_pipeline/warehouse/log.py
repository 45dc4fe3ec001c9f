"""A table of dated rows as the checks see it: which rows count, which week they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis
import ibis.expr.types as ir

if TYPE_CHECKING:
    import pandas as pd

WORLD_STARTS = datetime(2000, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
WEEKS_BEFORE = 4
EXAMPLES = 5
# A format with letters of its own ("T", "Z") is misread by PostgreSQL and Spark.
TEXT = "%Y-%m-%d %H:%M:%S"

Moment: TypeAlias = "datetime | ir.TimestampScalar"
Fetch = Callable[[str, ir.Table], "pd.DataFrame"]


@dataclass(frozen=True)
class Log:
    """Events or revenue, each row beside what the accounts table knows; `used` rows count.

    The moment of the run is known here, or to the engine alone.
    """

    name: str
    table: ir.Table
    moment: Moment

    def between(self, start: Moment | None, end: Moment) -> ir.BooleanValue:
        """Whether a row's time is in (start, end]."""
        at = self.table["at"]
        until = at <= moment_like(at, end)
        return until if start is None else (at > moment_like(at, start)) & until

    @property
    def used(self) -> ir.BooleanValue:
        """Rows of the run: not after its moment, or without any time (an offence by itself)."""
        return self.table["at"].isnull() | self.between(None, self.moment)

    @property
    def weeks(self) -> list[ir.BooleanValue]:
        """The last 7 days, then each of the weeks before."""
        ends = [weeks_before(self.moment, week) for week in range(WEEKS_BEFORE + 2)]
        return [self.between(*span) for span in zip(ends[1:], ends, strict=False)]


def weeks_before(moment: Moment, weeks: int) -> Moment:
    """The moment so many weeks before; Ibis (12) knows no interval of nothing."""
    return moment - WEEK * weeks if weeks else moment


def moment_like(column: ir.Value, moment: Moment) -> ir.Value:
    """A UTC moment in the column's own type, with a zone or without."""
    if isinstance(moment, ir.TimestampScalar):
        return moment.cast(column.type())
    zoned = column.type().timezone is not None
    return ibis.literal(moment if zoned else moment.replace(tzinfo=None), type=column.type())


def fetch_examples(fetch: Fetch, title: str, rows: ir.Table) -> list[str]:
    """The first few rows as short text; `rows` has account, at and perhaps an id, all shown."""
    shown = rows.mutate(
        account=rows.account.cast("string"), at=rows["at"].strftime(TEXT)
    ).distinct()
    ordered = shown.order_by(
        [ibis.asc(shown[column], nulls_first=True) for column in shown.columns]
    )
    frame = fetch(title, ordered.limit(EXAMPLES))
    frame["at"] = [iso(value) for value in frame["at"]]
    return [
        ", ".join(
            f"{column} {value if isinstance(value, str) else 'missing'}"
            for column, value in row.items()
        )
        for row in frame.to_dict("records")
    ]


def iso(value: Any) -> str | None:
    """A moment that the engine wrote as TEXT; None for any of pandas' nulls."""
    return value.replace(" ", "T") + "Z" if isinstance(value, str) else None
