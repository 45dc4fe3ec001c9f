"""The published ranking as tables of the warehouse, replaced whole by (product, as_of).

`publish.table` names the ranking; its sisters hold every (k, X) and which run is published. A row
is identified by its primary key, so a re-run or a backfill replaces and never doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from nsm_pipeline.errors import InvalidInput, NsmError, Problem, Superseded, WarehouseFailed
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.runs.run_folder import RunFolder
from nsm_pipeline.runs.run_index import read_index
from nsm_pipeline.warehouse.connect import Engine, connect

ROW_KEYS = {
    "ranking": ("product", "as_of", "candidate"),
    "candidates": ("product", "as_of", "candidate", "at_least", "within_days"),
    "published": ("product", "as_of"),
}


@dataclass(frozen=True)
class TableNames:
    """Quoted names of the three tables, all in one schema."""

    ranking: str
    candidates: str
    published: str

    @classmethod
    def beside(cls, table: str) -> TableNames:
        """`nsm_ranking` has the sisters `nsm_candidates` and `nsm_published`."""
        *schema, name = table.split(".")
        stem = name.removesuffix("ranking") if name.endswith("ranking") else f"{name}_"
        names = (name, f"{stem}candidates", f"{stem}published")
        return cls(*(".".join(f'"{part}"' for part in (*schema, each)) for each in names))


def publish_tables(product: LoadedProduct, run: RunFolder) -> None:
    """Replaces the rows of this product and moment, in one transaction.

    Raises:
        Superseded: a run with a larger token stands there; nothing is changed.
        WarehouseFailed: the engine refused; nothing is changed.
    """
    config = product.config
    if config.publish is None:
        return
    connection = config.publish.connection or config.source.connection
    engine = connect(connection, base=product.base, where=product.where("publish"))
    try:
        _replace(engine, TableNames.beside(config.publish.table), run, _frames(run))
    finally:
        engine.close()


def _frames(run: RunFolder) -> dict[str, pd.DataFrame]:
    key = {"product": run.product, "as_of": run.as_of.isoformat().replace("+00:00", "Z")}
    candidates = run.read_frame("candidates.parquet")
    run_is = {"runs": _runs_root(run), "run_id": run.run_id, "token": run.token}
    published = pd.DataFrame([{**key, **run_is}])
    return {
        "ranking": run.read_frame("ranking.parquet"),
        "candidates": candidates.assign(**key)[[*key, *candidates.columns]],
        "published": published,
    }


def _runs_root(run: RunFolder) -> str:
    return str(run.path.resolve().parents[2])


def _replace(
    engine: Engine, names: TableNames, run: RunFolder, frames: Mapping[str, pd.DataFrame]
) -> None:
    key = [run.product, str(frames["published"]["as_of"][0])]
    database: Any = engine.backend
    try:
        database.con.begin()
        for name, frame in frames.items():
            target = getattr(names, name)
            _create(database, target, frame, ROW_KEYS[name])
            _refuse_other_columns(database, target, frame)
        _refuse_older(database, names.published, run, key)
        for name, frame in frames.items():
            target = getattr(names, name)
            database.con.execute(f"DELETE FROM {target} WHERE product = ? AND as_of = ?", key)
            database.con.register("nsm_incoming", frame)
            columns = ", ".join(f'"{column}"' for column in frame.columns)
            database.con.execute(f"INSERT INTO {target} ({columns}) SELECT * FROM nsm_incoming")
            database.con.unregister("nsm_incoming")
        database.con.commit()
    except Exception as failure:
        database.con.rollback()
        if isinstance(failure, NsmError):
            raise
        raise WarehouseFailed(
            Problem(
                "publish.table",
                f"The ranking could not be written ({type(failure).__name__}: {failure}).",
                "Check that no other process writes to the database, and run again.",
            )
        ) from failure


def _create(database: Any, target: str, frame: pd.DataFrame, key: tuple[str, ...]) -> None:
    types = ibis.memtable(frame).schema()
    columns = ", ".join(
        f'"{name}" {_sql_type(types[name])}{" NOT NULL" if name in key else ""}' for name in types
    )
    if target.count(".") == 1:
        database.con.execute(f"CREATE SCHEMA IF NOT EXISTS {target.split('.')[0]}")
    quoted = ", ".join(f'"{name}"' for name in key)
    database.con.execute(f"CREATE TABLE IF NOT EXISTS {target} ({columns}, PRIMARY KEY ({quoted}))")


def _refuse_other_columns(database: Any, target: str, frame: pd.DataFrame) -> None:
    found = [row[0] for row in database.con.execute(f"DESCRIBE {target}").fetchall()]
    if found != list(frame.columns):
        raise InvalidInput(
            Problem(
                f"publish.table: {target}",
                "The table is there, but its columns are not those of this version.",
                "Name another table in the product file, or move this one away.",
            )
        )


def _sql_type(dtype: ibis.DataType) -> str:
    kinds = {
        "BOOLEAN": dtype.is_boolean(),
        "BIGINT": dtype.is_integer(),
        "DOUBLE": dtype.is_floating(),
    }
    return next((name for name, holds in kinds.items() if holds), "VARCHAR")


def _refuse_older(database: Any, published: str, run: RunFolder, key: list[str]) -> None:
    # Tokens are counted in the index of one root of runs. Those of another root say nothing about
    # this run, nor do tokens that the index never gave out: then the root was begun anew.
    found = database.con.execute(
        f"SELECT token FROM {published} WHERE product = ? AND as_of = ? AND runs = ?",
        [*key, _runs_root(run)],
    ).fetchone()
    given_out = read_index(run.path.parents[1]).last_token
    if found and run.token < found[0] <= given_out:
        raise Superseded(
            Problem(
                f"publish.table: {published}",
                f"Run {found[0]} is published for this moment; this is the older run {run.token}.",
                "Nothing to mend: the newer run stays.",
            )
        )
