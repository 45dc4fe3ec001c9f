"""Which weekly changes are beyond what week-to-week noise explains.

The newest week is held against what the 26 weeks before it predict: a line and the week before, by
least squares. What they missed by says how far a week may be off.
Sources: prediction from a regression, Student (1908) and textbook; clipped residuals, Huber (1964),
Annals of Mathematical Statistics 35; several series at once, Holm (1979), Scandinavian Journal of
Statistics 6; the square root of counts, Anscombe (1948), Biometrika 35.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Kind = Literal["count", "measure"]
Verdict = Literal["flagged", "as usual", "cannot tell"]

WEEKS = 26
FEWEST_WEEKS = 12
FALSE_ALARMS = 0.05
CLIPPED_AT = 3.5
ROUNDS = 2
MAD_TO_SD = 1.4826
NO_NOISE = 1e-9
MOST_FURTHER_OFF = 1
RULE = (
    f"A week is flagged when it is further from what the {WEEKS} weeks before it predict than "
    "noise explains. Where nothing happened about one Monday in "
    f"{round(1 / FALSE_ALARMS)} has a flag, over all metrics together (Holm); where single weeks "
    "are often far off, one in six. Odd weeks of the past are clipped, and no more than one may "
    "have been further off. The seasons of the year are not known to it."
)


@dataclass(frozen=True)
class WeeklySeries:
    """One metric by whole weeks, oldest first, without gaps; counts are not below zero."""

    name: str
    title: str
    kind: Kind
    values: tuple[float, ...]


@dataclass(frozen=True)
class WeekJudgement:
    """The newest week of one metric: what was expected (95 % range), and whether it is flagged."""

    name: str
    title: str
    verdict: Verdict
    value: float | None
    before: float | None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    note: str = ""


def judge_week(series: Sequence[WeeklySeries]) -> list[WeekJudgement]:
    """Every metric's newest week, in the order given; flags are shared out over all of them."""
    found = [_foreseen(one) for one in series]
    p_values = [f.p_value for f in found if f.p_value is not None]
    bar = holm_bar(p_values)
    return [_judged(one, foreseen, bar) for one, foreseen in zip(series, found, strict=True)]


def holm_bar(p_values: Sequence[float]) -> float:
    """The largest p-value that Holm's procedure rejects at FALSE_ALARMS; below zero when none."""
    bar, tests = -1.0, len(p_values)
    for rank, p_value in enumerate(sorted(p_values)):
        if p_value > FALSE_ALARMS / (tests - rank):
            break
        bar = p_value
    return bar


@dataclass(frozen=True)
class _Foreseen:
    p_value: float | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    further_off: int = 0
    note: str = ""


def _foreseen(series: WeeklySeries) -> _Foreseen:
    known = _since_last_gap(np.asarray(series.values, dtype=np.float64))[-WEEKS - 1 :]
    if len(known) == 0:
        return _Foreseen(note="The newest week has no value.")
    if len(known) <= FEWEST_WEEKS:
        weeks = len(known) - 1
        return _Foreseen(note=f"{weeks} weeks before it are known, {FEWEST_WEEKS} are needed.")
    forwards = _to_scale(known, series.kind)
    prediction, error, missed = _predicted(forwards)
    if error <= NO_NOISE * np.abs(forwards).max():
        return _Foreseen(note="It did not change before, so noise is not known.")
    freedom = len(missed) - 3
    off = abs(forwards[-1] - prediction)
    reach = float(stats.t.ppf(0.975, freedom)) * error
    return _Foreseen(
        p_value=float(2 * stats.t.sf(off / error, freedom)),
        expected=_from_scale(prediction, series.kind),
        low=_from_scale(prediction - reach, series.kind),
        high=_from_scale(prediction + reach, series.kind),
        further_off=int((np.abs(missed) >= off).sum()),
    )


def _judged(series: WeeklySeries, foreseen: _Foreseen, bar: float) -> WeekJudgement:
    value, before = ([None, *series.values][-1], [None, None, *series.values][-2])
    verdict: Verdict = "cannot tell"
    if foreseen.p_value is not None:
        beyond = foreseen.p_value <= bar and foreseen.further_off <= MOST_FURTHER_OFF
        verdict = "flagged" if beyond else "as usual"
    return WeekJudgement(
        name=series.name,
        title=series.title,
        verdict=verdict,
        value=value,
        before=before,
        expected=foreseen.expected,
        low=foreseen.low,
        high=foreseen.high,
        p_value=foreseen.p_value,
        note=foreseen.note,
    )


def _predicted(series: Floats) -> tuple[float, float, Floats]:
    """The last value as the others foretell it, its standard error, and what they missed by."""
    target = series[1:]
    line = np.arange(len(target), dtype=np.float64) / len(target)
    design = np.column_stack([np.ones(len(target)), line, series[:-1]])
    past, row, known = design[:-1], design[-1], target[:-1]
    weights, missed = _fit(past, known)
    for _ in range(ROUNDS):
        weights, missed = _fit(past, known - missed + _clipped(missed), against=known)
    clipped = _clipped(missed)
    variance = float((clipped**2).sum()) / (len(known) - design.shape[1])
    leverage = float(row @ np.linalg.pinv(past.T @ past) @ row)
    return float(row @ weights), float(np.sqrt(variance * (1 + leverage))), missed


def _fit(design: Floats, target: Floats, against: Floats | None = None) -> tuple[Floats, Floats]:
    """Least squares of the target, and what it misses `against` by (else the target itself)."""
    weights, *_ = np.linalg.lstsq(design, target, rcond=None)
    fitted = np.asarray(weights, dtype=np.float64)
    return fitted, (target if against is None else against) - design @ fitted


def _clipped(missed: Floats) -> Floats:
    reach = CLIPPED_AT * MAD_TO_SD * float(np.median(np.abs(missed)))
    return np.clip(missed, -reach, reach) if reach > 0 else missed


def _since_last_gap(values: Floats) -> Floats:
    gaps = np.flatnonzero(~np.isfinite(values))
    return values[gaps[-1] + 1 :] if len(gaps) else values


def _to_scale(values: Floats, kind: Kind) -> Floats:
    """Counts as their square roots, whose noise does not grow with them."""
    return np.sqrt(values + 3 / 8) if kind == "count" else values


def _from_scale(value: float, kind: Kind) -> float:
    return max(max(value, 0.0) ** 2 - 3 / 8, 0.0) if kind == "count" else value
