"""Asks the data for the windows that the product file leaves open, before a run begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct

if TYPE_CHECKING:
    from nsm_pipeline.stats.advice import Choice
    from nsm_pipeline.warehouse.connect import Engine

ADVICE = "advice.json"
ASKED_FOR = {
    "after": "retention.after",
    "within": "retention.within",
    "exposure": "exposure.within",
}
# Any windows will do to look at usage: they decide who is censored, and usage counts both. Bots
# are told by what they do in the longest exposure window, so that one is as long as it gets.
ANY_WINDOWS: dict[str, Any] = {"after": 14, "within": 1, "exposure": (14,)}


@dataclass(frozen=True)
class Given:
    """The windows that stand in the file as days; None where it says `auto`."""

    after: int | None
    within: int | None
    exposure: tuple[int, ...] | None

    @classmethod
    def of(cls, config: ProductConfig) -> Given:
        """What the file says."""
        return cls(
            after=None if config.retention.asked_after == "auto" else config.retention.after,
            within=None if config.retention.asked_within == "auto" else config.retention.within,
            exposure=None if config.exposure.asked_within == "auto" else config.exposure.within,
        )


def ask_for_windows(
    product: LoadedProduct, as_of: datetime, engine: Engine, given: Given
) -> dict[str, Any]:
    """What `advice.json` holds: every window in days, with its reason where the data was asked.

    Raises:
        InvalidInput: too little is known to answer.
    """
    from nsm_pipeline.stats import advice
    from nsm_pipeline.warehouse.extract import Extract

    extract = Extract(product.with_windows(**ANY_WINDOWS), as_of, engine)
    chosen: dict[str, Choice] = {}
    usage = loss = None
    key = "within"
    try:
        if given.within is None:
            usage = advice.usage_interval(extract.usage_gaps)
        chosen["within"] = _told(given.within) if usage is None else advice.advise_within(usage)
        key = "after"
        within = chosen["within"].days
        if given.after is None:
            assert isinstance(within, int)
            loss = advice.weekly_loss(extract.outcome_curve(math.ceil(within / 7)))
            floor = _not_before(product.config, given)
            chosen["after"] = advice.advise_after(loss, at_least=floor[0], because=floor[1])
        else:
            chosen["after"] = _told(given.after)
    except advice.NotEnoughData as short:
        where = product.where("retention", key)
        raise InvalidInput(Problem(where, str(short), "Write a duration such as 28d.")) from short
    after = chosen["after"].days
    assert isinstance(after, int)
    chosen["exposure"] = (
        advice.advise_exposure(after) if given.exposure is None else _told(given.exposure)
    )
    asked = [name for key, name in ASKED_FOR.items() if getattr(given, key) is None]
    ordered = {key: chosen[key] for key in ASKED_FOR}
    return advice.advice_document(ordered, usage, loss, asked)


def settled(product: LoadedProduct, advice: dict[str, Any]) -> LoadedProduct:
    """The product with the windows that `advice.json` holds."""
    used = advice["used"]
    return product.with_windows(
        after=used["after"], within=used["within"], exposure=tuple(used["exposure"])
    )


def _told(days: int | tuple[int, ...] | None) -> Choice:
    from nsm_pipeline.stats.advice import Choice

    assert days is not None
    return Choice(days, "As the product file says.")


def _not_before(config: ProductConfig, given: Given) -> tuple[int, str]:
    trial = config.retention.trial or 0
    longest = max(given.exposure or (1,))
    return (trial, "the trial") if trial >= longest else (longest, "the longest exposure window")
