"""Does a metric move: over cohorts beyond chance, down as well as up, and with its guardrail?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
FEWEST_PER_COHORT = 30
FEWEST_COHORTS = 3
FEWEST_SHARED = 12


@dataclass(frozen=True)
class Spread:
    """How far shares of cohorts lie apart beyond counting noise.

    `sd_pp` is the standard deviation left after the binomial part (points, 0 where nothing is
    left), `p_value` of Pearson's test that all cohorts share one chance. Source: Pearson (1900);
    the moment estimate is DerSimonian and Laird's (1986).
    """

    cohorts: int
    lowest: float
    highest: float
    sd_pp: float
    p_value: float


@dataclass(frozen=True)
class Falls:
    """Of `changes` from one whole period to the next, `falls` were down."""

    changes: int
    falls: int


@dataclass(frozen=True)
class Beside:
    """Rank correlation of two series' changes over shared periods. Source: Spearman (1904)."""

    periods: int
    correlation: float
    p_value: float


def spread_of_cohorts(accounts: Floats, doers: Floats) -> Spread | None:
    """None with fewer than three cohorts of thirty accounts, or where all or none did it."""
    large = accounts >= FEWEST_PER_COHORT
    n, k = accounts[large], doers[large]
    if len(n) < FEWEST_COHORTS or k.sum() in (0, n.sum()):
        return None
    common = k.sum() / n.sum()
    weight = n / (common * (1 - common))
    shares = k / n
    q = float((weight * (shares - common) ** 2).sum())
    freedom = len(n) - 1
    between = (q - freedom) / (weight.sum() - (weight**2).sum() / weight.sum())
    return Spread(
        cohorts=len(n),
        lowest=float(shares.min()),
        highest=float(shares.max()),
        sd_pp=100 * float(np.sqrt(max(between, 0.0))),
        p_value=float(stats.chi2.sf(q, freedom)),
    )


def falls_of(values: pd.Series) -> Falls:
    """How often the series went down; periods without a value are left out."""
    known = values.dropna().to_numpy(float)
    changes = np.diff(known)
    return Falls(len(changes), int((changes < 0).sum()))


def moves_with(series: pd.Series, guardrail: pd.Series) -> Beside | None:
    """Whether two series by period rise together; None with too few shared periods or no change.

    Changes, not levels: two series that both trend are correlated whatever they are.
    """
    both = pd.concat([series, guardrail], axis=1, join="inner").dropna().diff().dropna()
    if len(both) < FEWEST_SHARED or (both.nunique() < 2).any():
        return None
    found = stats.spearmanr(both.iloc[:, 0], both.iloc[:, 1])
    return Beside(len(both), float(found.statistic), float(found.pvalue))
