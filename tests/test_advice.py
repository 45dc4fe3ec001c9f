"""Windows that the data suggests, and whether retention flattens, in worlds of known truth."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import AS_OF, START, open_extract, write_product

from nsm_pipeline.advising import ANY_WINDOWS, Given, ask_for_windows
from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.pipeline import STEPS, run_product, start_run
from nsm_pipeline.product.yaml_file import load_product, product_schema
from nsm_pipeline.runs.folder import address_of
from nsm_pipeline.runs.run_folder import RunStore
from nsm_pipeline.stats.advice import (
    NotEnoughData,
    WeeklyLoss,
    advise_after,
    advise_exposure,
    advise_within,
    usage_interval,
    weekly_loss,
)
from nsm_pipeline.stats.retention import fit_floor, judge_curve, late_loss
from nsm_pipeline.warehouse.extract import Extract

TRUTHS = json.loads((Path(__file__).parent / "reference" / "external.json").read_text())
DAY = pd.Timedelta(days=1)


def some_gaps(*rows: tuple[int, bool, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["days", "ended", "gaps"])


def test_kaplan_meier_by_hand() -> None:
    # At risk 400, 300, 150: open 3/4, 3/4 * 2/3 = 1/2, 1/2 * 1/3 = 1/6; back 1/4, 1/2, 5/6.
    gaps = some_gaps((2, True, 100), (5, True, 100), (5, False, 50), (9, True, 100), (9, False, 50))
    usage = usage_interval(gaps)
    assert usage.back["share"].tolist() == pytest.approx([0.3, 0.6, 1.0])
    assert (usage.median_days, usage.most_days, usage.ended) == (5, 9, 300)
    assert usage.never_share == pytest.approx(1 / 6)
    assert usage.kind == "weekly"
    assert advise_within(usage).days == 14


@pytest.mark.parametrize(("mean", "kind"), [(1.5, "daily"), (6.0, "weekly"), (30.0, "monthly")])
@pytest.mark.parametrize("leaving", [0.0, 0.15])
def test_usage_interval_of_accounts_watched_for_different_times(
    mean: float, kind: str, leaving: float
) -> None:
    """Gaps of known distribution, cut off where each account's observation ends."""
    rng = np.random.default_rng(30)
    rows = []
    for watched in rng.integers(40, 300, 1500):
        day = 0
        while day < watched:
            gone = rng.random() < leaving
            gap = 10**6 if gone else max(1, round(rng.gamma(4, mean / 4)))
            rows.append((min(gap, watched - day), day + gap <= watched))
            day += gap
    gaps = pd.DataFrame(rows, columns=["days", "ended"]).assign(gaps=1)
    usage = usage_interval(gaps.groupby(["days", "ended"], as_index=False)["gaps"].sum())
    true = np.maximum(1, np.round(rng.gamma(4, mean / 4, 100_000)))
    assert usage.kind == kind
    assert usage.median_days == pytest.approx(np.quantile(true, 0.5), rel=0.07, abs=0.1)
    assert usage.most_days == pytest.approx(np.quantile(true, 0.9), rel=0.07, abs=0.1)
    assert usage.never_share == pytest.approx(leaving, abs=0.05)


def test_too_few_returns_are_no_usage() -> None:
    with pytest.raises(NotEnoughData, match="Only 99 returns"):
        usage_interval(some_gaps((3, True, 99), (9, False, 5000)))


def curve(*rates: float, accounts: int = 10_000) -> pd.DataFrame:
    frame = pd.DataFrame({"week": range(len(rates)), "part": 0, "accounts": accounts})
    return frame.assign(active=[round(rate * accounts) for rate in rates])


def settling() -> WeeklyLoss:
    """Losses of 30, 20, 10, then 3 % a week."""
    losses = [0.3, 0.2, 0.1] + [0.03] * 11
    return weekly_loss(curve(*np.r_[0.8, 0.8 * np.cumprod(1 - np.array(losses))]))


