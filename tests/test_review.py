"""The weekly review from a run's files: what is due when, written once, and inert to read."""

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from worlds import write_product

from nsm_pipeline.command_line import practice_commands
from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.practice.review import review_of, write_review
from nsm_pipeline.practice.tree import measure_tree
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.review_folder import revalidation_folder
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.steps import RunContext

HOSTILE = "<img src=x> [a](https://e.org) *@here*"
MONDAY = datetime(2024, 7, 1, 2, tzinfo=UTC)


def steady(folder: Path, last_week: int = 40, **changes: object) -> Path:
    """Twenty accounts or so a week since January, and `last_week` in the last of June."""
    rows = []
    for week in range(26):
        begin = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(weeks=week)
        many = last_week if week == 25 else 20 + (week * 7) % 5
        rows += [(f"a{n}", begin + pd.Timedelta(hours=n + 1), "start") for n in range(many)]
    # The week is known to be over once anything is seen after it.
    rows.append(("a0", pd.Timestamp("2024-07-01 00:30", tz="UTC"), "look"))
    events = pd.DataFrame(rows, columns=["account", "at", "event"])
    inputs = [
        {"kind": "activation", "owner": HOSTILE, "omtm": True},
        {"kind": "retention", "owner": "care", "targets": [
            {"name": "KR1", "value": 0.9, "by": "2024-09-30"}]},
        {"kind": "depth", "owner": "care"},
    ]  # fmt: skip
    given: dict[str, object] = {"tree": {"inputs": inputs}, "review": {}, **changes}
    return write_product(folder, {"events": events}, discover={"events": "all"}, **given)


def published(path: Path, as_of: datetime) -> tuple[RunStore, RunFolder]:
    """A run with the files that the review reads."""
    store = RunStore(path.parent / "runs")
    context = RunContext(load_product(path), as_of, store, store.start("world", as_of))
    context.run.write_text("product.yaml", context.product.text)
    try:
        measure_tree(context)
    finally:
        context.close()
    store.publish(context.run, facts={})
    return store, context.run


@pytest.mark.parametrize(
    ("today", "kinds"),
    [
        (1, {"monday"}),
        (2, {"monday"}),
        (3, {"monday", "owner"}),
        (5, {"monday", "owner", "friday"}),
        (7, {"monday", "owner", "friday"}),
    ],
)
def test_pages_are_due_by_the_day_of_the_week(tmp_path: Path, today: int, kinds: set[str]) -> None:
    path = steady(tmp_path)
    _, run = published(path, MONDAY.replace(day=today))
    review = review_of(run, load_product(path).config)
    assert review.monday == date(2024, 7, 1)
    assert {page["page"] for page in review.pages.values()} == kinds


def test_a_week_that_doubles_is_flagged_and_its_drivers_named(tmp_path: Path) -> None:
    path = steady(tmp_path)
    _, run = published(path, MONDAY)
    monday = review_of(run, load_product(path).config).pages["monday"]
    assert monday["star"]["sentence"].startswith("Starts moved from 23 to 40 (+17) in the week of")
    assert "more new accounts" in monday["star"]["sentence"]
    flagged = {one["name"]: one["owner"] for one in monday["flagged"]}
    assert (flagged["core_metric"], flagged["activation"]) == ("tests", HOSTILE)


def test_a_week_like_the_others_flags_nothing(tmp_path: Path) -> None:
    path = steady(tmp_path, last_week=23)
    _, run = published(path, MONDAY)
    monday = review_of(run, load_product(path).config).pages["monday"]
    assert monday["flagged"] == []
    assert "core_metric" in [one["name"] for one in monday["as_usual"]]


def test_what_was_written_stays_whatever_a_later_run_says(tmp_path: Path) -> None:
    path = steady(tmp_path)
    config = load_product(path).config
    store, run = published(path, MONDAY)
    folder, written = write_review(store, run, config)
    assert written == ["monday"]
    before = folder.read("monday.md")

    steady(tmp_path, last_week=30)  # late corrections
    store, run = published(path, MONDAY.replace(day=5))
    folder, written = write_review(store, run, config)
    assert {"friday", "owners/care"} <= {*written}
    assert "monday" not in written
    assert folder.read("monday.md") == before
    assert b"moved from 23 to 30" in folder.read("friday.md")
    assert write_review(store, run, config)[1] == []


def test_monday_tells_what_the_last_look_back_decided_and_when_a_year_is_over(
    tmp_path: Path,
) -> None:
    path = steady(tmp_path)
    store, run = published(path, MONDAY)
    then = datetime(2023, 6, 1, tzinfo=UTC)
    chosen = {"candidate": "start", "at_least": 1.0, "within_days": 7}
    found = {"as_of": "2023-06-01T00:00:00Z", "decision": "keep", "chosen": chosen}
    revalidation_folder(store.root, "world", then).write_once("revalidation.json", found)
    folder, _ = write_review(store, run, load_product(path).config)
    text = folder.read("monday.md").decode()
    assert "Last validated again as of 2023-06-01: keep start. A year is over" in text


def test_names_of_people_and_metrics_are_inert_in_markdown(tmp_path: Path) -> None:
    path = steady(tmp_path, core_metric={"name": HOSTILE, "event": "start"}, title=HOSTILE)
    store, run = published(path, MONDAY.replace(day=5))
    folder, written = write_review(store, run, load_product(path).config)
    assert len([name for name in written if name.startswith("owners/")]) == 3
    for page in folder.pages():
        if page.endswith(".md"):
            text = folder.read(page).decode()
            assert "<img" not in text
            assert "](" not in text
            assert "@here" not in text


def test_the_command_prints_the_week_and_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = steady(tmp_path)
    store, _ = published(path, MONDAY.replace(day=5))
    for told in ("written now: monday", "written before, and unchanged"):
        practice_commands.review(str(path), as_of=None, out=str(store.root), as_json=False)
        shown = capsys.readouterr().out
        assert shown.startswith("# A small world: Monday 2024-07-01")
        assert "**A small world.** Starts moved from 23 to 40" in shown
        assert told in shown
        assert "never validated again: run `nsm revalidate`" in shown


def test_a_run_without_a_tree_says_what_to_do(tmp_path: Path) -> None:
    path = steady(tmp_path, tree=None, review=None)
    _, run = published(path, MONDAY)
    with pytest.raises(InvalidInput, match="no metric tree"):
        review_of(run, load_product(path).config)
