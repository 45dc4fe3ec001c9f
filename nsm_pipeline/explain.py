"""Every number of one ranking row: where it came from, and whether it can be reproduced.

Counts, crude lift, adjusted lift and the published lift are computed again from `cells.parquet`;
what needs the other candidates too (interval, q-value) is traced to the file that holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nsm_pipeline.canonical_bytes import plain
from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.opened_run import OpenedRun, Refit, unknown_candidate

if TYPE_CHECKING:
    from nsm_pipeline.run_folder import RunFolder

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Fact:
    """A published number, where it came from, and the value it has when computed again."""

    number: str
    value: Any
    origin: str
    recomputed: float | None = None
    holds: bool = True


@dataclass(frozen=True)
class Explanation:
    """The facts of one candidate, in the order of the ranking's columns."""

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
    row = {str(name): plain(value) for name, value in rows.iloc[0].items()}
    row = {**row, **_details(folder, candidate)}
    facts = [*_choice(row, run), *_estimated(row, run), *_traced(row, folder)]
    return Explanation(str(folder.path), candidate, tuple(facts))


def _details(folder: RunFolder, candidate: str) -> dict[str, Any]:
    """What `ranking.json` says beyond the columns."""
    for row in folder.read_json("ranking.json")["candidates"]:
        if row["candidate"] == candidate:
            return {key: value for key, value in row.items() if not isinstance(value, list)}
    return {}


def _choice(row: Mapping[str, Any], run: OpenedRun) -> Iterator[Fact]:
    searched = run.candidates[run.candidates["candidate"] == row["candidate"]]
    estimated = int((searched["support"] == "ok").sum())
    yield Fact("event", row["event"], "product.yaml, as the candidate is declared or discovered")
    origin = (
        f"chosen by z among {len(searched)} searched (k, X), {estimated} of which carry an "
        "estimate: candidates.csv, columns at_least, within_days, z"
    )
    yield Fact("at_least", row["at_least"], origin)
    yield Fact("within_days", row["within_days"], origin)


def _estimated(row: Mapping[str, Any], run: OpenedRun) -> Iterator[Fact]:
    if row["at_least"] is None or row["within_days"] is None:
        return
    k, days = float(row["at_least"]), int(row["within_days"])
    refit = run.refit(row["candidate"], at_least=k, within_days=days)
    yield from _counted(row, refit, _candidate_row(run, refit))
    others = refit.accounts - refit.doers
    yield _fact(row, "reach", "doers / accounts", refit.doers / refit.accounts)
    yield _fact(
        row,
        "crude_lift_pp",
        f"100 x (retained_doers / doers - retained_others / others) = 100 x "
        f"({refit.retained_doers} / {refit.doers} - {refit.retained_others} / {others})",
        refit.crude_lift_pp,
    )
    if refit.support != "ok":
        return
    yield from _lifted(row, refit, _candidate_row(run, refit))


def _candidate_row(run: OpenedRun, refit: Refit) -> dict[str, Any]:
    table = run.candidates
    chosen = table[
        (table["candidate"] == refit.candidate)
        & (table["at_least"] == refit.at_least)
        & (table["within_days"] == refit.within_days)
    ]
    return {str(name): plain(value) for name, value in chosen.iloc[0].items()}


def _counted(
    row: Mapping[str, Any], refit: Refit, in_candidates: Mapping[str, Any]
) -> Iterator[Fact]:
    reached, below = f"reached >= {refit.at_least:g}", f"reached < {refit.at_least:g}"
    sums = {
        "accounts": "accounts",
        "doers": f"accounts where {reached}",
        "retained_doers": f"retained where {reached}",
        "retained_others": f"retained where {below}",
    }
    for number, summed in sums.items():
        origin = (
            f"cells.parquet, sum of {summed}, of this candidate and within_days = "
            f"{refit.within_days}; candidates.csv has {in_candidates[number]}"
        )
        recomputed = getattr(refit, number)
        same = row[number] == recomputed == in_candidates[number]
        yield Fact(number, row[number], origin, recomputed, same)


def _lifted(
    row: Mapping[str, Any], refit: Refit, in_candidates: Mapping[str, Any]
) -> Iterator[Fact]:
    origin = "candidates.csv; fitted again on the strata of cells.parquet (stats/lift.py)"
    for number, recomputed in (
        ("lift_pp", refit.adjusted_lift_pp),
        ("se_pp", refit.se_pp),
        ("z", refit.z),
    ):
        fact = _fact(in_candidates, number, origin, recomputed)
        yield Fact(f"adjusted {number}", fact.value, origin, recomputed, fact.holds)
    centre = "ranking.json, calibration.centre_z: what z is without any effect in this run"
    yield Fact("null centre z", refit.centre_z, centre)
    published = "adjusted lift_pp - adjusted se_pp x null centre z"
    yield _fact(row, "lift_pp", published, refit.lift_pp)
    yield _fact(row, "z", "adjusted z", refit.z)
    yield _fact(row, "odds_ratio", "exp of the fitted log odds ratio", refit.odds_ratio)


def _traced(row: Mapping[str, Any], folder: RunFolder) -> Iterator[Fact]:
    calibration = folder.read_json("ranking.json")["calibration"]
    rule = (
        f"calibrated on {calibration['events']} events and {calibration['placebos']} placebos, "
        f"rule {calibration['rule']}: ranking.json, calibration"
    )
    origins = {
        "ci_low_pp": f"adjusted se_pp x the lower bound on z, {rule}",
        "ci_high_pp": f"adjusted se_pp x the upper bound on z, {rule}",
        "q_value": "Benjamini-Hochberg over the z of all candidates; shown, never decides",
        "e_value": "strength a hidden trait would need to explain ci_low_pp away",
        "kept_share": "lift_pp / crude_lift_pp",
        "holdout_lift_pp": "chosen on the earlier half of cohorts, fitted on the later half",
        "fading": "earlier minus later cohorts' log odds ratio: z above 1.96",
        "revenue_gap": "backtest.parquet, this candidate: its weeks' gaps together",
        "revenue_gap_ci_low": "as revenue_gap, calibrated on the same nulls",
        "revenue_gap_ci_high": "as revenue_gap, calibrated on the same nulls",
        "revenue_lead_weeks": "first week at half of the revenue gap's plateau",
        "rank": "order of the bounds of the calibration",
        "tier": "candidates whose intervals overlap the leader's share a tier",
        "verdict": rule,
        "reason": "the rule that gave the verdict",
    }
    for number, origin in origins.items():
        if row.get(number) is not None:
            yield Fact(number, row[number], origin)


def _fact(row: Mapping[str, Any], number: str, origin: str, recomputed: float) -> Fact:
    value = row[number]
    same = value is not None and math.isclose(
        value, recomputed, rel_tol=TOLERANCE, abs_tol=TOLERANCE
    )
    return Fact(number, value, origin, recomputed, same)
