"""Parquet files of a path, folder or pattern, sorted into tables by their columns."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.loaded_product import PARQUET_ONLY

DIGITS = "0123456789"


@dataclass(frozen=True)
class ParquetTable:
    """Files with the same columns: a name, what to write in `files`, and the files themselves."""

    name: str
    places: tuple[str, ...]
    paths: tuple[Path, ...]


def parquet_tables(place: str) -> list[ParquetTable]:
    """The tables that a file, a folder (with those in it) or a pattern holds, by name.

    Raises:
        InvalidInput: nothing matches, or what matches is not Parquet.
    """
    folder = Path(place)
    if folder.is_dir():
        inside = sorted(path for path in folder.iterdir() if path.is_dir())
        groups = [(each, sorted(each.glob("*.parquet"))) for each in (folder, *inside)]
        found = [table for where, paths in groups for table in _tables(where, paths)]
    else:
        paths = sorted(Path(name) for name in glob.glob(place, recursive=True))  # noqa: PTH207
        same = len({_columns(path) for path in paths}) == 1
        name = folder.stem if len(paths) == 1 else folder.parent.name
        whole = [ParquetTable(name or "events", (place,), tuple(paths))]
        found = whole if same else list(_tables(folder.parent, paths))
    if not found:
        raise InvalidInput(
            Problem(place, "No Parquet file is found there.", "Give a file, a folder or a pattern.")
        )
    return sorted(found, key=lambda table: table.name)


def _tables(folder: Path, paths: Sequence[Path]) -> Iterable[ParquetTable]:
    """One table per set of columns; the whole folder is named by itself."""
    groups: dict[tuple[str, ...], list[Path]] = {}
    for path in paths:
        groups.setdefault(_columns(path), []).append(path)
    for group in groups.values():
        if len(group) > 1 and len(groups) == 1:
            yield ParquetTable(folder.name, (str(folder / "*.parquet"),), tuple(group))
        else:
            name = group[0].stem.rstrip(f"{DIGITS}-_.") or folder.name
            yield ParquetTable(name, tuple(map(str, group)), tuple(group))


def _columns(path: Path) -> tuple[str, ...]:
    try:
        schema = pq.read_schema(path)
    except Exception as failure:
        problem = Problem(str(path), "This file cannot be read as Parquet.", PARQUET_ONLY)
        raise InvalidInput(problem) from failure
    return tuple(f"{name} {kind}" for name, kind in zip(schema.names, schema.types, strict=True))
