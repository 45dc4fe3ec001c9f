"""`manifest.json`: what every file of a run was when the run was finished."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from nsm_pipeline.errors import Problem
from nsm_pipeline.runs.folder import open_folder

if TYPE_CHECKING:
    from nsm_pipeline.runs.folder import Address

MANIFEST = "manifest.json"


def file_facts(folder: Address) -> dict[str, dict[str, Any]]:
    """Sha256, size and rows (of tables) of every file of the run as it is stored, by name."""
    files = open_folder(folder)
    return {name: _facts(name, files.read(name)) for name in files.files() if _is_published(name)}


def damaged_files(folder: Address, facts: Mapping[str, Mapping[str, Any]]) -> tuple[Problem, ...]:
    """A problem for each file that is gone or has other bytes than the facts say."""
    found, files = [], open_folder(folder)
    for name, expected in facts.items():
        try:
            if _sha256(files.read(name)) == expected["sha256"]:
                continue
            what = "The file is not the one that was published."
        except FileNotFoundError:
            what = "The file is gone."
        mend = "Restore it from a backup, or run again."
        found.append(Problem(str(folder / name), what, mend))
    return tuple(found)


def _is_published(name: str) -> bool:
    return not name.startswith(".") and name != MANIFEST


def _facts(name: str, content: bytes) -> dict[str, Any]:
    facts = {"sha256": _sha256(content), "size": len(content)}
    rows = _rows(name, content)
    return facts if rows is None else {**facts, "rows": rows}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _rows(name: str, content: bytes) -> int | None:
    if name.endswith(".parquet"):
        import pyarrow.parquet as pq

        return int(pq.read_metadata(BytesIO(content)).num_rows)
    if name.endswith(".csv"):
        # A line ends a row outside quotes only; a quote inside quotes is doubled, so every second
        # part is outside. (csv.reader gives up on cells over 128 kB.)
        return sum(outside.count(b"\n") for outside in content.split(b'"')[::2]) - 1
    return None
