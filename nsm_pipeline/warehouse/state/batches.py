"""Batches: the files of the source, each counted exactly once.

A file is a batch. The ledger knows it by its path, and by its content when its size or time of
change differ from what they were: a file that was touched is not one that changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

LOGS = ("events", "revenue")


@dataclass(frozen=True)
class Batch:
    """One file of one table as it was when it was counted."""

    log: str
    path: str
    size: int
    modified: int
    sha256: str

    def is_still(self, path: Path) -> bool:
        """Whether the file has the content that was counted."""
        found = path.stat()
        if (found.st_size, found.st_mtime_ns) == (self.size, self.modified):
            return True
        return found.st_size == self.size and content_hash(path) == self.sha256


@dataclass(frozen=True)
class Arrivals:
    """What the source has that the ledger has not, and what it no longer has."""

    new: dict[str, list[Path]]
    broken: tuple[str, ...]
    accounts_changed: bool

    @property
    def something(self) -> bool:
        """Whether anything has come."""
        return self.accounts_changed or any(self.new.values())


def read_batch(log: str, path: Path) -> Batch:
    """The file as a batch."""
    found = path.stat()
    return Batch(log, str(path), found.st_size, found.st_mtime_ns, content_hash(path))


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compare(ledger: Sequence[Batch], files: Mapping[str, Sequence[Path]]) -> Arrivals:
    """The source's files against the ledger. The accounts are a snapshot: a change is no breach."""
    known = {(batch.log, batch.path): batch for batch in ledger}
    new: dict[str, list[Path]] = {log: [] for log in LOGS}
    broken = []
    for log in LOGS:
        found = list(files.get(log, ()))
        for path in found:
            batch = known.get((log, str(path)))
            if batch is None:
                new[log].append(path)
            elif not batch.is_still(path):
                broken.append(f"{path.name} has changed")
        here = {str(path) for path in found}
        broken += [
            f"{Path(batch.path).name} is gone"
            for batch in ledger
            if batch.log == log and batch.path not in here
        ]
    accounts = {str(path): path for path in files.get("accounts", ())}
    listed = {batch.path: batch for batch in ledger if batch.log == "accounts"}
    changed = set(accounts) != set(listed) or any(
        not listed[name].is_still(path) for name, path in accounts.items()
    )
    return Arrivals(new, tuple(broken), changed)


def ledger_frame(batches: Sequence[Batch]) -> pd.DataFrame:
    """The batches as the ledger's rows."""
    return pd.DataFrame([asdict(batch) for batch in batches], columns=list(Batch.__annotations__))


def ledger_batches(frame: pd.DataFrame) -> list[Batch]:
    """The ledger's rows as batches."""
    return [
        Batch(**{str(key): value for key, value in row.items()}) for row in frame.to_dict("records")
    ]
