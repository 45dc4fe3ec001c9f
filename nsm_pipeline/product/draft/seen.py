"""What a first look at a source has seen; the engine fills these in, the draft reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True)
class SeenTable:
    """A table, or files with the same columns: what to write in `source`, and its columns.

    `kinds` are in the words of `source_rules`: string, integer, float, boolean, timestamp, date.
    """

    name: str
    kind: Literal["files", "table"]
    place: tuple[str, ...]
    kinds: Mapping[str, str]


@dataclass(frozen=True)
class EventFact:
    """One event name: its rows, the accounts that did it, and those that did so a week apart."""

    name: str
    rows: int
    accounts: int
    returned: int

    @property
    def returned_share(self) -> float:
        """Of the accounts that did it, the share that did it again a week or more after."""
        return self.returned / self.accounts if self.accounts else 0.0


@dataclass(frozen=True)
class SeenEvents:
    """The events as a whole. `share` below 1: the facts are of that share of the accounts."""

    rows: int
    first: date
    last: date
    share: float
    facts: tuple[EventFact, ...]


@dataclass(frozen=True)
class Uniqueness:
    """How many rows a table has, and how many different accounts."""

    rows: int
    accounts: int
