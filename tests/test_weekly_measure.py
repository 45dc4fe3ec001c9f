"""What stands around the ranking, measured once a week where a product keeps a nightly state."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from worlds import busy_world, open_extract, write_product

from nsm_pipeline.pipeline import STEPS, run_product, run_step, start_run
from nsm_pipeline.practice.basis import Basis, week_of
from nsm_pipeline.practice.measured import CARRIED_FILES, Measuring
from nsm_pipeline.practice.measured_week import MeasuredWeek
from nsm_pipeline.practice.review import write_review
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.run_facts import run_facts
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.stats.gaming import read_recount, recount
from nsm_pipeline.stats.leadership import Choice
from nsm_pipeline.steps import RunContext
from nsm_pipeline.warehouse.repetition import Repeated, repetition
from nsm_pipeline.warehouse.tracked import named_candidates, reached_by_week

# London's clocks go back on Sunday 27 October 2024, at 1:00 UTC.
THURSDAY, FRIDAY, SUNDAY, MONDAY, TUESDAY, WEDNESDAY = (
    datetime(2024, 10, day, 2, tzinfo=UTC) for day in (24, 25, 27, 28, 29, 30)
)
NEWEST_ON_MONDAY = pd.Timestamp("2024-10-27 23:30", tz="UTC")  # Sunday; Monday by summer's clock
SHARERS = {"name": "sharers", "event": "share"}
OFF = ("freshness", "volume", "vanished_events", "unknown_events")


@dataclass(frozen=True)
class Nights:
    """The runs of a week, and what their steps asked the engine."""

    path: Path
    runs: dict[str, RunFolder]
    asked: dict[str, dict[str, list[str]]]

    def told(self, night: str) -> dict[str, Any]:
        told: dict[str, Any] = self.runs[night].read_json("measured.json")
        return told


def shifted_events() -> pd.DataFrame:
    """The busy world in the autumn; few invitations, and nothing in Sunday's last half hour."""
    events = busy_world(7, accounts=500)["events"]
    events["at"] += pd.Timedelta(days=100)
    many = (events["event"] == "invite") & (events["account"].str[-1] != "7")
    silent = (events["at"] >= NEWEST_ON_MONDAY) & (events["at"] <= pd.Timestamp(MONDAY))
    last = events.iloc[:1].assign(at=NEWEST_ON_MONDAY, event="mail")
    return pd.concat([events[~many & ~silent], last], ignore_index=True)


def late_invites(events: pd.DataFrame) -> pd.DataFrame:
    """Invitations on the first day, by more of those who start again in the outcome window."""
    starts = events[events["event"] == "start"]
    began = starts.groupby("account")["at"].transform("min")
    day = (starts["at"] - began) / pd.Timedelta(days=1)
    stayed = set(starts.loc[(day >= 30) & (day < 60), "account"])
    first = starts.groupby("account", as_index=False)["at"].min()
    kept = [int(name[1:]) % (2 if name in stayed else 4) == 0 for name in first["account"]]
    return first[kept].assign(at=first["at"] + pd.Timedelta(hours=5), event="invite")


