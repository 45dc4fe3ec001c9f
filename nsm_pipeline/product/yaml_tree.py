"""The values of a YAML file, where in it each of them stands, and what is found wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nsm_pipeline.errors import Problem

Keys = tuple[str | int, ...]


class Position(NamedTuple):
    """Line and column, both from 1, of a value and of the key in front of it."""

    line: int
    column: int
    key_line: int
    key_column: int


Positions = Mapping[Keys, Position]


class Finding(NamedTuple):
    """Something wrong at a key path: what, and how to mend it."""

    keys: Keys
    what: str
    mend: str
    at_key: bool = False
    at: Position | None = None


@dataclass(frozen=True)
class YamlTree:
    """The values of a file; the text of each scalar as written; what could not be read."""

    value: Any
    positions: dict[Keys, Position] = field(default_factory=dict)
    written: dict[Keys, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unreadable: set[Keys] = field(default_factory=set)

    def move(self, old: Keys, new: Keys) -> None:
        """Gives the positions below one key path to another."""
        for place in [place for place in self.positions if place[: len(old)] == old]:
            moved = (*new, *place[len(old) :])
            self.positions[moved] = self.positions[place]
            if place in self.written:
                self.written[moved] = self.written[place]


def dotted(keys: Keys) -> str:
    """`candidates[2].at_least` for ("candidates", 2, "at_least")."""
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return path.removeprefix(".")


def position(positions: Positions, keys: Keys, *, at_key: bool = False) -> Position:
    """Where the value at a key path stands; for one that is missing, the key it belongs under."""
    for length in range(len(keys), 0, -1):
        found = positions.get(keys[:length])
        if found and (at_key or length < len(keys)):
            return found._replace(line=found.key_line, column=found.key_column)
        if found:
            return found
    return Position(1, 1, 1, 1)


def located(finding: Finding, positions: Positions) -> Position:
    """Where a finding stands: findings sort by it into file order."""
    return finding.at or position(positions, finding.keys, at_key=finding.at_key)


def place(label: str, positions: Positions, finding: Finding) -> str:
    """`config/products/chat.yaml:14:17  candidates[2].at_least` for a finding."""
    keys = finding.keys
    # A lone value may stand for a list of one: then its index is not in the file.
    while keys and isinstance(keys[-1], int) and keys not in positions:
        keys = keys[:-1]
    at = located(finding, positions)
    return f"{label}:{at.line}:{at.column}  {dotted(keys)}".rstrip()


def problems(label: str, positions: Positions, findings: Iterable[Finding]) -> tuple[Problem, ...]:
    """Findings as problems, in file order."""
    in_order = sorted(findings, key=lambda finding: located(finding, positions))
    return tuple(Problem(place(label, positions, f), f.what, f.mend) for f in in_order)


def short(text: str) -> str:
    """The text, cut to what fits on a line of a message."""
    return text if len(text) <= 60 else f"{text[:57]}..."
