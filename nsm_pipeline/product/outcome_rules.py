"""Rules about the outcome and the windows: what retention asks for, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.retention import AtLeast, EventRetention, RevenueRetention
from nsm_pipeline.product.yaml_tree import Finding

OutcomeRule = Callable[[ProductConfig], Iterator[Finding]]

LONGEST_WINDOW_DAYS = 365
MINOR_UNITS = 100


def _outcome_after_exposure(config: ProductConfig) -> Iterator[Finding]:
    if "auto" in (config.retention.asked_after, config.exposure.asked_within):
        return
    longest, after = max(config.exposure.within), config.retention.after
    if after < longest:
        yield Finding(
            ("retention", "after"),
            f"Retention counts from day {after}, while the longest exposure window is open until"
            f" day {longest}: what is done would count as its own effect.",
            f"Give {longest}d or more, or shorten `exposure.within`.",
        )


def _outcome_after_trial(config: ProductConfig) -> Iterator[Finding]:
    retention = config.retention
    if retention.asked_after == "auto" or retention.trial is None:
        return
    if retention.after < retention.trial:
        yield Finding(
            ("retention", "after"),
            f"Retention counts from day {retention.after}, while the trial runs until day"
            f" {retention.trial}: who is still trying would count as having stayed.",
            f"Give {retention.trial}d or more, or `auto`.",
        )


def _exposure_is_a_beginning(config: ProductConfig) -> Iterator[Finding]:
    if config.exposure.asked_within == "auto":
        return
    if max(config.exposure.within) > LONGEST_WINDOW_DAYS:
        yield Finding(
            ("exposure", "within"),
            f"{max(config.exposure.within)} days are no first experience any more.",
            f"Give windows of at most {LONGEST_WINDOW_DAYS}d; 1d to 28d are usual.",
        )


def _core_stands_alone(config: ProductConfig) -> Iterator[Finding]:
    retention = config.retention
    if not isinstance(retention, EventRetention):
        return
    if "core" in retention.event and (len(retention.event) > 1 or retention.where):
        yield Finding(
            ("retention", "event"),
            "`core` stands for the core metric's event and its `where`, alone.",
            "Give `event: core` and nothing beside it, or name the event.",
        )


def _revenue_outcome(config: ProductConfig) -> Iterator[Finding]:
    if not isinstance(config.retention, RevenueRetention):
        return
    if config.source.revenue is None:
        yield Finding(
            ("retention", "revenue"),
            "Retention asks for revenue, but there is no revenue table.",
            "Add `source.revenue`, or give `event` instead.",
        )
    limit = config.retention.revenue
    amount = limit.at_least if isinstance(limit, AtLeast) else limit.over
    if abs(amount * MINOR_UNITS - round(amount * MINOR_UNITS)) > 1e-6:
        key = "at_least" if isinstance(limit, AtLeast) else "over"
        yield Finding(
            ("retention", "revenue", key),
            f"{amount:g} is finer than a hundredth, and money is counted in hundredths.",
            f"Give {round(amount, 2):g}.",
        )


OUTCOME_RULES: tuple[OutcomeRule, ...] = (
    _outcome_after_exposure,
    _outcome_after_trial,
    _exposure_is_a_beginning,
    _core_stands_alone,
    _revenue_outcome,
)
