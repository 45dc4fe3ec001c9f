"""What accounts do in their first 28 days: every occurrence of every behaviour, or its count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nsm_pipeline.simulation.accounts import DAY, Accounts, Floats, Ints, one_at_most, stream
from nsm_pipeline.simulation.scenario import AFTER_DAYS, Behaviour

GAMED_TIMES = 40.0
VISIT_MINUTES, LONGEST_VISIT_MINUTES = 12.0, 110.0
MINUTE = 60_000_000


@dataclass(frozen=True)
class Occurrences:
    """Occurrences of one behaviour. Shape: `owner` (position of the account) and `at` (from t0)."""

    owner: Ints
    at: Ints

    def within(self, days: int, accounts: int) -> Ints:
        """Per account the number in the first so many days."""
        return np.bincount(self.owner[self.at < days * DAY], minlength=accounts)

    def part(self, share: float, rng: np.random.Generator) -> Occurrences:
        """A random part of them, a minute later: those of a child."""
        kept = rng.random(len(self.owner)) < share
        return Occurrences(self.owner[kept], self.at[kept] + MINUTE)


def rate_per_visit(behaviour: Behaviour, accounts: Accounts) -> Floats:
    """Mean times per visit of accounts like each one, r_ie of the model: over all tastes."""
    log_rate = (
        behaviour.keenness * accounts.keenness
        + behaviour.need * accounts.need
        + behaviour.hidden * accounts.hidden
    )
    if behaviour.tilt is not None:
        trait, level, tilt = behaviour.tilt
        log_rate = log_rate + tilt * accounts.has(trait, level)
    rate = behaviour.rate * np.exp(log_rate)
    visits = accounts.visits.allowed(behaviour.visits, AFTER_DAYS)
    return np.minimum(rate, behaviour.most / np.maximum(visits, 1))


def tastes(behaviour: Behaviour, accounts: Accounts, seed: int) -> Floats:
    """How much more or less than its like each account does it: Gamma with mean 1."""
    drawn = stream(seed, "taste", behaviour.name).gamma(behaviour.taste, size=accounts.size)
    return drawn / behaviour.taste


def draw_occurrences(
    behaviours: tuple[Behaviour, ...],
    accounts: Accounts,
    seed: int,
    forced: Mapping[str, int] | None = None,
) -> dict[str, Occurrences]:
    """Occurrences by behaviour, parents before their children.

    Args:
        behaviours: of the world.
        accounts: of the world.
        seed: of the world.
        forced: behaviours that every account does exactly so often at its first visit, whatever
            it would have done: a randomised experiment's arm. All else stays as it was.
    """
    found: dict[str, Occurrences] = {}
    for behaviour in behaviours:
        rng = stream(seed, "occurrences", behaviour.name)
        if behaviour.parent is not None:
            found[behaviour.name] = found[behaviour.parent].part(behaviour.rate, rng)
        elif behaviour.role == "passive":
            found[behaviour.name] = _passive(behaviour, accounts, rng)
        else:
            times = (forced or {}).get(behaviour.name)
            found[behaviour.name] = _active(behaviour, accounts, seed, times)
    return found


def _active(behaviour: Behaviour, accounts: Accounts, seed: int, forced: int | None) -> Occurrences:
    rng = stream(seed, "occurrences", behaviour.name)
    visits = accounts.visits.allowed(behaviour.visits, AFTER_DAYS)
    if forced is not None:
        times = np.where(accounts.visits.count > 0, forced, 0)
        visits = one_at_most(accounts.visits.count)
        skipped = np.zeros_like(visits)
    else:
        rate = rate_per_visit(behaviour, accounts) * tastes(behaviour, accounts, seed)
        times = rng.poisson(rate * visits)
        if behaviour.role == "gamed":
            more = accounts.gamer & (visits > 0)
            times = times + np.where(more, rng.poisson(GAMED_TIMES, accounts.size), 0)
        skipped = accounts.visits.until(behaviour.visits.from_day)
    owner = np.repeat(np.arange(accounts.size), times)
    choice = (rng.random(len(owner)) * visits[owner]).astype(np.int64)
    visit = accounts.visits.first[owner] + skipped[owner] + choice
    at = accounts.visits.at[visit] + minutes_into_visit(rng, len(owner))
    if behaviour.role == "core":
        return _with_onboarding(owner, at, accounts)
    return Occurrences(owner, at)


def minutes_into_visit(rng: np.random.Generator, size: int) -> Ints:
    """Microseconds from the start of a visit."""
    minutes = np.minimum(rng.exponential(VISIT_MINUTES, size), LONGEST_VISIT_MINUTES)
    into: Ints = (minutes * MINUTE).astype(np.int64)
    return into


def _with_onboarding(owner: Ints, at: Ints, accounts: Accounts) -> Occurrences:
    """The core event at t0 itself, by which t0 is known."""
    starters = np.flatnonzero(accounts.onboarded)
    zeros = np.zeros(len(starters), dtype=np.int64)
    return Occurrences(np.concatenate([starters, owner]), np.concatenate([zeros, at]))


def _passive(behaviour: Behaviour, accounts: Accounts, rng: np.random.Generator) -> Occurrences:
    mean = behaviour.rate * AFTER_DAYS * np.exp(behaviour.keenness * accounts.keenness)
    times = np.where(accounts.visits.count > 0, rng.poisson(mean), 0)
    owner = np.repeat(np.arange(accounts.size), times)
    at = (rng.random(len(owner)) * AFTER_DAYS * DAY).astype(np.int64)
    return Occurrences(owner, at)
