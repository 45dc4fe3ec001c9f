"""Active weeks: the retention curve as sums over (account, week) that are observed to their end.

Shape of a pair: `account_no, part, week, closes`: the account was seen in that week since its
onboarding, and from the moment `closes` on the week is over and the pair counts.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.log import Moment
from nsm_pipeline.warehouse.outcomes import DAYS_PER_WEEK, week_number
from nsm_pipeline.warehouse.state.changes import Moved
from nsm_pipeline.warehouse.state.clock import COUNTED, Span
from nsm_pipeline.warehouse.state.rows import moment
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.variables import set_smallest
from nsm_pipeline.warehouse.usage import MOST_WEEKS


def active_weeks(engine: Engine, returning: ir.Table, clock: ir.Table) -> ir.Table:
    """The pairs of `returning` rows (`account_no, at`) of accounts on the clock."""
    counted = clock.filter(clock.base == COUNTED)
    accounts = counted.select("account_no", "part", "t0", "own_until")
    rows = returning.join(accounts, "account_no")
    rows = rows.filter(rows["at"] > rows.t0)
    rows = rows.mutate(week=(week_number(engine, rows["at"], rows.t0)).cast("int64"))
    rows = rows.filter(rows.week < MOST_WEEKS)
    days = ((rows.week + 1) * DAYS_PER_WEEK).as_interval("D")
    rows = rows.mutate(closes=rows.t0 + days)
    # A week that the account's own end cuts short is never observed to its end.
    rows = rows.filter(rows.own_until.isnull() | (rows.closes <= rows.own_until))
    return rows.select("account_no", "part", "week", "closes").distinct()


def closed_by(pairs: ir.Table, end: Moment, *, after: Moment | None = None) -> ir.Table:
    """The pairs whose week was over by `end`, and not yet by `after`."""
    closed = pairs.filter(pairs.closes <= moment(end))
    return closed if after is None else closed.filter(closed.closes > moment(after))


def counted_pairs(pairs: ir.Table, sign: int = 1) -> ir.Table:
    """`week, part, active`: pairs by week and part."""
    counted = pairs.group_by("week", "part").aggregate(active=pairs.count() * sign)
    return counted.mutate(active=counted.active.cast("int64"))


def added(*counts: ir.Table) -> ir.Table:
    """The sum of several counts, without weeks that come to nothing."""
    rows = ibis.union(*counts)
    summed = rows.group_by("week", "part").aggregate(active=rows.active.sum().cast("int64"))
    return summed.filter(summed.active != 0)


def carry_weeks(
    store: StateStore, returning: tuple[ir.Table, ir.Table], moved: Moved, span: Span
) -> tuple[ir.Table, ir.Table]:
    """The pairs to add to those of accounts that stay, and the sums as of tonight.

    `returning` are tonight's rows (`account_no, at`), and all rows that are kept: an account that
    moved is counted anew from its onboarding on.
    """
    engine, known, (seen, everything) = store.engine, store.table("active_weeks"), returning
    stay = store.table("clock").semi_join(seen, "account_no").anti_join(moved.keys, "account_no")
    stay = engine.materialise("night_stay", "onboarded accounts that returned", stay)
    pairs = engine.materialise(
        "night_weeks", "weeks they returned in", active_weeks(engine, seen, stay)
    )
    repeated = known.filter(known.closes >= set_smallest(engine, "first_week", pairs.closes))
    repeated = repeated.semi_join(pairs, ["account_no", "week"])
    new = engine.materialise(
        "night_new_weeks", "those not known", pairs.anti_join(repeated, ["account_no", "week"])
    )
    before = store.table("clock").semi_join(moved.keys, "account_no")
    gone = known.filter(known.closes > set_smallest(engine, "moved_before", before.t0))
    gone = engine.materialise(
        "night_gone_weeks", "weeks of accounts that moved", gone.semi_join(moved.keys, "account_no")
    )
    since = set_smallest(engine, "moved_now", moved.clock.t0)
    again = engine.materialise(
        "night_moved_weeks",
        "their weeks counted anew",
        active_weeks(engine, everything.filter(everything["at"] >= since), moved.clock),
    )
    passing = closed_by(known, span.end, after=span.last_end).anti_join(moved.keys, "account_no")
    sums = added(
        store.table("active_sums"),
        counted_pairs(passing),
        counted_pairs(closed_by(ibis.union(new, again), span.end)),
        counted_pairs(closed_by(gone, span.last_end), -1),
    )
    return ibis.union(new, again), engine.materialise("night_active", "active by week", sums)
