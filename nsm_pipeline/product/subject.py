"""What the product file alone tells of a candidate or metric that is scored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nsm_pipeline.product.business_model import MODELS, Kind
from nsm_pipeline.product.candidate import Behaviour, CompositeCandidate
from nsm_pipeline.product.column_names import AMOUNTS, plain
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.event_nature import nature_by_name
from nsm_pipeline.product.grammar import Condition, Max, Sum
from nsm_pipeline.product.metrics import Mean, Median, Metric, RatioMetric, ShareOf
from nsm_pipeline.product.scorecard import DeclaredScore

PRESENCE = ("trivial", "once")


@dataclass(frozen=True)
class Subject:
    """A candidate or metric by name.

    `clauses` is how many things must be remembered to say what it counts: events, conditions and
    further parts. `revenue` and `presence` say why it is revenue itself, or no more than being
    there; None where it is not. `kind` is what sort of metric it is, for the business model's hint.
    """

    name: str
    is_metric: bool
    clauses: int
    revenue: str | None
    presence: str | None
    kind: Kind | None
    declared: DeclaredScore | None


def subject_of(name: str, config: ProductConfig) -> Subject:
    """What is told of it; a name that is not declared is a discovered event or property value."""
    metric = next((metric for metric in config.metrics if metric.name == name), None)
    declared = next((entry for entry in config.scorecard if entry.of == name), None)
    parts = _metric_parts(metric) if metric else behaviours_of(name, config)
    return Subject(
        name=name,
        is_metric=metric is not None,
        clauses=sum(1 + len(part.where) for part in parts),
        revenue=_revenue(parts, metric, config),
        presence=_presence(parts, metric, config),
        kind=_kind(metric),
        declared=declared,
    )


def behaviours_of(name: str, config: ProductConfig) -> list[Behaviour]:
    """What a candidate counts: one clause, or the parts of a composite."""
    found = next((candidate for candidate in config.candidates if candidate.name == name), None)
    if isinstance(found, CompositeCandidate):
        return list(found.all_of)
    if found is not None:
        return [found]
    event, where = name, {}
    for column in config.discover.properties if config.discover else ():
        before, told, wanted = name.partition(f": {column} = ")
        if told:
            event, where = before, {column: Condition(equals=wanted)}
    return [Behaviour.model_construct(event=(event,), where=where, measure="count")]


def _metric_parts(metric: Metric) -> list[Behaviour]:
    if isinstance(metric, RatioMetric):
        return []
    base = metric.value.share_of if isinstance(metric.value, ShareOf) else None
    return [*metric.clauses, *([base] if isinstance(base, Behaviour) else [])]


def _revenue(
    parts: Iterable[Behaviour], metric: Metric | None, config: ProductConfig
) -> str | None:
    """Why more of it is more money taken, whoever gets something for it.

    In a marketplace an amount that changes hands is what it delivers; its own revenue is another.
    """
    own = {config.source.revenue.amount} if config.source.revenue else set()
    known = () if config.business_model == "marketplace" else AMOUNTS
    value = metric.value if metric else None
    measures: list[Any] = [*(part.measure for part in parts), value]
    measures.append(value.median if isinstance(value, Median) else None)
    for column in filter(None, map(_added_up, measures)):
        if column in own or plain(column) in known:
            return f"it adds up {column}, which is money taken"
    events = [event for part in parts for event in part.event]
    if events and all(nature_by_name(event) == "money" for event in events):
        return f"{' and '.join(events)} is a payment"
    return None


def _added_up(measure: Any) -> str | None:
    match measure:
        case Sum(sum=column) | Max(max=column) | Mean(mean=column):
            return str(column)
    return None


def _presence(parts: list[Behaviour], metric: Metric | None, config: ProductConfig) -> str | None:
    """Why it is reached by merely being there; where advertising pays, being there is the point."""
    counts_units = metric is None or metric.value == "units"
    if config.business_model == "ad_driven" or not counts_units or len(parts) != 1:
        return None
    (part,) = parts
    if part.where or part.measure != "count":
        return None
    if metric is not None and getattr(part, "at_least", None) not in (None, 1):
        return None
    if "any" in part.event:
        return "it counts whoever did anything at all"
    if all(nature_by_name(event) in PRESENCE for event in part.event):
        return f"{' or '.join(part.event)} only shows that somebody was there"
    return None


def _kind(metric: Metric | None) -> Kind | None:
    """Accounts reached are engagement; what is added up is consumption; of a ratio nobody knows."""
    if metric is None:
        return "engagement"
    if isinstance(metric, RatioMetric):
        return None
    return (
        "engagement"
        if metric.value == "units" or isinstance(metric.value, ShareOf)
        else "consumption"
    )


def usual_here(subject: Subject, config: ProductConfig) -> bool | None:
    """Whether its kind is among those usual for the business model; None where none is told."""
    if config.business_model is None or subject.kind is None:
        return None
    return subject.kind in MODELS[config.business_model].kinds
