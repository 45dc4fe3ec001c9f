"""The catalogue: what is counted of each candidate, so that the next one can be told from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nsm_pipeline.product.candidate import Part
from nsm_pipeline.warehouse.candidates import ResolvedCandidate

NAMES = {"name"}
# The thresholds of a simple candidate are sorted, or open, as it is resolved.
SIMPLE = {*NAMES, "at_least"}


@dataclass(frozen=True)
class Catalogue:
    """Candidates by name and by `what` is counted of each, in the order of `candidate_no`."""

    names: tuple[str, ...]
    what: tuple[str, ...]

    @classmethod
    def of(cls, candidates: Sequence[ResolvedCandidate]) -> Catalogue:
        """The catalogue of candidates as a product resolves them: open thresholds are open."""
        return cls(tuple(c.name for c in candidates), tuple(map(what_is_counted, candidates)))

    def as_json(self) -> dict[str, Any]:
        """What a state keeps of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Catalogue:
        """The catalogue that `as_json` wrote."""
        return cls(tuple(content["names"]), tuple(content["what"]))


@dataclass(frozen=True)
class Difference:
    """How one catalogue follows another.

    `kept` are pairs of numbers (before, after) of what is counted alike, whatever its name;
    `counted` the numbers of what was not counted before; `told` the names, for people.
    """

    kept: tuple[tuple[int, int], ...]
    counted: tuple[int, ...]
    told: dict[str, list[str]]

    @classmethod
    def between(cls, before: Catalogue, after: Catalogue) -> Difference:
        """What is to be done so that the sums of one become those of the other."""
        known = {what: number for number, what in enumerate(before.what)}
        numbered = list(enumerate(after.what))
        kept = tuple((known[what], number) for number, what in numbered if what in known)
        counted = tuple(number for number, what in numbered if what not in known)
        names = [after.names[number] for number in counted]
        told = {
            "new": [name for name in names if name not in before.names],
            "changed": [name for name in names if name in before.names],
            "dropped": [
                name
                for name, what in zip(before.names, before.what, strict=True)
                if name not in after.names and what not in after.what
            ],
        }
        return cls(kept, counted, told)


def what_is_counted(candidate: ResolvedCandidate) -> str:
    """A hash of all that decides a candidate's counts; its name does not."""
    clauses = [
        clause.model_dump(mode="json", exclude=NAMES if isinstance(clause, Part) else SIMPLE)
        for clause in candidate.clauses
    ]
    value = None if candidate.value is None else asdict(candidate.value)
    rows = (candidate.kind, clauses, candidate.events, candidate.also_left_out, value)
    text = json.dumps([*rows, candidate.thresholds], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
