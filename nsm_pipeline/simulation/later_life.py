"""What accounts do outside the first 28 days, and who is no customer at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nsm_pipeline.simulation.accounts import (
    DAY,
    SPAN_DAYS,
    Accounts,
    Flags,
    Floats,
    Ints,
    stream,
    within_day,
)
from nsm_pipeline.simulation.occurrences import Occurrences, minutes_into_visit
from nsm_pipeline.simulation.scenario import AFTER_DAYS, WITHIN_DAYS, Scenario

LATER_DAYS = 120.0
LATER_VISITS_PER_DAY = 0.12
BOT_FIRST_DAY = (450, 750)
OUTCOME_END = AFTER_DAYS + WITHIN_DAYS


@dataclass(frozen=True)
class MoreRows:
    """Shape: per row the account's position, the time from t0, the behaviour's position."""

    owner: Ints
    at: Ints
    behaviour: Ints


def leaving_days(accounts: Accounts, retained: Flags, seed: int) -> Floats:
    """Days from t0 until an account leaves for good: the first life, or months when retained."""
    stays = stream(seed, "leaving").exponential(LATER_DAYS, accounts.size)
    first_life = np.minimum(accounts.life_days, AFTER_DAYS)
    leaves: Floats = np.where(retained, OUTCOME_END + stays, first_life)
    return leaves


def later_rows(
    scenario: Scenario, accounts: Accounts, retained: Flags, leaves: Floats, seed: int
) -> MoreRows:
    """Visits of the retained, in the outcome window and until they leave; each has a core event."""
    rng = stream(seed, "later")
    eagerness = np.exp(0.3 * accounts.keenness)
    outcome = np.where(retained, 1 + rng.poisson(1.5 * eagerness), 0)
    ends = np.minimum(leaves, SPAN_DAYS - accounts.t0 / DAY)
    span = np.where(retained, np.maximum(ends - OUTCOME_END, 0), 0)
    later = rng.poisson(LATER_VISITS_PER_DAY * eagerness * span)
    owner = np.repeat(np.arange(accounts.size), outcome + later)
    position = np.arange(len(owner)) - np.repeat(
        np.cumsum(outcome + later) - outcome - later, outcome + later
    )
    u = rng.random(len(owner))
    # A day clear of both bounds, so that dates in place of moments stay within them.
    days = np.where(
        position < outcome[owner],
        AFTER_DAYS + 1 + u * (WITHIN_DAYS - 1),
        OUTCOME_END + 1 + u * span[owner],
    )
    at = within_day(days)
    core = _position(scenario, scenario.core.name)
    others = rng.poisson(1.5, len(owner))
    return MoreRows(
        owner=np.concatenate([owner, np.repeat(owner, others)]),
        at=np.concatenate([at, np.repeat(at, others) + minutes_into_visit(rng, int(others.sum()))]),
        behaviour=np.concatenate(
            [np.full(len(owner), core), _chosen(scenario, rng, int(others.sum()))]
        ),
    )


def shaped_rows(scenario: Scenario, rows: MoreRows, seed: int) -> MoreRows:
    """With what a shape has besides: many times at once of what is packed, and parts of parents."""
    if scenario.shape is None:
        return rows
    rng = stream(seed, "later shape")
    packed = np.array([b.rate if b.packed else 0.0 for b in scenario.behaviours])
    times = 1 + rng.poisson(packed[rows.behaviour])
    owner, behaviour = np.repeat(rows.owner, times), np.repeat(rows.behaviour, times)
    again = np.arange(len(owner)) - np.repeat(np.cumsum(times) - times, times) > 0
    at = np.repeat(rows.at, times) + again * minutes_into_visit(rng, len(owner))
    parts = [MoreRows(owner, at, behaviour)]
    for number, part in enumerate(scenario.behaviours):
        if part.parent is not None:
            theirs = np.flatnonzero(behaviour == _position(scenario, part.parent))
            done = Occurrences(owner[theirs], at[theirs]).part(part.rate, rng)
            parts.append(MoreRows(done.owner, done.at, np.full(len(done.at), number)))
    fields = [(p.owner, p.at, p.behaviour) for p in parts]
    return MoreRows(*(np.concatenate(column) for column in zip(*fields, strict=True)))


def bot_rows(scenario: Scenario, accounts: Accounts, seed: int) -> MoreRows:
    """Hundreds of rows of everything within hours; one bot in three is back in the outcome."""
    rng = stream(seed, "bots")
    bots = np.flatnonzero(accounts.bot)
    times = rng.integers(*BOT_FIRST_DAY, len(bots))
    owner = np.repeat(bots, times)
    back = bots[rng.random(len(bots)) < 1 / 3]
    core = _position(scenario, scenario.core.name)
    return MoreRows(
        owner=np.concatenate([owner, back]),
        at=np.concatenate(
            [
                (rng.random(len(owner)) * 20 / 24 * DAY).astype(np.int64),
                within_day(AFTER_DAYS + 1 + rng.random(len(back)) * (WITHIN_DAYS - 1)),
            ]
        ),
        behaviour=np.concatenate(
            [_chosen(scenario, rng, len(owner)), np.full(len(back), core)],
        ),
    )


def _chosen(scenario: Scenario, rng: np.random.Generator, size: int) -> Ints:
    """Behaviours at random, in proportion to their rates."""
    active = [
        0.0
        if b.role == "passive" or b.parent or b.visits.first_only
        else min(b.rate, 0.5)
        if b.packed
        else b.rate
        for b in scenario.behaviours
    ]
    shares = np.cumsum(active) / np.sum(active)
    chosen: Ints = np.searchsorted(shares, rng.random(size), side="right").astype(np.int64)
    return chosen


def _position(scenario: Scenario, name: str) -> int:
    return [b.name for b in scenario.behaviours].index(name)
