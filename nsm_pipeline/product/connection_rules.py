"""Rules about where data comes from and goes to. No message ever repeats a connection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath
from urllib.parse import parse_qsl

from nsm_pipeline.product.clauses import COSTS, placed_table
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.source import DUCKDB_SETTINGS, Files, LoadedTable, Table
from nsm_pipeline.product.yaml_tree import Finding, Keys

VARIABLE = re.compile(r"\$\{(\w+)\}")
OTHER_FORMATS = {
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xls"),
    *(".avro", ".orc", ".arrow", ".feather", ".gz", ".zip", ".zst", ".db", ".duckdb"),
}
TABLES = ("events", "accounts", "revenue")
ENGINES = ("duckdb", "postgres", "postgresql", "pyspark")
AIRFLOW = re.compile(r"airflow:[A-Za-z0-9_.-]+")
SECRET_OPTION = re.compile(r"(password|passwd|secret|token|credential|access.?key)", re.IGNORECASE)


def in_memory(connection: str) -> bool:
    """Whether nothing written through this connection would outlive the run."""
    return connection.partition("?")[0] in (
        "duckdb://",
        "duckdb:///",
        "duckdb://:memory:",
        "duckdb:///:memory:",
    )


def _connections(config: ProductConfig) -> Iterator[tuple[str, str]]:
    """(section, connection) of every one whose engine the file itself names."""
    given = {"source": config.source.connection}
    if config.publish and config.publish.connection:
        given["publish"] = config.publish.connection
    for section, connection in given.items():
        if not VARIABLE.match(connection):  # Known only where the run takes place.
            yield section, connection


def _tables(config: ProductConfig) -> Iterator[tuple[Keys, Files | Table | None]]:
    for name in (*TABLES, COSTS):
        yield placed_table(config, name)


def _reachable(config: ProductConfig) -> Iterator[Finding]:
    for section, connection in _connections(config):
        keys = (section, "connection")
        scheme, separator, _ = connection.partition("://")
        if connection.startswith("airflow:"):
            if not AIRFLOW.fullmatch(connection):
                what = "An Airflow connection is named by its id."
                yield Finding(keys, what, "Write `airflow:<conn_id>`, as in airflow:warehouse.")
        elif not separator or scheme not in ENGINES:
            named = re.match(r"[A-Za-z][A-Za-z0-9+]{0,30}(?=:)", connection)
            engine = f"`{named[0]}` connections are" if named else "This is"
            yield Finding(
                keys,
                f"{engine} not supported.",
                "Use `duckdb://`, `postgresql://`, `pyspark://` or `airflow:<conn_id>`.",
            )
        elif scheme == "duckdb" and not _known_settings(connection):
            what = "The settings of this DuckDB connection are not understood."
            mend = f"After ? give only {', '.join(DUCKDB_SETTINGS)}: duckdb://?memory_limit=4GB."
            yield Finding(keys, what, mend)


def _known_settings(connection: str) -> bool:
    _, mark, query = connection.partition("?")
    if "#" in connection or (mark and not query):
        return False
    given = parse_qsl(query, keep_blank_values=True)
    return all(
        VARIABLE.fullmatch(value) or re.fullmatch(DUCKDB_SETTINGS.get(name, "(?!)"), value)
        for name, value in given
    )


def _no_secrets(config: ProductConfig) -> Iterator[Finding]:
    """The file is copied into run folders and shown in Airflow; what is in it is no secret."""
    for section, connection in _connections(config):
        if connection.startswith("duckdb:"):
            continue  # Of a file; any option but DUCKDB_SETTINGS is refused as such.
        user, _, _ = connection.partition("://")[2].rpartition("@")
        secrets = [user.partition(":")[2]]
        for option in connection.partition("?")[2].split("&"):
            name, _, value = option.partition("=")
            if SECRET_OPTION.search(name):
                secrets.append(value)
        if any(secret and not VARIABLE.fullmatch(secret) for secret in secrets):
            yield Finding(
                (section, "connection"),
                "The connection holds a password, and this file is copied into every run.",
                "Write `${NAME}` in its place and set that variable, or use `airflow:<conn_id>`.",
            )


def _files_need_a_reader(config: ProductConfig) -> Iterator[Finding]:
    if not config.source.connection.startswith(("postgres://", "postgresql://")):
        return
    for keys, place in _tables(config):
        if isinstance(place, Files):
            yield Finding(
                (*keys, "files"),
                "PostgreSQL does not read files.",
                "Load them into a table and name it with `table`, or use DuckDB or Spark.",
            )


def _tables_written_whole(config: ProductConfig) -> Iterator[Finding]:
    if not config.publish:
        return
    if (config.publish.connection or config.source.connection).startswith("pyspark://"):
        given = config.publish.connection is not None
        yield Finding(
            ("publish", "connection") if given else ("publish",),
            "Spark cannot replace rows of several tables in one transaction.",
            "Give a PostgreSQL or DuckDB `connection` here, or leave `publish` out.",
        )


def _tables_need_a_database(config: ProductConfig) -> Iterator[Finding]:
    if not in_memory(config.source.connection):
        return
    for keys, place in _tables(config):
        if isinstance(place, Table):
            yield Finding(
                (*keys, "table"),
                "The connection `duckdb://` is in memory, where no table is yet.",
                "Name the database file in `source.connection`, or give `files` instead.",
            )


def _parquet_only(config: ProductConfig) -> Iterator[Finding]:
    for keys, place in _tables(config):
        for index, pattern in enumerate(place.files if isinstance(place, Files) else ()):
            suffix = PurePath(pattern).suffix.lower()
            if suffix in OTHER_FORMATS:
                yield Finding(
                    (*keys, "files", index),
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


def _state_tells_new_rows(config: ProductConfig) -> Iterator[Finding]:
    if config.state is None:
        return
    for name in ("events", "revenue"):
        place = getattr(config.source, name)
        if isinstance(place, LoadedTable) and place.loaded is None:
            yield Finding(
                ("source", name, "loaded"),
                "The nightly state counts what is new, and nothing tells which rows are.",
                "Name the column of their load time or batch id, as `loaded: loaded_at`; or leave "
                "`state` out: every night then counts everything.",
            )


CONNECTION_RULES = (
    _reachable,
    _no_secrets,
    _tables_need_a_database,
    _files_need_a_reader,
    _parquet_only,
    _published_to_stay,
    _tables_written_whole,
    _state_tells_new_rows,
)
