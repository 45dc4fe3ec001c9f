"""What the checks see of a night: its new rows one by one, and totals of all rows.

A row that was there before was checked on the night it was new. Freshness, volume and event names
are those of everything that is kept; nulls, times, orphans and repeats those of the new rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.log import TEXT, WEEKS_BEFORE, Fetch, Log, Moment, iso, weeks_before
from nsm_pipeline.warehouse.profile import judged_names, profile_accounts, profile_logs
from nsm_pipeline.warehouse.state.procedure import Wanted
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.variables import TONIGHT

WEEK_COLUMNS = [f"week_{n}" for n in range(WEEKS_BEFORE + 1)]
# By log: all its rows in the state, and tonight's.
LOGS = {"events": ("events", "night_events"), "revenue": ("payments", "night_payments")}
READ = (
    *("arrived_events", "arrived_accounts", "arrived_revenue"),
    *("night_names", "night_events", "night_payments"),
)


def profile_night(
    store: StateStore,
    config: ProductConfig,
    before: dict[str, Any],
    as_of: datetime,
    *,
    accounts_changed: bool,
) -> dict[str, Any]:
    """The profile as `profile_source` gives it; `before` is that of the night before.

    Call it once tonight's rows are kept.
    """
    # The profile of a whole run counts repeats and rows that are not kept.
    follow = tuple(name for name in LOGS if "new_rows" in before.get(name, ()))
    look = Look(config, before, follow, accounts_changed)

    def work(state: StateStore, ask: Fetch) -> None:
        if config.source.accounts is not None:
            listed = state.temporary("arrived_accounts")
            met = listed.semi_join(state.temporary("night_names"), "account")
            state.engine.materialise("night_listed", "rows of the accounts met tonight", met)
        look.take(state, ask)

    name = "profile_accounts_too" if accounts_changed else "profile"
    asked = Wanted(name, config, {"logs": follow}, READ).ask(store, work)

    def fetch(title: str, expression: ir.Table) -> pd.DataFrame:
        """Examples are asked for only of what there is too much of, so they are not kept."""
        return asked[title] if title in asked else store.engine.fetch(title, expression)

    found = look.take(store, fetch)
    return {"as_of": iso(as_of.astimezone(UTC).strftime(TEXT)), **found}


@dataclass(frozen=True)
class Look:
    """How a night is looked at: the profile `before`, and the logs whose weeks `follow` it."""

    config: ProductConfig
    before: dict[str, Any]
    follow: tuple[str, ...]
    accounts_changed: bool

    def take(self, store: StateStore, fetch: Fetch) -> dict[str, Any]:
        """The profile's parts, of a night's temporary tables and of what is kept."""
        source, before = self.config.source, self.before
        tables = SourceTables(store.temporary("arrived_events"), None, None)
        if source.accounts is not None:
            tables = replace(tables, accounts=store.temporary("night_listed"))
        if source.revenue is not None:
            tables = replace(tables, revenue=store.temporary("arrived_revenue"))
        new = profile_logs(tables, TONIGHT.as_of, self.config, fetch)
        for name in new:
            if not new[name]["wrong_types"]:
                self._add_totals(store, name, new[name], fetch)
        found = {"events": new.pop("events")}
        if source.accounts is not None:
            listed = store.temporary("arrived_accounts")
            found["accounts"] = (
                profile_accounts(listed, fetch) if self.accounts_changed else before["accounts"]
            )
        return found | new

    def _add_totals(self, store: StateStore, name: str, new: dict[str, Any], fetch: Fetch) -> None:
        """Rows, newest, oldest, weeks and names of everything kept, in place of the new rows'."""
        before, follows = self.before[name], name in self.follow
        kept, came = LOGS[name]
        log, rows = Log(name, store.table(kept), TONIGHT.as_of), store.temporary(came)
        by = ("event",) if name == "events" else ()
        moved = _weeks_moved(log, rows, TONIGHT.last, by) if follows else _weeks_counted(log, by)
        found = fetch(f"weeks of {name}", moved)
        _put_totals(new, before, found, follows=follows)
        if name == "events":
            names = store.table("names")
            names = names.mutate(first=names["first"].strftime(TEXT))
            ordered = names.order_by([names.rows.desc(), names.event])
            listed = fetch("event names", ordered)
            known = before["names"] if follows else ()
            new |= judged_names(_with_weeks(listed, found, known), self.config)


def _weeks_counted(log: Log, by: Sequence[str]) -> ir.Table:
    """`newest, week_0, week_1, …`: the last 7 days, then each of the weeks before."""
    recent = log.table.filter(log.between(weeks_before(log.moment, WEEKS_BEFORE + 1), log.moment))
    here = replace(log, table=recent)
    return recent.aggregate(
        by=by,
        newest=recent["at"].max().strftime(TEXT),
        **{f"week_{n}": recent.count(where=week) for n, week in enumerate(here.weeks)},
    )


def _weeks_moved(log: Log, came: ir.Table, last: Moment, by: Sequence[str]) -> ir.Table:
    """The same, as what is to be added to the weeks as they were at `last`.

    Since then each week has gained what lies between its ends of then and now, and lost as much
    of its beginning to the week before; and rows `came` that lie in a week of then. So a few
    stretches of one night are read, whatever the history.
    """
    parts = []
    for n in range(WEEKS_BEFORE + 2):
        rows = log.table.filter(log.between(weeks_before(last, n), weeks_before(log.moment, n)))
        parts.append(rows.select(*by, "at", gains=ibis.literal(n), loses=ibis.literal(n - 1)))
    for n, week in enumerate(Log(log.name, came, last).weeks):
        rows = came.filter(week)
        parts.append(rows.select(*by, "at", gains=ibis.literal(n), loses=ibis.literal(-1)))
    rows = ibis.union(*parts)
    weeks = {
        f"week_{n}": rows.count(where=rows.gains == n) - rows.count(where=rows.loses == n)
        for n in range(WEEKS_BEFORE + 1)
    }
    return rows.aggregate(by=by, newest=rows["at"].max().strftime(TEXT), **weeks)


def _put_totals(
    new: dict[str, Any], before: dict[str, Any], found: pd.DataFrame, *, follows: bool
) -> None:
    new["new_rows"] = new["rows"]
    new["rows"] += before["rows"]
    moments = [*map(iso, found["newest"]), new["newest"], before["newest"]]
    new["newest"] = max(filter(None, moments), default=None)
    new["oldest"] = min(filter(None, (new["oldest"], before["oldest"])), default=None)
    weeks = [int(found[column].sum()) for column in WEEK_COLUMNS]
    known = before["weeks"] if follows else [0] * len(weeks)
    new["weeks"] = [more + rows for more, rows in zip(weeks, known, strict=True)]


def _with_weeks(
    names: pd.DataFrame, found: pd.DataFrame, before: Sequence[Mapping[str, Any]]
) -> list[dict[Any, Any]]:
    """The names with their weeks: those of the night before, where they are known, and `found`."""
    known = pd.DataFrame(
        [each["weeks"] for each in before],
        index=[each["event"] for each in before],
        columns=WEEK_COLUMNS,
        dtype="int64",
    )
    weeks = known.add(found.set_index("event")[WEEK_COLUMNS], fill_value=0)
    weeks = weeks.reindex(names["event"]).fillna(0).astype("int64")
    return names.join(weeks, on="event").to_dict("records")
