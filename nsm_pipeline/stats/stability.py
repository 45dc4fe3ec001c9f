"""Does a chosen behaviour hold up: on later cohorts, cohort by cohort, segment by segment?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from nsm_pipeline.stats.calibration import CONFIDENCE_Z
from nsm_pipeline.stats.lift import LiftEstimates, estimate_lifts
from nsm_pipeline.stats.search import best_rows, chosen_counts, search
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import CellTable

HALF_GATE = 0.5
SEGMENT_ALPHA = 0.05


def split_cohorts(cells: CellTable) -> tuple[list[str], list[str]]:
    """The earlier and the later cohorts, as near to half of the accounts each as they divide."""
    one = cells.frame.drop_duplicates(["within_days", "candidate"]).iloc[0]
    mine = cells.of(one["candidate"], one["within_days"])
    sizes = mine.groupby("cohort")["accounts"].sum().sort_index()
    share = sizes.cumsum() / sizes.sum()
    cut = int((share - 0.5).abs().to_numpy()[:-1].argmin()) + 1 if len(sizes) > 1 else len(sizes)
    cohorts = [str(cohort) for cohort in sizes.index]
    return cohorts[:cut], cohorts[cut:]


def holdout(cells: CellTable, specs: Sequence[CandidateSpec]) -> pd.Series:
    """Later half's adjusted lift, in points, of the (k, X) that the earlier half would choose.

    Chosen and reported on the same data, small worlds overstate; this is the honest second look.
    Empty where either half is too small for it, or where there is one cohort only.
    """
    early, late = split_cohorts(cells)
    if not late:
        return pd.Series(dtype=float)
    first = CellTable(cells.frame[cells.frame["cohort"].isin(early)])
    choice = best_rows(search(first, specs, gate=HALF_GATE))
    if choice.empty:
        return pd.Series(dtype=float)
    second = CellTable(cells.frame[cells.frame["cohort"].isin(late)])
    lifts = estimate_lifts(chosen_counts(second, choice), gate=HALF_GATE)
    return pd.Series(100 * lifts.lift, index=choice["candidate"].to_numpy())


def fading(cells: CellTable, chosen: pd.DataFrame) -> pd.Series:
    """True where the early log-odds exceed the late by more than 1.96 standard errors."""
    early, late = split_cohorts(cells)
    if not late:
        return pd.Series(False, index=chosen["candidate"].to_numpy())
    halves = []
    for cohorts in (early, late):
        half = CellTable(cells.frame[cells.frame["cohort"].isin(cohorts)])
        halves.append(estimate_lifts(chosen_counts(half, chosen), gate=HALF_GATE))
    a, b = halves
    with np.errstate(invalid="ignore"):
        z = (a.theta - b.theta) / np.sqrt(a.theta_se**2 + b.theta_se**2)
    return pd.Series(z > CONFIDENCE_Z, index=chosen["candidate"].to_numpy())


def by_cohort(
    cells: CellTable, chosen: pd.DataFrame, bias_pp: pd.Series
) -> dict[str, list[dict[str, object]]]:
    """Lift of each chosen behaviour in each cohort, less its null centre in points (`bias_pp`)."""
    cohorts = sorted(cells.frame["cohort"].unique())
    lifts = estimate_lifts(chosen_counts(cells, chosen, cohorts), gate=0.0)
    found: dict[str, list[dict[str, object]]] = {}
    for n, candidate in enumerate(chosen["candidate"]):
        at = range(n * len(cohorts), (n + 1) * len(cohorts))
        found[candidate] = [
            {"cohort": cohort, **_interval(lifts, row, float(bias_pp[candidate]))}
            for cohort, row in zip(cohorts, at, strict=True)
        ]
    return found


def _interval(lifts: LiftEstimates, row: int, bias_pp: float) -> dict[str, object]:
    lift, half = 100 * lifts.lift[row] - bias_pp, 100 * CONFIDENCE_Z * lifts.se[row]
    return {
        "accounts": int(lifts.accounts[row]),
        "doers": int(lifts.doers[row]),
        "lift_pp": lift,
        "ci_low_pp": lift - half,
        "ci_high_pp": lift + half,
    }


def by_segment(
    cells: CellTable, chosen: pd.DataFrame, bias_pp: pd.Series
) -> dict[str, list[dict[str, object]]]:
    """Lift of each chosen behaviour in each segment, and whether it differs from the others.

    `differs` holds where the interaction (log-odds inside against outside the segment) survives
    Benjamini-Hochberg over all behaviours and segments at once.
    """
    segments = sorted(cells.frame["segment"].unique())
    if len(segments) < 2:
        return {candidate: [] for candidate in chosen["candidate"]}
    inside = estimate_lifts(chosen_counts(cells, chosen, segments, "segment"))
    rest = _outside_segments(cells, chosen, segments)
    with np.errstate(invalid="ignore"):
        z = (inside.theta - rest.theta) / np.sqrt(inside.theta_se**2 + rest.theta_se**2)
    known = np.isfinite(z)
    q = np.full(len(z), np.nan)
    if known.any():
        q[known] = stats.false_discovery_control(2 * stats.norm.sf(np.abs(z[known])))
    found: dict[str, list[dict[str, object]]] = {}
    for n, candidate in enumerate(chosen["candidate"]):
        found[candidate] = [
            {
                "segment": segment,
                **_interval(inside, n * len(segments) + s, float(bias_pp[candidate])),
                "interaction_q": q[n * len(segments) + s],
                "differs": bool(q[n * len(segments) + s] < SEGMENT_ALPHA),
            }
            for s, segment in enumerate(segments)
        ]
    return found


def _outside_segments(
    cells: CellTable, chosen: pd.DataFrame, segments: Sequence[str]
) -> LiftEstimates:
    whole = chosen_counts(cells, chosen)
    inside = chosen_counts(cells, chosen, segments, "segment")
    repeated = {
        name: np.repeat(getattr(whole, name), len(segments), axis=0) - getattr(inside, name)
        for name in ("doers", "retained_doers", "others", "retained_others")
    }
    return estimate_lifts(type(whole)(**repeated))
