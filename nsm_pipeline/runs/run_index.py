"""`runs/<product>/index.json`: the token counter, and which run stands for which as_of.

It is the only file of a product's runs that ever changes. Writers swap it whole, one after another;
readers see either the old index or the new one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.runs.canonical_bytes import json_bytes
from nsm_pipeline.runs.folder import open_folder

if TYPE_CHECKING:
    from nsm_pipeline.runs.folder import Address

INDEX = "index.json"
INDEX_VERSION = 1


@dataclass(frozen=True)
class RunIndex:
    """The largest token handed out, and the token of the run published for each as_of."""

    last_token: int = 0
    published: dict[datetime, int] = field(default_factory=dict)

    def with_token(self, token: int) -> RunIndex:
        """The index after this token was handed out."""
        return replace(self, last_token=token)

    def with_run(self, as_of: datetime, token: int) -> RunIndex:
        """The index after this run was published."""
        return replace(self, published={**self.published, as_of: token})


def read_index(place: Address) -> RunIndex:
    """The product's index as last swapped; an empty one when no run was ever started."""
    try:
        return _parsed(open_folder(place).read(INDEX), place)
    except (FileNotFoundError, NotADirectoryError):
        return RunIndex()


def change_index(place: Address, change: Callable[[RunIndex], RunIndex]) -> RunIndex:
    """Swaps the index for what `change` makes of it, and returns that; no other swap is lost.

    `change` may be asked more than once, and may raise: then the index stays.
    """
    written = RunIndex()

    def changed(content: bytes | None) -> bytes:
        nonlocal written
        written = change(RunIndex() if content is None else _parsed(content, place))
        return _bytes(written)

    open_folder(place).update(INDEX, changed)
    return written


def _parsed(content: bytes, place: Address) -> RunIndex:
    try:
        value = json.loads(content)
        published = value["published"].items()
        return RunIndex(
            last_token=int(value["last_token"]),
            published={as_of_time(name): int(entry["token"]) for name, entry in published},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        problem = Problem(
            str(place / INDEX),
            f"The index of the runs cannot be read ({broken}).",
            "Put a backup of it back; the run folders beside it are not touched by this.",
        )
        raise InvalidInput(problem) from broken


def _bytes(index: RunIndex) -> bytes:
    published = {
        as_of_name(as_of): {"run_id": run_id(token), "token": token}
        for as_of, token in sorted(index.published.items())
    }
    content = {
        "version": INDEX_VERSION,
        # Tells this write from another one of the same content, whose token would be the same.
        "write": secrets.token_hex(8),
        "last_token": index.last_token,
        "published": published,
    }
    return json_bytes(content)


def run_id(token: int) -> str:
    """The folder name of a token: zero-padded, so that names sort as tokens do."""
    return f"{token:06d}"


def as_of_name(as_of: datetime) -> str:
    """The folder name of a moment: `2011-12-11T020000Z`, with a fraction only when it has one."""
    if as_of.tzinfo is None:
        raise ValueError(f"as_of {as_of} has no time zone")
    utc = as_of.astimezone(UTC)
    fraction = f".{utc.microsecond:06d}" if utc.microsecond else ""
    return f"{utc:%Y-%m-%dT%H%M%S}{fraction}Z"


def as_of_time(name: str) -> datetime:
    """The moment that a folder name stands for; ValueError when it is not one."""
    layout = "%Y-%m-%dT%H%M%S.%fZ" if "." in name else "%Y-%m-%dT%H%M%SZ"
    return datetime.strptime(name, layout).replace(tzinfo=UTC)
