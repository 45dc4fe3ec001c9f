"""What the checks see of a night: its new rows one by one, and totals of all rows.

A row that was there before was checked on the night it was new. Freshness, volume and event names
are those of everything that is kept; nulls, times, orphans and repeats those of the new rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.log import TEXT, WEEK, WEEKS_BEFORE, Log, iso
from nsm_pipeline.warehouse.profile import judged_names, profile_accounts, profile_source
from nsm_pipeline.warehouse.state.changes import Tonight
from nsm_pipeline.warehouse.state.store import StateStore

WEEK_COLUMNS = [f"week_{n}" for n in range(WEEKS_BEFORE + 1)]


def profile_night(
    store: StateStore, config: ProductConfig, tonight: Tonight, before: dict[str, Any]
) -> dict[str, Any]:
    """The profile as `profile_source` gives it; `before` is that of the night before.

    Call it once tonight's rows are kept.
    """
    engine, source = store.engine, tonight.arrived.source
    accounts = source.accounts
    if accounts is not None:
        named = engine.backend.table("night_names")
        accounts = engine.materialise(
            "night_listed", "rows of the accounts met tonight", accounts.semi_join(named, "account")
        )
    tables = replace(source, accounts=accounts)
    new = profile_source(tables, config=config, as_of=tonight.span.as_of, fetch=engine.fetch)
    if source.accounts is not None:
        new["accounts"] = (
            profile_accounts(source.accounts, engine.fetch)
            if tonight.accounts_changed
            else before["accounts"]
        )
    _add_totals(store, config, tonight, (new, before))
    return new


def _add_totals(
    store: StateStore,
    config: ProductConfig,
    tonight: Tonight,
    profiles: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """Rows, newest, oldest, weeks and names of everything kept, in place of the new rows'."""
    (new, before), arrived = profiles, tonight.arrived
    last, moment = (at.astimezone(UTC) for at in (tonight.span.last, tonight.span.as_of))
    logs = {"events": ("events", arrived.events), "revenue": ("payments", arrived.payments)}
    for name, (table, came) in logs.items():
        if name not in new or came is None or new[name]["wrong_types"]:
            continue
        log = Log(name, store.table(table), moment)
        by = ("event",) if name == "events" else ()
        # The profile of a whole run counts repeats and rows that are not kept.
        follows = "new_rows" in before[name]
        moved = _weeks_moved(log, came, last, by) if follows else _weeks_counted(log, by)
        found = store.engine.fetch(f"weeks of {name}", moved)
        _put_totals(new[name], before[name], found, follows=follows)
        if name == "events":
            names = store.table("names")
            names = names.mutate(first=names["first"].strftime(TEXT))
            ordered = names.order_by([names.rows.desc(), names.event])
            rows = store.engine.fetch("event names", ordered)
            known = before[name]["names"] if follows else ()
            new[name] |= judged_names(_with_weeks(rows, found, known), config)


def _weeks_counted(log: Log, by: Sequence[str]) -> ir.Table:
    """`newest, week_0, week_1, …`: the last 7 days, then each of the weeks before."""
    recent = log.table.filter(log.between(log.moment - WEEK * (WEEKS_BEFORE + 1), log.moment))
    here = replace(log, table=recent)
    return recent.aggregate(
        by=by,
        newest=recent["at"].max().strftime(TEXT),
        **{f"week_{n}": recent.count(where=week) for n, week in enumerate(here.weeks)},
    )


def _weeks_moved(log: Log, came: ir.Table, last: datetime, by: Sequence[str]) -> ir.Table:
    """The same, as what is to be added to the weeks as they were at `last`.

    Since then each week has gained what lies between its ends of then and now, and lost as much
    of its beginning to the week before; and rows `came` that lie in a week of then. So a few
    stretches of one night are read, whatever the history.
    """
    parts = []
    for n in range(WEEKS_BEFORE + 2):
        rows = log.table.filter(log.between(last - WEEK * n, log.moment - WEEK * n))
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
