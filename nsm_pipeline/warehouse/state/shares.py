"""The share of some accounts in the sums, as they were and as they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.warehouse.account_outcomes import revenue_days
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.extract import Extract, Part
from nsm_pipeline.warehouse.state.changes import Moved, Tonight
from nsm_pipeline.warehouse.state.clock import eligible_at, outcome_days, population_at
from nsm_pipeline.warehouse.state.rows import rows_of
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import Sums


@dataclass(frozen=True)
class Shares:
    """What accounts had put into the sums (`taken`), what they put in now (`given`).

    `clock` are their rows as of tonight, with who is retained. Nothing is taken or given (None)
    when none of them was, or is, eligible.
    """

    clock: ir.Table
    taken: Sums | None
    given: Sums | None


def count_shares(
    store: StateStore,
    product: LoadedProduct,
    version: ScoreVersion,
    tonight: Tonight,
    accounts: tuple[ir.Table, Moved],
) -> Shares:
    """The shares of these accounts (`account_no`, and those among them that moved)."""
    anew, moved = accounts
    engine, span, clock = store.engine, tonight.span, store.table("clock")
    before = engine.materialise(
        "night_before", "their clock last night", clock.semi_join(anew, "account_no")
    )
    stay = before.anti_join(moved.keys, "account_no")
    after = engine.materialise(
        "night_after", "their clock tonight", ibis.union(stay, moved.clock.select(*stay.columns))
    )
    events, payments = store.table("events"), None
    paid = tonight.arrived.payments
    if paid is not None:
        payments = store.table("payments")
    whose = (product, store, version)
    old = _part(whose, before, (events, payments), (span.last, span.last_end))
    taken = Sums.of(old, version.model, "night_taken") if old else None
    events = ibis.union(events, tonight.arrived.events)
    if paid is not None and payments is not None:
        payments = ibis.union(payments, paid)
    new = _part(whose, after, (events, payments), (span.as_of, span.end))
    if new is None:
        return Shares(after.mutate(retained=False), taken, None)
    given = Sums.of(new, version.model, "night_given")
    kept = new.outcome.filter(new.outcome.retained).select("account_no", kept=True)
    rows = after.left_join(kept, "account_no").drop("account_no_right")
    rows = rows.mutate(retained=rows.kept.fill_null(False)).drop("kept")
    return Shares(engine.materialise("night_rows", "their rows tonight", rows), taken, given)


@dataclass(frozen=True)
class ClosedRows:
    """The clock of eligible accounts, and the rows of each log that may be theirs to count."""

    clock: ir.Table
    events: ir.Table
    payments: ir.Table | None


def closed_rows(
    store: StateStore,
    config: ProductConfig,
    clock: ir.Table,
    logs: tuple[ir.Table, ir.Table | None],
    moments: tuple[datetime, datetime],
) -> ClosedRows | None:
    """The eligible among these accounts with their own rows, not copied; None when nobody is.

    Only rows between the first onboarding and the last outcome are looked at, so the usual night,
    whose accounts began together, reads a stretch of the log and not all of it. `moments` are
    those of the run and of the end of observation.
    """
    engine, (as_of, end) = store.engine, moments
    rows = engine.materialise("part_clock", "this part", eligible_at(clock, config, end))
    bounds = rows.aggregate(n=rows.count(), first=rows.t0.min(), last=rows.t0.max())
    found = engine.fetch("when they onboarded", bounds).iloc[0]
    if not found["n"]:
        return None
    first, last = found["first"].to_pydatetime(), found["last"].to_pydatetime()
    names, longest = rows.select("account_no", "account"), outcome_days(config)
    until = min(last + timedelta(days=longest), as_of.astimezone(UTC).replace(tzinfo=None))
    events, payments = rows_of(logs[0], names, first, until), logs[1]
    if payments is not None:
        longest = max(longest, *(revenue_days(window) for window in config.exposure.within))
        payments = rows_of(payments, names, first, last + timedelta(days=longest))
    return ClosedRows(rows, events, payments)


def _part(
    whose: tuple[LoadedProduct, StateStore, ScoreVersion],
    clock: ir.Table,
    logs: tuple[ir.Table, ir.Table | None],
    moments: tuple[datetime, datetime],
) -> Extract | None:
    (product, store, version), (as_of, end) = whose, moments
    engine, config = store.engine, product.config
    closed = closed_rows(store, config, clock, logs, moments)
    if closed is None:
        return None
    events = engine.materialise("part_events", "its events", closed.events)
    payments = closed.payments
    if payments is not None:
        payments = engine.materialise("part_payments", "its payments", payments)
    named = engine.fetch("names of its events", events.select("event").distinct())
    names = sorted(named["event"].astype(str))
    people = population_at(closed.clock, events, config, end, names=names)
    part = Part(SourceTables(events, None, payments), people)
    return Extract(product, as_of, engine, version.choices, part)
