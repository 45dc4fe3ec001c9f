"""The metric tree from events to page: by hand, by SQL, by its own clocks, with hostile text."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from worlds import busy_world, open_extract, write_product

from nsm_pipeline.practice.metric_series import measure_metrics
from nsm_pipeline.practice.review import review_of
from nsm_pipeline.practice.tree import measure_tree
from nsm_pipeline.product.tree_metric import tree_metric
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.publish.tree_section import tree_section
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.stats.decomposition import LEAVES
from nsm_pipeline.steps import RunContext
from nsm_pipeline.warehouse.input_counts import Scope, input_counts, log_begins

ALL = {"events": "all"}
COUNTS = ["units", "days", "value", "new", "returned", "kept"]


def product(folder: Path, rows: list[tuple[str, str]], **changes: object) -> Path:
    """Starts by account and moment in UTC."""
    events = pd.DataFrame(rows, columns=["account", "at"]).assign(event="start")
    events["at"] = pd.to_datetime(events["at"], utc=True)
    people = pd.DataFrame({"account": sorted(events["account"].unique())})
    people["plan"] = ["team" if name in ("c", "d") else "free" for name in people["account"]]
    people["staff"] = people["account"] == "x"
    source = {"accounts": {"files": "accounts.parquet", "account": "account", "internal": "staff"}}
    tables = {"events": events, "accounts": people}
    return write_product(folder, tables, source=source, discover=ALL, **changes)


def counted(path: Path, until: datetime) -> pd.DataFrame:
    extract = open_extract(path, until)
    try:
        begins = log_begins(extract.engine, extract.tables, extract.population)
        assert begins is not None
        config = extract.product.config
        scope = Scope(extract.engine, extract.tables, extract.population, config, begins)
        return input_counts(scope, tree_metric(config)).table
    finally:
        extract.engine.close()


def test_weeks_of_new_returned_kept_and_lost_by_hand(tmp_path: Path) -> None:
    path = product(
        tmp_path,
        [
            ("a", "2024-01-01 09:00"), ("a", "2024-01-01 10:00"), ("a", "2024-01-03 09:00"),
            ("b", "2024-01-02 09:00"),
            ("x", "2024-01-02 09:00"),  # staff
            ("a", "2024-01-08 00:00"), ("c", "2024-01-14 23:59"),  # both ends of the second week
            ("b", "2024-01-23 09:00"), ("d", "2024-01-23 09:00"),  # nobody in the third
            ("a", "2024-01-29 09:00"), ("b", "2024-01-31 09:00"),  # a week that is not over
        ],
    )  # fmt: skip
    table = counted(path, datetime(2024, 2, 1, tzinfo=UTC))
    assert table["period"].dt.strftime("%d %b").tolist() == [
        "01 Jan", "08 Jan", "15 Jan", "22 Jan", "29 Jan",
    ]  # fmt: skip
    assert table["whole"].tolist() == [True] * 4 + [False]
    assert table[COUNTS].to_numpy().tolist() == [
        [2, 3, 4, 2, 0, 0], [2, 2, 2, 1, 0, 1], [0] * 6, [2, 2, 2, 1, 1, 0], [2, 2, 2, 0, 1, 1],
    ]  # fmt: skip


def test_days_and_weeks_begin_when_the_clocks_of_the_product_say_so(tmp_path: Path) -> None:
    # London's clocks went forward on Sunday 31 March 2024: its Monday begins at 23:00 UTC.
    rows = [("a", "2024-03-25 00:00"), ("a", "2024-03-31 22:59"), ("b", "2024-03-31 23:00")]
    path, until = (
        product(tmp_path, rows, timezone="Europe/London"),
        datetime(2024, 4, 8, tzinfo=UTC),
    )
    table = counted(path, until)
    assert table["period"].tolist() == [
        pd.Timestamp("2024-03-25"),
        pd.Timestamp("2024-03-31 23:00"),
    ]
    assert table["value"].tolist() == [2, 1]
    daily = counted(
        product(tmp_path, rows, timezone="America/New_York", tree={"per": "day"}), until
    )
    assert daily["period"].iloc[0] == pd.Timestamp("2024-03-24 04:00")
    assert daily["period"].iloc[-1] == pd.Timestamp("2024-03-31 04:00")
    assert daily["value"].tolist() == [1, 0, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("per", ["day", "week", "month"])
def test_the_counts_are_those_of_sql_by_hand(tmp_path: Path, per: str) -> None:
    write_product(
        tmp_path,
        busy_world(5, accounts=150),
        discover=ALL,
        segments=["plan"],
        timezone="Europe/London",
        tree={"per": per},
    )
    found = counted(tmp_path / "world.yaml", datetime(2024, 8, 1, tzinfo=UTC))
    expected = duckdb.sql(f"""
        WITH rows AS (
            SELECT account, plan AS segment,
                date_trunc('day', timezone('Europe/London', "at")) AS day
            FROM '{tmp_path}/events.parquet' JOIN '{tmp_path}/accounts.parquet' USING (account)
            WHERE event = 'start' AND "at" <= TIMESTAMPTZ '2024-08-01 00:00:00+00'
        ), units AS (
            SELECT account, segment, date_trunc('{per}', day) AS period, count(*) AS value,
                count(DISTINCT day) AS days
            FROM rows GROUP BY ALL
        ), known AS (
            SELECT now.*, NOT EXISTS (
                SELECT 1 FROM units u WHERE u.account = now.account AND u.period < now.period
            ) AS is_new, EXISTS (
                SELECT 1 FROM units u WHERE u.account = now.account
                AND u.period = now.period - INTERVAL 1 {per}
            ) AS is_kept
            FROM units now
        )
        SELECT segment, timezone('UTC', timezone('Europe/London', period)) AS period,
            count(*) AS units, sum(days) AS days, sum(value) AS value, sum(is_new::int) AS new,
            sum((NOT is_new AND NOT is_kept)::int) AS returned, sum(is_kept::int) AS kept
        FROM known GROUP BY ALL ORDER BY 1, 2
    """).df()
    some = found[found["units"] > 0].reset_index(drop=True)
    assert len(some) > 10
    assert some["period"].tolist() == expected["period"].tolist()
    assert some["segment"].tolist() == expected["segment"].tolist()
    assert (some[COUNTS].to_numpy() == expected[COUNTS].to_numpy()).all()


def measured(path: Path, folder: Path, *parts: Callable[[RunContext], None]) -> RunFolder:
    as_of = datetime(2024, 8, 1, tzinfo=UTC)
    store = RunStore(folder / "runs")
    context = RunContext(load_product(path), as_of, store, store.start("world", as_of))
    try:
        for part in parts or (measure_tree,):
            part(context)
        return context.run
    finally:
        context.close()


def test_a_run_leaves_its_tree_and_the_page_tells_it(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    inputs = [
        {"kind": "activation", "owner": hostile, "omtm": True, "kpis": [hostile]},
        {"kind": "retention", "targets": [{"name": hostile, "value": 0.5, "by": "2025-01-01"}]},
        {"kind": "depth", "owner": "core"},
    ]
    path = write_product(
        tmp_path,
        busy_world(6, accounts=150),
        core_metric={"name": hostile, "event": "start"},
        discover=ALL,
        segments=["plan"],
        adjust_for=["plan"],
        tree={"inputs": inputs},
    )
    run = measured(path, tmp_path)
    tree, table = run.read_json("tree.json"), run.read_frame("tree.parquet")
    newest = table[table["segment"] == ""].iloc[-1]
    assert tree["change"] == newest["change"] == tree["value"] - tree["value_before"]
    assert sum(tree["parts"][part] for part in ("breadth", "frequency", "depth")) == pytest.approx(
        tree["change"]
    )
    assert sum(row["change"] for row in tree["segments"]) == tree["change"]
    by_kind = {one["kind"]: one for one in tree["inputs"]}
    assert by_kind["activation"]["contribution"] == newest["activation"]
    assert by_kind["retention"]["value"] == newest["kept"] / (newest["kept"] + newest["lost"])
    assert [by_kind[kind]["state"] for kind in ("activation", "breadth")] == [
        "declared",
        "not declared",
    ]
    section = tree_section(run)
    assert section is not None
    assert " moved from " in section.finding
    assert "<img" not in section.body
    assert section.body.count("&lt;img") >= 3


def test_too_short_a_history_is_said(tmp_path: Path) -> None:
    run = measured(product(tmp_path, [("a", "2024-07-23 09:00")], tree={}), tmp_path)
    section = tree_section(run)
    assert section is not None
    assert (
        section.finding
        == "Starts: Fewer than two whole periods are known, so no change can be told."
    )


def test_a_product_without_a_tree_leaves_none(tmp_path: Path) -> None:
    run = measured(product(tmp_path, [("a", "2024-07-23 09:00")]), tmp_path)
    assert tree_section(run) is None


METRICS = [
    {"name": "keen_users", "event": "start", "at_least": 2, "segment": "plan"},
    {"name": "sizes", "event": "any", "value": {"sum": "size"}, "segment": "plan"},
    {"name": "all_events", "event": ["start", "share"], "value": "events"},
    {
        "name": "sharers",
        "event": "share",
        "value": {"share_of": {"event": "any"}},
        "segment": "plan",
    },
]


@pytest.mark.parametrize("name", ["keen_users", "sizes", "all_events"])
def test_a_declared_metric_is_the_one_of_its_series_and_adds_up(tmp_path: Path, name: str) -> None:
    inputs = [
        {"kind": "activation", "metric": "sharers", "owner": "growth", "kpis": ["all_events"]},
        {"kind": "retention"},
        {"kind": "depth"},
    ]
    path = write_product(
        tmp_path,
        busy_world(7, accounts=150),
        discover=ALL,
        metrics=METRICS,
        tree={"metric": name, "inputs": inputs},
        review={},
    )
    run = measured(path, tmp_path, measure_metrics, measure_tree)
    series = run.read_frame("metrics.parquet").query("segment == '' and whole")
    own = series[series["metric"] == name].set_index("period")["value"]
    table = run.read_frame("tree.parquet").query("segment == ''")
    values = table.set_index("period")["value"]
    assert len(values) > 20
    np.testing.assert_allclose(values, own.iloc[-len(values) :], rtol=1e-12)
    known = table.dropna(subset=["activation"])
    np.testing.assert_allclose(known[list(LEAVES)].sum(axis=1), known["change"], atol=1e-6)
    if name == "keen_users":
        np.testing.assert_allclose(known["frequency"], 0, atol=1e-9)

    tree = run.read_json("tree.json")
    (beside,) = [one for one in tree["inputs"] if not one["identity"]]
    shares = series[series["metric"] == "sharers"]["value"]
    assert (beside["value"], beside["value_before"]) == (shares.iloc[-1], shares.iloc[-2])
    assert beside["contribution"] is None
    moved = beside["share_parts"]
    assert moved["rate"] + moved["mix"] == pytest.approx(shares.iloc[-1] - shares.iloc[-2])
    section = tree_section(run)
    assert section is not None
    assert "points within segments" in section.body
    assert beside["kpis"][0]["value"] is not None
    reviewed = review_of(run, load_product(path).config).pages["monday"]
    looked_at = [one["name"] for kind in ("flagged", "as_usual") for one in reviewed[kind]]
    assert "sharers" in looked_at
    assert looked_at.count(name) == 1
