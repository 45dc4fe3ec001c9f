"""`manifest.json`: what every file of a run was when the run was finished."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nsm_pipeline.errors import Problem

MANIFEST = "manifest.json"


def file_facts(folder: Path) -> dict[str, dict[str, Any]]:
    """Sha256, size and rows (of tables) of every file of the run, by name."""
    return {path.name: _facts(path) for path in _published_files(folder)}


def damaged_files(folder: Path, facts: Mapping[str, Mapping[str, Any]]) -> tuple[Problem, ...]:
    """A problem for each file that is gone or has other bytes than the facts say."""
    found = []
    for name, expected in facts.items():
        path = folder / name
        if not path.is_file():
            what = "The file is gone."
        elif _sha256(path.read_bytes()) != expected["sha256"]:
            what = "The file is not the one that was published."
        else:
            continue
        found.append(Problem(str(path), what, "Restore it from a backup, or run again."))
    return tuple(found)


def _published_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.name != MANIFEST:
            yield path


def _facts(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    facts = {"sha256": _sha256(content), "size": len(content)}
    rows = _rows(path, content)
    return facts if rows is None else {**facts, "rows": rows}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _rows(path: Path, content: bytes) -> int | None:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    if path.suffix == ".csv":
        # A line ends a row outside quotes only; a quote inside quotes is doubled, so every second
        # part is outside. (csv.reader gives up on cells over 128 kB.)
        return sum(outside.count(b"\n") for outside in content.split(b'"')[::2]) - 1
    return None
