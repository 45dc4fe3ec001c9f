"""`runs/<product>/index.json`: the token counter, and which run stands for which as_of.

It is the only file of a product's runs that ever changes. Writers take a lock and swap it whole;
readers take no lock and see either the old index or the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.runs.canonical_bytes import json_bytes

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


def read_index(folder: Path) -> RunIndex:
    """The product's index as last swapped; an empty one when no run was ever started."""
    path = folder / "index.json"
    try:
        content = json.loads(path.read_bytes())
        published = content["published"].items()
        return RunIndex(
            last_token=int(content["last_token"]),
            published={as_of_time(name): int(entry["token"]) for name, entry in published},
        )
    except (FileNotFoundError, NotADirectoryError):
        return RunIndex()
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        problem = Problem(
            str(path),
            f"The index of the runs cannot be read ({broken}).",
            "Put a backup of it back; the run folders beside it are not touched by this.",
        )
        raise InvalidInput(problem) from broken


def write_index(folder: Path, index: RunIndex) -> None:
    """Swaps the index; call it under `locked`."""
    published = {
        as_of_name(as_of): {"run_id": run_id(token), "token": token}
        for as_of, token in sorted(index.published.items())
    }
    content = {"version": INDEX_VERSION, "last_token": index.last_token, "published": published}
    replace_file(folder / "index.json", json_bytes(content))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the product's lock; the system lets go of it when the process dies."""
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def replace_file(path: Path, content: bytes) -> None:
    """Writes aside, then swaps: a reader sees the old bytes or the new ones, even after a crash.

    On an error the file written aside stays behind: nothing is deleted on an error path.
    """
    # The name is free of other copies of the same task; the dot keeps it out of the manifest.
    aside = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    with aside.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
