"""The leader as it is kept from run to run: replaced when it is beaten, not when it is unlucky.

The first of the ranking is another one on many nights though nothing has changed but noise. A
company cannot steer by that, so the leader of the run before stays unless one and the same
challenger beats it on RUNS_TO_WIN runs in a row, each of which has seen more data than the one
before it. To beat the leader is to have an interval that lies above the leader's lift as a whole;
or to be a North Star when the leader is none; a leader that is a North Star cannot be beaten by a
candidate that is none. With it stays its threshold and its window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

RUNS_TO_WIN = 3
STAR = "north_star"
Outcome = Literal["none", "first", "kept", "challenged", "replaced", "gone", "moved"]


@dataclass(frozen=True)
class Choice:
    """A behaviour: candidate, threshold and window in days."""

    candidate: str
    at_least: float
    within_days: int


@dataclass(frozen=True)
class Contender:
    """A choice with what this run says of it; `*_pp` in points, None where not estimated."""

    choice: Choice
    verdict: str
    lift_pp: float | None
    ci_low_pp: float | None
    ci_high_pp: float | None

    @property
    def is_star(self) -> bool:
        """Whether this run publishes it."""
        return self.verdict == STAR


@dataclass(frozen=True)
class Standing:
    """What one run hands on to the next.

    `since` is the moment of the run that made it the leader, `wins` the runs in a row on which
    `challenger` has beaten it, `seen_until` the end of the data of the last run that counted.
    """

    leader: Choice | None
    since: str
    challenger: str | None
    wins: int
    seen_until: datetime


@dataclass(frozen=True)
class Night:
    """One run: its moment, the end of its data, and its candidates in the ranking's order.

    `searched` says whether this run still knows a candidate; `at_kept` what it says of the leader
    at the threshold and window that are kept, None where these were not searched.
    """

    as_of: str
    seen_until: datetime
    contenders: Sequence[Contender]
    searched: frozenset[str]
    at_kept: Contender | None = None


@dataclass(frozen=True)
class Leadership:
    """Who leads after a run, how that came about, and whom it took the lead from."""

    standing: Standing
    outcome: Outcome
    leader: Contender | None
    before: Choice | None


def keep_leader(before: Standing | None, night: Night) -> Leadership:
    """Who leads after this run; `before` is what the run before handed on, None on the first."""
    first = next(iter(night.contenders), None)
    if before is None or before.leader is None:
        return _taken(night, first, "none" if first is None else "first", None)
    old = before.leader
    if old.candidate not in night.searched:
        return _taken(night, first, "gone", old)
    if night.at_kept is None:
        own = next((c for c in night.contenders if c.choice.candidate == old.candidate), None)
        if own is not None:
            moved = replace(before, leader=own.choice, seen_until=night.seen_until)
            return Leadership(moved, "moved", own, old)
    return _contested(before, night)


def beats(challenger: Contender, leader: Contender | None) -> bool:
    """Whether a challenger is better than the leader by more than noise, on this run."""
    low = challenger.ci_low_pp
    if leader is None or leader.lift_pp is None:
        return low is not None and low > 0
    if challenger.is_star != leader.is_star:
        return challenger.is_star
    return low is not None and low > leader.lift_pp


def _contested(before: Standing, night: Night) -> Leadership:
    leader, old = night.at_kept, before.leader
    rivals = [c for c in night.contenders if c.choice != old]
    winners = [c for c in rivals if beats(c, leader)]
    again = [c for c in winners if c.choice.candidate == before.challenger]
    winner = next(iter([*again, *winners]), None)
    if night.seen_until <= before.seen_until:  # no more data than before: no evidence of its own
        outcome: Outcome = "challenged" if before.wins else "kept"
        return Leadership(before, outcome, leader, old)
    if winner is None:
        kept = replace(before, challenger=None, wins=0, seen_until=night.seen_until)
        return Leadership(kept, "kept", leader, old)
    wins = before.wins + 1 if again else 1
    if wins >= RUNS_TO_WIN:
        return _taken(night, winner, "replaced", old)
    name = winner.choice.candidate
    challenged = replace(before, challenger=name, wins=wins, seen_until=night.seen_until)
    return Leadership(challenged, "challenged", leader, old)


def _taken(
    night: Night, leader: Contender | None, outcome: Outcome, before: Choice | None
) -> Leadership:
    choice = None if leader is None else leader.choice
    standing = Standing(choice, night.as_of, None, 0, night.seen_until)
    return Leadership(standing, outcome, leader, before)
