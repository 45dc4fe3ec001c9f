"""What a simulated world is made of: behaviours, their effects, intents, revenue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from nsm_pipeline.simulation.shape import Column, Packed, Shape

START = pd.Timestamp("2024-01-01", tz="UTC")
THRESHOLDS = (1, 2, 3, 5, 7, 10, 15, 20)
AFTER_DAYS, WITHIN_DAYS = 28, 28
TRAITS = ("channel", "plan", "country", "device")
SEGMENT = "plan"

Role = Literal[
    "core",
    "causal",
    "proxy",
    "vanity",
    "immortal",
    "rare",
    "gamed",
    "passive",
    "noise",
    "child",
    "placebo",
]


@dataclass(frozen=True)
class Threshold:
    """Full effect from the k-th time within X days on, none before."""

    at_least: int
    within_days: int


@dataclass(frozen=True)
class DoseResponse:
    """Effect in proportion to log(1 + n) of the times within X days, full at `most`."""

    most: int
    within_days: int


@dataclass(frozen=True)
class Effect:
    """What a behaviour adds to the log odds of retention.

    `only` restricts it to one level of a trait; a fading effect falls in a straight line from
    twice `log_odds` in the first cohort to nothing in the last eligible one.
    """

    shape: Threshold | DoseResponse
    log_odds: float
    only: tuple[str, str] | None = None
    fades: bool = False


@dataclass(frozen=True)
class Visits:
    """At which visits a behaviour can happen: from a day on, or the first one alone."""

    from_day: int = 0
    first_only: bool = False


@dataclass(frozen=True)
class Behaviour:
    """One kind of thing that accounts do.

    Attributes:
        name: of the candidate; the event's too unless `event` says otherwise.
        role: why it is in the world; only `causal` has an effect.
        rate: mean times per visit of an account without intent (for passive: per day).
        keenness, need, hidden: how much the intents move the logarithm of the rate.
        taste: shape of the account's own taste, Gamma with mean 1; smaller is more uneven.
        tilt: (trait, level, log rate) of accounts who do it more or less.
        visits: where it can happen.
        parent: the behaviour it is a part of; `rate` is then the share of the parent's.
        event, product: for one product's lines of a transaction log.
        most: the most times that are expected of an account in 28 days.
        grid: the thresholds that are searched.
        measure: what the product file counts, and of which column: `("distinct", "friend_id")`.
        columns: what its rows say besides.
    """

    name: str
    role: Role
    rate: float
    keenness: float = 0.0
    need: float = 0.0
    hidden: float = 0.0
    taste: float = 1.5
    tilt: tuple[str, str, float] | None = None
    visits: Visits = Visits()
    effect: Effect | None = None
    parent: str | None = None
    event: str | None = None
    product: str | None = None
    most: float = 30.0
    grid: tuple[int, ...] = THRESHOLDS
    measure: tuple[Literal["distinct", "sum"], str] | None = None
    columns: tuple[Column, ...] = ()

    @property
    def event_name(self) -> str:
        """As the log has it."""
        return self.event or self.name

    @property
    def packed(self) -> bool:
        """Whether a row stands for several times."""
        return any(isinstance(column, Packed) for column in self.columns)


@dataclass(frozen=True)
class Intent:
    """How the log odds of retention depend on what accounts are like."""

    base: float = -1.3
    keenness: float = 1.1
    need: float = 0.5
    hidden: float = 0.0
    life: float = 1.4


@dataclass(frozen=True)
class Revenue:
    """How the retained pay, from `onset_days` after onboarding on."""

    kind: Literal["transactional", "subscription"] = "transactional"
    onset_days: int = 42


@dataclass(frozen=True)
class Scenario:
    """One world.

    `declared_placebos` off: they are in the data, but nobody says what they are. `by_property`: the
    products of a log are no declared candidates, discovery makes one of each frequent value.
    """

    name: str
    line: str
    behaviours: tuple[Behaviour, ...]
    intent: Intent = Intent()
    windows: tuple[int, ...] = (3, 7, 10, 14)
    revenue: Revenue | None = Revenue()
    declared_placebos: bool = True
    bots: float = 0.005
    internal: float = 0.005
    gamers: float = 0.015
    day_resolution: bool = False
    older_days: int = 0
    shape: Shape | None = None
    by_property: bool = False

    @property
    def begins(self) -> pd.Timestamp:
        """The first moment of the log."""
        return START if self.shape is None else pd.Timestamp(self.shape.begins, tz="UTC")

    @property
    def core(self) -> Behaviour:
        """The behaviour that onboards and retains."""
        return next(b for b in self.behaviours if b.role == "core")

    @property
    def causal(self) -> tuple[Behaviour, ...]:
        """The behaviours with an effect."""
        return tuple(b for b in self.behaviours if b.effect is not None)
