"""Batches: the rows of the source that came together, each batch counted exactly once.

A file is a batch. The ledger knows it by its path, and by its content when its size or time of
change differ from what they were: a file that was touched is not one that changed. In a table a
batch is the rows with one value of `loaded`, known by that value and by how many rows it has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

LOGS = ("events", "revenue")
SHORT = 40


@dataclass(frozen=True)
class Batch:
    """A batch as it was when it was counted: a file, or a load of a table (without a hash).

    `name` is the file's path or the value of `loaded`; `size` bytes of a file, rows of a load.
    """

    log: str
    name: str
    size: int
    modified: int = 0
    sha256: str = ""

    def is_still(self, path: Path) -> bool:
        """Whether the file has the content that was counted."""
        found = path.stat()
        if (found.st_size, found.st_mtime_ns) == (self.size, self.modified):
            return True
        return found.st_size == self.size and content_hash(path) == self.sha256


@dataclass(frozen=True)
class Offered:
    """What the source has: files by table, and rows by load of the logs that are in tables."""

    files: Mapping[str, Sequence[Path]]
    loads: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrivals:
    """What the source has that the ledger has not, and what it no longer has.

    By log, `files` are paths, as found; `loads` values of `loaded`, in their order as text.
    """

    files: Mapping[str, Sequence[Path]]
    loads: Mapping[str, Sequence[str]]
    broken: tuple[str, ...]
    accounts_changed: bool

    @property
    def batches(self) -> int:
        """How many have come."""
        return sum(map(len, (*self.files.values(), *self.loads.values())))

    @property
    def something(self) -> bool:
        """Whether anything has come."""
        return self.accounts_changed or bool(self.batches)


def read_batch(log: str, path: Path) -> Batch:
    """The file as a batch."""
    found = path.stat()
    return Batch(log, str(path), found.st_size, found.st_mtime_ns, content_hash(path))


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compare(ledger: Sequence[Batch], offered: Offered) -> Arrivals:
    """The source against the ledger. Accounts are a snapshot: a change of their files is no breach.

    Of accounts in a table nothing is known here.
    """
    counted: dict[str, dict[str, Batch]] = {log: {} for log in (*LOGS, "accounts")}
    for batch in ledger:
        counted[batch.log][batch.name] = batch
    files = {log: offered.files.get(log, ()) for log in LOGS}
    broken: list[str] = []
    for log in LOGS:
        if log in offered.loads:
            broken += _broken_loads(log, counted[log], offered.loads[log])
        else:
            broken += _broken_files(counted[log], files[log])
    listed = counted["accounts"]
    accounts = {str(path): path for path in offered.files.get("accounts", ())}
    changed = set(accounts) != set(listed) or any(
        not listed[name].is_still(path) for name, path in accounts.items()
    )
    return Arrivals(
        {log: [path for path in files[log] if str(path) not in counted[log]] for log in LOGS},
        {log: sorted(found.keys() - counted[log]) for log, found in offered.loads.items()},
        tuple(broken),
        changed,
    )


def _broken_files(counted: Mapping[str, Batch], found: Sequence[Path]) -> Iterator[str]:
    """Files that are not as they were counted."""
    here = {str(path): path for path in found}
    for name, path in here.items():
        if name in counted and not counted[name].is_still(path):
            yield f"{path.name} has changed"
    for name in counted:
        if name not in here:
            yield f"{Path(name).name} is gone"


def _broken_loads(
    log: str, counted: Mapping[str, Batch], found: Mapping[str, int]
) -> Iterator[str]:
    """Loads that do not have the rows that were counted."""
    for name, batch in counted.items():
        rows = found.get(name, 0)
        if not rows:
            yield f"batch {name[:SHORT]!r} of {log} is gone"
        elif rows != batch.size:
            yield f"batch {name[:SHORT]!r} of {log} has {rows:,} rows now, and had {batch.size:,}"


def ledger_frame(batches: Sequence[Batch]) -> pd.DataFrame:
    """The batches as the ledger's rows."""
    return pd.DataFrame([asdict(batch) for batch in batches], columns=list(Batch.__annotations__))


def ledger_batches(frame: pd.DataFrame) -> list[Batch]:
    """The ledger's rows as batches."""
    return [
        Batch(**{str(key): value for key, value in row.items()}) for row in frame.to_dict("records")
    ]
