"""What a run does about its nightly state, and the sentence that says so."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm_pipeline.advising import ADVICE
from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.refusing import check_against_source

if TYPE_CHECKING:
    from nsm_pipeline.stats.drift import Drift
    from nsm_pipeline.steps import RunContext
    from nsm_pipeline.waist.score_model import ScoreModel
    from nsm_pipeline.warehouse.state.carrying import Plan
    from nsm_pipeline.warehouse.state.stored import StoredCounts

STATE = "state.json"
FILE = "state.duckdb"
MOST_NAMED = 5


def tell_state(context: RunContext) -> dict[str, Any] | None:
    """Carries the state to the run's moment where that is possible; what `state.json` holds.

    None where the product keeps no state.
    """
    if context.product.config.state is None:
        context.stored = None
        return None
    from nsm_pipeline.warehouse.state.carrying import carry_forward, digests

    asked = digests(context.product.config)
    plan, context.stored = carry_forward(
        context.extract.engine,
        context.product,
        context.as_of,
        state_file(context),
        rebuild=context.rebuild,
        check=lambda: _check(context),
    )
    drift = _drift(context.stored)
    if context.stored is not None and drift is not None and drift.another_population:
        context.stored.store.detach()
        context.stored = None
        plan = replace(plan, kind="rebuild", because=f"the score has drifted: {_moved(drift)}")
    stored = context.stored
    return {
        "kind": plan.kind,
        "sentence": _whole_sentence(context, plan) if stored is None else _sentence(stored, drift),
        "drift": None if drift is None else asdict(drift),
        "version": plan.version,
        "stamp": None if stored is None else stored.facts["stamp"],
        "digests": asked,
    }


def reopen_state(context: RunContext) -> StoredCounts | None:
    """The state as this run's first step left it; None where the run counts whole.

    Raises:
        InvalidInput: another run has carried it on since.
    """
    if context.folder is None or not context.run.exists(STATE):
        return None
    told = context.run.read_json(STATE)
    if told["kind"] != "night":
        return None
    from nsm_pipeline.warehouse.state.carrying import reopen

    engine = context.extract.engine
    return reopen(engine, context.product, state_file(context), told["stamp"])


def build_due_state(context: RunContext, model: ScoreModel) -> None:
    """Builds the state from what this run counted, where its first step found that it is due."""
    run = context.run
    if not run.exists(STATE) or run.read_json(STATE)["kind"] != "rebuild":
        return
    from nsm_pipeline.warehouse.state.build import Build, build_state

    told = run.read_json(STATE)
    notes = {
        "digests": told["digests"],
        "advice": run.read_json(ADVICE) if run.exists(ADVICE) else None,
        "profile": run.read_json("profile.json"),
    }
    build_state(context.extract, Build(model, told["version"], notes), state_file(context))


def state_file(context: RunContext) -> Path:
    """Where the product's state is kept: beside its runs.

    Raises:
        InvalidInput: the runs are in a bucket, where no database file can be written to.
    """
    root = context.store.root
    if not isinstance(root, Path):
        raise InvalidInput(
            Problem(
                context.product.where("state"),
                "The nightly state needs a folder on disk, and the runs are in a bucket.",
                "Leave `state` out: every night then counts everything; or keep the runs on disk.",
            )
        )
    return root / context.product.config.product / FILE


def _check(context: RunContext) -> None:
    from nsm_pipeline.warehouse.source_answers import SourceAnswers

    check_against_source(context.product, SourceAnswers(context.extract.engine))


def _drift(stored: StoredCounts | None) -> Drift | None:
    if stored is None:
        return None
    from nsm_pipeline.stats.drift import measure_drift

    return measure_drift(stored.strata_before, stored.strata_since)


def _sentence(stored: StoredCounts, drift: Drift | None) -> str:
    night, version = stored.facts["night"], stored.version
    batches, events = night.get("batches", 0), night.get("events", 0)
    return (
        f"Carried forward from the night before: {events:,} new events in {batches:,} new "
        f"{'file' if batches == 1 else 'files'}; {night.get('accounts', 0):,} accounts "
        f"counted anew; score version {version.number} of "
        f"{datetime.fromisoformat(version.fitted):%Y-%m-%d}, {_next(version.fitted, stored)}. "
        "Checks of single rows looked at the new rows only; totals are those of all."
        f"{_backfilled(night.get('backfill'))}{_drifting(drift)}"
    )


def _moved(drift: Drift) -> str:
    return (
        f"the {drift.accounts:,} accounts compared since it was fitted stand in other strata of "
        f"the {drift.within_days}-day window than those before (population stability index "
        f"{drift.index:.2f})"
    )


def _drifting(drift: Drift | None) -> str:
    """What is said while a drift is worth a look, and no rebuild."""
    if drift is None or not drift.worth_a_look:
        return ""
    return (
        f" The score may no longer fit: {_moved(drift)}; above 0.1 it is worth a look, "
        "above 0.25 a new score is fitted."
    )


def _backfilled(told: dict[str, Any] | None) -> str:
    """What a change of the candidates made the night do."""
    if told is None:
        return ""
    counted = [f"{kind} {_named(told[kind])}" for kind in ("new", "changed") if told[kind]]
    words = []
    if counted:
        words.append(
            f"{' and '.join(counted)} counted from the rows kept, for the {told['accounts']:,} "
            "accounts compared so far"
        )
    if told["dropped"]:
        words.append(f"dropped {_named(told['dropped'])}")
    done = "; ".join(words) or "none had to be counted"
    return f" The candidates have changed: {done}; all others keep their counts."


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _whole_sentence(context: RunContext, plan: Plan) -> str:
    if plan.kind == "recount":
        return f"Everything was counted, because {plan.because}; the nightly state stays as it is."
    return (
        f"Everything was counted and the nightly state built anew, because {plan.because}; "
        f"score version {plan.version} of {context.as_of:%Y-%m-%d}."
    )


def _next(fitted: str, stored: StoredCounts) -> str:
    from nsm_pipeline.warehouse.state.carrying import next_rebuild

    state = stored.product.config.state
    period = "monthly" if state is None else state.rebuild
    return f"next rebuild {next_rebuild(datetime.fromisoformat(fitted), period):%Y-%m-%d}"
