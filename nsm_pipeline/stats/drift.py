"""Drift: whether accounts still fall into the strata of a frozen score as they did when it was fit.

Source: the population stability index (Siddiqi, Credit Risk Scorecards, 2006, with its bounds 0.1
and 0.25). What chance gives: Yurdakul and Naranjo, Statistical properties of the population
stability index, Journal of Risk Model Validation 14(4), 2020: without drift the index over
1/n + 1/m is chi-squared with one degree of freedom less than there are strata.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

WORTH_A_LOOK = 0.1
ANOTHER_POPULATION = 0.25
CONFIDENCE = 0.99


@dataclass(frozen=True)
class Drift:
    """The window whose strata have moved most.

    `index` is its population stability index, `by_chance` what this many accounts exceed once in a
    hundred times without any drift; `accounts` those compared since the score was fitted.
    """

    within_days: int
    index: float
    by_chance: float
    accounts: int

    @property
    def worth_a_look(self) -> bool:
        """Whether the strata have moved, by the usual bound and by more than chance."""
        return self.index > max(WORTH_A_LOOK, self.by_chance)

    @property
    def another_population(self) -> bool:
        """Whether the score was fitted on accounts unlike those that come now."""
        return self.index > max(ANOTHER_POPULATION, self.by_chance)


def measure_drift(before: pd.DataFrame, since: pd.DataFrame) -> Drift | None:
    """The drift between accounts counted when the score was fitted and those counted since.

    Args:
        before: `within_days, stratum, accounts` at the fit.
        since: the same of the accounts that came after; counts below zero are taken as none.

    Returns:
        The window with the largest index, of those beyond chance if any is; None while nobody came.
    """
    keys = ["within_days", "stratum"]
    both = before.merge(since, how="outer", on=keys, suffixes=("_before", "_since")).fillna(0)
    found = [
        _index(
            int(str(window)),
            group["accounts_before"].to_numpy(),
            group["accounts_since"].to_numpy(),
        )
        for window, group in both.groupby("within_days")
    ]
    measured = [drift for drift in found if drift is not None]
    return max(
        measured, key=lambda drift: (drift.index > drift.by_chance, drift.index), default=None
    )


def _index(within_days: int, before: np.ndarray, since: np.ndarray) -> Drift | None:
    came = np.clip(since, 0, None)
    if not came.sum() or not before.sum():
        return None
    # Half an account more in every stratum: an empty one would make the index infinite.
    old, new = ((counts + 0.5) / (counts + 0.5).sum() for counts in (before, came))
    index = float(((new - old) * np.log(new / old)).sum())
    strata = max(len(came), 2)
    chance = chi2.ppf(CONFIDENCE, strata - 1) * (1 / came.sum() + 1 / before.sum())
    return Drift(within_days, index, float(chance), int(came.sum()))
