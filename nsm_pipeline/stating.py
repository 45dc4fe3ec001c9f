"""What a run does about its nightly state, and the sentence that says so."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nsm_pipeline.product.source import Files
from nsm_pipeline.refusing import check_against_source
from nsm_pipeline.runs.run_files import ADVICE, PROFILE, STATE

if TYPE_CHECKING:
    from nsm_pipeline.runs.kept_state import KeptState
    from nsm_pipeline.runs.run_folder import RunFolder
    from nsm_pipeline.stats.drift import Drift
    from nsm_pipeline.waist.score_model import ScoreModel
    from nsm_pipeline.warehouse.extract import Extract
    from nsm_pipeline.warehouse.state.carrying import Plan
    from nsm_pipeline.warehouse.state.stored import StoredCounts

MOST_NAMED = 5


def tell_state(
    extract: Extract, kept: KeptState, *, rebuild: bool
) -> tuple[dict[str, Any] | None, StoredCounts | None]:
    """Carries the state to the run's moment where that is possible.

    Args:
        extract: the product at the run's moment, nothing of it asked yet.
        kept: where the state is.
        rebuild: counts everything, whatever the state holds.

    Returns:
        What `state.json` holds, None where the product keeps no state; and the state, None where
        the run counts whole.
    """
    product = extract.product
    if product.config.state is None:
        return None, None
    from nsm_pipeline.warehouse.source_answers import SourceAnswers
    from nsm_pipeline.warehouse.state.carrying import carry_forward, digests

    asked = digests(product.config)
    plan, stored = carry_forward(
        extract.engine,
        product,
        extract.as_of,
        kept.fetch(),
        rebuild=rebuild,
        check=lambda: check_against_source(product, SourceAnswers(extract.engine)),
    )
    drift = _drift(stored)
    if stored is not None and drift is not None and drift.another_population:
        stored.store.detach()
        stored = None
        plan = replace(plan, kind="rebuild", because=f"the score has drifted: {_moved(drift)}")
    if stored is not None:
        stored.store.settle()
        kept.put_back()
    told = {
        "kind": plan.kind,
        "sentence": (
            _whole_sentence(plan, extract.as_of) if stored is None else _sentence(stored, drift)
        ),
        "drift": None if drift is None else asdict(drift),
        "version": plan.version,
        "fitted": _fitted(plan, stored, extract.as_of),
        "stamp": None if stored is None else stored.facts["stamp"],
        "digests": asked,
    }
    return told, stored


def recorded_state(run: RunFolder | None, kind: str) -> dict[str, Any] | None:
    """What the run's first step told of the state, where what it does is of this kind."""
    if run is None or not run.exists(STATE):
        return None
    told: dict[str, Any] = run.read_json(STATE)
    return told if told["kind"] == kind else None


def reopen_state(extract: Extract, kept: KeptState, told: dict[str, Any]) -> StoredCounts:
    """The state as the run's first step left it and told of it.

    Raises:
        InvalidInput: another run has carried it on since.
    """
    from nsm_pipeline.warehouse.state.carrying import reopen

    return reopen(extract.engine, extract.product, kept.fetch(), told["stamp"])


def build_due_state(run: RunFolder, extract: Extract, model: ScoreModel, kept: KeptState) -> None:
    """Builds the state from what this run counted, where its first step found that it is due."""
    told = recorded_state(run, "rebuild")
    if told is None:
        return
    from nsm_pipeline.warehouse.state.build import Build, build_state

    notes = {
        "digests": told["digests"],
        "advice": run.read_json(ADVICE) if run.exists(ADVICE) else None,
        "profile": run.read_json(PROFILE),
    }
    build_state(extract, Build(model, told["version"], notes), kept.anew())
    kept.put_back()


def _fitted(plan: Plan, stored: StoredCounts | None, as_of: datetime) -> str | None:
    """The moment of the score that the run is counted under; None where it is of no state."""
    if stored is not None:
        return stored.version.fitted
    return as_of.isoformat() if plan.kind == "rebuild" else None


def _drift(stored: StoredCounts | None) -> Drift | None:
    if stored is None:
        return None
    from nsm_pipeline.stats.drift import measure_drift

    return measure_drift(stored.strata_before, stored.strata_since)


def _sentence(stored: StoredCounts, drift: Drift | None) -> str:
    night, version = stored.facts["night"], stored.version
    batches, events = night.get("batches", 0), night.get("events", 0)
    source = stored.product.config.source
    in_files = all(isinstance(log, Files | None) for log in (source.events, source.revenue))
    word = ("file" if in_files else "batch") if batches == 1 else "files" if in_files else "batches"
    return (
        f"Carried forward from the night before: {events:,} new events in {batches:,} new "
        f"{word}; {night.get('accounts', 0):,} accounts "
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


def _whole_sentence(plan: Plan, as_of: datetime) -> str:
    if plan.kind == "recount":
        return f"Everything was counted, because {plan.because}; the nightly state stays as it is."
    return (
        f"Everything was counted and the nightly state built anew, because {plan.because}; "
        f"score version {plan.version} of {as_of:%Y-%m-%d}."
    )


def _next(fitted: str, stored: StoredCounts) -> str:
    from nsm_pipeline.warehouse.state.carrying import next_rebuild

    state = stored.product.config.state
    period = "monthly" if state is None else state.rebuild
    return f"next rebuild {next_rebuild(datetime.fromisoformat(fitted), period):%Y-%m-%d}"