def night_by_steps(path: Path, as_of: datetime, events: Path) -> RunFolder:
    """A process for each step, as Airflow has it; from `measure` on there is no row to be read."""
    run = start_run(path, as_of=as_of, out=path.parent / "runs")
    files = {file: file.read_bytes() for file in events.glob("*.parquet")}
    for step in STEPS:
        if step.name == "measure":
            for file in files:
                pd.read_parquet(file).head(0).to_parquet(file, index=False)
        run_step(step.name, product_file=path, folder=run)
    for file, content in files.items():
        file.write_bytes(content)
    return run


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Thursday builds the state; Tuesday is the first night that knows of a new week."""
    folder = tmp_path_factory.mktemp("week")
    source = {"events": {"files": "events", "account": "account", "at": "at", "event": "event"}}
    path = write_product(
        folder,
        {},
        source=source,
        timezone="Europe/London",
        discover={"events": "all", "except": ["rare", "mail"], "at_least": [1]},
        exposure={"within": "7d"},
        checks={
            **{name: {"severity": "off"} for name in OFF},
            "eligible_accounts": {"at_least": 1},
        },
        journey=[{"name": "shares", "event": "share"}],
        metrics=[SHARERS],
        tree={},
        state={"rebuild": "quarterly"},
    )
    (folder / "events").mkdir()
    events, found = shifted_events(), Nights(path, {}, {})
    runs = found.runs
    moments = (THURSDAY, FRIDAY, SUNDAY, MONDAY, TUESDAY, WEDNESDAY)
    until = pd.Timestamp("2000-01-01", tz="UTC")
    for as_of in moments:
        came = events[(events["at"] > until) & (events["at"] <= pd.Timestamp(as_of))]
        until = pd.Timestamp(as_of)
        name = f"{as_of:%A}".lower()
        if as_of == SUNDAY:
            came = pd.concat([came, late_invites(events)])
        if as_of == WEDNESDAY:
            path.write_text(path.read_text().replace("name: sharers", "name: sharing"))
        came.to_parquet(folder / "events" / f"{name}.parquet", index=False)
        if as_of in (SUNDAY, MONDAY):
            runs[name] = night_by_steps(path, as_of, folder / "events")
        else:
            runs[name], found.asked[name] = watched_night(path, as_of)
        if as_of == SUNDAY:
            runs["sunday again"] = run_product(path, as_of=as_of, out=folder / "runs")
    path.write_text(path.read_text().replace("state:\n", "state:\n  measure: nightly\n"))
    runs["nightly"] = run_product(path, as_of=WEDNESDAY, out=folder / "runs")
    return found


def watched_night(path: Path, as_of: datetime) -> tuple[RunFolder, dict[str, list[str]]]:
    """A whole run in one process, and the titles of what each step asked the engine."""
    context = RunContext(load_product(path), as_of, RunStore(path.parent / "runs"))
    context.begin()
    asked = {}
    for step in STEPS:
        before = len(context.extract.engine.asked)
        step.run(context)
        asked[step.name] = [question.title for question in context.extract.engine.asked[before:]]
    context.close()
    return context.run, asked


def same_files(one: RunFolder, other: RunFolder, names: list[str]) -> None:
    for name in names:
        assert one.read_bytes(name) == other.read_bytes(name), name


def test_a_week_is_measured_once_and_says_when(nights: Nights) -> None:
    found = {name: nights.told(name) for name in nights.runs if name != "nightly"}
    assert {name: told["kind"] for name, told in found.items()} == {
        **dict.fromkeys(["thursday", "tuesday", "wednesday"], "anew"),
        **dict.fromkeys(["friday", "sunday", "sunday again", "monday"], "carried"),
    }
    because = [found[name]["because"] for name in ("thursday", "tuesday", "wednesday")]
    assert because == [
        "everything was counted",
        "a new week has begun",
        "what decides it has changed: metrics",
    ]
    for name in ("friday", "sunday", "monday"):
        assert (found[name]["as_of"], found[name]["run_id"]) == ("2024-10-24T02:00:00Z", "000001")
        sentence = found[name]["sentence"]
        assert "was measured on Thursday 24 October 2024 and stays so for the week" in sentence
        run = nights.runs[name]
        assert run.read_json("manifest.json")["measured"] == sentence
        assert sentence.split(";")[0] in run.read_text("digest.md")
        report = run.read_text("report.html")
        assert sentence in report
        assert report.count("<b>Measured on Thursday 24 October 2024.</b>") == 4
        assert run.verify() == ()
    assert "<b>Measured on" not in nights.runs["tuesday"].read_text("report.html")


def test_the_carried_files_are_those_of_the_measuring_night(nights: Nights) -> None:
    files = nights.told("thursday")["files"]
    assert set(files) == set(CARRIED_FILES) - {"account_value.parquet"}
    for name in ("friday", "sunday", "monday"):
        same_files(nights.runs["thursday"], nights.runs[name], files)
        assert nights.told(name)["files"] == files
    same_files(nights.runs["thursday"], nights.runs["friday"], ["tracked.parquet"])
    newest = [pd.Timestamp(nights.runs[n].read_json("health.json")["observed_until"]) for n in
              ("monday", "tuesday")]  # fmt: skip
    assert newest[0] < pd.Timestamp(THURSDAY) < pd.Timestamp(MONDAY) < newest[1]
    # The ranking, and what follows from it, are of the night itself.
    eligible = [nights.runs[n].read_json("population.json")["eligible"] for n in
                ("thursday", "friday", "sunday", "monday")]  # fmt: skip
    assert eligible == sorted(eligible)
    assert eligible[0] < eligible[-1]
    ranks = nights.runs["monday"].read_frame("ranks.parquet")
    assert ranks["as_of"].nunique() == 4


def test_a_carried_night_asks_nothing_for_it(nights: Nights) -> None:
    """Friday counts the questions; on Sunday and Monday there is no row to be read any more."""
    assert nights.asked["friday"]["measure"] == nights.asked["friday"]["publish"] == []
    assert "when each account onboards" in nights.asked["tuesday"]["measure"]


def test_who_comes_among_the_first_three_is_counted_then_of_the_kept_rows(nights: Nights) -> None:
    told, before = nights.told("sunday"), nights.told("friday")
    new = [row for row in told["tracked"] if row["as_of"] == "2024-10-27T02:00:00Z"]
    assert [row["candidate"] for row in new] == ["invite"]
    assert "invite" not in {row["candidate"] for row in before["tracked"]}
    assert "1 behaviour came among the first three later and was counted then." in told["sentence"]
    report = nights.runs["sunday"].read_text("report.html")
    assert "<b>Weeks counted on Thursday 24 October 2024 (" in report
    assert "Sunday 27 October 2024 (invite)" in report

    extract = open_extract(nights.path, SUNDAY)
    config, choice = extract.product.config, new[0]
    events = extract.population.event_names
    candidate = named_candidates(config, events, extract.specs)["invite"]
    chosen = [(candidate, choice["at_least"], choice["within_days"])]
    asked = (extract.engine, extract.population, config)
    expected = reached_by_week(*asked, chosen)
    (clause,) = candidate.clauses
    repeated = Repeated("invite", clause, int(choice["at_least"]), choice["within_days"])
    histogram, whose = repetition(*asked, (extract.exposures, repeated))
    (again,) = [row for row in told["recounted"] if row["candidate"] == "invite"]
    assert again["as_of"] == choice["as_of"]
    assert read_recount(again["recount"]) == recount(histogram, whose, choice["at_least"])
    extract.engine.close()
    for name in ("sunday", "monday"):
        tracked = nights.runs[name].read_frame("tracked.parquet")
        mine = tracked[tracked["candidate"] == "invite"].reset_index(drop=True)
        columns = ["week", "accounts", "reached", "whole"]
        pd.testing.assert_frame_equal(mine[columns], expected[columns])
        top = [row["candidate"] for row in nights.runs[name].read_json("star.json")["top"]]
        assert list(tracked["candidate"].unique()) == top
    assert [row["as_of"] for row in nights.told("monday")["tracked"]] == [
        row["as_of"] for row in told["tracked"]
    ]
    scored = nights.runs["monday"].read_json("scorecard.json")["scores"]
    assert [one["measured"]["recount"] for one in scored if one["kind"] == "candidate"] == [
        row["recount"] for row in nights.told("monday")["recounted"]
    ]
    assert any(row["recount"] for row in nights.told("monday")["recounted"])


def test_the_same_night_again_gives_the_same_bytes(nights: Nights) -> None:
    first, again = nights.runs["sunday"], nights.runs["sunday again"]
    names = sorted(first.read_json("manifest.json")["files"])
    assert "measured.json" in names
    same_files(first, again, names)


def test_nightly_measures_as_a_run_without_a_state_does(nights: Nights) -> None:
    nightly = nights.runs["nightly"]
    assert not nightly.exists("measured.json")
    assert "measured" not in nightly.read_json("manifest.json")
    files = [*nights.told("wednesday")["files"], "tracked.parquet", "scorecard.json"]
    same_files(nights.runs["wednesday"], nightly, files)
    series = nightly.read_frame("metrics.parquet")
    assert set(series["metric"]) == {"sharing"}


def test_a_review_says_when_its_week_was_measured(nights: Nights) -> None:
    config = load_product(nights.path).config
    for name, said in (("monday", True), ("tuesday", False)):
        store = RunStore(nights.path.parent / f"reviews of {name}")
        folder, _ = write_review(store, nights.runs[name], config)
        page = folder.read("monday.md").decode()
        assert ("Measured on Thursday 24 October 2024." in page) is said


@pytest.mark.parametrize(
    ("moment", "monday"),
    [
        ("2024-10-26T22:59:00+00:00", date(2024, 10, 21)),  # Saturday 23:59 in summer's London
        ("2024-10-27T23:30:00+00:00", date(2024, 10, 21)),
        ("2024-10-28T00:00:00+00:00", date(2024, 10, 28)),
        ("2024-03-31T22:59:59+00:00", date(2024, 3, 25)),  # the clocks went forward that night
        ("2024-03-31T23:00:00+00:00", date(2024, 4, 1)),
    ],
)
def test_weeks_begin_on_monday_by_the_products_clocks(moment: str, monday: date) -> None:
    assert week_of(datetime.fromisoformat(moment), "Europe/London") == monday


@dataclass
class Desk:
    """Runs made by hand whose moments, ends of observation and states are given."""

    store: RunStore
    path: Path

    def run(self, as_of: datetime, *, kind: str = "night", fitted: str = "one") -> RunContext:
        context = RunContext(load_product(self.path), as_of, self.store)
        context.folder = run = self.store.start("world", as_of)
        run.write_text("product.yaml", context.product.text)
        run.write_json("population.json", {"observed_until": as_of - timedelta(hours=3)})
        run.write_json("state.json", {"kind": kind, "fitted": fitted})
        run.write_json("checks.json", {"checks": []})
        run.write_frame("ranking.parquet", pd.DataFrame({"candidate": ["a"]}))
        return context

    def publish(self, context: RunContext, choices: list[str], as_of: datetime) -> RunFolder:
        """Leaves what a later run may carry: `choices` tracked, measured as of `as_of`."""
        run = context.run
        of_night = f"{context.as_of:%Y-%m-%dT%H:%M:%SZ}"
        rows = [{"candidate": name, "at_least": 1.0, "within_days": 7} for name in choices]
        run.write_frame("tracked.parquet", pd.DataFrame(rows).assign(reached=context.as_of.day))
        run.write_json("health.json", {"of": of_night})
        told = {"as_of": f"{as_of:%Y-%m-%dT%H:%M:%SZ}", "run_id": None, "files": ["health.json"]}
        told |= {"basis": asdict(Basis.of(context)), "recounted": []}
        told["tracked"] = [{**row, "as_of": of_night} for row in rows]
        run.write_json("measured.json", told)
        self.store.publish(run, facts=run_facts(context.product, {}))
        return run


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Tuesday has measured."""
    path = write_product(tmp_path, {}, discover={"events": "all"}, state={}, metrics=[SHARERS])
    made = Desk(RunStore(tmp_path / "runs"), path)
    made.publish(made.run(TUESDAY), ["a"], TUESDAY)
    return made


