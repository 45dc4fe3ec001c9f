"""Every candidate at every threshold in every window: the counts and the lift of each.

Cells in, one row per (candidate, k, X) out. Candidates are taken a hundred at a time, so memory
is bounded whatever their number; within a batch all fits are one computation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nsm_pipeline.stats.keenness import told_share
from nsm_pipeline.stats.lift import LiftEstimates, estimate_lifts
from nsm_pipeline.stats.logistic import Floats, StratifiedCounts
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.waist.score_model import STRATA

Integers = NDArray[np.int64]
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

    Shape: the columns of `candidates.csv`, then `crude_se_pp`, `theta`, `theta_se`, `base`,
    `overlap` and `told_share` (of the outcome, by the strata of the candidate; `keenness.py`).
    Units: `*_pp` are percentage points, `theta` log-odds, the last three shares of 1.
    """
    rows = _Rows.of(cells.frame, [spec.name for spec in specs])
    parts = [
        _search_batch(rows.of_batch(start, start + BATCH, window), batch, window, gate)
        for start, batch in _batches(specs)
        for window in sorted(int(days) for days in cells.frame["within_days"].unique())
    ]
    found = pd.concat(parts, ignore_index=True)
    position = {spec.name: n for n, spec in enumerate(specs)}
    order = found.assign(position=found["candidate"].map(position)).sort_values(
        ["position", "at_least", "within_days"], ignore_index=True
    )
    return order.drop(columns="position")


def _batches(specs: Sequence[CandidateSpec]) -> Iterator[tuple[int, Sequence[CandidateSpec]]]:
    for start in range(0, len(specs), BATCH):
        yield start, specs[start : start + BATCH]


@dataclass(frozen=True)
class _Rows:
    """The columns of some cells that a search needs; `candidate` is a position, -1 for none."""

    candidate: Integers
    within_days: Integers
    stratum: Integers
    reached: Floats
    accounts: Integers
    retained: Integers

    @classmethod
    def of(cls, frame: pd.DataFrame, names: Sequence[str]) -> _Rows:
        plain = ("within_days", "stratum", "reached", "accounts", "retained")
        columns = {name: frame[name].to_numpy() for name in plain}
        return cls(candidate=_positions(frame["candidate"], names), **columns)

    def of_batch(self, first: int, end: int, window: int) -> _Rows:
        """The rows of the candidates from `first` up to `end`, counted from there, by candidate."""
        mine = (self.candidate >= first) & (self.candidate < end) & (self.within_days == window)
        at = np.flatnonzero(mine)
        at = at[np.argsort(self.candidate[at], kind="stable")]
        return _Rows(
            candidate=self.candidate[at] - first,
            **{name: getattr(self, name)[at] for name in list(_Rows.__annotations__)[1:]},
        )


def _positions(values: pd.Series, names: Sequence[object]) -> Integers:
    """Where each value stands among the names, -1 for nowhere. Text is compared once per name."""
    codes, known = pd.factorize(values)
    # One more for values that are missing, which factorize numbers -1.
    found: Integers = np.append(pd.Index(list(names)).get_indexer(known), -1)[codes]
    return found


def _search_batch(
    rows: _Rows, batch: Sequence[CandidateSpec], window: int, gate: float
) -> pd.DataFrame:
    level = np.zeros(len(rows.candidate), dtype=np.int64)
    ends = np.searchsorted(rows.candidate, np.arange(len(batch) + 1))
    for spec, first, end in zip(batch, ends, ends[1:], strict=False):
        level[first:end] = np.searchsorted(spec.thresholds, rows.reached[first:end], side="right")
    levels = max(len(spec.thresholds) for spec in batch) + 1
    shape = (len(batch), levels, STRATA)
    at = np.ravel_multi_index((rows.candidate, level, rows.stratum), shape)
    # Doers at threshold j are everyone who reached level j or above.
    above = {}
    for name, counted in (("accounts", rows.accounts), ("retained", rows.retained)):
        cube = np.bincount(at, counted, minlength=int(np.prod(shape))).reshape(shape)
        above[name] = cube[:, ::-1].cumsum(1)[:, ::-1]
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
    everybody = told_share(above["accounts"][:, 0], above["retained"][:, 0])
    return found.assign(told_share=everybody[who])


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
    frame = cells.frame
    names, windows = list(chosen["candidate"].unique()), list(chosen["within_days"].unique())
    group = np.zeros(len(frame), np.int64) if groups is None else _positions(frame[by], groups)
    rows = _Rows.of(frame, names)
    key = _key(rows.candidate, _positions(frame["within_days"], windows), len(windows))
    at = np.flatnonzero((key >= 0) & (group >= 0))
    at = at[np.argsort(key[at], kind="stable")]
    asked = _key(
        _positions(chosen["candidate"], names),
        _positions(chosen["within_days"], windows),
        len(windows),
    )
    firsts, ends = (np.searchsorted(key[at], asked, side=side) for side in ("left", "right"))
    arrays = {name: np.zeros((len(chosen), size * STRATA)) for name in ("n1", "r1", "n0", "r0")}
    for n, at_least in enumerate(chosen["at_least"]):
        mine = at[firsts[n] : ends[n]]
        did = rows.reached[mine] >= at_least
        into = group[mine] * STRATA + rows.stratum[mine]
        for arm, mask in (("1", did), ("0", ~did)):
            for letter, counted in (("n", rows.accounts), ("r", rows.retained)):
                arrays[letter + arm][n] = np.bincount(
                    into[mask], counted[mine[mask]], minlength=size * STRATA
                )
    shape = (len(chosen) * size, STRATA)
    return StratifiedCounts(*(arrays[name].reshape(shape) for name in ("n1", "r1", "n0", "r0")))


def _key(candidate: Integers, window: Integers, windows: int) -> Integers:
    """One number for a candidate in a window; -1 where either is not known."""
    return np.where((candidate >= 0) & (window >= 0), candidate * windows + window, -1)


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
