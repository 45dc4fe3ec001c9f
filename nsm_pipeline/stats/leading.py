"""Series view of the backtest: does the share of new accounts that do it lead revenue by weeks?

Both series are prewhitened, because two series that merely trend are correlated at every lag. How
often revenue followed up or down is told only with what blocks in another order would reach.
Source: Box and Jenkins (1970), chapter 11; the project's METHOD, section 7.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
RevenueKind = Literal["transactions", "subscriptions"]
FEWEST_WEEKS: dict[RevenueKind, int] = {"transactions": 52, "subscriptions": 104}
MOST_EMPTY = 0.1
# Long enough to carry the runs of a smooth series along, and enough of them to be shuffled.
LEAST_BLOCK_WEEKS, BLOCKS = 8, 9
SHUFFLES = 499
LONGEST_LAG = 12
ORDERS = (1, 2, 3, 4)
ALPHA = 0.05


@dataclass(frozen=True)
class Agreement:
    """In `followed` of `weeks` weeks revenue moved the same way `lag_weeks` later.

    `p_value`: how often as many do with the behaviour's changes in blocks of eight weeks or
    more in another order, the lag chosen anew each time.
    """

    followed: int
    weeks: int
    lag_weeks: int
    p_value: float


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
    agreement: Agreement | None = None


def lead_test(
    candidate: str, reach: pd.Series, revenue: pd.Series, *, kind: RevenueKind = "transactions"
) -> LeadTest:
    """Largest cross-correlation of the prewhitened series over lags -12 .. 12, Bonferroni.

    Args:
        candidate: its name, carried through; it seeds the permutations.
        reach: share of new accounts that did it, by week (Monday).
        revenue: net revenue, by week (Monday).
        kind: 52 weeks are needed of transactions, 104 of subscriptions.
    """
    both = _every_week(reach, revenue)
    weeks, needed = len(both), FEWEST_WEEKS[kind]
    if weeks < needed:
        note = f"{weeks} weeks are known and {needed} are needed for {kind}."
        return LeadTest(candidate, weeks, "not enough weeks", None, None, None, note)
    empty = int(both["reach"].isna().sum())
    if empty > MOST_EMPTY * weeks:
        note = f"In {empty} of {weeks} weeks no account onboarded."
        return LeadTest(candidate, weeks, "cannot tell", None, None, None, note)
    both = both.interpolate()
    if both["reach"].std() == 0 or both["revenue"].std() == 0:
        note = "One of the two series never changes."
        return LeadTest(candidate, weeks, "cannot tell", None, None, None, note)
    lags = range(-LONGEST_LAG, LONGEST_LAG + 1)
    x, y = (prewhitened(both[name].to_numpy()) for name in ("reach", "revenue"))
    found = [_correlation(x, y, lag) for lag in lags]
    best = int(np.argmax([abs(r) for r, _ in found]))
    (correlation, p_value), lag = found[best], lags[best]
    corrected = min(1.0, p_value * len(found))
    verdict, note = _said(correlation, lag, corrected)
    agreement = directional_agreement(both["reach"], both["revenue"], seed=_seed(candidate))
    return LeadTest(candidate, weeks, verdict, lag, correlation, corrected, note, agreement)


def _every_week(reach: pd.Series, revenue: pd.Series) -> pd.DataFrame:
    """Both series on every week that they share: a week left out would shift all lags after it.

    A week without payments is one of no revenue; one without new accounts has no share.
    """
    if reach.empty or revenue.empty:
        return pd.DataFrame({"reach": [], "revenue": []}, dtype=float)
    first = max(reach.index.min(), revenue.index.min())
    last = min(reach.index.max(), revenue.index.max())
    weeks = pd.date_range(first, last, freq="7D")
    return pd.DataFrame(
        {"reach": reach.reindex(weeks), "revenue": revenue.reindex(weeks).fillna(0.0)}
    )


def _said(correlation: float, lag: int, p_value: float) -> tuple[str, str]:
    if p_value >= ALPHA:
        return "cannot tell", "No lag stands out after correcting for all 25."
    if correlation < 0:
        return "opposite", "Weeks with more of it go with weeks of less revenue."
    weeks = f"{abs(lag)} week{'' if abs(lag) == 1 else 's'}"
    if lag > 0:
        return "leads", f"Revenue follows by {weeks}."
    if lag < 0:
        return "lags", f"It follows revenue by {weeks}: a lagging metric."
    return "coincides", "Both move in the same week."


def directional_agreement(reach: pd.Series, revenue: pd.Series, *, seed: int) -> Agreement | None:
    """How often revenue moved the way the behaviour had, at the lag (1 to 12) where most often.

    None where the behaviour never changes. Source: block permutation, Politis and Romano (1994).
    """
    moved, followed = (np.sign(np.diff(values.to_numpy(float))) for values in (reach, revenue))
    if not moved.any():
        return None
    blocks = np.arange(len(moved)) // max(LEAST_BLOCK_WEEKS, len(moved) // BLOCKS)
    rng = np.random.default_rng(seed)
    orders = [np.arange(len(moved))]
    for _ in range(SHUFFLES):
        place = rng.permutation(blocks.max() + 1)
        orders.append(np.argsort(place[blocks], kind="stable"))
    shuffled = moved[np.array(orders)]
    best, lags = np.full(len(orders), -1.0), np.zeros(len(orders), dtype=np.int64)
    for lag in range(1, LONGEST_LAG + 1):
        same = ((shuffled[:, :-lag] == followed[lag:]) & (shuffled[:, :-lag] != 0)).sum(1)
        share = same / np.maximum((shuffled[:, :-lag] != 0).sum(1), 1)
        lags[share > best] = lag
        best = np.maximum(best, share)
    lag = int(lags[0])
    weeks = int((moved[:-lag] != 0).sum())
    p_value = float((best >= best[0] - 1e-12).mean())
    return Agreement(round(float(best[0]) * weeks), weeks, lag, p_value)


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


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
