"""On which days an account was active, with and without the rows of a footprint.

Leaving a footprint out changes what is seen of an account only on days that it has to itself. Those
days come in runs, and the day before a run is where the account is last seen without them: so no
footprint ever needs the days of the accounts that it does not have to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.warehouse.behaviours import COLUMNS_PER_SCAN
from nsm_pipeline.warehouse.candidates import Footprint
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures
from nsm_pipeline.warehouse.footprints import (
    Numbered,
    footprint_rows,
    value_columns,
    value_rows,
)

NEVER = -1


@dataclass(frozen=True)
class ActiveDays:
    """When each account was seen.

    Shape: `seen` a row per active account: `account_no, last_<window>` (the last active day,
    -1 for none) and `days_<window>` (how many); `without` the same per account and footprint
    (`account_no, footprint_no`) that has some day to itself, counted over the other days.
    """

    seen: ir.Table
    without: ir.Table


def build_active_days(
    engine: Engine,
    exposures: Exposures,
    footprints: Sequence[Footprint],
    passive: Sequence[int],
) -> ActiveDays:
    """Active days of all accounts, with and without each footprint; passive events are no sign."""
    rows = exposures.rows
    active = rows.filter(~rows.event_no.isin(list(passive))) if passive else rows
    days = engine.materialise("account_days", "events per account and day", _days(active))
    windows = exposures.windows
    seen = engine.materialise(
        "seen",
        "last seen and active days per account",
        days.group_by("account_no").aggregate(
            **{f"last_{w}": days.day.max(where=days.day < w).fill_null(NEVER) for w in windows},
            **{f"days_{w}": days.count(where=days.day < w).cast("int16") for w in windows},
        ),
    )
    numbered = list(enumerate(footprints))
    alone = ibis.union(
        _alone_events(engine, exposures, numbered, days),
        *_alone_declared(engine, active, exposures, numbered),
        *(
            _alone_values(value_rows(engine, exposures, numbered, column), days, passive)
            for column in value_columns(numbered)
        ),
    )
    without = engine.materialise(
        "days_without", "activity outside each footprint", _without(alone, days, seen, windows)
    )
    engine.let_go("account_days")
    return ActiveDays(seen, without)


def _days(active: ir.Table) -> ir.Table:
    """Row per account and active day: its rows, lowest and highest event, and the day `before`."""
    days = active.group_by("account_no", "day").aggregate(
        n=active.count().cast("int32"), low=active.event_no.min(), high=active.event_no.max()
    )
    order = ibis.window(group_by=days.account_no, order_by=days.day)
    return days.mutate(
        position=ibis.row_number().over(order).cast("int32"),
        before=days.day.lag().over(order).fill_null(NEVER),
    )


def _without(alone: ir.Table, days: ir.Table, seen: ir.Table, windows: Sequence[int]) -> ir.Table:
    """What is seen of an account besides the days (`account_no, footprint_no, day`) left out."""
    rows = alone.join(days.select("account_no", "day", "position", "before"), ["account_no", "day"])
    order = ibis.window(group_by=[rows.account_no, rows.footprint_no], order_by=rows.day)
    # Days that follow each other without another active day in between have the same difference.
    placed = rows.mutate(run=rows.position - ibis.row_number().over(order).cast("int32"))
    runs = placed.group_by("account_no", "footprint_no", "run").aggregate(
        begin=placed.day.min(),
        end=placed.day.max(),
        before=placed.before.min(),
        **{f"alone_{w}": placed.count(where=placed.day < w) for w in windows},
    )
    joined = runs.join(seen, "account_no")
    last = {w: joined[f"last_{w}"] for w in windows}
    cut_off = {
        w: ibis.ifelse((joined.begin <= last[w]) & (last[w] <= joined.end), joined.before, last[w])
        for w in windows
    }
    return joined.group_by("account_no", "footprint_no").aggregate(
        **{f"last_{w}": cut_off[w].min() for w in windows},
        **{
            f"days_{w}": (joined[f"days_{w}"].max() - joined[f"alone_{w}"].sum()).cast("int16")
            for w in windows
        },
    )


def _alone_events(
    engine: Engine, exposures: Exposures, footprints: Numbered, days: ir.Table
) -> ir.Table:
    events = [
        (exposures.numbers(f.whole_events)[0], no) for no, f in footprints if f.kind == "event"
    ]
    numbers = engine.small_table(
        "event_footprints",
        {"low": [event for event, _ in events], "footprint_no": [no for _, no in events]},
        {"low": "int16", "footprint_no": "int32"},
    )
    only = days.filter(days.low == days.high)
    return only.join(numbers, "low").select("account_no", "footprint_no", "day")


def _alone_declared(
    engine: Engine, active: ir.Table, exposures: Exposures, footprints: Numbered
) -> list[ir.Table]:
    declared = [(no, f) for no, f in footprints if f.kind == "declared"]
    parts: list[ir.Table] = []
    for start in range(0, len(declared), COLUMNS_PER_SCAN):
        chunk = declared[start : start + COLUMNS_PER_SCAN]
        numbers = engine.small_table(
            f"declared_footprints_{chunk[0][0]}",
            {"footprint_no": [no for no, _ in chunk]},
            {"footprint_no": "int32"},
        )
        others = active.select(
            "account_no",
            "day",
            **{f"is_{no}": footprint_rows(active, exposures, f) for no, f in chunk},
        )
        own = engine.materialise(
            f"days_of_declared_{chunk[0][0]}",
            "days that belong to declared candidates",
            others.group_by("account_no", "day").aggregate(
                **{f"all_{no}": others[f"is_{no}"].all() for no, _ in chunk}
            ),
        )
        crossed = own.cross_join(numbers)
        alone = ibis.cases(*((crossed.footprint_no == no, crossed[f"all_{no}"]) for no, _ in chunk))
        parts.append(crossed.filter(alone).select("account_no", "footprint_no", "day"))
    return parts


def _alone_values(rows: ir.Table, days: ir.Table, passive: Sequence[int]) -> ir.Table:
    rows = rows.filter(~rows.event_no.isin(list(passive))) if passive else rows
    own = rows.group_by("account_no", "day", footprint_no=rows.value_no).aggregate(
        own_n=rows.count()
    )
    joined = own.join(days, ["account_no", "day"])
    return joined.filter(joined.own_n == joined.n).select("account_no", "footprint_no", "day")
