"""Candidates that are new or have changed, counted of everyone whom the state has counted.

The score version stays: strata, cohorts and all other candidates keep their sums as they are.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.warehouse.behaviours import frequent_values
from nsm_pipeline.warehouse.candidates import resolve_candidates
from nsm_pipeline.warehouse.choices import Choices, ScoreVersion
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.exposures import STANDARD, columns_in_use, near_rows
from nsm_pipeline.warehouse.extract import Extract, Part
from nsm_pipeline.warehouse.state.arrival import NeedsRebuild
from nsm_pipeline.warehouse.state.catalogue import Catalogue, Difference
from nsm_pipeline.warehouse.state.clock import eligible_at, population_at
from nsm_pipeline.warehouse.state.everybody import known_events
from nsm_pipeline.warehouse.state.shares import Logs
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import BY_CANDIDATE, Sums, in_order, joined

# A change of these is followed by counting what it makes new; any other asks for a rebuild.
BACKFILLED = ("candidates", "discover", "families")


def backfill(
    store: StateStore, product: LoadedProduct, facts: Mapping[str, Any], changed: Container[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Carries the sums to the product's present candidates, as of the state's last night.

    Call it inside a transaction. Gives the new facts, and what to tell: the names of candidates
    that are `new`, `changed` or `dropped`, and the number of `accounts` they were counted of.

    Args:
        store: the state.
        product: as it is now, its windows settled.
        facts: those of the state.
        changed: the BACKFILLED sections that have changed.

    Raises:
        NeedsRebuild: a candidate reads a column that is not kept.
    """
    config, version = product.config, ScoreVersion.from_json(facts["version"])
    _refuse_columns_not_kept(store, config)
    last, end = (datetime.fromisoformat(facts[name]) for name in ("as_of", "end"))
    everyone = _everyone(store, config, (last, end))
    counting = Extract(product, last, store.engine, version.choices, everyone)
    choices = _met_since(counting, asks_values="discover" in changed)
    resolved = resolve_candidates(config, list(choices.events), list(choices.values))
    after = Catalogue.of(resolved)
    found = Difference.between(Catalogue.from_json(facts["catalogue"]), after)
    thresholds = [candidate.thresholds for candidate in resolved]
    for old, new in found.kept:
        thresholds[new] = version.choices.thresholds[old]
    given, accounts = None, 0
    if found.counted:
        only = frozenset(after.names[number] for number in found.counted)
        counting = replace(
            counting, frozen=replace(choices, thresholds=tuple(thresholds)), only=only
        )
        given = Sums.of(counting, version.model).labelled_by(store)
        accounts = _how_many(counting)
        for new, candidate in zip(found.counted, counting.candidates, strict=True):
            thresholds[new] = candidate.thresholds or (1.0,)
    _write(store, found, given)
    choices = replace(choices, thresholds=tuple(thresholds))
    new_facts = {
        **facts,
        "stamp": facts["stamp"] + 1,
        "version": replace(version, choices=choices).as_json(),
        "catalogue": after.as_json(),
    }
    return new_facts, {"backfill": {**found.told, "accounts": accounts}}


def _refuse_columns_not_kept(store: StateStore, config: ProductConfig) -> None:
    kept = {*STANDARD, *store.table("events").columns}
    missing = sorted(columns_in_use(config) - kept)
    if missing:
        raise NeedsRebuild(f"the candidates read {missing[0]!r} now, which was not kept")


def _everyone(store: StateStore, config: ProductConfig, moments: tuple[datetime, datetime]) -> Part:
    """All who are compared, with what is kept of their rows; nothing of it is copied.

    Raises:
        NeedsRebuild: nobody is.
    """
    engine, (last, end) = store.engine, moments
    clock = eligible_at(store.table("clock"), config, end)
    clock = engine.materialise("part_clock", "everyone compared so far", clock)
    found = engine.fetch("how many", clock.aggregate(n=clock.count()))
    if not found["n"][0]:
        raise NeedsRebuild("the candidates have changed and no account has been compared so far")
    rows = Logs.of(store).near(engine, config, clock).named(clock, last)
    people = population_at(clock, rows.events, config, end, names=known_events(store))
    return Part(SourceTables(rows.events, None, rows.payments), people)


def _met_since(extract: Extract, *, asks_values: bool) -> Choices:
    """The choices with events met since they were made, and with values asked for again."""
    choices, people, config = extract.choices, extract.population, extract.product.config
    unknown = sorted(set(people.event_names) - set(choices.events))
    if unknown:
        events = people.events.filter(people.events.event.isin(unknown))
        rows = near_rows(extract.engine, replace(people, events=events), config)
        rows = rows.filter(rows.day < config.exposure.within[-1])
        met = extract.engine.fetch("events not met before", rows.select("event").distinct())
        events_now = sorted({*choices.events, *met["event"].astype(str)})
        choices = replace(choices, events=tuple(events_now))
    if asks_values:
        exposures = replace(extract, frozen=choices).exposures
        found = frequent_values(extract.engine, exposures, config, _how_many(extract))
        choices = replace(choices, values=tuple(found))
    return choices


def _how_many(extract: Extract) -> int:
    people = extract.population.onboarded
    counted = people.aggregate(n=people.count())
    return int(extract.engine.fetch("accounts compared", counted)["n"][0])


def _write(store: StateStore, found: Difference, given: Sums | None) -> None:
    """The sums under the numbers of now: those kept, and those counted."""
    engine = store.engine
    kept = _numbers(store, "kept_candidates", found.kept)
    counted = _numbers(store, "counted_candidates", tuple(enumerate(found.counted)))
    for name in (name for name in BY_CANDIDATE if store.has(name)):
        rows = [_renumbered(store.table(name), kept)]
        if given is not None:
            own = engine.materialise(f"backfill_{name}", f"{name} counted", given.tables[name])
            rows.append(_renumbered(own, counted))
        now = engine.materialise(f"backfilled_{name}", "sums as they are now", joined(rows))
        store.create(name, in_order(now))


def _numbers(store: StateStore, name: str, pairs: Sequence[tuple[int, int]]) -> ir.Table:
    columns = {"candidate_no": [old for old, _ in pairs], "new_no": [new for _, new in pairs]}
    return store.engine.small_table(name, columns, {"candidate_no": "int32", "new_no": "int32"})


def _renumbered(rows: ir.Table, numbers: ir.Table) -> ir.Table:
    columns = rows.columns
    matched = rows.join(numbers, "candidate_no")
    return matched.mutate(candidate_no=matched.new_no).select(*columns)
