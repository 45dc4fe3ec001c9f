"""What drove a change, told from its parts: arithmetic in words, no claim of a cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nsm_pipeline.stats.decomposition import LEAVES

WORTH_NAMING = 0.2
MOST_NAMED = 2
WORDS: Mapping[str, tuple[str, str]] = {
    "activation": ("more new {unit}s", "fewer new {unit}s"),
    "reactivation": ("more {unit}s that returned", "fewer {unit}s that returned"),
    "retention": ("a larger share kept", "a smaller share kept"),
    "carried_over": ("more {unit}s there to be kept", "fewer {unit}s there to be kept"),
    "frequency": ("more active days per {unit}", "fewer active days per {unit}"),
    "depth": ("more per active day", "less per active day"),
    "breadth": ("more active {unit}s", "fewer active {unit}s"),
}
# Of a number of units, depth is how many of the active ones count.
OF_UNITS = {"depth": ("a larger share of them reaching it", "a smaller share of them reaching it")}


@dataclass(frozen=True)
class Driver:
    """One part of a change, in the metric's units, and in words."""

    part: str
    contribution: float
    words: str


@dataclass(frozen=True)
class Drivers:
    """Parts that went the way of the change, largest first, and those that went against it."""

    along: tuple[Driver, ...]
    against: tuple[Driver, ...]

    @property
    def named(self) -> tuple[tuple[Driver, ...], tuple[Driver, ...]]:
        """The few worth a sentence: a fifth of all that went their way, two at most."""
        return _worth_naming(self.along), _worth_naming(self.against)


def find_drivers(
    row: Mapping[str, Any], *, unit: str = "account", of_units: bool = False
) -> Drivers | None:
    """The parts of one row of `decompose_volume`; None where its change is not known.

    Where the period before is the first of all, it is not known who was new, and breadth stands
    for its four parts. `unit` is what is active, in one word; `of_units` when it is what counts.
    """
    words = {**WORDS, **OF_UNITS} if of_units else WORDS
    change = row["change"]
    if np.isnan(change):
        return None
    parts = LEAVES if not np.isnan(row["activation"]) else ("breadth", "frequency", "depth")
    found = [
        Driver(part, float(row[part]), words[part][row[part] <= 0].format(unit=unit))
        for part in parts
    ]
    ordered = sorted(found, key=lambda driver: (-abs(driver.contribution), driver.part))
    up = change > 0
    return Drivers(
        along=tuple(d for d in ordered if d.contribution != 0 and (d.contribution > 0) == up),
        against=tuple(d for d in ordered if d.contribution != 0 and (d.contribution > 0) != up),
    )


def _worth_naming(drivers: tuple[Driver, ...]) -> tuple[Driver, ...]:
    total = sum(abs(driver.contribution) for driver in drivers)
    named = (d for d in drivers if abs(d.contribution) >= WORTH_NAMING * total)
    return tuple(named)[:MOST_NAMED]
