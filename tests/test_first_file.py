"""`nsm init`: what it proposes, why, and that `nsm check` accepts it, on each kind of source."""

import json
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml
from engines import new_database, on_engine
from typer.testing import CliRunner
from worlds import START, busy_world

from nsm_pipeline.__main__ import app
from nsm_pipeline.drafting import Wanted, draft_product
from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.pipeline import check_product
from nsm_pipeline.product.draft.core_event import choose_core
from nsm_pipeline.product.draft.lines import decisions
from nsm_pipeline.product.draft.seen import EventFact
from nsm_pipeline.simulation.scenarios import find_scenario
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world
from nsm_pipeline.warehouse import first_look

REPOSITORY = Path(__file__).resolve().parents[1]
TODAY = date(2025, 1, 3)
DAY = pd.Timedelta(days=1)


def nsm(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["init", *words])
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("product", "core", "never", "revenue"),
    [
        ("online_retail", "order_placed", "item_returned", "amount"),
        ("oulad_small", "resource", "homepage", None),
    ],
)
def test_the_shipped_data_gets_a_file_that_check_accepts(
    tmp_path: Path, product: str, core: str, never: str, revenue: str | None
) -> None:
    file = tmp_path / "products" / "first.yaml"
    code, said = nsm(str(REPOSITORY / "data" / product), "--out", str(file), "--name", product)
    assert code == 0, said
    text, config = file.read_text(encoding="utf-8"), check_product(file).config
    assert config.product == product
    assert config.core_metric.event == (core,)
    assert f"#   {never}: " in text  # seen, and not proposed
    assert (config.source.revenue.amount if config.source.revenue else None) == revenue
    assert config.source.observed_until is not None  # both ended years ago
    assert config.asks_the_data
    assert config.discover.events == "all"
    assert config.core_metric.promise is None
    assert "student_id" not in text
    if product == "oulad_small":
        assert config.exclude.events == ("unregistered",)
        assert "# Not final_result: by name it may be an outcome." in text
    else:
        assert config.source.revenue.currency == "GBP"
        assert "It is a transaction" in text
    lines = text.splitlines()
    for number, what in decisions(text):
        assert f"{file}:{number}  {what}" in said
        assert lines[number - 1].endswith(f"# DECIDE: {what}")
    decided = [lines[number - 1].split(":")[0].strip() for number, _ in decisions(text)]
    assert {"title", "owner", "audience", "timezone", "event"} <= set(decided)
    assert any("promise" in what for _, what in decisions(text))

    code, said = nsm(str(REPOSITORY / "data" / product), "--out", str(file))
    assert code == 2
    assert "never replaces" in said
    assert file.read_text(encoding="utf-8") == text


def test_the_same_draft_from_files_a_database_file_and_a_server(
    postgres: str, tmp_path: Path
) -> None:
    world = tmp_path / "world"
    world.mkdir()
    product = write_world(draw_world(find_scenario("default"), 300, 1), world)
    server = new_database(postgres, "first_look")
    for engine in ("duckdb", "postgres"):
        on_engine(engine, product, world, server)
        shutil.rmtree(world / "staged")  # else files that a folder would hold
    sources = {
        "files": str(world),
        "duckdb": f"duckdb://{world / 'world.duckdb'}",
        "postgres": server,
    }
    drafts = {}
    for name, source in sources.items():
        file = tmp_path / f"{name}.yaml"
        wanted = Wanted(source, "world", audience="b2b", model="freemium_b2b")
        drafts[name] = draft_product(wanted, file, today=TODAY).partition("core_metric:")
        config = check_product(file).config
        assert config.business_model == "freemium_b2b"
        assert config.core_metric.event == ("message_sent",)
        assert config.passive_events == ("mail_received", "push_received")
        assert config.source.accounts is not None
        assert config.source.revenue is not None
    assert drafts["files"][2] == drafts["duckdb"][2] == drafts["postgres"][2]
    assert "table: events" in drafts["postgres"][0]
    assert "usually engagement" in drafts["files"][0]
    assert "Lenny Rachitsky" in drafts["files"][0]


def fact(name: str, *, rows: int, accounts: int = 1000, returned: int = 600) -> EventFact:
    return EventFact(name, rows, accounts, returned)


CHAT = [
    fact("page_viewed", rows=90_000, returned=990),
    fact("message_sent", rows=20_000, returned=700),
    fact("chart_shared", rows=3_000, returned=500),
    fact("subscription_renewed", rows=9_000, returned=950),
    fact("invoice_paid", rows=9_000, returned=950),
    fact("order_placed", rows=8_000, returned=800),
    fact("search_run", rows=30_000, returned=900),
    fact("email_sent", rows=50_000, returned=999),
    fact("order_cancelled", rows=6_000, returned=720),
    fact("userSignedUp", rows=1_000, returned=0),
    fact("app_opened", rows=80_000, returned=980),
    fact("tour_of_the_house", rows=1_000, returned=1),
]


@pytest.mark.parametrize(
    ("left", "chosen", "nature"),
    [
        (CHAT, "message_sent", "value"),
        ([e for e in CHAT if e.name != "message_sent"], "chart_shared", "value"),
        ([e for e in CHAT if e.name[:5] not in ("messa", "chart")], "order_placed", "transaction"),
        ([CHAT[0], CHAT[4], CHAT[6], CHAT[7]], "search_run", "preparing"),
        ([CHAT[0], CHAT[3], CHAT[4], CHAT[8]], "page_viewed", "trivial"),
    ],
)
def test_never_money_and_never_the_trivial_while_there_is_value(
    left: list[EventFact], chosen: str, nature: str
) -> None:
    found = choose_core(left, named=None, model=None)
    assert (found.chosen.fact.name, found.chosen.nature) == (chosen, nature)
    assert "subscription_renewed" not in [event.fact.name for event in found.others]


