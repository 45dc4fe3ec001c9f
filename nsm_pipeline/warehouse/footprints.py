"""What each account did besides a candidate: the part of the leave-one-out score that varies.

For every footprint an account touched: how many rows of each event belong to it, and when the
account was last seen, and on how many days, counting only days with a row outside it.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.warehouse.behaviours import (
    COLUMNS_PER_SCAN,
    value_numbers,
    with_value_number,
)
from nsm_pipeline.warehouse.candidates import Footprint
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures, clause_rows, long_by_window

KEYS = ["within_days", "footprint_no", "account_no"]


@dataclass(frozen=True)
class Footprints:
    """What of each account's activity belongs to each footprint.

    Shape: `own_rows` a row per window, footprint, account and event touched, `own_n` of that
    event's rows being the footprint's; `other_days` a row per window, footprint and account for
    which some active day has no other row, `last_day` and `active_days` (-1 and 0 for none)
    counted over the other rows; `seen` the same over all rows, per window and account.
    """

    own_rows: ir.Table
    other_days: ir.Table
    seen: ir.Table


def build_footprints(
    engine: Engine,
    exposures: Exposures,
    footprints: Sequence[Footprint],
    passive: Sequence[int],
) -> Footprints:
    """Own rows and other days of every footprint; passive events are no sign of activity."""
    return Footprints(
        own_rows=_own_rows(engine, exposures, footprints),
        other_days=_other_days(engine, exposures, footprints, passive),
        seen=_seen(engine, exposures, passive),
    )


def _numbered(footprints: Sequence[Footprint], kind: str) -> list[tuple[int, Footprint]]:
    return [(no, footprint) for no, footprint in enumerate(footprints) if footprint.kind == kind]


def _own_rows(engine: Engine, exposures: Exposures, footprints: Sequence[Footprint]) -> ir.Table:
    whole = [
        (number, no)
        for no, footprint in enumerate(footprints)
        for number in exposures.numbers(footprint.whole_events)
    ]
    members = engine.small_table(
        "footprint_events",
        {"event_no": [e for e, _ in whole], "footprint_no": [no for _, no in whole]},
        {"event_no": "int64", "footprint_no": "int64"},
    )
    joined = exposures.counts.join(members, "event_no")
    parts = [joined.select(*KEYS, "event_no", own_n=joined.n)]
    parts.extend(_own_filtered(engine, exposures, footprints))
    for column in _value_columns(footprints):
        rows = _value_rows(engine, exposures, footprints, column)
        wide = rows.group_by("account_no", "event_no", footprint_no=rows.value_no).aggregate(
            **{f"own_n_{w}": rows.count(where=rows.day < w) for w in exposures.windows}
        )
        long = long_by_window(
            wide, exposures.windows, "own_n", ["footprint_no", "account_no", "event_no"]
        )
        parts.append(long.select(*KEYS, "event_no", "own_n"))
    return engine.materialise("own_rows", "rows of each footprint by event", ibis.union(*parts))


def _own_filtered(
    engine: Engine, exposures: Exposures, footprints: Sequence[Footprint]
) -> list[ir.Table]:
    """Filtered rows of declared footprints, of events not left out as a whole."""
    filtered = [(no, f) for no, f in _numbered(footprints, "declared") if f.filters]
    rows, windows = exposures.rows, exposures.windows
    parts: list[ir.Table] = []
    per_scan = max(1, COLUMNS_PER_SCAN // len(windows))
    for start in range(0, len(filtered), per_scan):
        chunk = filtered[start : start + per_scan]
        wide = engine.materialise(
            f"own_filtered_{chunk[0][0]}",
            "filtered rows of declared candidates per event",
            rows.group_by("account_no", "event_no").aggregate(
                **{
                    f"f{no}_{w}": rows.count(
                        where=_filtered_rows(rows, exposures, footprint) & (rows.day < w)
                    )
                    for no, footprint in chunk
                    for w in windows
                }
            ),
        )
        for no, _ in chunk:
            named = wide.select(
                "account_no", "event_no", **{f"own_n_{w}": wide[f"f{no}_{w}"] for w in windows}
            )
            long = long_by_window(named, windows, "own_n", ["account_no", "event_no"])
            long = long.mutate(footprint_no=ibis.literal(no, "int64"))
            parts.append(long.select(*KEYS, "event_no", "own_n"))
    return parts


def _filtered_rows(rows: ir.Table, exposures: Exposures, footprint: Footprint) -> ir.BooleanValue:
    tests = [clause_rows(rows, exposures, clause) for clause in footprint.filters]
    outside = ~rows.event_no.isin(exposures.numbers(footprint.whole_events))
    return functools.reduce(operator.or_, tests) & outside


def _footprint_rows(rows: ir.Table, exposures: Exposures, footprint: Footprint) -> ir.BooleanValue:
    whole = rows.event_no.isin(exposures.numbers(footprint.whole_events))
    return whole | _filtered_rows(rows, exposures, footprint) if footprint.filters else whole


def _value_columns(footprints: Sequence[Footprint]) -> list[str]:
    return sorted({footprint.value.column for footprint in footprints if footprint.value})


def _value_rows(
    engine: Engine, exposures: Exposures, footprints: Sequence[Footprint], column: str
) -> ir.Table:
    values = [
        (exposures.event_names.index(footprint.value.event), footprint.value.value, no)
        for no, footprint in enumerate(footprints)
        if footprint.value and footprint.value.column == column
    ]
    numbers = value_numbers(engine, f"footprints_{column}", values)
    return with_value_number(exposures.rows, numbers, column)


def _seen(engine: Engine, exposures: Exposures, passive: Sequence[int]) -> ir.Table:
    rows = _active(exposures, passive)
    wide = rows.group_by("account_no").aggregate(
        **{f"last_{w}": rows.day.max(where=rows.day < w) for w in exposures.windows},
        **{f"days_{w}": rows.day.nunique(where=rows.day < w) for w in exposures.windows},
    )
    kept = engine.materialise("seen", "last seen and active days per account", wide)
    return _days_by_window(kept, exposures.windows, ["account_no"])


def _days_by_window(wide: ir.Table, windows: Sequence[int], keys: Sequence[str]) -> ir.Table:
    return ibis.union(
        *(
            wide.select(
                within_days=ibis.literal(window, "int64"),
                **{key: wide[key] for key in keys},
                last_day=wide[f"last_{window}"].fill_null(-1),
                active_days=wide[f"days_{window}"].fill_null(0),
            )
            for window in windows
        )
    )


def _active(exposures: Exposures, passive: Sequence[int]) -> ir.Table:
    rows = exposures.rows
    return rows.filter(~rows.event_no.isin(list(passive))) if passive else rows


def _other_days(
    engine: Engine,
    exposures: Exposures,
    footprints: Sequence[Footprint],
    passive: Sequence[int],
) -> ir.Table:
    """Last day and number of days with another row, where a footprint has a day to itself."""
    active = _active(exposures, passive)
    days = engine.materialise(
        "account_days",
        "events per account and day",
        active.group_by("account_no", "day").aggregate(
            n=active.count(), low=active.event_no.min(), high=active.event_no.max()
        ),
    )
    alone = engine.materialise(
        "days_alone",
        "days on which an account did nothing but one footprint",
        ibis.union(
            _alone_events(engine, exposures, footprints, days),
            *_alone_declared(active, exposures, footprints),
            *(
                _alone_values(engine, exposures, footprints, days, (column, passive))
                for column in _value_columns(footprints)
            ),
        ),
    )
    pairs = alone.select("account_no", "footprint_no").distinct()
    others = days.join(pairs, "account_no").anti_join(alone, ["account_no", "footprint_no", "day"])
    counted = others.group_by("account_no", "footprint_no").aggregate(
        **{f"last_{w}": others.day.max(where=others.day < w) for w in exposures.windows},
        **{f"days_{w}": others.day.nunique(where=others.day < w) for w in exposures.windows},
    )
    wide = pairs.left_join(counted, ["account_no", "footprint_no"]).drop(
        "account_no_right", "footprint_no_right"
    )
    kept = engine.materialise("other_days", "activity outside each footprint", wide)
    return _days_by_window(kept, exposures.windows, ["footprint_no", "account_no"])


def _alone_events(
    engine: Engine, exposures: Exposures, footprints: Sequence[Footprint], days: ir.Table
) -> ir.Table:
    events = [
        (exposures.numbers(footprint.whole_events)[0], no)
        for no, footprint in _numbered(footprints, "event")
    ]
    numbers = engine.small_table(
        "event_footprints",
        {"low": [event for event, _ in events], "footprint_no": [no for _, no in events]},
        {"low": "int64", "footprint_no": "int64"},
    )
    only = days.filter(days.low == days.high)
    return only.join(numbers, "low").select("account_no", "footprint_no", "day")


def _alone_declared(
    active: ir.Table, exposures: Exposures, footprints: Sequence[Footprint]
) -> list[ir.Table]:
    declared = _numbered(footprints, "declared")
    parts: list[ir.Table] = []
    for start in range(0, len(declared), COLUMNS_PER_SCAN):
        chunk = declared[start : start + COLUMNS_PER_SCAN]
        own = active.group_by("account_no", "day").aggregate(
            n=active.count(),
            **{
                f"own_{no}": active.count(where=_footprint_rows(active, exposures, footprint))
                for no, footprint in chunk
            },
        )
        parts.extend(
            own.filter(own[f"own_{no}"] == own.n)
            .select("account_no", "day", footprint_no=ibis.literal(no, "int64"))
            .select("account_no", "footprint_no", "day")
            for no, _ in chunk
        )
    return parts


def _alone_values(
    engine: Engine,
    exposures: Exposures,
    footprints: Sequence[Footprint],
    days: ir.Table,
    column_and_passive: tuple[str, Sequence[int]],
) -> ir.Table:
    column, passive = column_and_passive
    rows = _value_rows(engine, exposures, footprints, column)
    rows = rows.filter(~rows.event_no.isin(list(passive))) if passive else rows
    own = rows.group_by("account_no", "day", footprint_no=rows.value_no).aggregate(
        own_n=rows.count()
    )
    joined = own.join(days, ["account_no", "day"])
    return joined.filter(joined.own_n == joined.n).select("account_no", "footprint_no", "day")
