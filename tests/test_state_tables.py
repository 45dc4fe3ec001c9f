"""The nightly state of a source in tables: pulled batch by batch, equal to a whole count."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from engines import SPARK, new_database
from hypothesis import given
from hypothesis import strategies as st
from test_state import NIGHTS, QUIET, SOURCE, World, assert_equals_recount, plan_of

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.pipeline import run_step, start_run
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.folder import address_of
from nsm_pipeline.runs.kept_state import keep_state
from nsm_pipeline.warehouse.connect import connect
from nsm_pipeline.warehouse.state.batches import Batch, Offered, compare
from nsm_pipeline.warehouse.state.intake import Intake

LOGS = ("events", "revenue")
# What a night's rows are loaded with: numbers whose order is not that of the nights, and times.
LOADS = {
    "events": [[20, 40], [30, 10, 50], [7]],
    "revenue": [["2024-06-20 01:00"], ["2024-06-27 01:00", "2024-06-26 23:59:59.000001"], []],
}


class TableWorld(World):
    """A world whose logs come into tables of a database, with what they were loaded with."""

    url: str

    @classmethod
    def at(cls, folder: Path, url: str, seed: int = 31, **changes: Any) -> "TableWorld":
        """The world, its tables empty so far; `source` names tables that are to be files."""
        files = changes.pop("files", ())
        made = cls.make(folder, seed, **changes)
        made.url = url
        said = yaml.safe_load(made.path.read_text())
        said["source"]["connection"] = url
        for name in {*LOGS, "accounts"} - {*files}:
            place = said["source"][name]
            del place["files"]
            place["table"] = name
            if name in LOGS:
                place["loaded"] = "loaded"
        made.path.write_text(yaml.safe_dump(said, sort_keys=False))
        return made

    def deliver(self, night: int, batches: int = 1) -> None:
        """The night's rows, spread over its loads; files as in any world."""
        super().deliver(night, batches)
        engine = connect(self.url, base=self.folder, where="the tests")
        backend = engine.backend
        for log in LOGS:
            loads = LOADS[log][night]
            rows = self.arrivals[night][log].reset_index(drop=True)
            kind = "int64" if log == "events" else "datetime64[us]"
            loaded = [loads[number % len(loads)] for number in rows.index] if loads else []
            rows = rows.head(len(loaded)).assign(loaded=pd.Series(loaded, dtype=kind))
            if night == 0:
                backend.create_table(log, rows)
            elif len(rows):
                backend.insert(log, rows)
        people = self.arrivals[night]["accounts"]
        backend.create_table("accounts", people, overwrite=True)
        engine.close()

    def do(self, statement: str) -> None:
        """A statement to the database."""
        engine = connect(self.url, base=self.folder, where="the tests")
        engine.do("meddling", statement)
        engine.close()


@given(st.lists(st.dictionaries(st.integers(0, 9), st.integers(1, 3)), max_size=6))
def test_every_load_is_pulled_once_whatever_their_order(nights: list[dict[int, int]]) -> None:
    """Loads come in any order; one that gets rows once it is counted asks for a rebuild."""
    source: Counter[str] = Counter()
    ledger: dict[str, int] = {}
    for night in nights:
        added = {str(load): rows for load, rows in night.items()}
        source.update(added)
        counted = [Batch("events", name, rows) for name, rows in ledger.items()]
        found = compare(counted, Offered({}, {"events": source}))
        assert bool(found.broken) == bool(ledger.keys() & added.keys())
        assert found.batches == len(added.keys() - ledger.keys())
        pulled = {name: source[name] for name in found.loads["events"]}
        ledger = dict(source) if found.broken else ledger | pulled
        assert ledger == source


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> TableWorld:
    """A world on PostgreSQL, its state carried over all nights."""
    source = {"events": SOURCE["events"] | {"id": "id"}}
    made = TableWorld.at(
        tmp_path_factory.mktemp("tables"), new_database(postgres, "nights"), source=source
    )
    made.deliver(0)
    made.build(NIGHTS[0])
    for night, as_of in list(enumerate(NIGHTS))[1:]:
        made.deliver(night)
        with made.carried(as_of) as (plan, stored):
            assert stored is not None, plan
            came = len(LOADS["events"][night]) + len(LOADS["revenue"][night])
            assert stored.facts["night"]["batches"] == came
    return made


def test_nights_add_up_to_a_whole_count(world: TableWorld) -> None:
    """Late rows, repeats of an id, several loads a night, some with a smaller id than before."""
    with world.carried(NIGHTS[-1]) as (_, stored):
        assert stored is not None
        # The last night again: nothing is new, and the facts are those of the first time.
        assert stored.facts["night"]["batches"] == 1
        assert stored.facts["stamp"] == 1_000_002
        assert_equals_recount(stored, world.path, NIGHTS[-1])


