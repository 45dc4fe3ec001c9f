"""Asks the data for the windows that the product file leaves open, before a run begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.yaml_file import parse_product
from nsm_pipeline.runs.run_files import ADVICE, PRODUCT

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder
    from nsm_pipeline.stats.advice import Choice, Usage, WeeklyLoss
    from nsm_pipeline.warehouse.connect import Engine
    from nsm_pipeline.warehouse.extract import Extract

DAYS_PER_WEEK = 7
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
    from nsm_pipeline.stats.advice import advise_exposure, loss_record, usage_record
    from nsm_pipeline.warehouse.extract import Extract

    extract = Extract(product.with_windows(**ANY_WINDOWS), as_of, engine)
    within, after, usage, loss = given.within, given.after, None, None
    reasons: dict[str, str] = {}
    if within is None:
        usage, choice = _within(product, extract)
        within, reasons["within"] = choice.days, choice.reason
    if after is None:
        loss, choice = _after(product, extract, given, within)
        after, reasons["after"] = choice.days, choice.reason
    exposure = given.exposure
    if exposure is None:
        exposure = advise_exposure(after)
        reasons["exposure"] = f"From a day to a fortnight, none past day {after}."
    return {
        "used": {"after": after, "within": within, "exposure": list(exposure)},
        "reasons": reasons,
        "usage": None if usage is None else usage_record(usage),
        "loss": None if loss is None else loss_record(loss),
    }


def _within(product: LoadedProduct, extract: Extract) -> tuple[Usage, Choice]:
    from nsm_pipeline.stats.advice import NotEnoughData, advise_within, usage_interval

    try:
        usage = usage_interval(extract.usage_gaps)
    except NotEnoughData as short:
        raise _refused(product, "within", short) from short
    return usage, advise_within(usage)


def _after(
    product: LoadedProduct, extract: Extract, given: Given, within: int
) -> tuple[WeeklyLoss, Choice]:
    from nsm_pipeline.stats.advice import NotEnoughData, advise_after, weekly_loss

    try:
        loss = weekly_loss(extract.outcome_curve(math.ceil(within / DAYS_PER_WEEK)))
    except NotEnoughData as short:
        raise _refused(product, "after", short) from short
    at_least, because = _not_before(product.config, given)
    return loss, advise_after(loss, at_least=at_least, because=because)


def _refused(product: LoadedProduct, key: str, short: Exception) -> InvalidInput:
    where = product.where("retention", key)
    return InvalidInput(Problem(where, str(short), "Write a duration such as 28d."))


def settled(product: LoadedProduct, advice: dict[str, Any]) -> LoadedProduct:
    """The product with the windows that `advice.json` holds."""
    used = advice["used"]
    return product.with_windows(
        after=used["after"], within=used["within"], exposure=tuple(used["exposure"])
    )


def recorded_product(run: RunFolder, file: Path = Path(PRODUCT)) -> LoadedProduct:
    """The product that the run began with, its windows as the data settled them.

    Args:
        run: the run.
        file: where the user keeps the product: messages and relative names start from it.

    Raises:
        InvalidInput: this version of the package refuses what the run recorded.
    """
    product = parse_product(run.read_text(PRODUCT), file)
    return settled(product, run.read_json(ADVICE)) if run.exists(ADVICE) else product


def _not_before(config: ProductConfig, given: Given) -> tuple[int, str]:
    trial = config.retention.trial or 0
    longest = max(given.exposure or (1,))
    return (trial, "the trial") if trial >= longest else (longest, "the longest exposure window")
