"""The share of some accounts in the sums, as they were and as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.warehouse.account_outcomes import revenue_days
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.state.arrival import Arrived
from nsm_pipeline.warehouse.state.changes import Moved, Tonight
from nsm_pipeline.warehouse.state.clock import eligible_at, outcome_days, population_at
from nsm_pipeline.warehouse.state.procedure import Procedure, Wanted
from nsm_pipeline.warehouse.state.rows import moment
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import SUMS, Sums, net_changes


@dataclass(frozen=True)
class Shares:
    """What accounts put into the sums now, less what they had put in.

    `changes` is, per table of the state, what is to be added to its rows; `clock` the accounts'
    rows as of tonight, with who is retained.
    """

    clock: ir.Table
    changes: Mapping[str, ir.Table]


@dataclass(frozen=True)
class Logs:
    """Rows with `account_no`: of events, and of payments where revenue is declared."""

    events: ir.Table
    payments: ir.Table | None

    @classmethod
    def of(cls, store: StateStore) -> Logs:
        """All that the state keeps."""
        return cls(
            store.table("events"), store.table("payments") if store.has("payments") else None
        )

    def near(self, engine: Engine, config: ProductConfig, clock: ir.Table) -> Logs | None:
        """The rows that may be those accounts' to count, not copied; None where no account is.

        Only rows between the first onboarding and the last outcome are looked at, so the usual
        night, whose accounts began together, reads a stretch of the log and not all of it.
        """
        bounds = clock.aggregate(n=clock.count(), first=clock.t0.min(), last=clock.t0.max())
        found = engine.fetch("when they onboarded", bounds).iloc[0]
        if not found["n"]:
            return None
        span = (found["first"].to_pydatetime(), found["last"].to_pydatetime())
        days = outcome_days(config)
        events, payments = _stretch(self.events, span, days), self.payments
        if payments is not None:
            windows = config.exposure.within
            days = max(days, *(revenue_days(window) for window in windows))
            payments = _stretch(payments, span, days)
        return Logs(events, payments)

    def kept(self, engine: Engine, accounts: ir.Table) -> Logs:
        """A copy of the rows of these accounts (`account_no`, each once): read twice, found once.

        Joined, because DuckDB looks numbers that span no more than a million up in a plain array
        for a join, and not for a semi-join: half the CPU of looking through the stretch.
        """
        events = self.events.join(accounts, "account_no")
        events = engine.materialise("night_kept_events", "their events so far", events)
        payments = self.payments
        if payments is not None:
            payments = payments.join(accounts, "account_no")
            payments = engine.materialise("night_kept_paid", "their payments so far", payments)
        return Logs(events, payments)

    def plus(self, arrived: Arrived) -> Logs:
        """These rows and tonight's."""
        payments, paid = self.payments, arrived.payments
        if payments is not None and paid is not None:
            payments = ibis.union(payments, paid)
        return Logs(ibis.union(self.events, arrived.events), payments)

    def named(self, clock: ir.Table, as_of: datetime) -> Logs:
        """Those of these accounts as the run may know of them, by `account`."""
        names = clock.select("account_no", "account")
        events, payments = self.events.filter(self.events["at"] <= moment(as_of)), self.payments
        if payments is not None:
            payments = _by_name(payments, names)
        return Logs(_by_name(events, names), payments)


def _stretch(rows: ir.Table, span: tuple[datetime, datetime], days: int) -> ir.Table:
    first, last = span
    return rows.filter(
        rows["at"] >= moment(first), rows["at"] <= moment(last + timedelta(days=days))
    )


def _by_name(rows: ir.Table, names: ir.Table) -> ir.Table:
    return rows.join(names, "account_no").drop("account_no").relocate("account")