def test_what_a_user_says_and_what_cannot_be() -> None:
    assert choose_core(CHAT[3:5], named=None, model=None) is None
    assert choose_core(CHAT, named="chart_shared", model=None).named_by_user
    assert choose_core(CHAT, named="chart_saved", model=None) is None
    orders = choose_core(CHAT, named=None, model="marketplace")
    assert orders.chosen.fact.name == "order_placed"  # what a marketplace delivers
    assert orders.chosen.nature == "value"


def test_an_act_and_its_lines_are_told_apart_by_how_often_they_occur() -> None:
    lines = [fact("report_line", rows=9000), fact("report_made", rows=900, returned=590)]
    assert choose_core(lines, named=None, model=None).chosen.fact.name == "report_made"


def visits(*names: str) -> pd.DataFrame:
    """Two accounts that do everything twice, ten days apart."""
    rows = [
        (number, START + days * DAY, name)
        for number in (1, 2)
        for days in (0, 10)
        for name in names
    ]
    return pd.DataFrame(rows, columns=["user_id", "ts", "event_name"])


def test_the_most_frequent_event_is_said_to_be_so(tmp_path: Path) -> None:
    visits("video_watched", "video_watched", "invoice_paid").to_parquet(tmp_path / "log.parquet")
    text = draft_product(Wanted(str(tmp_path), "shop"), tmp_path / "a.yaml", today=TODAY)
    assert "It is also the most frequent event of all" in text.replace("\n  #", "")
    assert "#   invoice_paid: 2 of 2 again (money" in text
    assert "not the value)" in text


def test_names_from_the_data_stay_names(tmp_path: Path) -> None:
    names = ["a\nevil: true", "yes", "x # y", "née {1}: [2]", '"', "mail\u2028received", "\x7f"]
    visits(*names).to_parquet(tmp_path / "log.parquet")
    file = tmp_path / "a.yaml"
    text = draft_product(Wanted(str(tmp_path), "shop", core="yes"), file, today=TODAY)
    found = yaml.safe_load(text)
    assert "evil" not in found
    assert found["core_metric"]["event"] == "yes"
    assert found["passive_events"] == ["mail\u2028received"]
    check_product(file)


def test_several_currencies_are_never_added_up(tmp_path: Path) -> None:
    world = busy_world(1, 40)
    for name, table in world.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    revenue = world["revenue"].assign(currency="EUR")
    revenue.loc[revenue.index[0], "currency"] = "USD"
    revenue.to_parquet(tmp_path / "revenue.parquet")
    text = draft_product(Wanted(str(tmp_path), "shop"), tmp_path / "a.yaml", today=TODAY)
    assert "revenue" not in yaml.safe_load(text)["source"]
    assert "(EUR, USD), which must not be" in text
    world["revenue"].to_parquet(tmp_path / "revenue.parquet")
    text = draft_product(Wanted(str(tmp_path), "shop"), tmp_path / "b.yaml", today=TODAY)
    assert yaml.safe_load(text)["source"]["revenue"]["currency"] == "XXX"
    assert any("which currency" in what for _, what in decisions(text))


def test_what_is_no_source_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    visits("start").drop(columns="event_name").to_parquet(tmp_path / "visits.parquet")
    with pytest.raises(InvalidInput, match=r"visits \(no event name column\)"):
        draft_product(Wanted(str(tmp_path), "shop"), file, today=TODAY)
    with pytest.raises(InvalidInput, match="No database file"):
        draft_product(Wanted(f"duckdb://{tmp_path / 'no.duckdb'}", "shop"), file, today=TODAY)
    visits("invoice_paid").to_parquet(tmp_path / "visits.parquet")
    with pytest.raises(InvalidInput, match="None may be the core metric"):
        draft_product(Wanted(str(tmp_path), "shop"), file, today=TODAY)
    with pytest.raises(InvalidInput, match="No event is called 'open'"):
        draft_product(Wanted(str(tmp_path), "shop", core="open"), file, today=TODAY)
    with pytest.raises(InvalidInput, match="No Parquet file"):
        draft_product(Wanted(str(tmp_path / "none*"), "shop"), file, today=TODAY)
    assert {path.name for path in tmp_path.iterdir()} == {"visits.parquet"}
    code, said = nsm(str(tmp_path), "--out", str(file), "--audience", "everybody")
    assert code == 2
    assert "consumer, b2b" in said


def test_large_logs_are_looked_at_by_whole_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = busy_world(2, 400)["events"]
    world.to_parquet(tmp_path / "events.parquet")
    monkeypatch.setattr(first_look, "MOST_ROWS", len(world) // 4)
    text = draft_product(Wanted(str(tmp_path), "shop"), tmp_path / "a.yaml", today=TODAY)
    assert "counted on 25.0% of them" in text.replace("\n  # ", " ")
    code, said = nsm(str(tmp_path), "--out", str(tmp_path / "b.yaml"), "--json")
    assert code == 0
    assert json.loads(said)["decide"]