def test_a_load_that_is_another_one_asks_for_a_rebuild(
    world: TableWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def because() -> str:
        return plan_of(world, NIGHTS[-1]).because

    one_row = "ctid = (SELECT min(ctid) FROM events WHERE loaded = {})"
    with monkeypatch.context() as patch:
        patch.setattr("nsm_pipeline.warehouse.state.intake.MOST_LOADS", 2)
        with pytest.raises(InvalidInput, match="more than 2 values: a batch is many rows"):
            because()
    world.do(f"UPDATE events SET loaded = NULL WHERE {one_row.format(30)}")
    with pytest.raises(InvalidInput, match=r'"loaded" is empty in some rows \(1\)'):
        because()
    world.do("UPDATE events SET loaded = 10 WHERE loaded IS NULL")
    said = because()
    assert said.startswith("batch '10' of events has ")
    assert said.endswith(" and 1 more")
    world.do(f"UPDATE events SET loaded = 30 WHERE {one_row.format(10)}")
    world.do("ALTER TABLE events ALTER COLUMN size TYPE text, ADD COLUMN new_one int")
    assert because() == ""
    world.do("INSERT INTO events SELECT * FROM events WHERE loaded = 7 LIMIT 1")
    assert because().startswith("batch '7' of events has ")
    world.do(f"UPDATE events SET loaded = 8 WHERE {one_row.format(7)}")
    assert because() == "column 'size' of events has another type"
    world.do("ALTER TABLE events DROP COLUMN colour")
    assert because() == "column 'colour' of events is gone"
    world.do("DELETE FROM events WHERE loaded = 7")
    assert because() == "batch '7' of events is gone"


def test_a_run_in_a_bucket_follows_tables_and_files_beside_each_other(
    tmp_path: Path, s3: str
) -> None:
    """Events and accounts in a DuckDB file, payments in Parquet files; each step by itself."""
    url = f"duckdb://{tmp_path / 'world.duckdb'}?threads=2"
    world = TableWorld.at(tmp_path, url, files=["revenue"], checks=QUIET)
    world.deliver(0)
    runs = address_of(f"{s3}/{tmp_path.name}/runs")
    kept = keep_state(runs / "world")
    world.state = kept.anew()
    world.build(NIGHTS[0])
    kept.put_back()
    kept.close()
    world.deliver(1, batches=2)

    run = start_run(world.path, as_of=NIGHTS[1], out=runs)
    told = run.read_json("state.json")
    assert "in 5 new batches" in told["sentence"]
    run_step("score", product_file=world.path, folder=run)
    kept = keep_state(runs / "world")
    world.state = kept.fetch()
    with world.carried(NIGHTS[1]) as (_, stored):
        assert stored is not None
        assert stored.facts["stamp"] == told["stamp"]
        assert run.read_frame("cells.parquet").equals(stored.cells().frame)
        assert_equals_recount(stored, world.path, NIGHTS[1])
        threads = stored.store.engine.backend.raw_sql("SELECT current_setting('threads')")
        assert threads.fetchone() == (2,)  # the state's settings are those of the source
    kept.close()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Lets this process be in New York from now on; a machine's zone changes nothing."""

    def move() -> None:
        monkeypatch.setenv("TZ", "America/New_York")
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


def test_spark_hands_over_the_rows_of_new_loads_exactly(
    tmp_path: Path, elsewhere: Callable[[], None]
) -> None:
    """Nulls and moments arrive as the files have them, files beside tables too."""
    files = ["revenue", "accounts"]
    world = TableWorld.at(tmp_path, SPARK, files=files, source={"events": {**SOURCE["events"]}})
    World.deliver(world, 0)
    rows = world.arrivals[0]["events"].reset_index(drop=True)
    rows.loc[:9, "size"] = float("nan")
    rows = rows.assign(loaded=pd.Series(rows.index % 3).map("load {}".format))
    rows.to_parquet(tmp_path / "events" / "0-0.parquet", index=False)
    engine = connect(SPARK, base=tmp_path, where="the tests")
    elsewhere()
    engine.do("a table", "DROP TABLE IF EXISTS nsm_loads")
    engine.do("a table", f"CREATE TABLE nsm_loads USING parquet LOCATION '{tmp_path / 'events'}'")
    world.path.write_text(world.path.read_text().replace("table: events", "table: nsm_loads"))
    intake = Intake.of(load_product(world.path), engine)
    by_load = rows.groupby("loaded").size().to_dict()
    assert intake.offered.loads == {"events": by_load}
    ledger = [Batch("events", "load 0", by_load["load 0"]), Batch("events", "load 1", 1)]
    arrivals = compare(ledger, intake.offered)
    assert arrivals.loads == {"events": ["load 2"]}
    assert arrivals.broken == (
        f"batch 'load 1' of events has {by_load['load 1']:,} rows now, and had 1",
    )
    found = intake.new_rows(arrivals)
    sort = ["account", "at", "event", "colour", "size"]
    new = rows[rows["loaded"] == "load 2"][sort].sort_values(sort, ignore_index=True)
    new["at"] = new["at"].dt.tz_localize(None)
    pulled = found.events[sort].to_pandas().sort_values(sort, ignore_index=True)
    pd.testing.assert_frame_equal(pulled, new, check_dtype=False)
    missing = found.events.filter(found.events["size"].isnull()).count().execute()
    assert missing == rows[rows["loaded"] == "load 2"]["size"].isna().sum()
    assert found.revenue.count().execute() == len(world.arrivals[0]["revenue"])
    engine.do("no table", "DROP TABLE nsm_loads")
    intake.engine.close()
    engine.close()
