"""Walks through a product: every counting clause, every condition and every event it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nsm_pipeline.product.candidate import Behaviour, CompositeCandidate
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Condition, Distinct, EventSelector, Where
from nsm_pipeline.product.health import Accepted, Sent
from nsm_pipeline.product.metrics import CompositeMetric, RatioMetric, ShareOf
from nsm_pipeline.product.retention import EventRetention
from nsm_pipeline.product.source import Files, Table
from nsm_pipeline.product.yaml_tree import Keys

COSTS = "costs"


class PlacedCondition(NamedTuple):
    """A condition, the source table and column it is about, and where it stands."""

    table: str
    column: str
    condition: Condition
    keys: Keys


def clauses(config: ProductConfig) -> Iterator[tuple[Keys, Behaviour]]:
    """Every candidate, and of a composite one every part."""
    for index, candidate in enumerate(config.candidates):
        if isinstance(candidate, CompositeCandidate):
            for number, part in enumerate(candidate.all_of):
                yield ("candidates", index, "all_of", number), part
        else:
            yield ("candidates", index), candidate


def journey_clauses(config: ProductConfig) -> Iterator[tuple[Keys, Behaviour]]:
    """Every step of the journey."""
    for index, step in enumerate(config.journey):
        yield ("journey", index), step


def metric_clauses(config: ProductConfig) -> Iterator[tuple[Keys, Behaviour]]:
    """Every clause of every metric, and what a share is of."""
    for index, metric in enumerate(config.metrics):
        if isinstance(metric, RatioMetric):
            continue
        keys: Keys = ("metrics", index)
        if isinstance(metric, CompositeMetric):
            for number, part in enumerate(metric.all_of):
                yield (*keys, "all_of", number), part
        else:
            yield keys, metric
        if isinstance(metric.value, ShareOf) and isinstance(metric.value.share_of, Behaviour):
            yield (*keys, "value", "share_of"), metric.value.share_of


def counting_clauses(config: ProductConfig) -> Iterator[tuple[Keys, Behaviour]]:
    """Every clause of candidates, of the journey and of metrics."""
    yield from clauses(config)
    yield from journey_clauses(config)
    yield from metric_clauses(config)


def counts_whole(clause: Behaviour) -> bool:
    """Whether the measure is a number of things, so that k is a whole number from 1."""
    return clause.measure in ("count", "days") or isinstance(clause.measure, Distinct)


def outcome_events(config: ProductConfig) -> EventSelector:
    """The events that retention asks for; none when it asks for revenue."""
    return config.retention.event if isinstance(config.retention, EventRetention) else ()


def conditions(config: ProductConfig) -> Iterator[PlacedCondition]:
    """Every condition of every `where` of the product."""
    wheres: list[tuple[str, Keys, Where]] = [
        ("events", ("core_metric", "where"), config.core_metric.where),
        *(("events", (*keys, "where"), clause.where) for keys, clause in counting_clauses(config)),
        ("accounts", ("exclude", "accounts"), config.exclude.accounts),
    ]
    if isinstance(config.retention, EventRetention):
        wheres.insert(1, ("events", ("retention", "where"), config.retention.where))
    if config.source.revenue:
        refund = config.source.revenue.refund
        wheres.append(("revenue", ("source", "revenue", "refund"), refund))
    wheres += [("events", (*keys, "where"), clause.where) for keys, clause in _invitations(config)]
    for table, keys, where in wheres:
        for column, condition in where.items():
            yield PlacedCondition(table, column, condition, (*keys, column))


def placed_table(config: ProductConfig, name: str) -> tuple[Keys, Files | Table | None]:
    """Where a table is said to be, in the file and in the source: events, accounts, … or costs."""
    if name != COSTS:
        return ("source", name), getattr(config.source, name)
    costs = config.health.costs
    declared = costs.acquisition if costs else None
    return ("health", COSTS, "acquisition"), None if isinstance(declared, float) else declared


def _invitations(config: ProductConfig) -> Iterator[tuple[Keys, Sent | Accepted]]:
    asked = config.health.invitations
    for key in ("sent", "accepted"):
        clause = getattr(asked, key, None)
        if clause is not None:
            yield ("health", "invitations", key), clause


def selectors(config: ProductConfig) -> Iterator[tuple[Keys, EventSelector]]:
    """Every `event:` of the product."""
    yield ("core_metric", "event"), config.core_metric.event
    if isinstance(config.retention, EventRetention):
        yield ("retention", "event"), config.retention.event
    for keys, clause in counting_clauses(config):
        yield (*keys, "event"), clause.event
    for keys, invitation in _invitations(config):
        yield (*keys, "event"), invitation.event


def events_named(config: ProductConfig) -> set[str]:
    """The event names that the product spells out; patterns and keywords are no names."""
    named = {name for _, selector in selectors(config) for name in selector}
    named.update(config.passive_events)
    if config.discover:
        named.update(config.discover.except_)
        named.update(() if config.discover.events == "all" else config.discover.events)
    return {name for name in named if "*" not in name} - {"any", "core"}