def test_what_a_run_measures_anew_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def because(as_of: datetime = WEDNESDAY, **changes: str) -> str:
        measuring = Measuring.of(desk.run(as_of, **changes))
        assert (measuring.week is None) == bool(measuring.because)
        return measuring.because

    assert because() == ""
    assert because(kind="rebuild") == because(kind="recount") == "everything was counted"
    assert because(fitted="two") == "the nightly state is another one"
    assert because(TUESDAY) == "no run before it has left any"
    assert because(MONDAY) == "no run before it has left any"
    assert because(TUESDAY + timedelta(days=6, hours=4)) == "a new week has begun"

    text = desk.path.read_text()
    unread = [("A small world", "Another title"), ("state: {}", "state: {rebuild: weekly}")]
    for before, after in unread:
        desk.path.write_text(text.replace(before, after))
        assert because() == ""
    desk.path.write_text(text + "journey: [{name: shares, event: share}]\n")
    assert because() == "what decides it has changed: journey"
    desk.path.write_text(text + "north_star: {metric: sharers}\nhealth: {horizon: 26w}\n")
    assert because() == "what decides it has changed: health, north_star"
    desk.path.write_text(text.replace("metrics:", "timezone: Asia/Tokyo\nmetrics:"))
    assert because() == "what decides it has changed: timezone"
    desk.path.write_text(text.replace("state: {}", "state: {measure: nightly}"))
    assert Measuring.of(desk.run(WEDNESDAY)) == Measuring()
    desk.path.write_text(text)
    older = desk.run(WEDNESDAY)
    older.run.write_json("state.json", {"kind": "night"})  # by a program that did not tell more
    assert Measuring.of(older).because == "the nightly state is another one"
    with monkeypatch.context() as patch:
        patch.setattr("nsm_pipeline.practice.basis.program_digest", lambda: "another")
        assert because() == "what decides it has changed: program"


