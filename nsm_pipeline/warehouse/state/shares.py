"""The share of some accounts in the sums, as they were and as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.warehouse.account_outcomes import revenue_days
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.cohort import Population, days_after
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.extract import Extract, Part
from nsm_pipeline.warehouse.log import Moment
from nsm_pipeline.warehouse.state.arrival import NewRows
from nsm_pipeline.warehouse.state.changes import Anew, Moved, Tonight
from nsm_pipeline.warehouse.state.clock import Span, eligible_at, onboarded_at, outcome_days
from nsm_pipeline.warehouse.state.rows import FOREVER, moment
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import NOW, PAID, THEN, Sums, net_changes
from nsm_pipeline.warehouse.state.variables import set_largest, set_smallest


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

    def near(self, engine: Engine, config: ProductConfig, clock: ir.Table) -> Logs:
        """The rows that may be those accounts' to count, not copied.

        Only rows between the first onboarding and the last outcome are looked at, so the usual
        night, whose accounts began together, reads a stretch of the log and not all of it.
        """
        first = set_smallest(engine, "first_onboarding", clock.t0)
        last = set_largest(engine, "last_onboarding", clock.t0)
        days = outcome_days(config)
        events, payments = _stretch(self.events, (first, last), days), self.payments
        if payments is not None:
            windows = config.exposure.within
            days = max(days, *(revenue_days(window) for window in windows))
            payments = _stretch(payments, (first, last), days)
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

    def plus(self, new: NewRows) -> Logs:
        """These rows and tonight's, told apart by `came`."""
        payments = self.payments
        if payments is not None and new.payments is not None:
            payments = _with(payments, new.payments)
        return Logs(_with(self.events, new.events), payments)

    def named(self, clock: ir.Table, as_of: Moment) -> Logs:
        """Those of these accounts as the run may know of them, by `account`."""
        names = clock.select("account_no", "account")
        events, payments = self.events.filter(self.events["at"] <= moment(as_of)), self.payments
        if payments is not None:
            payments = _by_name(payments, names)
        return Logs(_by_name(events, names), payments)

    def of_sides(self, people: ir.Table, span: Span) -> Logs:
        """Those of the accounts of `sides_of`, by `account`: THEN knows no rows of tonight."""
        events, payments = _of_sides(self.events, people), self.payments
        known = ibis.ifelse(events.side == THEN, moment(span.last), moment(span.as_of))
        events = events.filter(events["at"] <= known).drop("side")
        if payments is not None:
            payments = _of_sides(payments, people).drop("side")
        return Logs(events, payments)


def _stretch(
    rows: ir.Table, span: tuple[ir.TimestampScalar, ir.TimestampScalar], days: int
) -> ir.Table:
    first, last = span
    return rows.filter(rows["at"] >= first, rows["at"] <= days_after(last, days))


def _by_name(rows: ir.Table, names: ir.Table) -> ir.Table:
    return rows.join(names, "account_no").drop("account_no").relocate("account")


def _with(rows: ir.Table, new: ir.Table) -> ir.Table:
    parts = (rows.mutate(came=False), new.select(*rows.columns).mutate(came=True))
    return ibis.union(*parts)


def _of_sides(rows: ir.Table, people: ir.Table) -> ir.Table:
    both = rows.join(people.select("account", "side", account_no="number"), "account_no")
    return both.filter(~both.came | (both.side != THEN)).drop("account_no", "came")


def sides_of(clocks: Mapping[int, ir.Table], config: ProductConfig, span: Span) -> ir.Table:
    """Accounts as they stood and as they stand, as different accounts: both are counted at once.

    Shape: as `Population.onboarded`, `account` a number too; `side` as of `clocks`, and `number`
    the `account_no` in the state. None is on the sides of NOW and PAID both.
    """
    parts = []
    for side, clock in clocks.items():
        rows = onboarded_at(clock, config, span.last_end if side == THEN else span.end)
        own = rows.account_no * 2 + int(side != THEN)
        sided = rows.mutate(side=ibis.literal(side, "int8"), number=rows.account_no)
        parts.append(sided.mutate(account_no=own, account=own))
    return ibis.union(*parts)


