"""Rules about where data comes from and goes to. No message ever repeats a connection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.source import Files, Table
from nsm_pipeline.product.yaml_tree import Finding

VARIABLE = re.compile(r"\$\{(\w+)\}")
OTHER_FORMATS = {
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xls"),
    *(".avro", ".orc", ".arrow", ".feather", ".gz", ".zip", ".zst", ".db", ".duckdb"),
}
TABLES = ("events", "accounts", "revenue")
SUPPORTED = "`duckdb://` reads files in memory, `duckdb://folder/file.duckdb` a database file"


def in_memory(connection: str) -> bool:
    """Whether nothing written through this connection would outlive the run."""
    return connection in ("duckdb://", "duckdb:///", "duckdb://:memory:", "duckdb:///:memory:")


def _reachable(config: ProductConfig) -> Iterator[Finding]:
    connections = {"source": config.source.connection}
    if config.publish and config.publish.connection:
        connections["publish"] = config.publish.connection
    for section, connection in connections.items():
        keys = (section, "connection")
        if VARIABLE.match(connection):
            continue  # What it stands for is known only where the run takes place.
        if not connection.startswith("duckdb://"):
            scheme = re.match(r"[A-Za-z][A-Za-z0-9+]{0,30}(?=:)", connection)
            engine = f"`{scheme[0]}` connections are" if scheme else "This is"
            mend = f"Use DuckDB: {SUPPORTED}."
            yield Finding(keys, f"{engine} not supported yet.", mend)
        elif "?" in connection or "#" in connection:
            what = "Options in the connection are not supported."
            yield Finding(keys, what, "Give the path of the database file alone.")


def _tables_need_a_database(config: ProductConfig) -> Iterator[Finding]:
    if not in_memory(config.source.connection):
        return
    for name in TABLES:
        if isinstance(getattr(config.source, name), Table):
            yield Finding(
                ("source", name, "table"),
                "The connection `duckdb://` is in memory, where no table is yet.",
                "Name the database file in `source.connection`, or give `files` instead.",
            )


def _parquet_only(config: ProductConfig) -> Iterator[Finding]:
    for name in TABLES:
        place = getattr(config.source, name)
        for index, pattern in enumerate(place.files if isinstance(place, Files) else ()):
            suffix = PurePath(pattern).suffix.lower()
            if suffix in OTHER_FORMATS:
                yield Finding(
                    ("source", name, "files", index),
                    f"{suffix} files are not read.",
                    "Give .parquet files, a folder of them or a pattern such as events/*.parquet.",
                )


def _published_to_stay(config: ProductConfig) -> Iterator[Finding]:
    if config.publish and in_memory(config.publish.connection or config.source.connection):
        given = config.publish.connection is not None
        yield Finding(
            ("publish", "connection") if given else ("publish",),
            "Tables of an in-memory database are lost when the run ends.",
            "Give `connection: duckdb://folder/file.duckdb` here, or leave `publish` out.",
        )


CONNECTION_RULES = (_reachable, _tables_need_a_database, _parquet_only, _published_to_stay)
