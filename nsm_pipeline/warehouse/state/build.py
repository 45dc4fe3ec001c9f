"""A state built anew from a whole run: what the next nights add to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.retention import EventRetention
from nsm_pipeline.waist.score_model import ScoreModel
from nsm_pipeline.warehouse.candidates import resolve_candidates
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.cohort import core_events
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.series import payments_at_core, weekly_sums
from nsm_pipeline.warehouse.state.catalogue import Catalogue
from nsm_pipeline.warehouse.state.clock import clock_rows
from nsm_pipeline.warehouse.state.intake import Intake
from nsm_pipeline.warehouse.state.rows import (
    attributes,
    event_names,
    first_core,
    kept_events,
    kept_payments,
    moment,
    newest_moment,
    numbered,
    returning_among,
)
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import Sums, create_sums, read_strata
from nsm_pipeline.warehouse.state.weeks import active_weeks, closed_by, counted_pairs

# No two states of a product have a stamp in common, though each version counts nights of its own.
STAMPS_PER_VERSION = 1_000_000


@dataclass(frozen=True)
class Build:
    """What a state is built from, besides the extract: the score, its number, and notes to keep."""

    model: ScoreModel
    number: int
    notes: Mapping[str, Any]


def build_state(extract: Extract, build: Build, path: Path) -> None:
    """Builds the state aside and swaps it in whole, so that a crash leaves the old one.

    `notes` are kept among the state's facts as they are: `digests` of the product, the `profile`
    and the `advice` of the run.
    """
    aside = path.with_name(f"{path.name}.next")
    for left in (aside, aside.with_name(f"{aside.name}.wal")):
        left.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    intake = Intake.of(extract.product, extract.engine)
    store = intake.attach(aside)
    try:
        extract = intake.whole(extract)
        with store.transaction():
            _create_rows(store, extract)
            batches = intake.batches(extract.tables, intake.files)
            store.replace_batches(tuple(batches), accounts=True)
            _create_clock(store, extract)
            create_sums(store, Sums.of(extract, build.model))
            store.write_facts(_facts(store, extract, build))
    finally:
        store.detach()
    aside.replace(path)


def _create_rows(store: StateStore, extract: Extract) -> None:
    config, tables = extract.product.config, extract.tables
    events = kept_events(tables, config)
    names = [events.select("account")]
    if tables.revenue is not None:
        payments = kept_payments(tables.revenue)
        names.append(payments.filter(payments.account.notnull()).select("account"))
    # Not `union(distinct=True)`: of one table, without revenue, it is the table as it stands.
    known = ibis.union(*names).distinct()
    order = ibis.row_number().over(order_by=known.account)
    store.create("accounts", known.mutate(account_no=order.cast("int64")))
    accounts = store.table("accounts")
    store.create("events", numbered(events, accounts))
    if tables.revenue is not None:
        store.create("payments", numbered(payments, accounts))
        store.create("weekly_sums", weekly_sums(store.table("payments")))
    if tables.accounts is not None:
        store.create("attributes", attributes(tables.accounts, config))
    stored = store.table("events")
    visible = stored.filter(stored["at"] <= moment(extract.as_of))
    store.create("names", event_names(visible))


def _create_clock(store: StateStore, extract: Extract) -> None:
    config, onboarded = extract.product.config, extract.population.onboarded
    retained = extract.outcome.join(onboarded.select("account_no", "account"), "account_no")
    # In order of the moments that nights ask for: each then reads a few blocks of either table.
    clock = clock_rows(onboarded, store.table("accounts"), retained)
    store.create("clock", clock.order_by("t0"))
    clock = store.table("clock")
    events = store.table("events")
    visible = events.filter(events["at"] <= moment(extract.as_of))
    store.create("first_core", first_core(visible, clock, config))
    pairs = active_weeks(store.engine, returning_rows(store, config), clock)
    store.create("active_weeks", pairs.order_by("closes"))
    closed = closed_by(store.table("active_weeks"), extract.population.observed_until)
    store.create("active_sums", counted_pairs(closed))


def returning_rows(store: StateStore, config: ProductConfig) -> ir.Table:
    """`account_no, at` of everything kept that shows an account is still there."""
    log = "events" if isinstance(config.retention, EventRetention) else "payments"
    return returning_among(store.table(log), config)


def _facts(store: StateStore, extract: Extract, build: Build) -> dict[str, Any]:
    config = extract.product.config
    events = store.table("events")
    visible = events.filter(events["at"] <= moment(extract.as_of))
    at_core = {"payments": 0, "at_core": 0}
    if extract.tables.revenue is not None:
        core = visible.filter(core_events(visible, config.core_metric))
        at_core = payments_at_core(
            extract.engine, store.table("payments"), core, ("account_no", "at")
        )
    fitted = extract.as_of.isoformat()
    version = ScoreVersion(build.number, fitted, build.model, extract.choices)
    return {
        **build.notes,
        "night": {},
        "stamp": build.number * STAMPS_PER_VERSION,
        "as_of": fitted,
        "end": extract.population.observed_until.isoformat(),
        "newest": newest_moment(extract.engine.fetch("newest", _newest(visible))["newest"][0]),
        "version": version.as_json(),
        "at_core": at_core,
        "strata": read_strata(store).to_dict("list"),
        "catalogue": Catalogue.of(
            resolve_candidates(config, list(version.choices.events), list(version.choices.values))
        ).as_json(),
    }


def _newest(rows: ir.Table) -> ir.Table:
    return rows.aggregate(newest=rows["at"].max())
