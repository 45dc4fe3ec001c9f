"""The columns that the rows of a shaped product have, drawn for a whole log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nsm_pipeline.simulation.accounts import DAY, SPAN_DAYS, Flags, Ints, stream
from nsm_pipeline.simulation.occurrences import MINUTE
from nsm_pipeline.simulation.scenario import Behaviour
from nsm_pipeline.simulation.shape import (
    Back,
    Column,
    Each,
    Elsewhere,
    Inviter,
    Level,
    Money,
    Named,
    Packed,
    Shared,
    Whole,
)
from nsm_pipeline.simulation.world import EventLog, World

USER, PLAN = "user_id", "plan"
USERS_MISSING = 0.02
USERS_BY_PLAN = (1.0, 4.0, 9.0)
MOST_USERS, MOST_OBJECTS = 60, 1000
GOES_UP = 0.15
HOUR = 60 * MINUTE
MOST_OFTEN = 1.6
"""Power of a uniform draw that has the first of a group chosen more often than the last."""


@dataclass(frozen=True)
class Values:
    """One column. Shape: per row of the log a number, and whether it has one.

    The number is that of an id, a place in `names`, itself, or so many hundredths.
    """

    kind: Literal["id", "account", "name", "whole", "hundredths"]
    numbers: Ints
    known: Flags
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rows:
    """The rows of a log: who, when (from the start of the log), which user, how much in one."""

    owner: Ints
    at: Ints
    behaviour: Ints
    user: Ints
    times: Ints

    def of(self, chosen: Ints | Flags) -> Rows:
        """Some of them."""
        return Rows(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def shaped(world: World) -> tuple[EventLog, dict[str, Values]]:
    """The log, what is packed as a row per account, user and hour, and its columns by name."""
    shape = world.scenario.shape
    if shape is None:
        return world.log, {}
    rows = _packed(_with_users(world), world)
    drawing = _Drawing(world, rows, {})
    if shape.users:
        drawing.add_users()
    if shape.plans:
        drawing.add_plans(shape.plans)
    for position, behaviour in enumerate(world.scenario.behaviours):
        drawing.add_behaviour(behaviour, np.flatnonzero(rows.behaviour == position))
    return EventLog(rows.owner, rows.at, rows.behaviour), drawing.columns


def _with_users(world: World) -> Rows:
    """Who of an account's users did it; the first of them does most."""
    log, accounts, rng = world.log, world.accounts, stream(world.seed, "users")
    plan = np.array(USERS_BY_PLAN)[accounts.traits["plan"]]
    users = 1 + rng.poisson(plan * np.exp(0.3 * accounts.keenness))
    users = np.minimum(users, MOST_USERS)[log.owner]
    user = _one_of(users, rng)
    assert world.scenario.shape is not None
    if not world.scenario.shape.users:
        user = np.zeros_like(user)
    return Rows(log.owner, log.at, log.behaviour, user, np.ones_like(log.at))


def _one_of(sizes: Ints, rng: np.random.Generator) -> Ints:
    chosen: Ints = (sizes * rng.random(len(sizes)) ** MOST_OFTEN).astype(np.int64)
    return chosen


def _packed(rows: Rows, world: World) -> Rows:
    """The first row of each account, user and hour stands for all of a packed behaviour."""
    packs = np.array([b.packed for b in world.scenario.behaviours])
    packed = np.flatnonzero(packs[rows.behaviour])
    # Hours count from t0, so that those of one row are all within X days or all beyond.
    hour = (rows.at - world.accounts.t0[rows.owner])[packed] // HOUR
    key = rows.owner[packed] * len(packs) + rows.behaviour[packed]
    key = (key * MOST_USERS + rows.user[packed]) * (SPAN_DAYS * 24) + hour
    _, first, times = np.unique(key, return_index=True, return_counts=True)
    keep = np.ones(len(rows.at), dtype=bool)
    keep[packed] = False
    keep[packed[first]] = True
    rows.times[packed[first]] = times
    return rows.of(keep)


