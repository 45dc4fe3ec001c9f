"""What a night writes: stored rows that change and no others, and tables of known types."""

from collections.abc import Iterator
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pytest

from nsm_pipeline.warehouse.connect import Engine, connect
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import Sums

TYPES = {
    "stratum": "int16",
    "step": "int16",
    "accounts": "int64",
    "revenue_squares": "decimal(38, 0)",
}
LABEL_TYPES = {"cohort": "string", "segment": "string", "label_no": "int32"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    engine = connect("duckdb://", base=tmp_path, where="here")
    yield StateStore.attach(engine, tmp_path / "state.duckdb")
    engine.close()


def sums(engine: Engine, name: str, rows: list[tuple[int, int, int, int]]) -> ir.Table:
    columns = {column: [row[n] for row in rows] for n, column in enumerate(TYPES)}
    return engine.small_table(name, columns, TYPES)


def test_a_night_adds_to_its_rows_appends_new_ones_and_drops_those_of_nobody(
    store: StateStore,
) -> None:
    kept = [(1, 0, 7, 40), (1, 2, 3, 9), (2, 0, 5, 25)]
    store.create("strata", sums(store.engine, "kept", kept))
    change = sums(store.engine, "change", [(1, 2, -3, -9), (2, 0, 2, 10**30), (3, 1, 4, 16)])
    store.add_up("strata", change, ("accounts", "revenue_squares"))
    rows = store.table("strata").order_by("stratum", "step").to_pandas()
    found = [tuple(map(int, row)) for row in rows.itertuples(index=False)]
    assert found == [(1, 0, 7, 40), (2, 0, 7, 25 + 10**30), (3, 1, 4, 16)]
    assert store.table("strata").schema() == ibis.schema(TYPES)


def test_labels_keep_their_number_and_new_ones_get_the_next(store: StateStore) -> None:
    engine = store.engine

    def labels(name: str, cohorts: list[str]) -> ir.Table:
        numbers = list(range(len(cohorts)))
        columns = {"cohort": cohorts, "segment": [""] * len(cohorts), "label_no": numbers}
        return engine.small_table(name, columns, LABEL_TYPES)

    store.create("labels", labels("known", ["2024-01", "2024-02"]))
    cells = engine.small_table(
        "cells",
        {"label_no": [0, 1, 2], "accounts": [10, 20, 30]},
        {"label_no": "int32", "accounts": "int64"},
    )
    met = labels("met", ["2024-02", "2024-04", "2024-03"])
    found = Sums({"cells": cells}, met).labelled_by(store)
    rows = found.tables["cells"].order_by("accounts").to_pandas()
    assert rows["label_no"].tolist() == [1, 3, 2]
    stored = store.table("labels").order_by("label_no").to_pandas()
    assert stored["cohort"].tolist() == ["2024-01", "2024-02", "2024-03", "2024-04"]


def test_a_temporary_table_has_the_types_that_the_engine_says(store: StateStore) -> None:
    engine = store.engine
    types = {
        **{"small": "int16", "share": "float64", "text": "string"},
        **{"money": "decimal(18, 4)", "squares": "decimal(38, 0)", "yes": "boolean"},
        **{"at": "timestamp(6)", "zoned": "timestamp('UTC')", "rough": "timestamp", "day": "date"},
    }
    sent = engine.small_table("sent", {"n": [1], "name": ["a"]}, {"n": "int32", "name": "string"})
    rows = sent.select(
        **{name: ibis.null(dtype) for name, dtype in types.items()},
        number=ibis.literal(1, "!int64"),
    )
    for table in (engine.materialise("kept", "rows", rows), sent):
        said = engine.backend.table(table.op().name, database=("temp", "main"))
        assert table.equals(said)
