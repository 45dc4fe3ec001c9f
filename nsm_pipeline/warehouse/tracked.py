"""Of the accounts onboarded each week, how many reached a behaviour: the newest weeks too.

Whether an account stays is known months later; whether it reached a behaviour is known as soon as
its exposure window has closed. So these are all onboarded customers, and not the eligible alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.warehouse.behaviours import candidate_values
from nsm_pipeline.warehouse.candidates import (
    PropertyValue,
    ResolvedCandidate,
    resolve_candidates,
)
from nsm_pipeline.warehouse.cohort import Population, days_after
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import build_exposures, find_near_events
from nsm_pipeline.warehouse.outcomes import DAYS_PER_WEEK
from nsm_pipeline.warehouse.where import selected

Chosen = Sequence[tuple[ResolvedCandidate, float, int]]
WEEK_COLUMNS = ("number", "week", "accounts", "reached")


def named_candidates(
    config: ProductConfig, events: Sequence[str], specs: Sequence[CandidateSpec]
) -> dict[str, ResolvedCandidate]:
    """The run's candidates by name, from what the run recorded of them; nothing is asked again.

    Args:
        config: the product.
        events: the names of all events.
        specs: the candidates of the run, those found by discovery among them.
    """
    columns = config.discover.properties if config.discover else ()
    values = [
        PropertyValue(spec.event, column, spec.name.removeprefix(start))
        for spec in specs
        for column in columns
        if spec.name.startswith(start := f"{spec.event}: {column} = ")
    ]
    resolved = resolve_candidates(config, list(events), values)
    return {candidate.name: candidate for candidate in resolved}


def reached_by_week(
    engine: Engine, population: Population, config: ProductConfig, chosen: Chosen
) -> pd.DataFrame:
    """Accounts by week of onboarding, and how many of them reached each chosen behaviour.

    Shape: a row per behaviour (`number`, its place among the chosen) and `week` (its Monday,
    00:00 UTC): `accounts` whose exposure window has closed, `reached` of these, and `whole`: the
    window of everybody who can have onboarded in that week has closed.

    Args:
        engine: the open engine; its tables stay as they are.
        population: everybody onboarded.
        config: the product.
        chosen: candidate, threshold and window of each behaviour.
    """
    apart = engine.beside("tracked_")
    windows = tuple(sorted({days for _, _, days in chosen}))
    shortened = config.with_windows(after=windows[-1], within=0, exposure=windows)
    watched = _watched(population, chosen, windows[0])
    # By name, because a leader of earlier runs may not have been done at all since.
    near = find_near_events(apart, watched, shortened)
    exposures = build_exposures(apart, near, windows, population.event_names)
    numbered = [(number, candidate) for number, (candidate, _, _) in enumerate(chosen)]
    values = candidate_values(apart, exposures, numbered)
    found = pd.concat(
        [
            _weeks(apart, watched, values, (number, at_least, days))
            for number, (_, at_least, days) in enumerate(chosen)
        ],
        ignore_index=True,
    )
    apart.let_go("near_events", "event_counts", "candidate_values")
    days = found["number"].map(dict(enumerate(days for _, _, days in chosen)))
    end = pd.Timestamp(population.observed_until).tz_localize(None)
    closed = found["week"] + pd.to_timedelta(days + DAYS_PER_WEEK, unit="D") <= end
    return found.assign(whole=closed & _inside(found["week"], config))


def _watched(population: Population, chosen: Chosen, shortest: int) -> Population:
    """The customers whose shortest window has closed, with the events that are counted."""
    everyone = population.onboarded
    customer = everyone.status.isin(["eligible", "censored"])
    closed = days_after(everyone.t0, shortest) <= everyone.observed_until
    status = ibis.ifelse(customer & closed, "eligible", "not watched")
    names = {
        name for candidate, _, _ in chosen for part in candidate.clauses for name in part.event
    }
    events = population.events.filter(selected(population.events.event, sorted(names)))
    return Population(
        everyone.mutate(status=status), events, population.event_names, population.observed_until
    )


def _weeks(
    engine: Engine, watched: Population, values: ir.Table, choice: tuple[int, float, int]
) -> pd.DataFrame:
    number, at_least, days = choice
    accounts = watched.eligible
    accounts = accounts.filter(days_after(accounts.t0, days) <= accounts.observed_until)
    accounts = accounts.select("account_no", week=accounts.t0.truncate("W").cast("timestamp(6)"))
    mine = values.filter(values.candidate_no == number)
    did = mine.filter(mine[f"value_{days}"] >= at_least).select("account_no", did=True)
    rows = accounts.left_join(did, "account_no").drop("account_no_right")
    counted = rows.group_by("week").aggregate(
        accounts=rows.count(), reached=rows.count(where=rows.did.fill_null(False))
    )
    found = engine.fetch(f"who reached behaviour {number + 1}, by week", counted.order_by("week"))
    found.insert(0, "number", number)
    return found


def _inside(week: pd.Series, config: ProductConfig) -> pd.Series:
    """Whether all days of the week count as onboarding."""
    inside = pd.Series(True, index=week.index)
    begin, end = config.onboarding.from_, config.onboarding.to
    if begin is not None:
        inside &= week >= datetime.combine(begin, time())
    if end is not None:
        inside &= week + pd.Timedelta(days=DAYS_PER_WEEK) <= datetime.combine(end, time())
    return inside
