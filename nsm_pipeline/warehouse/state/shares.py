"""The share of some accounts in the sums, as they were and as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.warehouse.account_outcomes import revenue_days
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.state.changes import Moved, Tonight
from nsm_pipeline.warehouse.state.clock import eligible_at, outcome_days, population_at
from nsm_pipeline.warehouse.state.procedure import Procedure, Wanted, shared_sums
from nsm_pipeline.warehouse.state.rows import rows_of
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import SUMS, Sums


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
    counting = Counting(store, product, version, _event_names(store, tonight))
    taken = counting.share(before, (events, payments), (span.last, span.last_end), "night_taken")
    events = ibis.union(events, tonight.arrived.events)
    if paid is not None and payments is not None:
        payments = ibis.union(payments, paid)
    given = counting.share(after, (events, payments), (span.as_of, span.end), "night_given")
    if given is None:
        return Shares(after.mutate(retained=False), taken, None)
    outcome = engine.backend.table("outcome")
    kept = outcome.filter(outcome.retained).select("account_no", kept=True)
    rows = after.left_join(kept, "account_no").drop("account_no_right")
    rows = rows.mutate(retained=rows.kept.fill_null(False)).drop("kept")
    return Shares(engine.materialise("night_rows", "their rows tonight", rows), taken, given)


def _event_names(store: StateStore, tonight: Tonight) -> list[str]:
    """All names known tonight, sorted: events that are no candidate are still activity."""
    rows = ibis.union(store.table("names").select("event"), tonight.fresh.select("event"))
    found = store.engine.fetch("names of all events", rows.distinct())
    return sorted(found["event"].astype(str))


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


@dataclass(frozen=True)
class Counting:
    """Counts shares tonight, by a procedure that the state keeps from night to night."""

    store: StateStore
    product: LoadedProduct
    version: ScoreVersion
    event_names: Sequence[str]

    def share(
        self,
        clock: ir.Table,
        logs: tuple[ir.Table, ir.Table | None],
        moments: tuple[datetime, datetime],
        kept_as: str,
    ) -> Sums | None:
        """The sums over the eligible among these accounts; None when nobody is."""
        engine, config = self.store.engine, self.product.config
        closed = closed_rows(self.store, config, clock, logs, moments)
        if closed is None:
            return None
        people = population_at(closed.clock, closed.events, config, moments[1]).onboarded
        inputs = {
            "part_people": engine.materialise("part_people", "who they are", people),
            "part_events": engine.materialise("part_events", "their events", closed.events),
        }
        if closed.payments is not None:
            paid = engine.materialise("part_payments", "their payments", closed.payments)
            inputs["part_payments"] = paid
        self._procedure(inputs).run(engine)
        names = [name for name in SUMS if self.store.has(name)]
        counted = shared_sums(engine, names).tables
        # The next share is counted into the same tables.
        return Sums(
            {
                name: engine.materialise(f"{kept_as}_{name}", f"{name} to be added", rows)
                for name, rows in counted.items()
            }
        )

    def _procedure(self, inputs: Mapping[str, ir.Table]) -> Procedure:
        wanted = Wanted(self.product, self.version, self.event_names, inputs)
        content = self.store.read_text("procedure")
        kept = Procedure.from_text(content) if content is not None else None
        if kept is not None and kept.key == wanted.key:
            return kept
        written = wanted.write()
        self.store.write_text("procedure", written.as_text())
        return written
