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
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.retention import EventRetention
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.cohort import core_events
from nsm_pipeline.warehouse.series import payments_at_core, weekly_sums
from nsm_pipeline.warehouse.state.arrival import Arrived
from nsm_pipeline.warehouse.state.changes import Tonight, find_moved, to_count_anew
from nsm_pipeline.warehouse.state.clock import Span
from nsm_pipeline.warehouse.state.rows import (
    event_names,
    moment,
    newest_moment,
    returning_among,
)
from nsm_pipeline.warehouse.state.shares import count_shares
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import ADDED
from nsm_pipeline.warehouse.state.weeks import carry_weeks, earliest


def tonight_of(
    store: StateStore,
    config: ProductConfig,
    arrived: Arrived,
    facts: dict[str, Any],
    as_of: datetime,
    *,
    accounts_changed: bool,
) -> Tonight:
    """The night from the state's last moment to `as_of`, which is not before it."""
    last = datetime.fromisoformat(facts["as_of"])
    stored = store.table("events")
    waiting = stored.filter(stored["at"] > moment(last), stored["at"] <= moment(as_of))
    came = arrived.events.filter(arrived.events["at"] <= moment(as_of))
    fresh = ibis.union(came, waiting.select(*came.columns))
    fresh = store.engine.materialise("night_fresh", "events not known the last night", fresh)
    end = _end(config, _newest(store, fresh, facts), as_of)
    return Tonight(
        arrived,
        fresh,
        Span(last, as_of, datetime.fromisoformat(facts["end"]), end),
        accounts_changed,
    )


def carry(
    store: StateStore, product: LoadedProduct, tonight: Tonight, facts: dict[str, Any]
) -> dict[str, Any]:
    """Writes tonight's rows and sums, inside a transaction; gives the new facts to be written."""
    config, version = product.config, ScoreVersion.from_json(facts["version"])
    engine, span = store.engine, tonight.span
    moved = find_moved(store, config, tonight, version.choices.labels)
    anew = to_count_anew(store, config, tonight, moved)
    shares = count_shares(store, product, version, tonight, (anew, moved))
    weeks, active = carry_weeks(store, _returning(store, config, tonight), moved, span)
    at_core = _at_core(store, config, tonight, facts["at_core"])
    newest = _newest(store, tonight.fresh, facts)
    counted = engine.fetch("accounts counted anew", anew.aggregate(n=anew.count()))
    new = {
        **facts,
        "stamp": facts["stamp"] + 1,
        "as_of": span.as_of.isoformat(),
        "end": span.end.isoformat(),
        "newest": newest and newest.isoformat(),
        "at_core": at_core,
        "night": {"accounts": int(counted["n"][0])},
    }
    for name, change in shares.changes.items():
        store.add_up(name, change, ADDED)
    store.remove("active_weeks", moved.keys)
    store.append("active_weeks", weeks)
    store.create("active_sums", active)
    store.remove("clock", anew)
    store.append("clock", shares.clock)
    store.remove("first_core", moved.asked)
    store.append("first_core", moved.first_core)
    if moved.said is not None:
        store.create("attributes", moved.said)
    _write_rows(store, tonight)
    return new


def _returning(
    store: StateStore, config: ProductConfig, tonight: Tonight
) -> tuple[ir.Table, ir.Table]:
    """`account_no, at` that show an account is still there: tonight's, and all that is kept."""
    payments = tonight.arrived.payments
    if isinstance(config.retention, EventRetention) or payments is None:
        stored = store.table("events").select(*tonight.fresh.columns)
        new, everything = tonight.fresh, ibis.union(stored, tonight.arrived.events)
    else:
        new, everything = payments, ibis.union(store.table("payments"), payments)
    return returning_among(new, config), returning_among(everything, config)


def _at_core(
    store: StateStore, config: ProductConfig, tonight: Tonight, before: dict[str, int]
) -> dict[str, int]:
    """Payments, and those booked at a core event, with tonight's rows of either."""
    payments = tonight.arrived.payments
    if payments is None:
        return before
    engine, keys = store.engine, ["account_no", "at"]
    core = tonight.fresh.filter(core_events(tonight.fresh, config.core_metric)).select(*keys)
    touched = ibis.union(core, payments.select(*keys), distinct=True)
    touched = engine.materialise("night_moments", "moments of tonight's rows", touched)
    first = moment(earliest(store, touched, "at"))
    known = store.table("events")
    known = known.filter(known["at"] >= first, known["at"] <= moment(tonight.span.last))
    known = known.filter(core_events(known, config.core_metric)).semi_join(touched, keys)
    known = engine.materialise("night_known_core", "core events there already", known.select(*keys))
    paid = store.table("payments")
    paid = paid.filter(paid["at"] >= first).semi_join(touched, keys)
    paid = engine.materialise("night_known_paid", "payments there already", paid)
    old = payments_at_core(engine, paid, known, keys)
    both = ibis.union(paid, payments.select(*paid.columns))
    new = payments_at_core(engine, both, ibis.union(known, core), keys)
    return {name: before[name] + new[name] - old[name] for name in before}


def _write_rows(store: StateStore, tonight: Tonight) -> None:
    arrived = tonight.arrived
    store.append("accounts", arrived.accounts)
    store.append("events", arrived.events)
    if arrived.payments is not None:
        weekly = ibis.union(store.table("weekly_sums"), weekly_sums(arrived.payments))
        summed = weekly.group_by("week").aggregate(revenue=weekly.revenue.sum())
        store.create("weekly_sums", summed)
        store.append("payments", arrived.payments)
    names = ibis.union(store.table("names"), event_names(tonight.fresh))
    store.create(
        "names",
        names.group_by("event").aggregate(
            rows=names.rows.sum().cast("int64"), first=names["first"].min()
        ),
    )
    store.replace_batches(arrived.batches, accounts=tonight.accounts_changed)


def _newest(store: StateStore, fresh: ir.Table, facts: dict[str, Any]) -> datetime | None:
    found = store.engine.fetch("newest event", fresh.aggregate(at=fresh["at"].max()))["at"][0]
    texts = [text for text in (facts["newest"], newest_moment(found)) if text]
    return max((datetime.fromisoformat(text) for text in texts), default=None)


def _end(config: ProductConfig, newest: datetime | None, as_of: datetime) -> datetime:
    """The end of observation: declared, or the newest event known; as `cohort` has it."""
    declared = config.source.observed_until or newest
    if declared is None:
        return as_of
    return min(declared if declared.tzinfo else declared.replace(tzinfo=UTC), as_of)
