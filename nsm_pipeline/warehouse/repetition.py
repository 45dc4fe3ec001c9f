"""How one behaviour is repeated: counts per account by day, by minute, beside all else it does."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.candidate import Behaviour
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import Population, days_after
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures
from nsm_pipeline.warehouse.where import both, selected

# What follows within a minute is the same act, a double click or a script.
SPACING_SECONDS = 60
# Out of proportion: five times everybody's part, and often enough not to be a small number's whim.
TIMES_THE_PART, FEWEST_TIMES = 5, 10
# Beyond this many more than k nothing depends on how many.
ROOM_ABOVE = 20
TOP_TENTH = 10


@dataclass(frozen=True)
class Repeated:
    """A behaviour that is counted, at least `at_least` times within `within_days`."""

    name: str
    clause: Behaviour
    at_least: int
    within_days: int


def repetition(
    engine: Engine,
    population: Population,
    config: ProductConfig,
    asked: tuple[Exposures, Repeated],
) -> tuple[pd.DataFrame, dict[str, int]]:
    """A histogram of accounts, and whose the occurrences are.

    Shape: `times, by_days, spaced, accounts` (see `stats.gaming.recount`), `times` capped; and
    `occurrences, lopsided, top` over the longest window.
    """
    exposures, repeated = asked
    accounts = engine.materialise(
        "repetition",
        "how often accounts did it, and how closely",
        _counted(population, config, asked),
    )
    k = repeated.at_least
    did = accounts.filter(accounts.times > 0)
    marked = did.select(
        times=ibis.least(did.times, k + ROOM_ABOVE),
        by_days=did.days >= k,
        spaced=did.spaced >= k,
    )
    histogram = marked.group_by("times", "by_days", "spaced").aggregate(accounts=marked.count())
    found = engine.fetch("accounts by how often", histogram.order_by("times", "by_days", "spaced"))
    whose = _whose(engine, accounts, exposures)
    engine.let_go("repetition")
    return found, whose


def _counted(
    population: Population, config: ProductConfig, asked: tuple[Exposures, Repeated]
) -> ir.Table:
    """A row per account that did it: times, days and spaced times in X, `own` in the longest."""
    exposures, repeated = asked
    eligible = population.eligible.select("account", "account_no", "t0")
    clause, events = repeated.clause, population.events
    wanted = both(selected(events.event, clause.event), clause.where, events)
    if config.exclude.events:
        wanted &= ~selected(events.event, config.exclude.events)
    rows = events.filter(wanted).select("account", "at").join(eligible, "account")
    longest = days_after(rows.t0, exposures.windows[-1])
    rows = rows.filter(rows["at"] >= rows.t0, rows["at"] < longest)
    second = rows["at"].truncate("s").epoch_seconds().cast("int64")
    timed = rows.mutate(
        second=second, inside=rows["at"] < days_after(rows.t0, repeated.within_days)
    )
    before = timed.second.lag().over(group_by=timed.account_no, order_by=timed.second)
    timed = timed.mutate(apart=(before.isnull() | (timed.second - before >= SPACING_SECONDS)))
    return timed.group_by("account_no").aggregate(
        own=timed.count(),
        times=timed.count(where=timed.inside),
        days=timed["at"].date().nunique(where=timed.inside),
        spaced=timed.count(where=timed.inside & timed.apart),
    )


def _whose(engine: Engine, accounts: ir.Table, exposures: Exposures) -> dict[str, int]:
    """Occurrences in all, by accounts that do it out of proportion, and by the keenest tenth."""
    column = exposures.by_event[f"n_{exposures.windows[-1]}"]
    everything = exposures.by_event.group_by("account_no").aggregate(total=column.sum())
    joined = everything.left_join(accounts, "account_no")
    each = joined.select(own=joined.own.fill_null(0), others=joined.total - joined.own.fill_null(0))
    sums = engine.fetch(
        "its part of all activity", each.aggregate(own=each.own.sum(), others=each.others.sum())
    )
    own, others = float(sums["own"][0] or 0), float(sums["others"][0] or 0)
    doers = each.filter(each.own > 0)
    place = ibis.row_number().over(order_by=ibis.desc(doers.own))
    ranked = doers.mutate(place=place, doers=doers.count().over())
    out = ranked.own.cast("float64") * others >= TIMES_THE_PART * own * ranked.others.cast(
        "float64"
    )
    many = ranked.own >= FEWEST_TIMES
    told = ranked.aggregate(
        occurrences=ranked.own.sum(),
        lopsided=ranked.own.sum(where=out & many).fill_null(0),
        top=ranked.own.sum(where=ranked.place * TOP_TENTH < ranked.doers).fill_null(0),
    )
    found = engine.fetch("whose occurrences they are", told).iloc[0]
    return {name: 0 if pd.isna(found[name]) else int(found[name]) for name in told.columns}
