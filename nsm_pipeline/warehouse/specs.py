"""Resolved candidates as the statistics and the report know them: words, thresholds, flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nsm_pipeline.product.candidate import Behaviour, Part
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Condition, Distinct, Max, Sum
from nsm_pipeline.waist.candidate_spec import CandidateSpec, as_number
from nsm_pipeline.warehouse.candidates import ResolvedCandidate
from nsm_pipeline.warehouse.where import selects


def candidate_specs(
    config: ProductConfig,
    candidates: Sequence[ResolvedCandidate],
    event_names: Sequence[str],
    outcome: Sequence[str],
) -> list[CandidateSpec]:
    """One spec per candidate, in order; `outcome` selects the events that are the outcome's own."""
    specs = [_spec(config, candidate, event_names, outcome) for candidate in candidates]
    return [
        replace(spec, relatives=_relatives(config, candidate, candidates))
        for spec, candidate in zip(specs, candidates, strict=True)
    ]


def _spec(
    config: ProductConfig,
    candidate: ResolvedCandidate,
    event_names: Sequence[str],
    outcome: Sequence[str],
) -> CandidateSpec:
    before, after = _words(candidate)
    left_out = {*candidate.events, *candidate.also_left_out}
    return CandidateSpec(
        name=candidate.name,
        event=candidate.label,
        thresholds=candidate.thresholds or (1.0,),
        before=before,
        after=after,
        placebo=_is_placebo(config, candidate),
        own_outcome="any" not in outcome
        and any(selects(outcome, event) for event in candidate.events),
        other_events=sum(name not in left_out for name in event_names),
    )


def _relatives(
    config: ProductConfig, candidate: ResolvedCandidate, candidates: Sequence[ResolvedCandidate]
) -> tuple[str, ...]:
    """The other candidates that belong to a family of this one."""
    families = [set(f) for f in config.families if candidate.names_in_families & set(f)]
    return tuple(
        other.name
        for other in candidates
        if other.name != candidate.name and any(other.names_in_families & f for f in families)
    )


def _is_placebo(config: ProductConfig, candidate: ResolvedCandidate) -> bool:
    if candidate.name in config.placebos:
        return True
    unfiltered = candidate.value is None and not any(c.where for c in candidate.clauses)
    return (
        unfiltered
        and bool(candidate.events)
        and all(selects(config.placebos, event) for event in candidate.events)
    )


def _words(candidate: ResolvedCandidate) -> tuple[str, str]:
    clauses = candidate.clauses
    if isinstance(clauses[0], Part):
        return " and ".join(
            _part_words(clause) for clause in clauses if isinstance(clause, Part)
        ), ""
    return _measure_words(clauses[0])


def _measure_words(clause: Behaviour) -> tuple[str, str]:
    rows = _row_words(clause)
    measure = clause.measure
    if isinstance(measure, Distinct):
        return f"{rows} with at least ", f" different {measure.distinct}"
    if isinstance(measure, Sum):
        return f"{rows} with {measure.sum} adding up to at least ", " in all"
    if isinstance(measure, Max):
        return f"{rows} with {measure.max} of at least ", " at once"
    return (
        (f"{rows} on at least ", " days") if measure == "days" else (f"{rows} at least ", " times")
    )


def _part_words(part: Part) -> str:
    before, after = _measure_words(part)
    if part.at_most == 0:
        return f"no {_row_words(part)}"
    words = []
    if part.at_least is not None:
        words.append(f"{before}{as_number(part.at_least)}{after}")
    if part.at_most is not None:
        words.append(f"{before.replace('at least', 'at most')}{as_number(part.at_most)}{after}")
    return " and ".join(words)


def _row_words(clause: Behaviour) -> str:
    events = "any event" if "any" in clause.event else " or ".join(clause.event)
    if not clause.where:
        return events
    return f"{events} where " + " and ".join(
        f"{column} {_condition_words(condition)}" for column, condition in clause.where.items()
    )


def _condition_words(condition: Condition) -> str:
    words = []
    if condition.equals is not None:
        words.append(f"is {condition.equals}")
    if condition.in_ is not None:
        words.append(f"is one of {', '.join(map(str, condition.in_))}")
    if condition.contains is not None:
        words.append(f'contains "{condition.contains}"')
    if condition.null is not None:
        words.append("is missing" if condition.null else "is known")
    named = {
        "at_least": "is at least",
        "at_most": "is at most",
        "over": "is over",
        "under": "is under",
    }
    words += [
        f"{phrase} {getattr(condition, key)}"
        for key, phrase in named.items()
        if getattr(condition, key) is not None
    ]
    return " and ".join(words)
