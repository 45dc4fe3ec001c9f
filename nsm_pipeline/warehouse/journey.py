"""How far accounts come on a way of ordered steps, and how long each step takes them."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.grammar import Distinct, Max, Sum
from nsm_pipeline.product.journey import JourneyStep
from nsm_pipeline.warehouse.cohort import Population, days_after
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.outcomes import DAY
from nsm_pipeline.warehouse.starters import Starters
from nsm_pipeline.warehouse.where import both, numeric, selected

HOURS_PER_DAY = 24
HOUR = DAY // HOURS_PER_DAY
HOURLY_DAYS = 3
"""Longer waits than so many days are told in whole days: the histogram stays small."""


def onboarding_step(starters: Starters, within_days: int) -> ir.Table:
    """Onboarding as the one step of a way: `account, at`, of those who took it in time."""
    rows = starters.table.filter(starters.table.onboarded_at.notnull())
    rows = rows.filter(rows.onboarded_at < days_after(rows.began, within_days))
    return rows.select("account", at=rows.onboarded_at)


def journey_steps(
    engine: Engine,
    starters: Starters,
    population: Population,
    asked: tuple[Sequence[JourneyStep], int],
) -> list[ir.Table]:
    """For each step `account, at`: when it was reached, of those who reached all before it.

    A step counts from the moment on at which the one before was taken, that moment included, and
    until so many days after the beginning.

    Args:
        engine: the open engine.
        starters: who began.
        population: for its events, which are those the run may see.
        asked: the steps in order, and the days.
    """
    steps, within_days = asked
    events = population.events
    wanted = ibis.or_(*(_counted(events, step) for step in steps))
    rows = events.filter(wanted).join(starters.table.select("account", "began"), "account")
    rows = rows.filter(rows["at"] >= rows.began, rows["at"] < days_after(rows.began, within_days))
    near = engine.materialise("journey_events", "events of the journey", rows)
    found: list[ir.Table] = []
    for number, step in enumerate(steps):
        mine = near.filter(_counted(near, step))
        if found:
            before = found[-1].select("account", since=found[-1]["at"])
            mine = mine.join(before, "account")
            mine = mine.filter(mine["at"] >= mine.since)
        reached = _reached(mine, step)
        title = f"when accounts took step {number + 1} of the journey"
        found.append(engine.materialise(f"journey_step_{number + 1}", title, reached))
    return found


def waits(
    engine: Engine, starters: Starters, steps: Sequence[ir.Table], within_days: int
) -> pd.DataFrame:
    """How long accounts watched for so many days waited for each step after the one before.

    Shape: a row per split (`""` for everybody, else `cohort` or a segment), its `label`, `step`
    (1 is the first) and `hours` (whole ones, null: not taken): `accounts`. Waits of HOURLY_DAYS
    days and more are a multiple of 24 hours.
    """
    rows = starters.table.filter(starters.table.days >= within_days)
    wide = rows.select("account", *_split_columns(starters), at_0=rows.began)
    for number, step in enumerate(steps, start=1):
        taken = step.select("account", **{f"at_{number}": step["at"]})
        wide = wide.left_join(taken, "account").drop("account_right")
    kept = engine.materialise("journey_times", "when accounts took each step", wide)
    parts = [
        kept.select(
            split=ibis.literal(split),
            label=label,
            step=ibis.literal(number, "int64"),
            hours=_hours(engine, kept[f"at_{number - 1}"], kept[f"at_{number}"]),
        )
        for split, label in [
            ("", ibis.literal("")),
            *((name, kept[f"split_{n}"]) for n, name in enumerate(starters.splits)),
        ]
        for number in range(1, len(steps) + 1)
    ]
    one = ibis.union(*parts)
    counted = one.group_by("split", "label", "step", "hours").aggregate(accounts=one.count())
    return engine.fetch("waits for each step", counted.order_by("split", "label", "step", "hours"))


def _split_columns(starters: Starters) -> list[str]:
    return [f"split_{n}" for n in range(len(starters.splits))]


def _counted(events: ir.Table, step: JourneyStep) -> ir.BooleanValue:
    counted: ir.BooleanValue = both(selected(events.event, step.event), step.where, events)
    return counted


def _reached(rows: ir.Table, step: JourneyStep) -> ir.Table:
    """`account, at`: the first moment by which the measure is at least what is asked."""
    measure = step.measure
    if isinstance(measure, Max):
        large = rows.filter(numeric(rows[measure.max]).cast("float64") >= step.at_least)
        return large.group_by("account").aggregate(at=large["at"].min())
    moments = _moments(rows, step)
    window = ibis.window(
        group_by=moments.account, order_by=moments["at"], rows=(None, 0), following=None
    )
    summed = moments.mutate(so_far=moments.more.sum().over(window).cast("float64"))
    enough = summed.filter(summed.so_far >= step.at_least)
    return enough.group_by("account").aggregate(at=enough["at"].min())


def _moments(rows: ir.Table, step: JourneyStep) -> ir.Table:
    """`account, at, more`: by how much the measure grows at each moment, one row per moment."""
    measure = step.measure
    if measure == "count":
        gains = rows.select("account", "at", more=ibis.literal(1, "int64"))
    elif isinstance(measure, Sum):
        amount = numeric(rows[measure.sum]).cast("decimal(38, 4)")
        gains = rows.select("account", "at", more=amount)
    else:
        thing = rows[measure.distinct] if isinstance(measure, Distinct) else rows["at"].date()
        named = rows.mutate(thing=thing)
        first = named.filter(named.thing.notnull()).group_by("account", "thing")
        gains = first.aggregate(at=named["at"].min()).mutate(more=ibis.literal(1, "int64"))
    return gains.group_by("account", "at").aggregate(more=gains.more.sum())


def _hours(engine: Engine, start: ir.Value, moment: ir.Value) -> ir.Value:
    """Whole hours between, and beyond HOURLY_DAYS whole days of them."""
    hours = engine.elapsed(start, moment) // HOUR
    days = hours // HOURS_PER_DAY * HOURS_PER_DAY
    return ibis.ifelse(hours < HOURLY_DAYS * HOURS_PER_DAY, hours, days).cast("int64")
