"""Where each object rests between steps, and how a run becomes the published one.

`runs/<product>/<as_of>/<run_id>/` is written once: a name, once written and sealed by
`manifest.json`, keeps its bytes. `index.json` alone says which run stands for which as_of. Readers
go index, folder, manifest, files.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm_pipeline.errors import InvalidInput, NsmError, Problem, Superseded
from nsm_pipeline.runs.canonical_bytes import csv_bytes, json_bytes, moment, parquet_bytes
from nsm_pipeline.runs.folder import open_folder
from nsm_pipeline.runs.manifest import MANIFEST, damaged_files, file_facts
from nsm_pipeline.runs.run_index import (
    RunIndex,
    as_of_name,
    as_of_time,
    change_index,
    read_index,
    run_id,
)

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.runs.folder import Address, Folder

NOT_A_PLACE_TO_WRITE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


@dataclass(frozen=True)
class RunFolder:
    """The files of one run. A name that starts with a dot is a note of its own, never published."""

    path: Address

    @property
    def product(self) -> str:
        """The product's name."""
        return self._identity[0]

    @property
    def as_of(self) -> datetime:
        """The moment the run looks at, in UTC."""
        return self._identity[1]

    @property
    def token(self) -> int:
        """The run's place in the order of starts."""
        return self._identity[2]

    @property
    def run_id(self) -> str:
        """The token as the folder is named."""
        return run_id(self.token)

    @property
    def sealed(self) -> bool:
        """Whether the manifest is written: from then on no file changes."""
        return self._files.has(MANIFEST)

    def exists(self, name: str) -> bool:
        """Whether the run has left this file so far."""
        return self._files.has(_plain(name))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a file as it is."""
        self._write(name, content)

    def write_text(self, name: str, text: str) -> None:
        """Writes UTF-8 text."""
        self._write(name, text.encode())

    def read_bytes(self, name: str) -> bytes:
        """The file as it is."""
        try:
            return self._files.read(_plain(name))
        except FileNotFoundError as missing:
            problem = Problem(
                str(self.path / name),
                "The run has not left this file.",
                "Run all steps of the run to its end, or name a published run.",
            )
            raise InvalidInput(problem) from missing

    def read_text(self, name: str) -> str:
        """The file's text."""
        return self.read_bytes(name).decode()

    def write_json(self, name: str, value: Any) -> None:
        """Writes JSON; what is not finite or not estimated becomes null."""
        self._write(name, json_bytes(value))

    def read_json(self, name: str) -> Any:
        """The file's JSON value."""
        return json.loads(self.read_bytes(name))

    def write_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Writes a table, as Parquet or CSV by the name's ending."""
        writers = {".parquet": parquet_bytes, ".csv": csv_bytes}
        self._write(name, writers[Path(name).suffix](frame))

    def read_frame(self, name: str) -> pd.DataFrame:
        """The table of a Parquet file; CSV is for people, it is never read back."""
        import pandas as pd

        return pd.read_parquet(BytesIO(self.read_bytes(name)), engine="pyarrow")

    def verify(self, names: Iterable[str] | None = None) -> tuple[Problem, ...]:
        """What differs from the manifest, by sha256; empty when every file is as published.

        With `names` only these files are looked at.
        """
        facts = self.read_json(MANIFEST)["files"]
        if names is not None:
            facts = {name: facts.get(name, {"sha256": None}) for name in names}
        return damaged_files(self.path, facts)

    def seal(self, facts: dict[str, Any]) -> None:
        """Writes the manifest: who the run is, the facts, and every file's sha256, size, rows."""
        if self.sealed:  # a second attempt at publishing; the files have not changed since
            return
        identity = {
            "product": self.product,
            "as_of": moment(self.as_of),
            "run_id": self.run_id,
            "token": self.token,
        }
        self.write_json(MANIFEST, {**identity, **facts, "files": file_facts(self.path)})

    @cached_property
    def _identity(self) -> tuple[str, datetime, int]:
        try:
            place = self.path.absolute()
            product, as_of, name = place.parts[-3:]
            return product, as_of_time(as_of), int(name)
        except ValueError:
            pass
        try:  # a folder copied elsewhere still knows who it is
            manifest = json.loads(self._files.read(MANIFEST))
            as_of_moment = datetime.fromisoformat(manifest["as_of"])
            return str(manifest["product"]), as_of_moment, int(manifest["token"])
        except (OSError, ValueError, KeyError, TypeError) as unknown:
            problem = Problem(
                str(self.path),
                "This is not the folder of a run.",
                "Give runs/<product>/<as_of>/<run_id>, or a copy of such a folder.",
            )
            raise InvalidInput(problem) from unknown

    @property
    def _files(self) -> Folder:
        return open_folder(self.path)

    def _write(self, name: str, content: bytes) -> None:
        if self.sealed and not _plain(name).startswith("."):
            # A step tried again after publishing comes to the same bytes, which changes nothing.
            if self.exists(name) and self.read_bytes(name) == content:
                return
            problem = Problem(
                str(self.path / name),
                "The run is finished and this would change it.",
                "Start a new run; a finished one keeps its bytes.",
            )
            raise NsmError(problem)
        self._files.write(_plain(name), content)


