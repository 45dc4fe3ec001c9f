"""The accounts of a world: traits, intents, when they come, how long they stay, their visits."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nsm_pipeline.simulation.scenario import AFTER_DAYS, WITHIN_DAYS, Scenario, Visits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SPAN_DAYS = 365
DAY = 86_400_000_000
"""Microseconds. All times are microseconds, from the start of the log or from t0."""
GROWTH = 0.5
ONBOARDING = 0.92
DECAY_DAYS = 12.0
VISITS_PER_DAY = 0.55

# Trait -> level -> (share, effect on keenness). In this order they are drawn.
LEVELS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "channel": {
        "ads": (0.40, -0.35),
        "organic": (0.30, 0.15),
        "partner": (0.10, 0.0),
        "referral": (0.20, 0.45),
    },
    "plan": {"free": (0.60, -0.2), "pro": (0.25, 0.2), "team": (0.15, 0.45)},
    "country": {"BR": (0.15, -0.1), "DE": (0.2, 0.1), "FR": (0.15, 0.0), "US": (0.5, 0.0)},
    "device": {"desktop": (0.35, 0.1), "phone": (0.65, -0.05)},
}


@dataclass(frozen=True)
class VisitTable:
    """Visits of all accounts, those of one account together and in order of time.

    Shape: `first` and `count` per account; `at` per visit, microseconds from t0. All visits of a
    day begin in its first 22 hours, so what is done at a visit stays within the visit's day.
    """

    first: Ints
    count: Ints
    at: Ints

    def until(self, days: float) -> Ints:
        """Per account the number of visits in the first so many days."""
        before = np.concatenate([[0], np.cumsum(self.at < int(days * DAY))])
        found: Ints = before[self.first + self.count] - before[self.first]
        return found

    def allowed(self, visits: Visits, days: float) -> Ints:
        """Of them, those at which a behaviour can happen."""
        if visits.first_only:
            return one_at_most(self.count)
        return self.until(days) - self.until(min(visits.from_day, days))


@dataclass(frozen=True)
class Accounts:
    """Shape: one value per account; `traits` are codes of the sorted levels.

    Units: `signed_up` and `t0` microseconds from the start of the log, `life_days` days.
    """

    ids: Ints
    traits: Mapping[str, NDArray[np.int8]]
    keenness: Floats
    need: Floats
    hidden: Floats
    signed_up: Ints
    t0: Ints
    onboarded: Flags
    internal: Flags
    bot: Flags
    gamer: Flags
    life_days: Floats
    visits: VisitTable

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.ids)

    @property
    def eligible(self) -> Flags:
        """Customers onboarded in the log and observed to the end of their outcome window."""
        seen = self.t0 + (AFTER_DAYS + WITHIN_DAYS) * DAY <= SPAN_DAYS * DAY
        return self.onboarded & ~self.internal & ~self.bot & seen & (self.t0 >= 0)

    def has(self, trait: str, level: str) -> Flags:
        """Who has this level of a trait."""
        found: Flags = self.traits[trait] == list(LEVELS[trait]).index(level)
        return found

    def cohort_position(self) -> Floats:
        """Onboarding from 0, the start of the log, to 1, the last eligible moment."""
        last = (SPAN_DAYS - AFTER_DAYS - WITHIN_DAYS) * DAY
        return np.clip(self.t0 / last, 0.0, 1.0)


def one_at_most(count: Ints) -> Ints:
    """1 where there are any."""
    return (count > 0).astype(np.int64)


def stream(seed: int, *names: str) -> np.random.Generator:
    """Random numbers of one part of the world: other parts may change without changing these."""
    return np.random.default_rng([seed, zlib.crc32("/".join(names).encode())])


def draw_accounts(scenario: Scenario, accounts: int, seed: int) -> Accounts:
    """The accounts of a world, in order of sign-up."""
    rng = stream(seed, "accounts")
    traits, keenness = _traits(rng, accounts)
    bot = rng.random(accounts) < scenario.bots
    internal = ~bot & (rng.random(accounts) < scenario.internal)
    keenness = keenness + 0.9 * rng.standard_normal(accounts) + 1.5 * internal
    keenness = np.clip(keenness, -2.5, 2.5)
    signed_up = _sign_ups(rng, accounts, scenario.older_days)
    delay = np.exp(np.log(0.25) - 0.3 * keenness + 1.2 * rng.standard_normal(accounts))
    t0 = signed_up + (np.minimum(delay, 30.0) * DAY).astype(np.int64)
    if scenario.day_resolution:
        signed_up, t0 = (moment // DAY * DAY for moment in (signed_up, t0))
    onboarded = (rng.random(accounts) < ONBOARDING + 0.02 * keenness) | bot
    life = np.exp(1.5 + 0.8 * keenness + 1.1 * rng.standard_normal(accounts))
    need, hidden = (np.clip(rng.standard_normal(accounts), -2.5, 2.5) for _ in range(2))
    return Accounts(
        ids=np.arange(1, accounts + 1, dtype=np.int64) + 100_000,
        traits=traits,
        keenness=keenness,
        need=need,
        hidden=hidden,
        signed_up=signed_up,
        t0=t0,
        onboarded=onboarded,
        internal=internal,
        bot=bot,
        gamer=rng.random(accounts) < scenario.gamers,
        life_days=life,
        visits=_visits(stream(seed, "visits"), keenness, life, onboarded & ~bot),
    )


def _traits(rng: np.random.Generator, accounts: int) -> tuple[dict[str, NDArray[np.int8]], Floats]:
    traits: dict[str, NDArray[np.int8]] = {}
    keenness = np.zeros(accounts)
    for trait, levels in LEVELS.items():
        shares, effects = (np.array(column) for column in zip(*levels.values(), strict=True))
        codes = np.searchsorted(np.cumsum(shares)[:-1], rng.random(accounts), side="right")
        traits[trait] = codes.astype(np.int8)
        keenness += effects[codes]
    return traits, keenness


def _sign_ups(rng: np.random.Generator, accounts: int, older_days: int) -> Ints:
    """Moments of sign-up, in order, of a product that grows in a straight line."""
    u = rng.random(accounts)
    share = (np.sqrt(1 + u * GROWTH * (2 + GROWTH)) - 1) / GROWTH
    days = share * (SPAN_DAYS + older_days) - older_days
    return np.sort((days * DAY).astype(np.int64))


def _visits(rng: np.random.Generator, keenness: Floats, life: Floats, comes: Flags) -> VisitTable:
    within = 1 - np.exp(-np.minimum(life, AFTER_DAYS) / DECAY_DAYS)
    mean = VISITS_PER_DAY * DECAY_DAYS * np.exp(0.3 * keenness) * within
    count = np.where(comes, 1 + rng.poisson(mean), 0)
    first = np.cumsum(count) - count
    owner = np.repeat(np.arange(len(count)), count)
    days = -DECAY_DAYS * np.log1p(-rng.random(len(owner)) * within[owner])
    days[first[comes]] = 0.0
    order = np.lexsort((days, owner))
    return VisitTable(first=first, count=count, at=within_day(days[order]))


def within_day(days: Floats) -> Ints:
    """Days as microseconds, moved into the first 22 hours of their day."""
    whole = np.floor(days)
    moved: Ints = ((whole + (days - whole) * (22 / 24)) * DAY).astype(np.int64)
    return moved
