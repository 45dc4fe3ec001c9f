"""Every number of one ranking row: where it came from, and whether it can be reproduced.

What can be is computed again from `cells.parquet` alone: counts, crude and adjusted lift, the null
of all candidates and with it the interval, the rank and the verdict. The rest is traced to the
file that holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.opened_run import OpenedRun, Refit, unknown_candidate
from nsm_pipeline.runs.canonical_bytes import plain
from nsm_pipeline.runs.run_files import SCORE

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

Row = Mapping[str, Any]
TOLERANCE = 1e-9
CHOSEN = "{chosen} z of {estimated} with an estimate, of {searched} searched: candidates.csv"
LONGEST_COUNT = "candidates.csv, most doers of {searched} searched: none has an estimate"
# Of the row alone: {} is filled from the refit.
BY_ARITHMETIC = {
    "accounts": "cells.parquet, sum of accounts: this candidate, within_days = {within_days}",
    "doers": "of these, accounts where reached >= {at_least:g}",
    "reach": "doers / accounts = {doers} / {accounts}",
    "retained_doers": "cells.parquet, sum of retained where reached >= {at_least:g}",
    "retained_others": "cells.parquet, sum of retained where reached < {at_least:g}",
    "crude_lift_pp": "100 x (retained_doers / doers - retained_others / others) = "
    "100 x ({retained_doers} / {doers} - {retained_others} / {others})",
}
BY_FIT = {
    "adjusted_lift_pp": "fitted on the strata of cells.parquet (stats/lift.py); ranking.json, and "
    "lift_pp of candidates.csv",
    "se_pp": "as adjusted_lift_pp",
    "z": "adjusted_lift_pp / se_pp",
    "lift_pp": "adjusted_lift_pp - se_pp x {centre_z:.6g}, which is what z is for behaviours "
    "without any effect (ranking.json, calibration)",
    "odds_ratio": "exp of the fitted log odds ratio",
    "overlap": "share of accounts in strata where some did and some did not; ranking.json",
}
# Of all candidates together, through the calibration.
BY_CALIBRATION = {
    "ci_low_pp": "se_pp x the lower bound of z among {events} events and {placebos} placebos, "
    "rule {rule} (stats/calibration.py)",
    "ci_high_pp": "as ci_low_pp, the upper bound",
    "q_value": "Benjamini-Hochberg over all candidates; shown, never decides",
    "rank": "order of the calibration's bounds",
    "tier": "candidates whose intervals overlap their leader's share a tier",
    "verdict": "the calibration's rule, see reason",
    "reason": "the rule that gave the verdict",
}
TRACED = {
    "e_value": "strength a hidden trait would need to explain ci_low_pp away (stats/ranking.py)",
    "holdout_lift_pp": "chosen on the earlier half of cohorts, fitted on the later (cells.parquet)",
    "fading": "earlier minus later cohorts' log odds ratio is above 1.96 standard errors",
    "revenue_gap": "cells.parquet, revenue_sum of doers and others over the same strata",
    "revenue_gap_ci_low": "as revenue_gap, calibrated on all candidates",
    "revenue_gap_ci_high": "as revenue_gap, calibrated on all candidates",
    "revenue_lead_weeks": "backtest.parquet: first week at half of its plateau",
    "statement": "core_metric.name of product.yaml, the behaviour, the window",
}


@dataclass(frozen=True)
class Fact:
    """A published number, where it came from, and what it is when computed again, if it can be."""

    number: str
    value: Any
    origin: str
    recomputed: Any = None
    holds: bool = True


@dataclass(frozen=True)
class Explanation:
    """The facts of one candidate's row."""

    run: str
    candidate: str
    facts: tuple[Fact, ...]

    @property
    def holds(self) -> bool:
        """Whether every recomputed number is the published one."""
        return all(fact.holds for fact in self.facts)


def explain_row(folder: RunFolder, candidate: str) -> Explanation:
    """The origin of every number in the candidate's row.

    Raises:
        InvalidInput: The run has no such candidate.
    """
    run = OpenedRun(folder)
    rows = run.ranking[run.ranking["candidate"] == candidate]
    if rows.empty:
        raise InvalidInput(unknown_candidate(candidate, run.ranking["candidate"]))
    published = {str(name): plain(value) for name, value in rows.iloc[0].items()}
    row = {**_beyond_the_columns(run, candidate), **published}
    refit = run.refit(candidate, at_least=row["at_least"], within_days=row["within_days"])
    facts = [
        *_choice(row, run),
        *_recomputed(row, BY_ARITHMETIC, _arithmetic(refit)),
        *_recomputed(row, BY_FIT, asdict(refit)),
        *_recomputed(row, BY_CALIBRATION, _calibrated(run, candidate)),
        *_kept(row),
        *(Fact(number, row[number], TRACED[number]) for number in TRACED if _known(row, number)),
    ]
    return Explanation(str(folder.path), candidate, tuple(facts))


def _beyond_the_columns(run: OpenedRun, candidate: str) -> dict[str, Any]:
    """What `ranking.json` says of the candidate besides the columns of `ranking.csv`."""
    (row,) = (row for row in run.document["candidates"] if row["candidate"] == candidate)
    return {key: value for key, value in row.items() if not isinstance(value, list)}


def _choice(row: Row, run: OpenedRun) -> Iterator[Fact]:
    searched = run.candidates[run.candidates["candidate"] == row["candidate"]]
    estimated = int((searched["support"] == "ok").sum())
    words = CHOSEN if estimated else LONGEST_COUNT
    side = "smallest" if row["verdict"] == "harmful" else "largest"
    origin = words.format(chosen=side, estimated=estimated, searched=len(searched))
    yield Fact("event", row["event"], "product.yaml: declared, or found by discover")
    yield Fact("at_least", row["at_least"], origin)
    yield Fact("within_days", row["within_days"], origin)


def _arithmetic(refit: Refit) -> dict[str, Any]:
    others = refit.accounts - refit.doers
    return {**asdict(refit), "others": others, "reach": refit.doers / refit.accounts}


def _calibrated(run: OpenedRun, candidate: str) -> dict[str, Any]:
    """The candidate's row when all are searched, calibrated and ranked again from the cells."""
    from nsm_pipeline.stats.ranking import judge_candidates
    from nsm_pipeline.stats.search import search
    from nsm_pipeline.waist.candidate_spec import read_specs
    from nsm_pipeline.waist.cells import CellTable

    specs = read_specs(run.folder.read_json(SCORE)["candidates"])
    table = judge_candidates(search(CellTable.from_frame(run.cells), specs), specs).frame
    row = table[table["candidate"] == candidate].iloc[0]
    calibration = run.document["calibration"]
    return {**calibration, **{str(name): plain(value) for name, value in row.items()}}


def _recomputed(row: Row, origins: Mapping[str, str], again: Row) -> Iterator[Fact]:
    for number, origin in origins.items():
        value, new = row.get(number), plain(again[number])
        if value is not None or new is not None:
            yield Fact(number, value, origin.format(**again), new, _same(value, new))


def _kept(row: Row) -> Iterator[Fact]:
    if _known(row, "kept_share"):
        share = row["lift_pp"] / row["crude_lift_pp"]
        origin = "lift_pp / crude_lift_pp"
        yield Fact("kept_share", row["kept_share"], origin, share, _same(row["kept_share"], share))


def _known(row: Row, number: str) -> bool:
    return row.get(number) is not None


def _same(value: Any, again: Any) -> bool:
    if isinstance(value, float | int) and isinstance(again, float | int):
        return math.isclose(value, again, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(value == again)
