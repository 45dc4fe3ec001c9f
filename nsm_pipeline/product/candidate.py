"""A candidate behaviour as the product file declares it: one clause, or several that all hold."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from nsm_pipeline.product.grammar import (
    EventSelector,
    Measure,
    Model,
    Name,
    Threshold,
    Thresholds,
    Where,
)

COUNT_THRESHOLDS = (1, 2, 3, 5, 7, 10, 15, 20)


class Behaviour(Model):
    """Which events count and how they are measured: the part that candidates share."""

    event: EventSelector = Field(examples=["order_placed"])
    where: Where = Field({})
    measure: Measure = Field("count", examples=["{distinct: order_id}"])


class SimpleCandidate(Behaviour):
    """One behaviour that an account may reach at least k times within X days."""

    name: Name = Field(examples=["second_order"])
    at_least: Thresholds | None = None


class Part(Behaviour):
    """One clause of a composite candidate: at least so many, or at most so many."""

    at_least: Threshold | None = None
    at_most: Threshold | None = None


class CompositeCandidate(Model):
    """Several clauses that must all hold within the same window."""

    name: Name = Field(examples=["docs_and_no_code"])
    all_of: Annotated[tuple[Part, ...], Field(min_length=2)]


def _candidate_kind(value: Any) -> str:
    composite = isinstance(value, CompositeCandidate) or (
        isinstance(value, dict) and "all_of" in value
    )
    return "composite" if composite else "simple"


Candidate = Annotated[
    Annotated[SimpleCandidate, Tag("simple")] | Annotated[CompositeCandidate, Tag("composite")],
    Discriminator(_candidate_kind),
]
