"""A product file that was read: its configuration, and where in the file each part stands."""

from __future__ import annotations

import glob
from dataclasses import dataclass, replace
from pathlib import Path

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.clauses import COSTS, placed_table
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.yaml_tree import Finding, Positions, place

PARQUET_ONLY = "Only Parquet files are read (.parquet); convert others first."


@dataclass(frozen=True)
class LoadedProduct:
    """The configuration with its file: every later error can say where it comes from."""

    config: ProductConfig
    path: Path
    text: str
    positions: Positions

    @property
    def base(self) -> Path:
        """The folder that relative file names are looked up from, first."""
        return self.path.parent

    def where(self, *keys: str | int) -> str:
        """`config/products/chat.yaml:14:17  candidates[2].at_least` for a key path."""
        return place(str(self.path), self.positions, Finding(keys, "", ""))

    def with_windows(self, *, after: int, within: int, exposure: tuple[int, ...]) -> LoadedProduct:
        """The same product with all its windows in days; the file's text stays as written."""
        config = self.config.with_windows(after=after, within=within, exposure=exposure)
        return replace(self, config=config)

    def resolve(self, pattern: str) -> list[Path]:
        """The Parquet files of a path, folder or glob, last name first.

        The product file's folder is tried first, then each folder above it, then the current one;
        the first in which anything matches wins. Newest first, because DuckDB sizes a list of
        files by its first one, and the oldest month of a growing product is tiny.

        Raises:
            InvalidInput: nothing matches, or what matches is not Parquet.
        """
        base = self.base.resolve()
        folders = list(dict.fromkeys((base, *base.parents, Path.cwd())))
        for folder in folders:
            found = _matches(folder, pattern)
            if found:
                break
        else:
            raise self._refuse(pattern, f"No file matches {pattern!r}.", _tried(pattern, folders))
        others = sorted(path.name for path in found if path.suffix != ".parquet")
        if others:
            raise self._refuse(pattern, f"{others[0]} is not a .parquet file.", PARQUET_ONLY)
        return sorted(found, key=lambda path: (path.name, str(path)), reverse=True)

    def _refuse(self, pattern: str, what: str, mend: str) -> InvalidInput:
        keys: tuple[str | int, ...] = ("source",)
        for table in ("events", "accounts", "revenue", COSTS):
            place, found = placed_table(self.config, table)
            if pattern in getattr(found, "files", ()):
                keys = (*place, "files")
                break
        return InvalidInput(Problem(self.where(*keys), what, mend))


def _matches(folder: Path, pattern: str) -> list[Path]:
    """Files under a folder; an absolute pattern replaces the folder."""
    literal = folder / pattern
    try:
        if literal.is_dir():
            return [path.resolve() for path in literal.glob("*.parquet") if path.is_file()]
        if literal.is_file():
            return [literal.resolve()]
        # Path.glob refuses an absolute pattern, and a folder of its own is allowed here.
        names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207
    except (OSError, ValueError):
        return []
    paths = (folder / name for name in names)
    return [path.resolve() for path in paths if path.is_file()]


def _tried(pattern: str, folders: list[Path]) -> str:
    if Path(pattern).is_absolute():
        return "Check the path; a folder must hold .parquet files itself."
    names = [str(folder / pattern) for folder in folders]
    return f"Looked for {', '.join(names)}."
