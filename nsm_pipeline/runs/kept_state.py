"""Where a product's nightly state is kept: a file beside its runs, or an object that is copied.

In an object store `state_pointer.json` names the object that is the state. A run copies it to disk,
works there, puts its own object beside it and then swaps the pointer, on condition that it still
names what was copied. Readers meet the old state or the new one, each whole.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from nsm_pipeline.errors import InvalidInput, Problem, StorageFailed
from nsm_pipeline.runs.canonical_bytes import json_bytes
from nsm_pipeline.runs.object_folder import ObjectFolder

if TYPE_CHECKING:
    from nsm_pipeline.runs.folder import Address

FILE = "state.duckdb"
POINTER = "state_pointer.json"
OBJECTS = "state-"
# The state is another one each night at most; who reads it meets a swap once, if ever.
READS = 3


class KeptState(Protocol):
    """A product's state on this machine's disk, for as long as a run needs it."""

    def fetch(self) -> Path:
        """Where the state is on disk; no file where there is none."""

    def anew(self) -> Path:
        """Where on disk one is to be built, in place of the one that there is."""

    def put_back(self) -> None:
        """Lets what is on disk be the state, if nobody has replaced it since it was looked at.

        Raises:
            InvalidInput: another run has.
        """

    def close(self) -> None:
        """Lets go of what was on disk for this run alone."""


def keep_state(product_folder: Address) -> KeptState:
    """The state of a product, by the folder of its runs."""
    if isinstance(product_folder, Path):
        return StateFile(product_folder / FILE)
    return StateObject(ObjectFolder(product_folder))


@dataclass(frozen=True)
class StateFile:
    """A file in a folder, worked on where it is; DuckDB's lock keeps others off it."""

    path: Path

    def fetch(self) -> Path:
        """The file."""
        return self.path

    def anew(self) -> Path:
        """The file."""
        return self.path

    def put_back(self) -> None:
        """It never was anywhere else."""

    def close(self) -> None:
        """It stays."""


@dataclass
class StateObject:
    """A copy of an object; `pointer` is what the store said when this run first looked."""

    folder: ObjectFolder
    pointer: bytes | None = field(default=None, init=False)
    looked: bool = field(default=False, init=False)

    def fetch(self) -> Path:
        """The copy, made anew.

        Raises:
            InvalidInput: the object is gone, or is not what was put there.
            StorageFailed: the store cannot be reached.
        """
        for _ in range(READS):
            self._look()
            if self.pointer is None:
                return self._path
            found = json.loads(self.pointer)
            with suppress(FileNotFoundError):  # swapped in between, and the old one removed
                self.folder.fetch_file(found["object"], self._path)
                if _facts(self._path) == {key: found[key] for key in ("size", "sha256")}:
                    return self._path
        raise InvalidInput(
            Problem(
                str(self.folder.path / POINTER),
                "The nightly state that it names is gone, or has other bytes than were put there.",
                "Remove this object; the next run builds the state anew.",
            )
        )

    def anew(self) -> Path:
        """The copy's place; what is there now need not be read."""
        if not self.looked:
            self._look()
        return self._path

    def put_back(self) -> None:
        """Puts the copy as an object of its own, swaps the pointer, and removes what it was.

        Raises:
            InvalidInput: another run has swapped it since.
            StorageFailed: the store refuses, or cannot be reached; the old state stays.
        """
        before, facts = self.pointer, _facts(self._path)
        if before is not None and facts["sha256"] == json.loads(before)["sha256"]:
            return
        name = f"{OBJECTS}{secrets.token_hex(8)}.duckdb"
        self.folder.put_file(name, self._path)
        after = json_bytes({"object": name, **facts})

        def swapped(found: bytes | None) -> bytes:
            if found != before:
                raise InvalidInput(
                    Problem(
                        str(self.folder.path / POINTER),
                        "Another run has changed the nightly state since this run began.",
                        "Start the run again; two runs of one product must not overlap.",
                    )
                )
            return after

        self.folder.update(POINTER, swapped)
        self.pointer = after
        self._remove_others(name)

    def close(self) -> None:
        """Removes the copy."""
        if "_scratch" in self.__dict__:
            self._scratch.cleanup()

    @cached_property
    def _scratch(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="nsm-state-")

    @property
    def _path(self) -> Path:
        return Path(self._scratch.name) / FILE

    def _look(self) -> None:
        self.looked, self.pointer = True, None
        with suppress(FileNotFoundError):
            self.pointer = self.folder.read(POINTER)

    def _remove_others(self, name: str) -> None:
        """States before this one, and those of runs that never came to swap theirs in.

        Where the right to remove is missing they stay, and do no harm.
        """
        for other in self.folder.files():
            if other.startswith(OBJECTS) and other != name:
                with suppress(StorageFailed, FileNotFoundError):
                    self.folder.remove(other)


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}
