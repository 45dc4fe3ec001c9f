"""What the checks see of a night: its new rows one by one, and totals of all rows.

A row that was there before was checked on the night it was new. Freshness, volume and event names
are those of everything that is kept; nulls, times, orphans and repeats those of the new rows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.log import TEXT, WEEK, WEEKS_BEFORE, Log, iso
from nsm_pipeline.warehouse.profile import judged_names, profile_accounts, profile_source
from nsm_pipeline.warehouse.state.changes import Tonight
from nsm_pipeline.warehouse.state.rows import moment
from nsm_pipeline.warehouse.state.store import StateStore


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
    for name, table in {"events": "events", "revenue": "payments"}.items():
        if name in new and not new[name]["wrong_types"]:
            log = Log(name, store.table(table), tonight.span.as_of)
            _with_totals(store, new[name], before[name], log)
    if not new["events"]["wrong_types"]:
        new["events"] |= judged_names(_names(store, tonight), config)
    return new


def _with_totals(store: StateStore, new: dict[str, Any], before: dict[str, Any], log: Log) -> None:
    """Rows, newest, oldest and weeks of everything kept, in place of those of the new rows."""
    recent = log.table.filter(log.table["at"] > moment(log.moment - WEEK * (WEEKS_BEFORE + 1)))
    here = replace(log, table=recent)
    [row] = store.engine.fetch(
        f"weeks of {log.name}",
        recent.aggregate(
            newest=recent["at"].max(where=here.between(None, log.moment)).strftime(TEXT),
            **{f"week_{n}": recent.count(where=week) for n, week in enumerate(here.weeks)},
        ),
    ).to_dict("records")
    new["new_rows"] = new["rows"]
    new["rows"] += before["rows"]
    new["newest"] = max(filter(None, (iso(row["newest"]), before["newest"])), default=None)
    new["oldest"] = min(filter(None, (new["oldest"], before["oldest"])), default=None)
    new["weeks"] = [int(row[f"week_{n}"]) for n in range(WEEKS_BEFORE + 1)]


def _names(store: StateStore, tonight: Tonight) -> list[dict[Any, Any]]:
    rows: ir.Table = store.table("events")
    since = tonight.span.as_of - timedelta(weeks=WEEKS_BEFORE + 1)
    recent = rows.filter(rows["at"] > moment(since))
    log = Log("events", recent, tonight.span.as_of)
    weeks = recent.group_by("event").aggregate(
        **{f"week_{n}": recent.count(where=week) for n, week in enumerate(log.weeks)}
    )
    names = store.table("names").left_join(weeks, "event").drop("event_right")
    names = names.mutate(
        first=names["first"].strftime(TEXT),
        **{f"week_{n}": names[f"week_{n}"].fill_null(0) for n in range(WEEKS_BEFORE + 1)},
    )
    ordered = names.order_by([names.rows.desc(), names.event])
    return store.engine.fetch("event names", ordered).to_dict("records")