def test_retention_begins_where_early_losses_end() -> None:
    found = advise_after(settling(), at_least=1, because="nothing")
    assert found.days == 28
    assert "Week 4 is the first" in found.reason
    raised = advise_after(settling(), at_least=30, because="the trial")
    assert raised.days == 30
    assert raised.reason.endswith("Not before the trial ends: day 30.")


def test_windows_do_not_pass_the_day_on_which_retention_counts() -> None:
    assert advise_exposure(28) == (1, 3, 7, 10, 14)
    assert advise_exposure(7) == (1, 3, 7)


def test_weeks_that_nobody_was_seen_through_give_no_advice() -> None:
    with pytest.raises(NotEnoughData, match="week 12"):
        weekly_loss(curve(*[0.5] * 12))
    with pytest.raises(NotEnoughData, match="100 accounts"):
        weekly_loss(curve(*[0.5] * 14, accounts=99))


def visits(accounts: int = 300, *, seed: int = 31) -> pd.DataFrame:
    """Accounts that start and come back every week or so until they leave; some invite."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, pd.Timestamp, str]] = []
    for number in range(accounts):
        account, begin = f"a{number:04d}", START + pd.Timedelta(hours=int(rng.integers(0, 4000)))
        rows.append((account, begin, "start"))
        stays, at = rng.random() < 0.4, begin
        if rng.random() < 0.5:
            rows.append((account, begin + 2 * DAY, "invite"))
        while (at := at + pd.Timedelta(hours=float(rng.gamma(6, 24)))) < pd.Timestamp(AS_OF):
            if not stays and rng.random() < 0.25:
                break
            rows.append((account, at, "start"))
    return pd.DataFrame(rows, columns=["account", "at", "event"])


AUTO = {
    "retention": {"event": "start", "after": "auto", "within": "auto"},
    "exposure": {"within": "auto"},
    "candidates": [{"name": "invited", "event": "invite"}],
}


def usage_extract(path: Path) -> Extract:
    product = load_product(path)
    return Extract.open(product.with_windows(**ANY_WINDOWS), AS_OF)


def test_gaps_and_curves_worked_out_account_by_account(tmp_path: Path) -> None:
    events = visits(120)
    extract = usage_extract(write_product(tmp_path, {"events": events}, **AUTO))
    end = events["at"].max()
    gaps: dict[tuple[int, bool], int] = {}
    alive = {span: np.zeros((60, 2), dtype=int) for span in (1, 3)}
    for _, rows in events[events.event == "start"].groupby("account"):
        begin = rows["at"].min()
        days = sorted({(at - begin) // DAY for at in rows["at"]})
        last = (end - begin) // DAY
        for day, after in zip(days, [*days[1:], None], strict=True):
            key = ((last if after is None else after) - day, after is not None)
            gaps[key] = gaps.get(key, 0) + 1
        later = [(at - begin) // DAY // 7 for at in rows["at"] if at > begin]
        for span, counted in alive.items():
            for week in range(60):
                if begin + 7 * (week + span) * DAY <= end:
                    seen = any(week <= w < week + span for w in later)
                    counted[week] += (1, seen)
    found = extract.usage_gaps.set_index(["days", "ended"])["gaps"].to_dict()
    assert found == {key: n for key, n in gaps.items() if key[0] > 0}
    for span, counted in alive.items():
        parts = extract.outcome_curve(span)
        whole = parts.groupby("week")[["accounts", "active"]].sum()
        assert whole.to_numpy().tolist() == [list(row) for row in counted if row[0]]


def test_each_window_can_be_asked_for_by_itself(tmp_path: Path) -> None:
    path = write_product(tmp_path, {"events": visits()}, **AUTO)
    extract = open_extract(path)

    def used(**told: object) -> dict[str, object]:
        given = Given(**{"after": None, "within": None, "exposure": None, **told})
        return ask_for_windows(extract.product, AS_OF, extract.engine, given)["used"]

    asked = used()
    assert 7 <= asked["within"] <= 14
    assert used(within=28, exposure=(3,)) | {"after": 0} == {
        "after": 0,
        "within": 28,
        "exposure": [3],
    }
    assert used(after=10)["exposure"] == [1, 3, 7, 10]
    assert used(exposure=(50,))["after"] >= 50


def test_a_run_with_auto_is_frozen_and_the_same_in_one_process_or_in_six(
    tmp_path: Path, s3: str
) -> None:
    path = write_product(
        tmp_path,
        {"events": visits()},
        **AUTO,
        checks={
            "eligible_accounts": {"at_least": 50},
            "freshness": {"severity": "off"},
        },
    )
    whole = run_product(path, as_of=AS_OF, out=tmp_path / "whole")
    advice = whole.read_json("advice.json")
    assert set(advice["reasons"]) == {"after", "within", "exposure"}
    used = advice["used"]
    sentences = whole.read_json("ranking.json")["sentences"]
    assert f"{used['within']} days that begin {used['after']} days" in sentences["retained"]
    windows = whole.read_frame("candidates.parquet")["within_days"]
    assert set(windows) == set(used["exposure"])
    assert "after: auto" in whole.read_text("product.yaml")
    # As on hosts of their own: nothing but the URL of the run goes from one step to the next.
    begun = start_run(path, as_of=AS_OF, out=address_of(f"{s3}/steps"))
    # A file and not `-c`: where PySpark is installed, Great Expectations imports it, and it ends a
    # process whose main module is no file, with exit code 0 (4.3.0, connect/utils.py).
    script = tmp_path / "one_step.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from nsm_pipeline.pipeline import run_step\n"
        "from nsm_pipeline.runs.folder import address_of\n"
        "from nsm_pipeline.runs.run_folder import RunFolder\n"
        "name, file, url = sys.argv[1:]\n"
        "run_step(name, product_file=Path(file), folder=RunFolder(address_of(url)))\n"
    )
    for step in STEPS:
        call = [sys.executable, script, step.name, path, str(begun.path)]
        subprocess.run(call, cwd=tmp_path, check=True)
    published = RunStore(address_of(f"{s3}/steps")).published("world")
    assert published == begun
    for name in published.read_json("manifest.json")["files"]:
        assert published.read_bytes(name) == whole.read_bytes(name), name


def test_too_young_a_product_gets_no_advice_and_leaves_nothing(tmp_path: Path) -> None:
    events = visits()
    young = events[events["at"] < START + 60 * DAY]
    path = write_product(tmp_path, {"events": young}, **AUTO)
    with pytest.raises(InvalidInput, match="week 12") as refused:
        run_product(path, as_of=AS_OF, out=tmp_path / "runs")
    assert refused.value.problems[0].where.endswith("retention.after")
    assert not (tmp_path / "runs").exists()


def leaving_world(seed: int, floor: float) -> pd.DataFrame:
    """Accounts of which a share `floor` stays for good; the others leave at one rate."""
    rng = np.random.default_rng(seed)
    accounts, weeks = int(rng.choice([2000, 8000])), int(rng.choice([26, 40, 52]))
    rate = rng.uniform(0.08, 0.3)
    stays = rng.random(accounts) < floor
    left = np.where(stays, 10**6, rng.geometric(1 - np.exp(-rate), accounts) - 1)
    watched, keen = rng.integers(1, weeks + 1, accounts), rng.beta(4, 3, accounts)
    part = np.arange(accounts) % 40
    frames = []
    for week in range(weeks):
        open_yet = watched > week
        active = open_yet & (left >= week) & (rng.random(accounts) < keen)
        frames.append(
            pd.DataFrame(
                {
                    "week": week,
                    "part": range(40),
                    "accounts": np.bincount(part[open_yet], minlength=40),
                    "active": np.bincount(part[active], minlength=40),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_no_wrong_verdict_in_80_worlds_of_known_floor() -> None:
    floors = (0.0, 0.02, 0.04, 0.2, 0.3, 0.45, 0.6, 0.8)
    said: dict[str, list[float]] = {}
    covered = 0
    for seed in range(80):
        floor = floors[seed % len(floors)]
        found = judge_curve(leaving_world(seed, floor))
        said.setdefault(found.verdict, []).append(floor)
        covered += found.floor_low - 1e-9 <= floor <= found.floor_high + 1e-9
    assert max(said["not flattening"]) < 0.1
    assert min(said["flattening"]) > 0.1
    assert len(said.get("too early to say", [])) <= 8
    assert covered >= 70


def test_floor_of_the_published_curve() -> None:
    """Fader and Hardie (2007), high-end customers by year: A(f + (1 - f)exp(-lt)) fits it well."""
    rates = np.array(TRUTHS["retention_curves"]["high_end"]) / 100
    parts = pd.concat(
        pd.DataFrame({"week": range(13), "part": part, "accounts": 1000, "active": 1000 * rates})
        for part in range(40)
    )
    found = judge_curve(parts.astype({"active": int}))
    assert found.verdict == "flattening"
    assert found.floor == pytest.approx(0.39, abs=0.03)
    assert late_loss(rates, np.ones(13)) == pytest.approx(0.043, abs=0.004)


@settings(max_examples=40, deadline=None)
@given(floor=st.floats(0, 0.95), rate=st.floats(0.03, 1.5), start=st.floats(0.1, 1.0))
def test_a_curve_of_the_very_form_gives_its_floor_back(
    floor: float, rate: float, start: float
) -> None:
    week = np.arange(60)
    rates = start * (floor + (1 - floor) * np.exp(-rate * week))
    assert fit_floor(rates[None, :], np.full((1, 60), 100.0))[0] == pytest.approx(floor, abs=0.02)


def test_a_young_or_empty_curve_is_too_early() -> None:
    for parts in (curve(*[0.5] * 7), curve(*[0.5] * 30, accounts=50), curve(*[0.0] * 30)):
        found = judge_curve(parts)
        assert (found.verdict, found.floor) == ("too early to say", None)


def nsm(*arguments: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "nsm_pipeline", *arguments]
    return subprocess.run(call, capture_output=True, text=True, check=False)


def test_the_command_prints_advice_whatever_the_file_says(tmp_path: Path) -> None:
    told = {"retention": {"event": "start", "after": "35d", "within": "30d"}}
    path = write_product(tmp_path, {"events": visits()}, **{**AUTO, **told})
    shown = nsm("advise", str(path), "--as-of", AS_OF.isoformat())
    assert (shown.returncode, shown.stderr) == (0, "")
    for words in ("Used weekly", "(the file says 30d)", "(the file says 35d)", "◀ W = ", "◀ Y = "):
        assert words in shown.stdout
    record = json.loads(nsm("advise", str(path), "--as-of", AS_OF.isoformat(), "--json").stdout)
    assert f"retention.within: {record['used']['within']}d" in shown.stdout
    young = nsm("advise", str(path), "--as-of", "2024-02-20T00:00:00Z")
    assert young.returncode == 2
    assert "Write a duration such as 28d." in young.stderr


@pytest.mark.parametrize(
    ("retention", "valid"),
    [
        ({"event": "any", "after": "auto", "within": "auto", "trial": "14d"}, True),
        ({"revenue": {"at_least": 100}, "after": "56d", "within": "auto"}, True),
        ({"revenue": {"over": 0}, "after": "56d", "within": "90d"}, True),
        ({"revenue": {"over": 0, "at_least": 1}, "after": "56d", "within": "90d"}, False),
        ({"revenue": {"over": 0}, "event": "any", "after": "56d", "within": "90d"}, False),
        ({"event": "any", "after": "automatic", "within": "90d"}, False),
    ],
)
def test_editors_know_the_outcomes_and_auto(retention: dict[str, object], valid: bool) -> None:
    schema = product_schema()
    of_retention = {**schema["properties"]["retention"], "$defs": schema["$defs"]}
    assert jsonschema.Draft202012Validator(of_retention).is_valid(retention) is valid
