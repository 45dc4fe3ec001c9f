"""Ratios of sums over random parts of the accounts, with intervals that the parts give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
FEWEST_PARTS = 20


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; `note` says why one of them is missing."""

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""

    def times(self, factor: float) -> Estimate:
        """The same in another unit, or as a share of a known number; the factor is above zero."""
        value, low, high = (
            None if x is None else x * factor for x in (self.value, self.low, self.high)
        )
        return Estimate(value, low, high, self.note)


def ratio_of_sums(tops: Floats, wholes: Floats) -> Estimate:
    """Sum of tops by sum of wholes; both have an entry for each part of the accounts.

    An account is in one part with all that it did, so what one account does twice is not taken
    for what two do.
    """
    total = wholes.sum()
    if total <= 0:
        return Estimate(None, note="nobody to divide by")
    value = float(tops.sum() / total)
    return with_interval(value, (tops - value * wholes) / total)


def with_interval(value: float, influences: Floats) -> Estimate:
    """The value with the interval that the parts' influences on it give.

    Linearisation with Student's t at parts - 1 degrees of freedom; on the logarithm when the value
    is above zero, because sums of money and counts are skewed. Source: Cochran (1977), Sampling
    Techniques, sections 6.3 and 9A (ultimate clusters).
    """
    parts = len(influences)
    if parts < FEWEST_PARTS:
        return Estimate(value, note=f"{parts} parts of the accounts, {FEWEST_PARTS} are needed")
    error = float(np.sqrt(parts / (parts - 1) * (influences**2).sum()))
    if error == 0:
        return Estimate(value, note="all parts of the accounts are alike")
    reach = float(stdtrit(parts - 1, 0.975)) * error
    if value > 0:
        spread = float(np.exp(min(reach / value, 50.0)))
        return Estimate(value, value / spread, value * spread)
    return Estimate(value, value - reach, value + reach)
