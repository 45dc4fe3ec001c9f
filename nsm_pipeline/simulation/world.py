"""A whole world in memory: its accounts, its log, its revenue, and what is true in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nsm_pipeline.simulation.accounts import DAY, SPAN_DAYS, Accounts, Ints, draw_accounts
from nsm_pipeline.simulation.later_life import bot_rows, later_rows, leaving_days, shaped_rows
from nsm_pipeline.simulation.occurrences import Occurrences, draw_occurrences
from nsm_pipeline.simulation.outcome import Outcome, draw_outcome
from nsm_pipeline.simulation.revenue import draw_revenue
from nsm_pipeline.simulation.scenario import Scenario


@dataclass(frozen=True)
class EventLog:
    """Shape: a row per event, in order of time; `behaviour` is its position in the scenario.

    Units: `at` microseconds from the start of the log.
    """

    owner: Ints
    at: Ints
    behaviour: Ints


@dataclass(frozen=True)
class World:
    """One draw of a scenario."""

    scenario: Scenario
    seed: int
    accounts: Accounts
    counts: Mapping[str, Ints]
    outcome: Outcome
    log: EventLog
    revenue: pd.DataFrame | None


def draw_world(
    scenario: Scenario, accounts: int, seed: int, forced: Mapping[str, int] | None = None
) -> World:
    """The world of a seed; the same arguments give the same world.

    Args:
        scenario: what it is made of.
        accounts: how many sign up.
        seed: of all its random numbers.
        forced: behaviours that every account is made to do so often (0: never), for experiments.
    """
    people = draw_accounts(scenario, accounts, seed)
    done = draw_occurrences(scenario.behaviours, people, seed, forced)
    counts = {
        b.name: done[b.name].within(b.effect.shape.within_days, people.size)
        for b in scenario.causal
        if b.effect is not None
    }
    outcome = draw_outcome(scenario, people, counts, seed)
    leaves = leaving_days(people, outcome.retained, seed)
    later = later_rows(scenario, people, outcome.retained, leaves, seed)
    more = (shaped_rows(scenario, later, seed), bot_rows(scenario, people, seed))
    paid = scenario.revenue
    revenue = None if paid is None else draw_revenue(paid, people, leaves, seed)
    log = EventLog(
        owner=np.concatenate([*(d.owner for d in done.values()), *(m.owner for m in more)]),
        at=np.concatenate([*(d.at for d in done.values()), *(m.at for m in more)]),
        behaviour=np.concatenate([*_positions(done), *(m.behaviour for m in more)]),
    )
    return World(scenario, seed, people, counts, outcome, _in_order(log, people, scenario), revenue)


def _positions(done: Mapping[str, Occurrences]) -> list[Ints]:
    return [np.full(len(d.owner), n, dtype=np.int64) for n, d in enumerate(done.values())]


def _in_order(log: EventLog, accounts: Accounts, scenario: Scenario) -> EventLog:
    """Moments of the log instead of times from t0, within the log, in order of time."""
    into = log.at // DAY * DAY if scenario.day_resolution else log.at
    at = accounts.t0[log.owner] + into
    inside = np.flatnonzero((at >= 0) & (at < SPAN_DAYS * DAY))
    order = inside[np.argsort(at[inside], kind="stable")]
    return EventLog(log.owner[order], at[order], log.behaviour[order])
