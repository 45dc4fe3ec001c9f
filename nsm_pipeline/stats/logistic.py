"""Maximum likelihood of logit(retained) = alpha_stratum + theta * did, on counts, many at once.

Given theta each alpha has a closed form, so the profile likelihood has one parameter, is concave,
and Newton steps on it reach the full maximum; the Hessian is an arrow, so standard errors follow
from sums over strata. Source: McCullagh and Nelder (1989), Generalized Linear Models, section 4;
checked in the tests against scikit-learn (newton-cholesky, no penalty) and statsmodels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = 60
LONGEST_STEP = 2.0
TOLERANCE = 1e-12


@dataclass(frozen=True)
class StratifiedCounts:
    """Shape: four arrays (comparisons, strata) of account counts, one 2x2 table per stratum."""

    doers: Floats
    retained_doers: Floats
    others: Floats
    retained_others: Floats


@dataclass(frozen=True)
class StratifiedFit:
    """Maximum likelihood estimates.

    Shape: `theta` and `se` (log-odds) per comparison; per comparison and stratum the fitted
    retained share of doers `p1` and of others `p0`, and the binomial weights `w1`, `w0`.
    A comparison without information (no stratum with both arms and both outcomes) has NaN theta.
    """

    theta: Floats
    se: Floats
    p1: Floats
    p0: Floats
    w1: Floats
    w0: Floats


def fit(counts: StratifiedCounts) -> StratifiedFit:
    """The maximum likelihood estimates of every comparison.

    Strata with one arm only, or one outcome only, carry no information on theta and drop out of
    its likelihood by themselves. A comparison whose maximum lies at infinity (complete
    separation) is reported as NaN, never as a large number.
    """
    n1, n0 = counts.doers, counts.others
    retained = counts.retained_doers + counts.retained_others
    mixed = (n1 > 0) & (n0 > 0) & (retained > 0) & (retained < n1 + n0)
    theta = np.zeros(n1.shape[0])
    finite = _finite_maximum(counts, mixed)
    active = finite.copy()
    for _ in range(STEPS):
        if not active.any():
            break
        p1, p0 = _profile(theta[active], n1[active], n0[active], retained[active])
        gap = np.where(mixed[active], counts.retained_doers[active] - n1[active] * p1, 0.0).sum(1)
        step = gap / _information(n1[active], n0[active], p1, p0, mixed[active])[0]
        theta[active] += np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        active[active] = np.abs(step) > TOLERANCE
    p1, p0 = _profile(theta, n1, n0, retained)
    information, w1, w0 = _information(n1, n0, p1, p0, mixed)
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.where(finite, 1.0 / np.sqrt(information), np.nan)
    return StratifiedFit(np.where(finite, theta, np.nan), se, p1, p0, w1, w0)


def _finite_maximum(counts: StratifiedCounts, mixed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True where neither every mixed stratum is at its upper nor every one at its lower bound."""
    retained = counts.retained_doers + counts.retained_others
    lowest = np.maximum(0.0, retained - counts.others)
    highest = np.minimum(counts.doers, retained)
    above = np.where(mixed, counts.retained_doers - lowest, 0.0).sum(1)
    below = np.where(mixed, highest - counts.retained_doers, 0.0).sum(1)
    finite: NDArray[np.bool_] = (above > 0) & (below > 0)
    return finite


def _profile(theta: Floats, n1: Floats, n0: Floats, retained: Floats) -> tuple[Floats, Floats]:
    """Fitted shares per stratum at the alpha that is best for theta.

    With u = exp(alpha) and t = exp(theta) the score equation n1 ut/(1+ut) + n0 u/(1+u) = r is
    a quadratic in u: t(n - r) u^2 + (n1 t + n0 - r(1 + t)) u - r = 0, of one positive root.
    """
    t = np.exp(theta)[:, None]
    a = t * (n1 + n0 - retained)
    b = n1 * t + n0 - retained * (1.0 + t)
    root = np.sqrt(b * b + 4.0 * a * retained)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The form without cancellation, whichever sign b has.
        u = np.where(b > 0, 2.0 * retained / (b + root), (root - b) / (2.0 * a))
        p1 = np.where(np.isinf(u), 1.0, u * t / (1.0 + u * t))
        p0 = np.where(np.isinf(u), 1.0, u / (1.0 + u))
    empty = n1 + n0 == 0
    return np.where(empty, 0.0, p1), np.where(empty, 0.0, p0)


def _information(
    n1: Floats, n0: Floats, p1: Floats, p0: Floats, mixed: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    w1, w0 = n1 * p1 * (1.0 - p1), n0 * p0 * (1.0 - p0)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(mixed & (w1 + w0 > 0), w1 * w0 / (w1 + w0), 0.0)
    return each.sum(1), w1, w0
