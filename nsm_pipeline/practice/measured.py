"""`measured.json`: whether a run measured what stands around its ranking, or carried it, and why.

Without a nightly state every run measures. With one, a run carries what the newest run before it
has, if that is of the same week and the same basis, and whole; in doubt it measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nsm_pipeline.practice.basis import Basis
from nsm_pipeline.practice.earlier_run import earlier_run
from nsm_pipeline.practice.measured_week import Kind, MeasuredWeek, choice_of
from nsm_pipeline.runs.canonical_bytes import moment
from nsm_pipeline.runs.run_files import (
    ACCOUNT_VALUE,
    FEATURE_ADOPTION,
    HEALTH,
    JOURNEY,
    MEASURED,
    METRIC_SERIES,
    METRICS,
    ONBOARDING,
    STAR,
    TRACKED,
    TREE,
    TREE_TABLE,
)
from nsm_pipeline.stating import recorded_state

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder
    from nsm_pipeline.stats.score_evidence import Evidence
    from nsm_pipeline.steps import RunContext

CARRIED_FILES = (
    *(ACCOUNT_VALUE, FEATURE_ADOPTION, HEALTH, JOURNEY, METRIC_SERIES, METRICS),
    *(ONBOARDING, TREE, TREE_TABLE),
)
A_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Measuring:
    """What a run does about its measuring.

    `week` is what it carries from, None where it measures, and `because` then says why, as the end
    of a sentence. `basis` is None where no run carries anything.
    """

    basis: Basis | None = None
    because: str = ""
    week: MeasuredWeek | None = None

    @classmethod
    def of(cls, context: RunContext) -> Measuring:
        """For a run whose ranking is done."""
        state = context.product.config.state
        if state is None or state.measure == "nightly":
            return cls()
        basis = Basis.of(context)
        if recorded_state(context.run, "night") is None:
            return cls(basis, "everything was counted")
        before = earlier_run(context.store, context.run, having=(MEASURED, TRACKED))
        if before is None:
            return cls(basis, "no run before it has left any")
        because = _why_anew(context.run, before, basis)
        week = None if because else MeasuredWeek(context.store, before)
        return cls(basis, because or "", week)


def tell_measuring(
    context: RunContext, measuring: Measuring, scored: Sequence[Evidence]
) -> dict[str, Any] | None:
    """What `measured.json` holds; None where no run carries anything.

    Args:
        context: the run, all of it measured or carried.
        measuring: what it did.
        scored: the evidence of its scorecard.
    """
    if measuring.basis is None:
        return None
    run, week = context.run, measuring.week
    found = {
        "kind": "anew" if week is None else "carried",
        "because": measuring.because,
        "timezone": context.product.config.timezone,
        "as_of": moment(run.as_of if week is None else week.as_of),
        # A run's own number is no part of what it found: the same night again has another.
        "run_id": None if week is None else week.run_id,
        "files": [name for name in CARRIED_FILES if run.exists(name)],
        "tracked": [_dated(run, week, "tracked", row) for row in run.read_json(STAR)["top"]],
        "recounted": [
            {
                **_dated(run, week, "recounted", one.row),
                "recount": None if one.recount is None else asdict(one.recount),
                "why_not": one.not_recounted,
            }
            for one in scored
            if one.row is not None
        ],
        "basis": asdict(measuring.basis),
    }
    return {"sentence": _sentence(found), **found}


def _why_anew(run: RunFolder, before: RunFolder, basis: Basis) -> str | None:
    if before.verify((MEASURED, TRACKED)):
        return "what the run before it has left is damaged"
    told = before.read_json(MEASURED)
    differs = basis.differs(told.get("basis", {}))
    if differs:
        return differs
    if run.as_of - datetime.fromisoformat(told["as_of"]) >= A_WEEK:
        return "a week has passed since"
    if before.verify(told["files"]):
        return "what the run before it has left is damaged"
    return None


def _dated(
    run: RunFolder, week: MeasuredWeek | None, kind: Kind, row: Mapping[str, Any]
) -> dict[str, Any]:
    choice = choice_of(row)
    record = None if week is None else week.record(kind, choice)
    return {**asdict(choice), "as_of": moment(run.as_of) if record is None else record["as_of"]}


def _sentence(found: Mapping[str, Any]) -> str:
    from nsm_pipeline.publish.wording import day

    what = "What stands around the ranking"
    if found["kind"] == "anew":
        return f"{what} was measured anew, because {found['because']}."
    rows = [*found["tracked"], *found["recounted"]]
    later = {choice_of(row) for row in rows if row["as_of"] != found["as_of"]}
    came = "behaviour came among the first three later and was counted"
    if len(later) > 1:
        came = "behaviours came among the first three later and were counted"
    return (
        f"{what} was measured on {day(found['as_of'], found['timezone'])} and stays so for the "
        "week; what came since counts from the next measuring on."
        f"{f' {len(later)} {came} then.' if later else ''}"
    )
