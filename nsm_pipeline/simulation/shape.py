"""What the rows of a product look like beyond account, moment and event: their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Each:
    """Text: another id every time, such as an order's or a friend's."""

    column: str


@dataclass(frozen=True)
class Packed:
    """How much was done within one hour by one user: times of the behaviour, put into one row.

    Without `hundredths` an integer, with them a decimal: a time is so many hundredths.
    """

    column: str
    hundredths: int | None = None


@dataclass(frozen=True)
class Named:
    """Text: one of these names; an account meets all of them before any comes again."""

    column: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Shared:
    """Text: the id of a thing of the account's that its users come back to, such as a board.

    An account has some `pool` of them, a third of them met most of the time.
    """

    column: str
    pool: int = 6


@dataclass(frozen=True)
class Level:
    """Text: one of these levels, by their shares."""

    column: str
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Whole:
    """A whole number, from the least to the most alike."""

    column: str
    least: int
    most: int


@dataclass(frozen=True)
class Money:
    """A decimal with two places: log-normal about its median."""

    column: str
    median: float
    spread: float = 0.6


@dataclass(frozen=True)
class Elsewhere:
    """Text: the id of another account, missing in a share of the rows."""

    column: str
    missing: float = 0.0


@dataclass(frozen=True)
class Back:
    """The negative of the parent's value: what is given back."""

    column: str


@dataclass(frozen=True)
class Inviter:
    """Text: the account that sent the invitation, one of the last fortnight before the sign-up.

    Missing where nobody sent any.
    """

    column: str
    sent: str


Column = Each | Packed | Named | Shared | Level | Whole | Money | Elsewhere | Back | Inviter


@dataclass(frozen=True)
class Shape:
    """How a product's tables are made, where they are more than account, moment and event.

    Attributes:
        users: accounts are teams, and every row names the user who did it (missing in 2 %).
        plans: the names of the account's plans on every row, for free, pro and team in this order;
            some accounts go one plan up on a day of their own.
        begins: first day of the log.
        returns: what brings an account back: its core event, or any.
    """

    users: bool = False
    plans: tuple[str, ...] = ()
    begins: str = "2024-01-17"
    returns: Literal["core", "any"] = "core"
    audience: Literal["consumer", "b2b"] = "consumer"