def _windows_of(people: ir.Table, paid: ir.Table | None, config: ProductConfig) -> ir.Table:
    """`account_no, within_days, side`: all windows; of PAID those known now."""
    whole = people.filter(people.side != PAID).select("account_no", "side")
    windows = config.exposure.within
    parts = [whole.mutate(within_days=ibis.literal(window, "int64")) for window in windows]
    if paid is not None:
        rows = people.filter(people.side == PAID).select("side", number="number", own="account_no")
        rows = rows.join(paid, rows.number == paid.account_no)
        parts.append(rows.select("side", "within_days", account_no="own").select(*parts[0].columns))
    return ibis.union(*parts)


@dataclass(frozen=True)
class Counting:
    """What shares are counted by: `event_names` are those of all events known tonight.

    Events that are no candidate are still activity.
    """

    product: LoadedProduct
    version: ScoreVersion
    event_names: tuple[str, ...]


def count_shares(
    store: StateStore, counting: Counting, tonight: Tonight, accounts: tuple[Anew, Moved]
) -> Shares:
    """The shares of these accounts, and those among them that moved."""
    anew, moved = accounts
    engine, span, config = store.engine, tonight.span, counting.product.config
    clock = store.table("clock")
    before = engine.materialise(
        "night_before", "their clock last night", clock.semi_join(anew.whole, "account_no")
    )
    stay = before.anti_join(moved.keys, "account_no")
    after = engine.materialise(
        "night_after", "their clock tonight", ibis.union(stay, moved.clock.select(*stay.columns))
    )
    then = eligible_at(before, config, span.last_end)
    now = eligible_at(after, config, span.end)
    clocks = {THEN: then, NOW: now}
    if anew.paid is not None:
        clocks[PAID] = clock.semi_join(anew.paid, "account_no").select(*before.columns)
    changed = _changes(store, counting, tonight, (clocks, anew.paid))
    outcome = store.temporary("outcome").join(store.temporary("part_people"), "account_no")
    kept = outcome.filter(outcome.retained, outcome.side == NOW)
    kept = kept.select(account_no="number", kept=True)
    rows = after.left_join(kept, "account_no").drop("account_no_right")
    rows = rows.mutate(retained=rows.kept.fill_null(False)).drop("kept")
    return Shares(engine.materialise("night_rows", "their rows tonight", rows), changed)


def _changes(
    store: StateStore,
    counting: Counting,
    tonight: Tonight,
    sides: tuple[Mapping[int, ir.Table], ir.Table | None],
) -> dict[str, ir.Table]:
    """What is to be added to the sums, of accounts eligible by side."""
    engine, config = store.engine, counting.product.config
    clocks, paid = sides
    people = sides_of(clocks, config, tonight.span)
    people = engine.materialise("part_people", "who they are, then and now", people)
    windows = _windows_of(people, paid, config)
    windows = engine.materialise("part_sides", "what is counted of them", windows)
    logs = Logs.of(store).near(engine, config, people)
    keys = people.select(account_no="number").distinct()
    logs = logs.kept(engine, engine.materialise("night_shares", "accounts with a share", keys))
    rows = logs.plus(tonight.rows).of_sides(people, tonight.span)
    payments = rows.payments
    events = engine.materialise("part_events", "their events", rows.events)
    if payments is not None:
        payments = engine.materialise("part_payments", "their payments", payments)
    known = Population(people, events, counting.event_names, FOREVER)
    part = Part(SourceTables(events, None, payments), known)
    choices = counting.version.choices
    extract = Extract(counting.product, FOREVER, engine, choices, part)
    sums = Sums.of(extract, counting.version.model, windows)
    return net_changes(engine, sums.labelled_by(store))
