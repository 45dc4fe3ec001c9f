"""Every candidate at every threshold in every window: the counts and the lift of each.

Cells in, one row per (candidate, k, X) out. Candidates are taken a hundred at a time, so memory
is bounded whatever their number; within a batch all fits are one computation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from nsm_pipeline.stats.lift import LiftEstimates, estimate_lifts
from nsm_pipeline.stats.logistic import StratifiedCounts
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.waist.score_model import STRATA

BATCH = 100
CANDIDATE_COLUMNS = (
    "candidate",
    "event",
    "at_least",
    "within_days",
    "accounts",
    "doers",
    "retained_doers",
    "retained_others",
    "crude_lift_pp",
    "odds_ratio_crude",
    "lift_pp",
    "se_pp",
    "z",
    "support",
)
COUNT_COLUMNS = ("accounts", "doers", "retained_doers", "retained_others")


def search(cells: CellTable, specs: Sequence[CandidateSpec], *, gate: float = 1.0) -> pd.DataFrame:
    """One row per candidate, threshold and window, in that order.

    Shape: the columns of `candidates.csv`, then `crude_se_pp`, `theta`, `theta_se`, `base` and
    `overlap`.
    Units: `*_pp` are percentage points, `base` and `overlap` shares, `theta` log-odds.
    """
    frame = cells.frame
    windows = sorted(frame["within_days"].unique())
    parts = [
        _search_batch(frame[frame["within_days"] == window], batch, int(window), gate)
        for batch in _batches(specs)
        for window in windows
    ]
    found = pd.concat(parts, ignore_index=True)
    position = {spec.name: n for n, spec in enumerate(specs)}
    order = found.assign(position=found["candidate"].map(position)).sort_values(
        ["position", "at_least", "within_days"], ignore_index=True
    )
    return order.drop(columns="position")


def _batches(specs: Sequence[CandidateSpec]) -> Iterator[Sequence[CandidateSpec]]:
    for start in range(0, len(specs), BATCH):
        yield specs[start : start + BATCH]


def _search_batch(
    frame: pd.DataFrame, batch: Sequence[CandidateSpec], window: int, gate: float
) -> pd.DataFrame:
    positions = {spec.name: n for n, spec in enumerate(batch)}
    rows = frame[frame["candidate"].isin(positions)]
    candidate = rows["candidate"].map(positions).to_numpy(dtype=np.int64)
    reached = rows["reached"].to_numpy()
    level = np.zeros(len(rows), dtype=np.int64)
    for n, spec in enumerate(batch):
        mine = candidate == n
        level[mine] = np.searchsorted(spec.thresholds, reached[mine], side="right")
    levels = max(len(spec.thresholds) for spec in batch) + 1
    shape = (len(batch), levels, STRATA)
    at = np.ravel_multi_index((candidate, level, rows["stratum"].to_numpy()), shape)
    cube = {
        name: np.bincount(at, rows[name].to_numpy(), minlength=int(np.prod(shape))).reshape(shape)
        for name in ("accounts", "retained")
    }
    # Doers at threshold j are everyone who reached level j or above.
    above = {name: values[:, ::-1].cumsum(1)[:, ::-1] for name, values in cube.items()}
    pairs = [(n, j) for n, spec in enumerate(batch) for j in range(1, len(spec.thresholds) + 1)]
    who, which = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    doers, kept = above["accounts"][who, which], above["retained"][who, which]
    counts = StratifiedCounts(
        doers=doers,
        retained_doers=kept,
        others=above["accounts"][who, 0] - doers,
        retained_others=above["retained"][who, 0] - kept,
    )
    found = as_frame(estimate_lifts(counts, gate=gate))
    found.insert(0, "candidate", [batch[n].name for n, _ in pairs])
    found.insert(1, "event", [batch[n].event for n, _ in pairs])
    found.insert(2, "at_least", [float(batch[n].thresholds[j - 1]) for n, j in pairs])
    found.insert(3, "within_days", window)
    return found


def as_frame(lifts: LiftEstimates) -> pd.DataFrame:
    """The estimates as rows, in percentage points."""
    a, b = lifts.retained_doers, lifts.doers - lifts.retained_doers
    c = lifts.retained_others
    d = lifts.accounts - lifts.doers - c
    with np.errstate(divide="ignore", invalid="ignore"):
        odds_ratio = np.where((b > 0) & (c > 0), a * d / (b * c), np.nan)
    frame = pd.DataFrame(
        {
            "accounts": lifts.accounts,
            "doers": lifts.doers,
            "retained_doers": lifts.retained_doers,
            "retained_others": lifts.retained_others,
            "crude_lift_pp": 100 * lifts.crude,
            "odds_ratio_crude": odds_ratio,
            "lift_pp": 100 * lifts.lift,
            "se_pp": 100 * lifts.se,
            "z": lifts.z,
            "support": lifts.support,
            "crude_se_pp": 100 * lifts.crude_se,
            "theta": lifts.theta,
            "theta_se": lifts.theta_se,
            "base": lifts.base,
            "overlap": lifts.overlap,
        }
    )
    return frame.astype(dict.fromkeys(COUNT_COLUMNS, "int64"))


def chosen_counts(
    cells: CellTable,
    chosen: pd.DataFrame,
    groups: Sequence[object] | None = None,
    by: str = "cohort",
) -> StratifiedCounts:
    """2x2 tables by stratum of chosen (candidate, k, X), each within each group of `by`.

    Args:
        cells: the cells.
        chosen: `candidate, at_least, within_days`, a row per comparison.
        groups: values of `by`, giving `len(chosen) * len(groups)` comparisons, the groups of one
            choice side by side; None takes all cells together.
        by: the cell column that holds the groups.
    """
    size = len(groups) if groups is not None else 1
    number = {group: n for n, group in enumerate(groups)} if groups is not None else {}
    shape = (len(chosen) * size, STRATA)
    arrays = {name: np.zeros(shape) for name in ("n1", "r1", "n0", "r0")}
    split = dict(list(cells.frame.groupby(["candidate", "within_days"])))
    for n, choice in enumerate(chosen.itertuples()):
        rows = split[(choice.candidate, choice.within_days)]
        offset = rows[by].map(number).to_numpy() if groups is not None else np.zeros(len(rows))
        known = ~pd.isna(offset)
        at = (n * size + offset[known].astype(np.int64), rows["stratum"].to_numpy()[known])
        did = rows["reached"].to_numpy()[known] >= choice.at_least
        for arm, mask in (("1", did), ("0", ~did)):
            where = (at[0][mask], at[1][mask])
            np.add.at(arrays[f"n{arm}"], where, rows["accounts"].to_numpy()[known][mask])
            np.add.at(arrays[f"r{arm}"], where, rows["retained"].to_numpy()[known][mask])
    return StratifiedCounts(arrays["n1"], arrays["r1"], arrays["n0"], arrays["r0"])


def best_rows(found: pd.DataFrame, *, largest: bool = True) -> pd.DataFrame:
    """Per candidate the (k, X) with the largest (or smallest) z, of those with support.

    By z, never by lift or correlation: those prefer thresholds that few reach. Ties go to the
    shorter window, then to the lower threshold.
    """
    able = found[found["support"] == "ok"]
    ordered = able.sort_values(
        ["z", "within_days", "at_least"], ascending=[not largest, True, True], kind="stable"
    )
    return ordered.drop_duplicates("candidate").sort_index()
