"""Lift: the standardised difference in the share retained between doers and others.

Source: g-computation over strata (Robins 1986; Hernan and Robins, What If, chapter 13), with the
delta method for its variance and the sampling of strata added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nsm_pipeline.stats.logistic import Floats, StratifiedCounts, StratifiedFit, fit
from nsm_pipeline.stats.retention import wilson
from nsm_pipeline.waist.cells import FEWEST_DOERS, SMALLEST_SHARE

LARGEST_SHARE = 0.90
SMALLEST_CELL = 25
SUPPORTED = "ok"


@dataclass(frozen=True)
class LiftEstimates:
    """Shape: one value per comparison. Units: shares between -1 and 1, not points.

    `lift` is the standardised risk difference, `se` its standard error, `z` their ratio,
    `theta` and `theta_se` the adjusted log odds ratio; `crude`, `crude_se` the plain difference;
    `base` the standardised share retained had nobody done it; `overlap` the share of accounts in
    strata where some did and some did not. NaN where `support` is not `ok`.
    """

    accounts: Floats
    doers: Floats
    retained_doers: Floats
    retained_others: Floats
    crude: Floats
    crude_se: Floats
    lift: Floats
    se: Floats
    z: Floats
    theta: Floats
    theta_se: Floats
    base: Floats
    overlap: Floats
    support: NDArray[np.object_]


def estimate_lifts(counts: StratifiedCounts, *, gate: float = 1.0) -> LiftEstimates:
    """Crude and adjusted lift of every comparison.

    Args:
        counts: 2x2 tables by stratum.
        gate: scales the counts that the support gate asks for; 0.5 for half the accounts.
    """
    fitted = fit(counts)
    n1, r1 = counts.doers.sum(1), counts.retained_doers.sum(1)
    n0, r0 = counts.others.sum(1), counts.retained_others.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        s1, s0 = r1 / n1, r0 / n0
        crude_se = np.sqrt(s1 * (1 - s1) / n1 + s0 * (1 - s0) / n0)
    lift, se, base = _standardised(counts, fitted)
    support = _support(n1, r1, n0, r0, gate=gate)
    support[(support == SUPPORTED) & ~np.isfinite(se)] = "not_estimable"
    ok = support == SUPPORTED

    def where_ok(values: Floats) -> Floats:
        return np.where(ok, values, np.nan)

    both = (counts.doers > 0) & (counts.others > 0)
    everyone = counts.doers + counts.others
    with np.errstate(divide="ignore", invalid="ignore"):
        z = lift / se
        overlap = np.where(both, everyone, 0.0).sum(1) / everyone.sum(1)
    return LiftEstimates(
        accounts=n1 + n0,
        doers=n1,
        retained_doers=r1,
        retained_others=r0,
        crude=s1 - s0,
        crude_se=crude_se,
        lift=where_ok(lift),
        se=where_ok(se),
        z=where_ok(z),
        theta=where_ok(fitted.theta),
        theta_se=where_ok(fitted.se),
        base=where_ok(base),
        overlap=overlap,
        support=support,
    )


def newcombe(
    kept: Floats, accounts: Floats, others_kept: Floats, others: Floats
) -> tuple[Floats, Floats]:
    """95 % interval of a plain difference between two shares; NaN where a group is empty.

    Shape: one value per comparison, from counts of accounts. Units: shares, -1 to 1.
    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10 (hybrid score). Unlike
    the plain one it stays within -1 and 1 and does not shrink to nothing at 0 or all retained.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share, other = kept / accounts, others_kept / others
        low, high = wilson(kept, accounts)
        other_low, other_high = wilson(others_kept, others)
    difference = share - other
    return (
        difference - np.hypot(share - low, other_high - other),
        difference + np.hypot(high - share, other - other_low),
    )


def _standardised(counts: StratifiedCounts, fitted: StratifiedFit) -> tuple[Floats, Floats, Floats]:
    """Risk difference, its standard error, and the share retained had nobody done it.

    The variance has two parts: of the fitted coefficients, through the arrow-shaped inverse
    information, and of the strata's shares, since the accounts are a sample.
    """
    everyone = counts.doers + counts.others
    total = everyone.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = everyone / total
        difference = fitted.p1 - fitted.p0
        lift = (share * difference).sum(1)
        v1, v0 = fitted.p1 * (1 - fitted.p1), fitted.p0 * (1 - fitted.p0)
        weight = fitted.w1 + fitted.w0
        by_alpha = share * (v1 - v0)
        leverage = np.where(weight > 0, fitted.w1 / weight, 0.0)
        own = np.where(weight > 0, by_alpha**2 / weight, 0.0).sum(1)
        through_theta = (share * v1).sum(1) - (by_alpha * leverage).sum(1)
        sampling = (share * (difference - lift[:, None]) ** 2).sum(1) / total[:, 0]
        variance = own + fitted.se**2 * through_theta**2 + sampling
    base = (share * fitted.p0).sum(1)
    return np.where(np.isfinite(fitted.theta), lift, np.nan), np.sqrt(variance), base


def _support(n1: Floats, r1: Floats, n0: Floats, r0: Floats, *, gate: float) -> NDArray[np.object_]:
    """Whether the counts can carry an estimate; gated on counts, never on a convergence flag.

    Plain maximum likelihood on a separated table converges at a large, meaningless number.
    """
    share = n1 / np.maximum(n1 + n0, 1)
    cells = np.minimum.reduce([r1, n1 - r1, r0, n0 - r0])
    support = np.full(n1.shape, SUPPORTED, dtype=object)
    support[cells < gate * SMALLEST_CELL] = "small_cell"
    support[share > LARGEST_SHARE] = "too_common"
    support[(n1 < gate * FEWEST_DOERS) | (share < SMALLEST_SHARE)] = "too_rare"
    return support
