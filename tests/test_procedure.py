"""Statements kept from night to night: written once, asked again of other rows and moments."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from worlds import write_product

from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.warehouse.connect import connect
from nsm_pipeline.warehouse.log import Fetch
from nsm_pipeline.warehouse.state.procedure import Wanted
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.variables import AS_OF, TONIGHT, set_moments, set_smallest

SEEN = {"account_no": [1, 1, 2], "at": [datetime(2024, 1, day) for day in (1, 5, 9)]}
TYPES = {"account_no": "int64", "at": "timestamp(6)"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    """A state of three rows, and a temporary table of one that came."""
    engine = connect("duckdb://", base=tmp_path, where="here")
    store = StateStore.attach(engine, tmp_path / "state.duckdb")
    store.create("seen", engine.small_table("seen_sent", SEEN, TYPES))
    came(store, 8)
    yield store
    engine.close()


def came(store: StateStore, day: int) -> None:
    rows = {"account_no": [2], "at": [datetime(2024, 1, day)]}
    store.engine.small_table("night_rows", rows, TYPES)


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    config = load_product(write_product(tmp_path, {}, discover={"events": "all"})).config
    return Wanted("test", config, {}, ("night_rows",))


def known_since(store: StateStore, ask: Fetch) -> None:
    """Rows from the earliest new one on, until the run's moment."""
    first = set_smallest(store.engine, "first_row", store.temporary("night_rows")["at"])
    seen = store.table("seen")
    rows = seen.filter(seen["at"] >= first, seen["at"] <= TONIGHT.as_of)
    rows = store.engine.materialise("rows_since", "rows since", rows)
    ask("how many", rows.aggregate(n=rows.count(), newest=rows["at"].max()))


def test_what_is_written_once_answers_for_other_nights(store: StateStore, wanted: Wanted) -> None:
    found, written = [], []
    for first, as_of in ((8, 9), (2, 9), (2, 6), (7, 6)):
        came(store, first)
        set_moments(store.engine, {AS_OF: datetime(2024, 1, as_of)})
        answer = wanted.ask(store, known_since)["how many"]
        found.append((int(answer["n"][0]), answer["newest"][0]))
        written.append(store.read_text("procedure_test"))
    fifth, ninth = datetime(2024, 1, 5), datetime(2024, 1, 9)
    assert found[:3] == [(1, ninth), (2, ninth), (1, fifth)]
    assert found[3][0] == 0
    assert pd.isna(found[3][1])
    assert len(set(written)) == 1


def test_another_column_of_the_state_writes_it_anew(store: StateStore, wanted: Wanted) -> None:
    set_moments(store.engine, {AS_OF: datetime(2024, 1, 9)})
    wanted.ask(store, known_since)
    before = store.read_text("procedure_test")
    store.engine.do("altering", "ALTER TABLE nsm_state.main.seen ADD COLUMN event VARCHAR")
    wanted.ask(store, known_since)
    assert store.read_text("procedure_test") != before


def test_a_value_asked_in_passing_is_refused(store: StateStore, wanted: Wanted) -> None:
    """It would be that of a state without rows, and stand in the statements for ever."""

    def counting(state: StateStore, _: Fetch) -> None:
        rows = state.table("seen")
        state.engine.fetch("in passing", rows.aggregate(n=rows.count()))

    with pytest.raises(RuntimeError, match="depend on the data: in passing"):
        wanted.ask(store, counting)
    assert store.read_text("procedure_test") is None
