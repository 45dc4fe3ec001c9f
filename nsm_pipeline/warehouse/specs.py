"""Resolved candidates as the statistics and the report know them: words, thresholds, flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nsm_pipeline.product.candidate import Part
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.warehouse.candidates import ResolvedCandidate
from nsm_pipeline.warehouse.clause_words import measure_words, part_words
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
            part_words(clause) for clause in clauses if isinstance(clause, Part)
        ), ""
    return measure_words(clauses[0])
