"""Calibration: how large a z the events reach that cause nothing, and what may be published.

A model's own interval measures noise; at scale the error is residual confounding. Null z values
are exchangeable between events when (k, X) is chosen by z, and what confounding is left is in
proportion to what was removed, the gap g = crude lift / its SE - z.

Source: the project's METHOD, section 5; empirical calibration by negative controls: Schuemie et
al. (2014), Statistics in Medicine 33(2); Theil-Sen: Sen (1968), JASA 63.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Rule = Literal["A", "N", "A and N", "none"]

PLACEBOS_FOR_BOUND = 8
EVENTS_FOR_CATALOGUE = 20
EVENTS_FOR_SCALE = 5
ALPHA_A, ALPHA_N, ALPHA_HARM = 0.10, 0.05, 0.01
CONFIDENCE_Z = 1.96
SEARCH_Z = 3.1
"""The |z| that a search over some 70 (k, X) needs to be worth 5 % on pure noise."""


@dataclass(frozen=True)
class Evidence:
    """Shape: per event (or placebo) the z of its best row and the gap g there."""

    z: Floats
    gap: Floats


@dataclass(frozen=True)
class Calibration:
    """The rule that applies, the null it uses, and each event's bound and printed interval.

    `bound` (in z) is what candidates are ranked by; above zero passes the family-wise rule.
    `centre` is the null centre that the printed lift subtracts and `low`, `high` the interval,
    all in z, NaN where the catalogue is too small for any interval.
    """

    rule: Rule
    events: int
    placebos: int
    bound: Floats
    passes: NDArray[np.bool_]
    centre: float
    scale: float
    low: Floats
    high: Floats
    p_value: Floats

    @property
    def may_publish(self) -> bool:
        """Whether the catalogue is large enough for a North Star at all."""
        return self.rule in ("A", "N")


def calibrate(events: Evidence, placebos: Evidence, *, level: float | None = None) -> Calibration:
    """The calibration of every event's best row.

    Args:
        events: what could be published.
        placebos: the negative controls, at their own best rows.
        level: family-wise, of rules A and N alike; 10 % and 5 % if left out.
    """
    rule = rule_for(len(events.z), len(placebos.z))
    centre, scale, low, high = _interval(events, placebos)
    bounds = []
    if rule in ("A", "A and N"):
        bounds.append(pooled_bound(events, placebos, level or ALPHA_A))
    if rule in ("N", "A and N"):
        bounds.append(residual_bound(events, placebos, level or ALPHA_N))
    bound: Floats = np.minimum.reduce(bounds) if bounds else events.z - SEARCH_Z
    passes = (bound > 0) & ((low > 0) | (rule == "N"))
    return Calibration(
        rule=rule,
        events=len(events.z),
        placebos=len(placebos.z),
        bound=bound,
        passes=passes,
        centre=centre,
        scale=scale,
        low=low,
        high=high,
        p_value=2 * stats.norm.sf(np.abs(events.z - centre) / scale),
    )


def rule_for(events: int, placebos: int) -> Rule:
    """The rule that so many behaviours and placebos allow for."""
    if events >= EVENTS_FOR_CATALOGUE:
        return "A" if placebos >= PLACEBOS_FOR_BOUND else "N"
    if events >= EVENTS_FOR_SCALE and placebos >= PLACEBOS_FOR_BOUND:
        return "A and N"
    return "none"


def family_alpha(alpha: float, events: int) -> float:
    """The level of one of `events` tests that together reach `alpha` (Sidak 1967)."""
    return float(1.0 - (1.0 - alpha) ** (1.0 / max(events, 1)))


def pooled_bound(events: Evidence, placebos: Evidence, alpha: float = ALPHA_A) -> Floats:
    """Rule A: what the gap does not explain, against placebos and catalogue pooled.

    The centre is the placebos' mean or the median of all, whichever is higher: placebos that are
    less confounded than the events protect nobody. The scale pools the placebos' deviations with
    those of the events below the median, so that a dozen placebos do not cost a quantile of t with
    ten degrees of freedom.
    """
    residual, own = _residuals(events, placebos)
    median = float(np.median(np.concatenate([residual, own])))
    below = residual[residual <= median] - median
    free = len(own) - 1 + len(below)
    variance = (((own - own.mean()) ** 2).sum() + (below**2).sum()) / free
    quantile = stats.t.ppf(1 - family_alpha(alpha, len(residual)), free)
    reach = quantile * np.sqrt(variance * (1 + 1 / len(own)))
    bound: Floats = residual - max(float(own.mean()), median) - reach
    return bound


def residual_bound(events: Evidence, placebos: Evidence, alpha: float = ALPHA_N) -> Floats:
    """Rule N: what the gap does not explain, against its own lower half."""
    residual, own = _residuals(events, placebos)
    everything = np.concatenate([residual, own])
    centre, scale = catalogue_null(everything)
    quantile = stats.t.ppf(1 - family_alpha(alpha, len(residual)), len(everything) / 2)
    bound: Floats = residual - centre - quantile * scale
    return bound


def _residuals(events: Evidence, placebos: Evidence) -> tuple[Floats, Floats]:
    """What is left of z without b g, b >= 0 the Theil-Sen slope of all: events, placebos."""
    z = np.concatenate([events.z, placebos.z])
    gap = np.concatenate([events.gap, placebos.gap])
    slope = max(float(stats.theilslopes(z, gap)[0]), 0.0) if np.ptp(gap) > 0 else 0.0
    return events.z - slope * events.gap, placebos.z - slope * placebos.gap


def catalogue_null(z: Floats) -> tuple[float, float]:
    """Centre and scale of the events as their own null: the median, and the lower half about it."""
    centre = float(np.median(z))
    lower = z[z <= centre]
    return centre, float(np.sqrt(((lower - centre) ** 2).mean()))


def _interval(events: Evidence, placebos: Evidence) -> tuple[float, float, Floats, Floats]:
    """Null centre, scale, and the hull of the intervals that placebos and catalogue give, in z.

    The scale never falls below 1: an interval narrower than the model's own would be sure of
    itself without cause. Where no rule applies there is none at all: with few behaviours and no
    placebos most of a lift can be what keenness leaves, and nothing tells how much.
    """
    n, m = len(placebos.z), len(events.z)
    if rule_for(m, n) == "none":
        nothing = np.full(m, np.nan)
        return 0.0, float("nan"), nothing, nothing
    centre, own_scale = catalogue_null(events.z)
    scale = max(own_scale, 1.0)
    lows = [events.z - centre - CONFIDENCE_Z * scale]
    highs = [events.z - centre + CONFIDENCE_Z * scale]
    if n >= PLACEBOS_FOR_BOUND:
        centre = float(placebos.z.mean())
        deviation = max(float(placebos.z.std(ddof=1)), 1.0)
        half = stats.t.ppf(0.975, n - 1) * deviation * np.sqrt(1 + 1 / n)
        scale = max(scale, deviation)
        lows.append(events.z - centre - half)
        highs.append(events.z - centre + half)
    return centre, scale, np.minimum.reduce(lows), np.maximum.reduce(highs)
