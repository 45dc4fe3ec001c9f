"""The published ranking as tables of the warehouse, replaced whole by (product, as_of).

`publish.table` names the ranking; its sisters hold every (k, X) and which run is published. A row
is identified by its primary key, so a re-run or a backfill replaces and never doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import pandas as pd

from nsm_pipeline.errors import InvalidInput, NsmError, Problem, Superseded, WarehouseFailed
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.runs.run_files import CANDIDATES, RANKING_TABLE
from nsm_pipeline.runs.run_folder import RunFolder
from nsm_pipeline.runs.run_index import read_index
from nsm_pipeline.warehouse.connect import Engine, connect
from nsm_pipeline.warehouse.statements import Statements

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
    candidates = run.read_frame(CANDIDATES)
    run_is = {"runs": _runs_root(run), "run_id": run.run_id, "token": run.token}
    published = pd.DataFrame([{**key, **run_is}])
    return {
        "ranking": run.read_frame(RANKING_TABLE),
        "candidates": candidates.assign(**key)[[*key, *candidates.columns]],
        "published": published,
    }


def _runs_root(run: RunFolder) -> str:
    return str(run.path.resolve().parents[2])


def _replace(
    engine: Engine, names: TableNames, run: RunFolder, frames: Mapping[str, pd.DataFrame]
) -> None:
    key = [run.product, str(frames["published"]["as_of"][0])]
    try:
        with engine.transaction(names.published) as statements:
            for name, frame in frames.items():
                target = getattr(names, name)
                _create(statements, target, frame, ROW_KEYS[name])
                _refuse_other_columns(statements, target, frame)
            _refuse_older(statements, names.published, run, key)
            for name, frame in frames.items():
                target = getattr(names, name)
                statements.execute(f"DELETE FROM {target} WHERE product = ? AND as_of = ?", key)
                statements.insert(target, frame)
    except NsmError:
        raise
    except Exception as failure:
        raise WarehouseFailed(
            Problem(
                "publish.table",
                f"The ranking could not be written ({type(failure).__name__}: {failure}).",
                "Check that no other process writes to the database, and run again.",
            )
        ) from failure


def _create(statements: Statements, target: str, frame: pd.DataFrame, key: tuple[str, ...]) -> None:
    """Makes schema and table where they are not: who may only write needs no more rights."""
    *schema, table = (part.strip('"') for part in target.split("."))
    known = "SELECT 1 FROM information_schema.schemata WHERE schema_name = ?"
    if schema and not statements.rows(known, schema):
        statements.execute(f'CREATE SCHEMA "{schema[0]}"')
    known = "SELECT 1 FROM information_schema.tables WHERE table_name = ? AND table_schema = "
    if statements.rows(known + ("?" if schema else "current_schema()"), [table, *schema]):
        return
    types = ibis.memtable(frame).schema()
    columns = ", ".join(
        f'"{name}" {_sql_type(types[name])}{" NOT NULL" if name in key else ""}' for name in types
    )
    quoted = ", ".join(f'"{name}"' for name in key)
    statements.execute(f"CREATE TABLE {target} ({columns}, PRIMARY KEY ({quoted}))")


def _refuse_other_columns(statements: Statements, target: str, frame: pd.DataFrame) -> None:
    if statements.columns(target) != list(frame.columns):
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
        "DOUBLE PRECISION": dtype.is_floating(),
    }
    return next((name for name, holds in kinds.items() if holds), "VARCHAR")


def _refuse_older(statements: Statements, published: str, run: RunFolder, key: list[str]) -> None:
    # Tokens are counted in the index of one root of runs. Those of another root say nothing about
    # this run, nor do tokens that the index never gave out: then the root was begun anew.
    found = statements.rows(
        f"SELECT token FROM {published} WHERE product = ? AND as_of = ? AND runs = ?",
        [*key, _runs_root(run)],
    )
    given_out = read_index(run.path.parents[1]).last_token
    newest = found[0][0] if found else 0
    if run.token < newest <= given_out:
        raise Superseded(
            Problem(
                f"publish.table: {published}",
                f"Run {newest} is published for this moment; this is the older run {run.token}.",
                "Nothing to mend: the newer run stays.",
            )
        )