@dataclass(frozen=True)
class RunStore:
    """All runs under one root, usually `runs/`."""

    root: Address

    def start(self, product: str, as_of: datetime) -> RunFolder:
        """An empty folder with a token of its own.

        Raises:
            InvalidInput: The root is no place to write.
        """
        try:
            return self._take_token(product, as_of)
        except OSError as refused:
            if refused.errno not in NOT_A_PLACE_TO_WRITE:
                raise
            problem = Problem(
                str(self.root),
                f"No run folder can be made here: {refused.strerror} ({refused.filename}).",
                "Give a folder that may be written to with --out DIR.",
            )
            raise InvalidInput(problem) from refused

    def publish(self, folder: RunFolder, *, facts: dict[str, Any]) -> None:
        """Seals the folder with its manifest and lets it stand for its as_of.

        Raises:
            Superseded: A run that started later is published for the same as_of.
        """

        def standing(index: RunIndex) -> RunIndex:
            newest = index.published.get(folder.as_of, 0)
            if newest > folder.token:
                problem = Problem(
                    str(folder.path),
                    f"Run {run_id(newest)} started later and is published for the same moment.",
                    "Nothing to mend: the newer run stands, this one stays beside it.",
                )
                raise Superseded(problem)
            return index.with_run(folder.as_of, folder.token)

        folder.seal(facts)
        change_index(self.root / folder.product, standing)

    def published(self, product: str, as_of: datetime | None = None) -> RunFolder | None:
        """The run that stands for this as_of, or for the newest one; None when there is none."""
        published = read_index(self.root / product).published
        if as_of is None:
            as_of = max(published, default=None)
        if as_of is None or as_of not in published:
            return None
        return RunFolder(self.root / product / as_of_name(as_of) / run_id(published[as_of]))

    def history(self, product: str) -> list[tuple[datetime, str]]:
        """Every published as_of and its run, oldest first."""
        published = read_index(self.root / product).published
        return [(as_of, run_id(token)) for as_of, token in sorted(published.items())]

    def products(self) -> list[str]:
        """Names of all folders of products, sorted; one that never published has no history."""
        return open_folder(self.root).folders()

    def _take_token(self, product: str, as_of: datetime) -> RunFolder:
        moment_folder = self.root / product / as_of_name(as_of)
        open_folder(moment_folder).make()
        used = open_folder(moment_folder).folders()

        def taken(index: RunIndex) -> RunIndex:
            token = index.last_token + 1
            while run_id(token) in used:  # an index restored from a backup is behind
                token += 1
            return index.with_token(token)

        token = change_index(self.root / product, taken).last_token
        folder = RunFolder(moment_folder / run_id(token))
        open_folder(folder.path).make()
        return folder


def _plain(name: str) -> str:
    if name != Path(name).name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not a plain file name")
    return name
