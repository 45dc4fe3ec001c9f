"""A folder of this machine: files swapped in whole, a lock around what is read and then changed."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalFolder:
    """Implements `folder.Folder` on a file system that has locks and atomic renames."""

    path: Path

    def read(self, name: str) -> bytes:
        """The file's bytes."""
        return (self.path / name).read_bytes()

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.path / name).is_file()

    def files(self) -> list[str]:
        """Names of the files, sorted."""
        return self._names(Path.is_file)

    def folders(self) -> list[str]:
        """Names of the folders, sorted."""
        return self._names(Path.is_dir)

    def make(self) -> None:
        """Makes the folder and those above it; their names survive a power cut."""
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            _sync(folder.parent)

    def write(self, name: str, content: bytes) -> None:
        """Writes aside, then swaps: a reader sees the old bytes or the new, even after a crash.

        On an error the file written aside stays behind: nothing is deleted on an error path.
        """
        # The name is free of other copies of the same task; the dot keeps it out of the manifest.
        aside = self.path / f".{secrets.token_hex(4)}.{name}"
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.path / name)
        _sync(self.path)

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Reads, changes and writes under the folder's lock."""
        with self._locked():
            self.write(name, change(self.read(name) if self.has(name) else None))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the folder's lock; the system lets go of it when the process dies."""
        with (self.path / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _names(self, kind: Callable[[Path], bool]) -> list[str]:
        if not self.path.is_dir():
            return []
        return sorted(path.name for path in self.path.iterdir() if kind(path))


def _sync(folder: Path) -> None:
    """Makes the names in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
