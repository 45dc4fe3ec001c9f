"""Which accounts the night changes: those on the clock that moved, and those to be counted anew."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.account_outcomes import revenue_days
from nsm_pipeline.warehouse.cohort import build_onboarded, core_events, days_after
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.labels import Labels
from nsm_pipeline.warehouse.state.arrival import NewRows, said_otherwise
from nsm_pipeline.warehouse.state.clock import Span, clock_rows, crossing, eligible_at, outcome_days
from nsm_pipeline.warehouse.state.rows import FOREVER, first_core, moment
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.variables import set_smallest


@dataclass(frozen=True)
class Moved:
    """Accounts whose row on the clock is another one tonight, or the first, or gone.

    `asked` are those looked at, with `first_core` their core events up to t0; `keys` those that
    moved, with `clock` their new rows.
    """

    asked: ir.Table
    first_core: ir.Table
    keys: ir.Table
    clock: ir.Table


@dataclass(frozen=True)
class Tonight:
    """What came tonight, and the span it lies in.

    `said` is what the accounts table says now, if it says something else than the last night.
    """

    rows: NewRows
    span: Span
    said: ir.Table | None


def find_moved(store: StateStore, config: ProductConfig, tonight: Tonight, labels: Labels) -> Moved:
    """Asks again, with tonight's rows, for every account whose onboarding may be another one."""
    engine, clock = store.engine, store.table("clock")
    fresh, said = tonight.rows.fresh, tonight.said
    core = fresh.filter(core_events(fresh, config.core_metric))
    keys = [_touched(store, core, tonight, config)]
    if said is not None:
        other = clock.semi_join(said_otherwise(store, said), "account")
        keys.append(other.select("account_no"))
    asked = engine.materialise(
        "night_asked", "accounts to ask again", ibis.union(*keys, distinct=True)
    )
    everyone = store.table("accounts").select("account", "account_no")
    everyone = ibis.union(everyone, tonight.rows.accounts)
    names = engine.materialise(
        "night_asked_names", "their names", everyone.semi_join(asked, "account_no")
    )
    first = ibis.union(store.table("first_core"), core).semi_join(asked, "account_no")
    first = engine.materialise("night_core", "their core events up to onboarding", first)
    rows = first if config.exclude.bots is None else _since_first(store, tonight, first, asked)
    onboarded = _onboarded(store, config, tonight, (rows, names), labels)
    found = engine.materialise(
        "night_clock", "when they onboard", clock_rows(onboarded, names, None)
    )
    before = clock.semi_join(asked, "account_no").drop("retained")
    after = found.select(*before.columns)
    differing = ibis.union(before.difference(after), after.difference(before))
    moved = engine.materialise(
        "night_moved", "accounts that moved", differing.select("account_no").distinct()
    )
    kept = engine.materialise("night_first", "what says when", first_core(first, found, config))
    return Moved(asked, kept, moved, found.semi_join(moved, "account_no"))


def _touched(
    store: StateStore, core: ir.Table, tonight: Tonight, config: ProductConfig
) -> ir.Table:
    """Accounts with a core event up to t0 or without one so far; with bots, any in the window."""
    clock, fresh = store.table("clock"), tonight.rows.fresh
    near = clock.semi_join(fresh, "account_no").select("account_no", "t0")
    near = store.engine.materialise("night_near", "onboarded accounts seen tonight", near)
    early = core.left_join(near, "account_no")
    keys = early.filter(early.t0.isnull() | (early["at"] <= early.t0)).select("account_no")
    if config.exclude.bots is None:
        return keys.distinct()
    inside = fresh.join(near, "account_no")
    until = days_after(inside.t0, config.exposure.within[-1])
    inside = inside.filter(inside["at"] >= inside.t0, inside["at"] < until)
    return ibis.union(keys, inside.select("account_no"), distinct=True)


def _since_first(store: StateStore, tonight: Tonight, first: ir.Table, asked: ir.Table) -> ir.Table:
    """Everything these accounts did since the first of their core events: a bot is told by it."""
    stored, since = store.table("events"), set_smallest(store.engine, "first_core", first["at"])
    rows = ibis.union(stored.filter(stored["at"] >= since), tonight.rows.events)
    rows = rows.filter(rows["at"] <= moment(tonight.span.as_of))
    return rows.semi_join(asked, "account_no")


def _onboarded(
    store: StateStore,
    config: ProductConfig,
    tonight: Tonight,
    rows_and_names: tuple[ir.Table, ir.Table],
    labels: Labels,
) -> ir.Table:
    rows, names = rows_and_names
    engine, accounts = store.engine, tonight.rows.listed
    named = rows.join(names, "account_no").drop("account_no").relocate("account")
    events = engine.materialise("night_asked_events", "their events", named)
    if accounts is not None:
        accounts = engine.materialise(
            "night_attributes", "their attributes", accounts.semi_join(names, "account")
        )
    # The clock holds at any end of observation.
    tables = SourceTables(events, accounts, None)
    return build_onboarded(engine, tables, config, FOREVER, labels=labels)


@dataclass(frozen=True)
class Anew:
    """Accounts whose share in the sums may be another one tonight.

    `whole` are `account_no` of those to be counted anew in all; `paid` (`account_no, within_days`)
    of all others those of which the weeks of revenue after a window are over, and nothing else has
    become known; None where no revenue is declared.
    """

    whole: ir.Table
    paid: ir.Table | None

    def everyone(self) -> ir.Table:
        """`account_no` of either."""
        if self.paid is None:
            return self.whole
        return ibis.union(self.whole, self.paid.select("account_no"), distinct=True)


def to_count_anew(store: StateStore, config: ProductConfig, tonight: Tonight, moved: Moved) -> Anew:
    """The accounts to be counted anew."""
    clock, span, days = store.table("clock"), tonight.span, outcome_days(config)
    counted = eligible_at(clock, config, span.last_end)
    keys = [moved.keys, crossing(clock, days, span.last_end, span.end).select("account_no")]
    keys.append(_late(counted, tonight.rows.fresh, days))
    bounds = {window: revenue_days(window) for window in config.exposure.within}
    if tonight.rows.payments is not None:
        keys.append(_late(counted, tonight.rows.payments, max(days, *bounds.values())))
    whole = store.engine.materialise(
        "night_anew", "accounts to be counted anew", ibis.union(*keys, distinct=True)
    )
    if config.source.revenue is None:
        return Anew(whole, None)
    over = [
        crossing(counted, bound, span.last_end, span.end).select(
            "account_no", within_days=ibis.literal(window, "int64")
        )
        for window, bound in bounds.items()
    ]
    paid = ibis.union(*over).anti_join(whole, "account_no")
    paid = store.engine.materialise("night_paid", "accounts whose revenue is known now", paid)
    return Anew(whole, paid)


def _late(counted: ir.Table, rows: ir.Table, days: int) -> ir.Table:
    """Accounts counted before of which a new row lies in what was counted."""
    touched = counted.select("account_no", "t0").join(rows.select("account_no", "at"), "account_no")
    late = touched.filter(
        touched["at"] >= touched.t0, touched["at"] <= days_after(touched.t0, days)
    )
    return late.select("account_no").distinct()
