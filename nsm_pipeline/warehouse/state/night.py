"""A night: the state carried from the last end of observation to this one, in one transaction.

For every account that changed, its share in the sums as they stand is taken out and its share as
of tonight put in; both are counted by the same `Extract` that counts a whole run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.retention import EventRetention
from nsm_pipeline.warehouse.cohort import core_events
from nsm_pipeline.warehouse.log import Fetch
from nsm_pipeline.warehouse.series import count_at_core, weekly_sums
from nsm_pipeline.warehouse.state.arrival import Arrived, NewRows
from nsm_pipeline.warehouse.state.changes import Tonight, find_moved, to_count_anew
from nsm_pipeline.warehouse.state.procedure import Wanted
from nsm_pipeline.warehouse.state.rows import attributes, event_names, moment, returning_among
from nsm_pipeline.warehouse.state.shares import Counting, count_shares
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import ADDED
from nsm_pipeline.warehouse.state.variables import (
    AS_OF,
    END,
    LAST,
    LAST_END,
    TONIGHT,
    set_moments,
    set_smallest,
)
from nsm_pipeline.warehouse.state.weeks import carry_weeks

ANEW, PAID = "accounts counted anew", "payments at the moment of a core event"
NEW_ROWS = ("night_events", "night_payments", "night_accounts", "night_fresh", "arrived_accounts")


def set_runs(store: StateStore, facts: dict[str, Any], as_of: datetime) -> None:
    """The moments of the run before and of this one, for all statements to come."""
    set_moments(store.engine, {LAST: datetime.fromisoformat(facts["as_of"]), AS_OF: as_of})


def carry(
    store: StateStore, counting: Counting, arrived: Arrived, facts: dict[str, Any], as_of: datetime
) -> dict[str, Any]:
    """Writes tonight's rows and sums, inside a transaction; gives the new facts to be written.

    `as_of` is not before the state's last moment.
    """
    config, version = counting.product.config, counting.version
    before = facts["newest"] and datetime.fromisoformat(facts["newest"])
    newest = max(filter(None, (before, arrived.newest)), default=None)
    end = _end(config, newest, as_of)
    set_moments(store.engine, {LAST_END: datetime.fromisoformat(facts["end"]), END: end})
    follows = {
        "version": version.as_json(),
        "event_names": counting.event_names,
    }
    # Two texts, because accounts change on some nights and not on others.
    name = "carry_accounts_too" if arrived.accounts_changed else "carry"
    found = Wanted(name, config, follows, NEW_ROWS).ask(
        store,
        lambda state, ask: _carry(state, counting, ask, anew=arrived.accounts_changed),
    )
    at_core = facts["at_core"]
    if PAID in found:
        at_core = {name: at_core[name] + int(found[PAID][name][0]) for name in at_core}
    return {
        **facts,
        "stamp": facts["stamp"] + 1,
        "as_of": as_of.isoformat(),
        "end": end.isoformat(),
        "newest": newest and newest.isoformat(),
        "at_core": at_core,
        "night": {"accounts": int(found[ANEW]["n"][0])},
    }


def _carry(store: StateStore, counting: Counting, ask: Fetch, *, anew: bool) -> None:
    config, engine = counting.product.config, store.engine
    rows, said = NewRows.of(store, config), None
    if anew and rows.listed is not None:
        now = attributes(rows.listed, config)
        said = engine.materialise("night_said", "what the accounts table says", now)
    tonight = Tonight(rows, TONIGHT, said)
    moved = find_moved(store, config, tonight, counting.version.choices.labels)
    changed = to_count_anew(store, config, tonight, moved)
    everyone = changed.everyone()
    ask(ANEW, everyone.aggregate(n=everyone.count()))
    shares = count_shares(store, counting, tonight, (changed, moved))
    weeks, active = carry_weeks(store, _returning(store, config, tonight), moved, TONIGHT)
    _ask_at_core(store, config, tonight, ask)
    for name, change in shares.changes.items():
        store.add_up(name, change, ADDED)
    store.remove("active_weeks", moved.keys)
    store.append("active_weeks", weeks)
    store.create("active_sums", active)
    store.remove("clock", changed.whole)
    store.append("clock", shares.clock)
    store.remove("first_core", moved.asked)
    store.append("first_core", moved.first_core)
    if said is not None:
        store.create("attributes", said)
    _write_rows(store, rows)


def _returning(
    store: StateStore, config: ProductConfig, tonight: Tonight
) -> tuple[ir.Table, ir.Table]:
    """`account_no, at` that show an account is still there: tonight's, and all that is kept."""
    rows = tonight.rows
    if isinstance(config.retention, EventRetention) or rows.payments is None:
        stored = store.table("events").select(*rows.events.columns)
        new, everything = rows.fresh, ibis.union(stored, rows.events)
    else:
        new, everything = rows.payments, ibis.union(store.table("payments"), rows.payments)
    return returning_among(new, config), returning_among(everything, config)


def _ask_at_core(store: StateStore, config: ProductConfig, tonight: Tonight, ask: Fetch) -> None:
    """Payments, and those booked at a core event, that tonight's rows of either add."""
    payments, fresh = tonight.rows.payments, tonight.rows.fresh
    if payments is None:
        return
    engine, keys = store.engine, ["account_no", "at"]
    core = fresh.filter(core_events(fresh, config.core_metric)).select(*keys)
    touched = ibis.union(core, payments.select(*keys), distinct=True)
    touched = engine.materialise("night_moments", "moments of tonight's rows", touched)
    first = set_smallest(engine, "first_moment", touched["at"])
    known = store.table("events")
    known = known.filter(known["at"] >= first, known["at"] <= moment(tonight.span.last))
    known = known.filter(core_events(known, config.core_metric)).semi_join(touched, keys)
    known = engine.materialise("night_known_core", "core events there already", known.select(*keys))
    paid = store.table("payments")
    paid = paid.filter(paid["at"] >= first).semi_join(touched, keys)
    paid = engine.materialise("night_known_paid", "payments there already", paid)
    old = count_at_core(paid, known, keys)
    new = count_at_core(
        ibis.union(paid, payments.select(*paid.columns)), ibis.union(known, core), keys
    )
    both = new.cross_join(old, rname="{name}_before")
    ask(PAID, both.select(**{name: both[name] - both[f"{name}_before"] for name in old.columns}))


def _write_rows(store: StateStore, rows: NewRows) -> None:
    store.append("accounts", rows.accounts)
    store.append("events", rows.events)
    if rows.payments is not None:
        weekly = ibis.union(store.table("weekly_sums"), weekly_sums(rows.payments))
        summed = weekly.group_by("week").aggregate(revenue=weekly.revenue.sum())
        store.create("weekly_sums", summed)
        store.append("payments", rows.payments)
    names = ibis.union(store.table("names"), event_names(rows.fresh))
    store.create(
        "names",
        names.group_by("event").aggregate(
            rows=names.rows.sum().cast("int64"), first=names["first"].min()
        ),
    )


def _end(config: ProductConfig, newest: datetime | None, as_of: datetime) -> datetime:
    """The end of observation: declared, or the newest event known; as `cohort` has it."""
    declared = config.source.observed_until or newest
    if declared is None:
        return as_of
    return min(declared if declared.tzinfo else declared.replace(tzinfo=UTC), as_of)