@dataclass(frozen=True)
class _Drawing:
    world: World
    rows: Rows
    columns: dict[str, Values]

    def add_users(self) -> None:
        rows, rng = self.rows, stream(self.world.seed, "users missing")
        known = rng.random(len(rows.at)) >= USERS_MISSING
        self.columns[USER] = Values("id", rows.owner * MOST_USERS + rows.user, known)

    def add_plans(self, names: tuple[str, ...]) -> None:
        """The account's plan at the time; some accounts go one up on a day of their own."""
        rng, accounts, rows = stream(self.world.seed, "plans"), self.world.accounts, self.rows
        up = rng.random(accounts.size) * SPAN_DAYS * DAY
        up[rng.random(accounts.size) >= GOES_UP] = np.inf
        level = accounts.traits["plan"].astype(np.int64)[rows.owner] + (rows.at >= up[rows.owner])
        everywhere = np.ones(len(rows.at), dtype=bool)
        level = np.minimum(level, len(names) - 1)
        self.columns[PLAN] = Values("name", level, everywhere, names)

    def add_behaviour(self, behaviour: Behaviour, own: Ints) -> None:
        """Values on a behaviour's own rows, those of its parent first."""
        if behaviour.parent is not None:
            self._copy_parent(behaviour.parent, own)
        for column in behaviour.columns:
            values = self.columns.setdefault(column.column, self._blank(column))
            if isinstance(column, Back):
                values.numbers[own] *= -1
                continue
            rng = stream(self.world.seed, "column", behaviour.name, column.column)
            if isinstance(column, Inviter):
                values.numbers[own], values.known[own] = self._inviters(column, own, rng)
                continue
            values.numbers[own] = self._numbers(column, own, rng)
            missing = column.missing if isinstance(column, Elsewhere) else 0.0
            values.known[own] = rng.random(len(own)) >= missing

    def _inviters(self, column: Inviter, own: Ints, rng: np.random.Generator) -> tuple[Ints, Flags]:
        """Who sent an invitation of the fortnight before each row's account signed up, if any."""
        names, rows = [b.name for b in self.world.scenario.behaviours], self.rows
        sent = rows.of(rows.behaviour == names.index(column.sent))
        signed_up = self.world.accounts.signed_up[rows.owner[own]]
        first, end = (np.searchsorted(sent.at, signed_up - days * DAY) for days in (14, 0))
        if not len(sent.at):
            return np.zeros_like(own), np.zeros(len(own), dtype=bool)
        chosen = first + ((end - first) * rng.random(len(own))).astype(np.int64)
        return sent.owner[np.minimum(chosen, len(sent.at) - 1)], end > first

    def _copy_parent(self, name: str, own: Ints) -> None:
        """What the parent's row a minute before says, a part of it says too."""
        names, rows = [b.name for b in self.world.scenario.behaviours], self.rows
        parent = names.index(name)
        theirs = np.flatnonzero(rows.behaviour == parent)
        key = rows.owner * (SPAN_DAYS + 1) * DAY + rows.at
        order = theirs[np.argsort(key[theirs], kind="stable")]
        found = order[np.searchsorted(key[order], key[own] - MINUTE)]
        for column in self.world.scenario.behaviours[parent].columns:
            values = self.columns[column.column]
            values.numbers[own], values.known[own] = values.numbers[found], values.known[found]

    def _blank(self, column: Column) -> Values:
        size = len(self.rows.at)
        numbers, known = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
        match column:
            case Each() | Shared():
                return Values("id", numbers, known)
            case Elsewhere() | Inviter():
                return Values("account", numbers, known)
            case Named(names=names):
                return Values("name", numbers, known, names)
            case Level(shares=shares):
                return Values("name", numbers, known, tuple(shares))
            case Money() | Back():
                return Values("hundredths", numbers, known)
            case Packed(hundredths=hundredths):
                return Values("hundredths" if hundredths else "whole", numbers, known)
            case Whole():
                return Values("whole", numbers, known)

    def _numbers(self, column: Column, own: Ints, rng: np.random.Generator) -> Ints:
        rows, size = self.rows.of(own), len(own)
        numbers: Ints
        match column:
            case Packed(hundredths=hundredths):
                numbers = rows.times * (hundredths or 1)
            case Shared(pool=pool):
                age = (rows.at - self.world.accounts.t0[rows.owner]) // (28 * DAY)
                met = _one_of(np.full(size, pool), rng) + pool * age
                numbers = rows.owner * MOST_OBJECTS + met
            case Named(names=names):
                numbers = _unmet_first(rows.owner, len(names), rng)
            case Level(shares=shares):
                bounds = np.cumsum(list(shares.values()))[:-1]
                numbers = np.searchsorted(bounds, rng.random(size), side="right")
            case Whole(least=least, most=most):
                numbers = rng.integers(least, most + 1, size)
            case Money(median=median, spread=spread):
                drawn = 100 * median * np.exp(spread * rng.standard_normal(size))
                numbers = np.maximum(drawn, 1).astype(np.int64)
            case Elsewhere():
                numbers = rng.integers(0, self.world.accounts.size, size)
            case _:
                numbers = own
        return numbers


def _unmet_first(owner: Ints, names: int, rng: np.random.Generator) -> Ints:
    """Per row, in order of time, a name that its account has not met, as long as there is one."""
    order = np.argsort(owner, kind="stable")
    begins = np.flatnonzero(np.diff(owner[order], prepend=-1))
    nth = np.empty(len(owner), dtype=np.int64)
    sizes = np.diff(begins, append=len(owner))
    nth[order] = np.arange(len(owner)) - np.repeat(begins, sizes)
    shuffled = rng.random((int(owner.max(initial=-1)) + 1, names)).argsort(axis=1)
    any_name = rng.integers(0, names, len(owner))
    chosen: Ints = np.where(nth < names, nth, any_name)
    return shuffled[owner, chosen]
