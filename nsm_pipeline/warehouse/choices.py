"""Choices: what a run reads off the data before it counts, so that two counts can be added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.score_model import ScoreModel
from nsm_pipeline.warehouse.candidates import PropertyValue, ResolvedCandidate, resolve_candidates
from nsm_pipeline.warehouse.labels import Labels
from nsm_pipeline.warehouse.specs import candidate_specs


@dataclass(frozen=True)
class Choices:
    """Events and property values that are candidates, thresholds, names of cohorts and segments.

    `thresholds` are those of every candidate, in their order, None where the data is still to be
    asked; `outcome_events` those that are the outcome itself.
    """

    labels: Labels
    events: tuple[str, ...]
    values: tuple[PropertyValue, ...]
    thresholds: tuple[tuple[float, ...] | None, ...]
    outcome_events: tuple[str, ...]

    def candidates(self, config: ProductConfig) -> list[ResolvedCandidate]:
        """The candidates as they were when the choices were made, in the same order."""
        found = resolve_candidates(config, list(self.events), list(self.values))
        return [
            replace(candidate, thresholds=thresholds)
            for candidate, thresholds in zip(found, self.thresholds, strict=True)
        ]

    def specs(self, config: ProductConfig) -> list[CandidateSpec]:
        """The candidates as the statistics know them."""
        return candidate_specs(config, self.candidates(config), self.events, self.outcome_events)

    def as_json(self) -> dict[str, Any]:
        """What a state keeps of them."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Choices:
        """The choices that `as_json` wrote."""
        labels = content["labels"]
        levels = {name: tuple(found) for name, found in labels["levels"].items()}
        return cls(
            labels=Labels(labels["quarters"], levels),
            events=tuple(content["events"]),
            values=tuple(PropertyValue(**value) for value in content["values"]),
            thresholds=tuple(found and tuple(found) for found in content["thresholds"]),
            outcome_events=tuple(content["outcome_events"]),
        )


@dataclass(frozen=True)
class ScoreVersion:
    """A score and the choices it was fitted under, frozen from one rebuild to the next."""

    number: int
    fitted: str
    model: ScoreModel
    choices: Choices

    def as_json(self) -> dict[str, Any]:
        """What a state keeps of it."""
        return {
            "number": self.number,
            "fitted": self.fitted,
            "model": self.model.as_json(),
            "choices": self.choices.as_json(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ScoreVersion:
        """The version that `as_json` wrote."""
        return cls(
            number=content["number"],
            fitted=content["fitted"],
            model=ScoreModel.from_json(content["model"]),
            choices=Choices.from_json(content["choices"]),
        )


def chosen_thresholds(candidates: Sequence[ResolvedCandidate]) -> tuple[tuple[float, ...], ...]:
    """The thresholds of every candidate; one that the data gave none is asked for once."""
    return tuple(candidate.thresholds or (1.0,) for candidate in candidates)
