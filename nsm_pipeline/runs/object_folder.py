"""A folder of an object store, through fsspec: whole puts, and conditional ones for the index."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nsm_pipeline.errors import InvalidInput, Problem, StorageFailed

if TYPE_CHECKING:
    from pathlib import Path

    from upath import UPath

# The stores whose conditional puts are known and tested, with the driver and the extra that has it.
DRIVERS = {"s3": ("s3fs", "s3")}
PROBE = ".conditions"
ATTEMPTS = 30
LONGEST_PAUSE_S = 1.0
# A put that failed while nobody else wrote was not a lost race; it may still be a hiccup.
HICCUPS = 3


def object_address(text: str) -> UPath:
    """The address of a folder in an object store.

    Raises:
        InvalidInput: no such kind of store, its driver is missing, or the URL is more than a place.
    """
    url = urlsplit(text)
    if url.scheme not in DRIVERS:
        what = "Runs are kept in folders and on S3 only: elsewhere the index could lose a run."
        mend = "Give a folder that all machines share, or s3://bucket/folder."
        raise InvalidInput(Problem(f"{url.scheme}://", what, mend))
    # The URL itself is not repeated: what stands before an @ may be a secret.
    if "@" in url.netloc or url.query or url.fragment or not url.netloc:
        what = "The URL of the runs is a bucket and a folder, and nothing else."
        mend = f"Write {url.scheme}://bucket/folder; credentials come from the environment."
        raise InvalidInput(Problem(f"{url.scheme}://", what, mend))
    driver, extra = DRIVERS[url.scheme]
    if find_spec(driver) is None:
        what = f"The package {driver}, which reads such addresses, is not installed."
        raise InvalidInput(Problem(text, what, f"pip install 'nsm_pipeline[{extra}]'"))
    from upath import UPath

    # A large object in parallel ranges would cost a request more for each small one.
    return UPath(text.rstrip("/"), max_concurrency=1)


@dataclass(frozen=True)
class ObjectFolder:
    """Implements `folder.Folder` where names are keys and a put is atomic by itself."""

    path: UPath

    def read(self, name: str) -> bytes:
        """The object's bytes, in one request: the index may be swapped at any moment."""
        with self._asking():
            content: bytes = self._store.cat_file(self._key(name))
            return content

    def has(self, name: str) -> bool:
        """Whether there is such an object."""
        return name in self.files()  # one request, where asking for a missing object takes two

    def files(self) -> list[str]:
        """Names of the objects, sorted."""
        return self._names("file")

    def folders(self) -> list[str]:
        """Names of the next part of longer keys, sorted."""
        return self._names("directory")

    def make(self) -> None:
        """Nothing: a folder is a part of its objects' keys."""

    def write(self, name: str, content: bytes) -> None:
        """Puts the object; never through an open file, which an exception would publish by half."""
        with self._asking(writing=True):
            self._store.pipe_file(self._key(name), content)

    def fetch_file(self, name: str, path: Path) -> None:
        """The object as a file of this machine, streamed."""
        with self._asking():
            self._store.get_file(self._key(name), str(path))

    def put_file(self, name: str, path: Path) -> None:
        """The file as an object, streamed; it is there once all of it is."""
        with self._asking(writing=True):
            self._store.put_file(str(path), self._key(name))

    def remove(self, name: str) -> None:
        """Removes the object."""
        with self._asking():
            self._store.rm_file(self._key(name))

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Puts the object on condition that it is still the one that was read, until it is.

        Raises:
            InvalidInput: the store takes puts whose condition does not hold.
            StorageFailed: the store refuses, or others are faster every time.
        """
        _require_conditions(self)
        hiccups = 0
        for attempt in range(ATTEMPTS):
            # The version first: if the bytes are newer than it, the put is refused and none lost.
            version, before = self._version(name), self._bytes(name)
            content = change(before)
            refusal = self._put_if(name, content, version)
            # Whether a refused put was ours is for the stored bytes to say: a driver that sends a
            # request again after a lost answer is refused because its first one won.
            after = content if refusal is None else self._bytes(name)
            if after == content:
                return
            hiccups = hiccups + 1 if after == before else 0
            if hiccups == HICCUPS:
                raise self._failed(refusal) from refusal
            time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, 0.02 * 2**attempt)))
        raise StorageFailed(
            Problem(
                str(self.path / name),
                f"Other runs changed it {ATTEMPTS} times while this one tried to.",
                "Run again when fewer runs of this product start at the same time.",
            )
        )

    def takes_wrong_puts(self) -> bool:
        """Whether a put arrives though its condition does not hold, as on some S3-like stores."""
        self._put_if(PROBE, b"", None)
        for version in (None, "never the version of anything"):
            content = secrets.token_bytes(8)
            self._put_if(PROBE, content, version)
            if self._bytes(PROBE) == content:
                return True
        return False

    def _put_if(self, name: str, content: bytes, version: str | None) -> OSError | None:
        """Puts if the stored version is still this one (None: if there is none), or the refusal."""
        condition = {"mode": "create"} if version is None else {"IfMatch": version}
        with self._asking(writing=True):
            try:
                self._store.pipe_file(self._key(name), content, **condition)
            except (FileNotFoundError, PermissionError):
                raise
            except OSError as refusal:
                return refusal
        return None

    def _version(self, name: str) -> str | None:
        with self._asking():
            try:
                return str(self._store.info(self._key(name))["ETag"])
            except FileNotFoundError:
                return None

    def _bytes(self, name: str) -> bytes | None:
        try:
            return self.read(name)
        except FileNotFoundError:
            return None

    def _names(self, kind: str) -> list[str]:
        with self._asking():
            try:
                entries = self._store.ls(self._key(), detail=True)
            except FileNotFoundError:
                return []
        keys = (str(entry["name"]).rstrip("/") for entry in entries if entry["type"] == kind)
        return sorted(key.rpartition("/")[2] for key in keys if key != self._key())

    def _key(self, name: str = "") -> str:
        return str((self.path / name if name else self.path).path).rstrip("/")

    @property
    def _store(self) -> Any:
        """The driver; others write to the store too, so it answers nothing from memory."""
        store = self.path.fs
        store.invalidate_cache()
        return store

    @contextmanager
    def _asking(self, *, writing: bool = False) -> Iterator[None]:
        """Turns what a driver raises into our words; a missing object stays what it is."""
        try:
            yield
        except Exception as failure:
            if isinstance(failure, FileNotFoundError) and not writing:
                raise
            raise self._failed(failure) from failure

    def _failed(self, failure: Exception | None) -> StorageFailed:
        # The driver's words are left out: they may repeat addresses and keys.
        problem = Problem(
            str(self.path),
            f"The object store refused or could not be reached ({type(failure).__name__}).",
            "Check that the bucket exists, and the credentials and rights in the environment.",
        )
        return StorageFailed(problem)


@cache
def _require_conditions(folder: ObjectFolder) -> None:
    """Refuses a store that ignores conditions; asked once per process, an error is not kept."""
    if folder.takes_wrong_puts():
        problem = Problem(
            str(folder.path),
            "This store ignores the conditions of a put, so that one run could undo another's.",
            "Give a store that honours If-Match and If-None-Match, or a folder that all share.",
        )
        raise InvalidInput(problem)
