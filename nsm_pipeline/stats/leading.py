"""Series view of the backtest: does the share of new accounts that do it lead revenue by weeks?

Both series are prewhitened, because two series that merely trend are correlated at every lag.
Source: Box and Jenkins (1970), chapter 11; the project's METHOD, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
FEWEST_WEEKS = 52
LONGEST_LAG = 12
ORDERS = (1, 2, 3, 4)
ALPHA = 0.05


@dataclass(frozen=True)
class LeadTest:
    """What the two series say; `lag_weeks` above zero when the behaviour comes first."""

    candidate: str
    weeks: int
    verdict: str
    lag_weeks: int | None
    correlation: float | None
    p_value: float | None
    note: str


def lead_test(candidate: str, reach: pd.Series, revenue: pd.Series) -> LeadTest:
    """Largest cross-correlation of the prewhitened series over lags -12 .. 12, Bonferroni.

    Args:
        candidate: its name, carried through.
        reach: share of new accounts that did it, by week (Monday).
        revenue: net revenue, by week (Monday).
    """
    both = pd.concat([reach.rename("reach"), revenue.rename("revenue")], axis=1).dropna()
    weeks = len(both)
    if weeks < FEWEST_WEEKS:
        note = f"{weeks} weeks are known and {FEWEST_WEEKS} are needed."
        return LeadTest(candidate, weeks, "not enough weeks", None, None, None, note)
    if both["reach"].std() == 0 or both["revenue"].std() == 0:
        note = "One of the two series never changes."
        return LeadTest(candidate, weeks, "cannot tell", None, None, None, note)
    lags = range(-LONGEST_LAG, LONGEST_LAG + 1)
    x, y = (prewhitened(both[name].to_numpy()) for name in ("reach", "revenue"))
    found = [_correlation(x[-len(y) :], y[-len(x) :], lag) for lag in lags]
    best = int(np.argmax([abs(r) for r, _ in found]))
    (correlation, p_value), lag = found[best], lags[best]
    corrected = min(1.0, p_value * len(found))
    if corrected >= ALPHA:
        verdict, note = "cannot tell", "No lag stands out after correcting for all 25."
    elif correlation < 0:
        verdict, note = "opposite", "Weeks with more of it go with weeks of less revenue."
    elif lag > 0:
        verdict, note = "leads", f"Revenue follows by {lag} weeks."
    elif lag < 0:
        verdict, note = "lags", f"It follows revenue by {-lag} weeks: a lagging metric."
    else:
        verdict, note = "coincides", "Both move in the same week."
    return LeadTest(candidate, weeks, verdict, lag, correlation, corrected, note)


def _correlation(x: Floats, y: Floats, lag: int) -> tuple[float, float]:
    """Correlation of x `lag` weeks before y, and its two-sided p-value."""
    if lag > 0:
        x, y = x[:-lag], y[lag:]
    elif lag < 0:
        x, y = x[-lag:], y[:lag]
    correlation = float(np.corrcoef(x, y)[0, 1])
    return correlation, float(2 * stats.norm.sf(abs(correlation) * np.sqrt(len(x))))


def prewhitened(series: Floats) -> Floats:
    """Residuals of an autoregression with trend, its order (1 to 4) chosen by AIC."""
    fits = [_autoregression(series, order) for order in ORDERS]
    return min(fits, key=lambda fit: fit[0])[1]


def _autoregression(series: Floats, order: int) -> tuple[float, Floats]:
    longest = max(ORDERS)
    target = series[longest:]
    past = [series[longest - back : len(series) - back] for back in range(1, order + 1)]
    trend = np.arange(len(target), dtype=np.float64) / len(target)
    design = np.column_stack([np.ones(len(target)), trend, *past])
    weights, *_ = np.linalg.lstsq(design, target, rcond=None)
    residual: Floats = target - design @ weights
    deviance = len(target) * float(np.log(max((residual**2).mean(), 1e-300)))
    return deviance + 2 * design.shape[1], residual