def count_shares(
    store: StateStore,
    product: LoadedProduct,
    version: ScoreVersion,
    tonight: Tonight,
    accounts: tuple[ir.Table, Moved],
) -> Shares:
    """The shares of these accounts (`account_no`, and those among them that moved)."""
    anew, moved = accounts
    engine, span, config = store.engine, tonight.span, product.config
    before = engine.materialise(
        "night_before", "their clock last night", store.table("clock").semi_join(anew, "account_no")
    )
    stay = before.anti_join(moved.keys, "account_no")
    after = engine.materialise(
        "night_after", "their clock tonight", ibis.union(stay, moved.clock.select(*stay.columns))
    )
    then = eligible_at(before, config, span.last_end)
    now = eligible_at(after, config, span.end)
    changed = _changes(store, Counting(product, version, tonight), then, now)
    if changed is None:
        return Shares(after.mutate(retained=False), {})
    outcome = engine.backend.table("outcome")
    kept = outcome.filter(outcome.retained).select("account_no", kept=True)
    rows = after.left_join(kept, "account_no").drop("account_no_right")
    rows = rows.mutate(retained=rows.kept.fill_null(False)).drop("kept")
    return Shares(engine.materialise("night_rows", "their rows tonight", rows), changed)


@dataclass(frozen=True)
class Counting:
    """What shares are counted by."""

    product: LoadedProduct
    version: ScoreVersion
    tonight: Tonight


def _changes(
    store: StateStore, counting: Counting, then: ir.Table, now: ir.Table
) -> dict[str, ir.Table] | None:
    """What is to be added to the sums, of accounts eligible `then` and `now`; None if nobody is."""
    engine, config, tonight = store.engine, counting.product.config, counting.tonight
    span, either = tonight.span, ibis.union(then, now)
    logs = Logs.of(store).near(engine, config, either)
    if logs is None:
        return None
    keys = either.select("account_no").distinct()
    logs = logs.kept(engine, engine.materialise("night_shares", "accounts with a share", keys))
    names = _event_names(store, tonight)
    inputs = _send_part(engine, config, (then, logs), (span.last, span.last_end))
    procedure = _kept_procedure(store, Wanted(counting.product, counting.version, names, inputs))
    procedure.send(engine)
    procedure.run(engine)
    summed = [name for name in SUMS if store.has(name)]
    taken = Sums.counted_in(engine, summed).kept_as(engine, "night_taken")
    _send_part(engine, config, (now, logs.plus(tonight.arrived)), (span.as_of, span.end))
    procedure.run(engine)
    given = Sums.counted_in(engine, summed)
    return net_changes(engine, given.labelled_by(store), taken.labelled_by(store))


def _event_names(store: StateStore, tonight: Tonight) -> list[str]:
    """All names known tonight, sorted: events that are no candidate are still activity."""
    rows = ibis.union(store.table("names").select("event"), tonight.fresh.select("event"))
    found = store.engine.fetch("names of all events", rows.distinct())
    return sorted(found["event"].astype(str))


def _send_part(
    engine: Engine,
    config: ProductConfig,
    accounts: tuple[ir.Table, Logs],
    moments: tuple[datetime, datetime],
) -> dict[str, ir.Table]:
    """What a procedure reads of accounts and their rows, in place of the accounts before.

    `moments` are those of the run and of the end of observation.
    """
    (clock, logs), (as_of, end) = accounts, moments
    rows = logs.named(clock, as_of)
    people = population_at(clock, rows.events, config, end).onboarded
    sent = {
        "part_people": engine.materialise("part_people", "who they are", people),
        "part_events": engine.materialise("part_events", "their events", rows.events),
    }
    if rows.payments is not None:
        paid = engine.materialise("part_payments", "their payments", rows.payments)
        sent["part_payments"] = paid
    return sent


def _kept_procedure(store: StateStore, wanted: Wanted) -> Procedure:
    """The procedure that the state keeps from night to night, or one written now."""
    content = store.read_text("procedure")
    kept = Procedure.from_text(content) if content is not None else None
    if kept is not None and kept.key == wanted.key:
        return kept
    written = wanted.write()
    store.write_text("procedure", written.as_text())
    return written