@pytest.mark.parametrize("name", ["measured.json", "tracked.parquet", "health.json"])
def test_what_is_damaged_or_gone_is_not_carried(desk: Desk, name: str) -> None:
    before = desk.store.published("world", TUESDAY)
    assert before is not None
    file = Path(str(before.path)) / name
    file.write_bytes(file.read_bytes() + b" ")
    measuring = Measuring.of(desk.run(WEDNESDAY))
    assert measuring.because == "what the run before it has left is damaged"
    file.unlink()
    assert Measuring.of(desk.run(WEDNESDAY)).week is None


def test_nothing_is_carried_for_more_than_a_week(desk: Desk) -> None:
    """A log that stands still ends in the same week for ever."""
    for days, carried in ((6, True), (7, False)):
        context = desk.run(TUESDAY + timedelta(days=days))
        end = {"observed_until": TUESDAY - timedelta(hours=3)}
        context.run.write_json("population.json", end)
        measuring = Measuring.of(context)
        assert (measuring.week is not None) is carried
    assert measuring.because == "a week has passed since"


def test_who_is_back_among_the_first_three_is_not_asked_again(desk: Desk) -> None:
    hours = [TUESDAY + timedelta(hours=n) for n in (1, 2, 3)]
    desk.publish(desk.run(hours[0]), ["b"], TUESDAY)
    desk.publish(desk.run(hours[1], fitted="two"), ["c"], TUESDAY)
    newest = desk.publish(desk.run(hours[2]), ["b", "d"], TUESDAY)
    week = MeasuredWeek(desk.store, newest)
    asked = [Choice(name, 1.0, 7) for name in "abcd"] + [Choice("a", 2.0, 7)]
    assert [choice.candidate for choice in week.weeks_of(asked)] == ["a", "b", "d"]
    moments = {choice.candidate: record["as_of"] for choice in asked[:2]
               if (record := week.record("tracked", choice))}  # fmt: skip
    assert moments == {"a": "2024-10-29T02:00:00Z", "b": "2024-10-29T05:00:00Z"}
    assert week.run_id == newest.run_id
