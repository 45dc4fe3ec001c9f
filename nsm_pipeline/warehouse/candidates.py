"""The product's candidates met with the events that exist: what the engine must count.

A candidate's **footprint** is the set of event rows that make it true. The score of an account
leaves the footprint out, and many candidates share one ("at least k orders", "spent at least").
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from nsm_pipeline.product.candidate import (
    COUNT_THRESHOLDS,
    Behaviour,
    CompositeCandidate,
    Part,
    SimpleCandidate,
)
from nsm_pipeline.product.config import Discover, ProductConfig
from nsm_pipeline.product.grammar import Condition
from nsm_pipeline.warehouse.where import selects

CandidateKind = Literal["event", "value", "declared"]


@dataclass(frozen=True)
class PropertyValue:
    """One value of one event property, such as item_purchased with stock_code 22423."""

    event: str
    column: str
    value: str


@dataclass(frozen=True)
class Footprint:
    """A set of event rows: whole events, filtered rows, or one property value. Equal by `key`."""

    kind: CandidateKind
    whole_events: tuple[str, ...] = ()
    key: str = ""
    filters: tuple[Behaviour, ...] = field(default=(), compare=False)
    value: PropertyValue | None = None


@dataclass(frozen=True)
class ResolvedCandidate:
    """One candidate: how it is counted (`kind`), from which rows, at which thresholds.

    `event`: all rows of one event, counted. `value`: rows of one property value, counted.
    `declared`: anything else, each with a predicate of its own.
    """

    name: str
    kind: CandidateKind
    clauses: tuple[Behaviour, ...]
    events: tuple[str, ...]
    also_left_out: tuple[str, ...]
    thresholds: tuple[float, ...] | None
    value: PropertyValue | None = None

    @property
    def footprint(self) -> Footprint:
        """The rows that make the candidate true, with the rows of its family."""
        if self.value is not None and not self.also_left_out:
            return Footprint("value", value=self.value)
        filtered = any(clause.where for clause in self.clauses)
        if not filtered and len(self.events) == 1 and not self.also_left_out:
            return Footprint("event", whole_events=self.events)
        filters = tuple(clause for clause in self.clauses if clause.where)
        whole = _occurring(tuple(c for c in self.clauses if not c.where), list(self.events))
        return Footprint(
            "declared", tuple(sorted({*whole, *self.also_left_out})), _as_key(filters), filters
        )

    @property
    def names_in_families(self) -> frozenset[str]:
        """What a family must list for the candidate to belong to it: its name, or a whole event.

        A filtered or discovered candidate belongs only by its own name, because the other rows of
        its event say how keen the account is.
        """
        whole = len(self.events) == 1 and not any(clause.where for clause in self.clauses)
        return frozenset({self.name, *(self.events if whole else ())})

    @property
    def label(self) -> str:
        """The event or events, as the `event` column shows them."""
        return " + ".join(dict.fromkeys(" | ".join(clause.event) for clause in self.clauses))


def _as_key(filters: tuple[Behaviour, ...]) -> str:
    return repr(sorted(f"{clause.event!r} {clause.where!r}" for clause in filters))


def resolve_candidates(
    config: ProductConfig, events: list[str], values: list[PropertyValue]
) -> list[ResolvedCandidate]:
    """Declared candidates first, then one per discovered event and frequent property value.

    Args:
        config: the product.
        events: names of the events that occur, sorted.
        values: the frequent property values, sorted.
    """
    declared = [_resolve(candidate, config, events) for candidate in config.candidates]
    taken = {candidate.name for candidate in declared}
    discovered = [
        *_discovered_events(config, events),
        *(_discovered_value(config.discover, value) for value in values if config.discover),
    ]
    fresh = [candidate for candidate in discovered if candidate.name not in taken]
    return [_with_family(candidate, config, events) for candidate in [*declared, *fresh]]


def discoverable_events(config: ProductConfig, events: list[str]) -> list[str]:
    """The events that discovery may turn into candidates."""
    discover = config.discover
    if discover is None:
        return []
    chosen = ("any",) if discover.events == "all" else discover.events
    return [e for e in events if selects(chosen, e) and not selects(discover.except_, e)]


def _discovered_events(config: ProductConfig, events: list[str]) -> list[ResolvedCandidate]:
    thresholds = config.discover.at_least if config.discover else COUNT_THRESHOLDS
    return [
        ResolvedCandidate(event, "event", (_clause(event),), (event,), (), thresholds)
        for event in discoverable_events(config, events)
    ]


def _discovered_value(discover: Discover, value: PropertyValue) -> ResolvedCandidate:
    return ResolvedCandidate(
        name=f"{value.event}: {value.column} = {value.value}",
        kind="value",
        clauses=(_clause(value.event, {value.column: Condition(equals=value.value)}),),
        events=(value.event,),
        also_left_out=(),
        thresholds=discover.at_least,
        value=value,
    )


def _clause(event: str, where: dict[str, Condition] | None = None) -> Behaviour:
    """A clause on a name from the data, which need not keep to the rules for names in a file."""
    return Behaviour.model_construct(event=(event,), where=where or {}, measure="count")


def _resolve(
    candidate: SimpleCandidate | CompositeCandidate, config: ProductConfig, events: list[str]
) -> ResolvedCandidate:
    if isinstance(candidate, CompositeCandidate):
        reached = _occurring(candidate.all_of, events)
        return ResolvedCandidate(candidate.name, "declared", candidate.all_of, reached, (), (1.0,))
    occurring = _occurring((candidate,), events)
    plain = len(candidate.event) == 1 and candidate.event[0] in occurring and not candidate.where
    kind: CandidateKind = "event" if plain and candidate.measure == "count" else "declared"
    return ResolvedCandidate(
        candidate.name, kind, (candidate,), occurring, (), _thresholds(candidate, config)
    )


def _occurring(clauses: tuple[Behaviour, ...], events: list[str]) -> tuple[str, ...]:
    return tuple(e for e in events if any(selects(clause.event, e) for clause in clauses))


def _thresholds(candidate: SimpleCandidate, config: ProductConfig) -> tuple[float, ...] | None:
    """None asks for quantiles of the values themselves: sums and maxima have no natural grid."""
    if candidate.at_least is not None:
        return tuple(sorted(set(candidate.at_least)))
    counted = candidate.measure in ("count", "days") or hasattr(candidate.measure, "distinct")
    if not counted:
        return None
    return config.discover.at_least if config.discover else COUNT_THRESHOLDS


def _with_family(
    candidate: ResolvedCandidate, config: ProductConfig, events: list[str]
) -> ResolvedCandidate:
    """Adds the events of the candidate's families to what its score leaves out."""
    own_names = candidate.names_in_families
    by_name = {declared.name: declared for declared in config.candidates}
    relatives: set[str] = set()
    for family in config.families:
        if own_names.isdisjoint(family):
            continue
        for member in family:
            declared = by_name.get(member)
            relatives.update(_member_events(declared, events) if declared else {member})
    left_out = relatives.intersection(events) - own_names
    return replace(candidate, also_left_out=tuple(sorted(left_out)))


def _member_events(
    declared: SimpleCandidate | CompositeCandidate, events: list[str]
) -> tuple[str, ...]:
    parts: tuple[Behaviour | Part, ...] = (
        declared.all_of if isinstance(declared, CompositeCandidate) else (declared,)
    )
    return _occurring(tuple(part for part in parts if not part.where), events)
