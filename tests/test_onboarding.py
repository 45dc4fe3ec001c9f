"""How long it takes to get going, and how far accounts come on their journey: by hand."""

from pathlib import Path

import pandas as pd
import pytest
from worlds import AS_OF, write_product

from nsm_pipeline.practice.onboarding import onboarding
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.run_files import ONBOARDING
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.stats.waiting import time_given
from nsm_pipeline.steps import RunContext

DAY, HOUR = pd.Timedelta(days=1), pd.Timedelta(hours=1)
SIGNED = pd.Timestamp("2024-01-31T09:30:00Z")
JOURNEY = [
    {"name": "aha", "event": "view", "where": {"size": {"at_least": 2}}},
    {"name": "activation", "event": "start"},
    {"name": "adoption", "event": "start", "measure": {"distinct": "order"}, "at_least": 3},
]


def left(folder: Path, tables: dict[str, pd.DataFrame], **changes: object) -> RunFolder:
    """The folder of a run in which this part alone took place."""
    source = {"observed_until": "2024-06-01T00:00:00Z", **changes.pop("source", {})}
    path = write_product(
        folder, tables, candidates=[{"name": "x", "event": "share"}], source=source, **changes
    )
    context = RunContext(load_product(path), AS_OF, RunStore(folder / "runs"))
    context.folder = context.store.start("world", AS_OF)
    onboarding(context)
    context.close()
    return context.run


def signed_up(**waits: float | None) -> dict[str, pd.DataFrame]:
    """Accounts that sign up together and start after so many days, or never."""
    rows = [
        (name, SIGNED + wait * DAY, "start") for name, wait in waits.items() if wait is not None
    ]
    people = pd.DataFrame({"account": list(waits), "signed": SIGNED})
    people["plan"] = ["team" if name[0] in "cdf" else "free" for name in waits]
    return {"events": pd.DataFrame(rows, columns=["account", "at", "event"]), "accounts": people}


ACCOUNTS = {"files": "accounts.parquet", "account": "account", "signed_up_at": "signed"}


def test_time_from_sign_up_to_onboarding(tmp_path: Path) -> None:
    tables = signed_up(a=0.5, b=2.0, c=2.9, d=10.0, e=None, f=None, early=-1.0)
    run = left(tmp_path, tables, segments=["plan"], source={"accounts": ACCOUNTS})
    told = run.read_json(ONBOARDING)
    assert (told["begins"], told["within_days"], told["watched"]) == ("sign-up", 90, 7)
    whole, month, free, team = told["time_to_onboard"]
    assert {name: whole[name] for name in ("accounts", "onboarded", "never_share")} == {
        "accounts": 6, "onboarded": 4, "never_share": pytest.approx(1 / 3),
    }  # fmt: skip
    quartiles = ("first_quartile_hours", "median_hours", "third_quartile_hours")
    assert [whole[name] for name in quartiles] == [12, 48, 69]
    # By hand, Wilson's interval of 2 in 6.
    assert [whole["never_low"], whole["never_high"]] == pytest.approx([0.0968, 0.7], abs=2e-4)
    assert (month["split"], month["label"], month["accounts"]) == ("cohort", "2024-01", 6)
    assert (free["split"], free["label"], free["onboarded"]) == ("plan", "free", 2)
    assert (team["label"], team["median_hours"], team["third_quartile_hours"]) == ("team", 69, 240)
    assert not run.exists("journey.parquet")


def test_who_signed_up_lately_has_not_failed(tmp_path: Path) -> None:
    tables = signed_up(a=1.0, b=20.0, c=40.0, d=None)
    late = pd.DataFrame({"account": [f"z{n}" for n in range(4)], "plan": "free"})
    late["signed"] = pd.Timestamp("2024-06-01T00:00:00Z") - 29 * DAY
    tables["accounts"] = pd.concat([tables["accounts"], late])
    soon = [("z0", late["signed"][0] + HOUR, "start")]
    more = pd.DataFrame(soon, columns=["account", "at", "event"])
    tables["events"] = pd.concat([tables["events"], more])
    told = left(tmp_path, tables, source={"accounts": ACCOUNTS}).read_json(ONBOARDING)
    # Half of the eight are watched for 90 days, all of them for 28: the older half is counted.
    assert (told["within_days"], told["accounts"], told["watched"]) == (90, 8, 4)
    assert told["time_to_onboard"][0]["onboarded"] == 3
    fewer = {name: frame[frame["account"] != "d"] for name, frame in tables.items()}
    told = left(tmp_path, fewer, source={"accounts": ACCOUNTS}).read_json(ONBOARDING)
    # Now most are not: everybody gets four weeks, and who needed forty days has not made it.
    assert (told["within_days"], told["watched"]) == (28, 7)
    whole = told["time_to_onboard"][0]
    assert (whole["onboarded"], whole["never_share"]) == (3, pytest.approx(4 / 7))


def test_nothing_is_said_of_what_nobody_was_watched_for() -> None:
    assert time_given(pd.DataFrame({"days": [0], "accounts": [9]})) is None
    assert time_given(pd.DataFrame({"days": [], "accounts": []})) is None
    assert time_given(pd.DataFrame({"days": [3, 27, 28], "accounts": [1, 1, 2]})) == 28


def steps_of(account: str, *events: tuple[float, str, int]) -> pd.DataFrame:
    """Rows `hours after the first, name, size or order`."""
    frame = pd.DataFrame(events, columns=["hours", "event", "what"])
    frame["at"] = SIGNED + frame["hours"] * HOUR
    frame["size"] = frame["what"].astype(float).where(frame["event"] == "view")
    frame["order"] = frame["what"].astype(str).where(frame["event"] == "start")
    return frame.assign(account=account)[["account", "at", "event", "size", "order"]]


def journeys() -> dict[str, pd.DataFrame]:
    events = [
        # All three; the first view is too small, and order 1 came before the aha.
        steps_of("whole", (0, "start", 1), (1, "view", 1), (2, "view", 2), (5, "start", 2),
                 (5, "start", 2), (29, "start", 3), (101, "start", 4)),
        # The third order in all, but the second since the aha.
        steps_of("two", (0, "start", 1), (0, "view", 9), (48, "start", 2), (400, "view", 9)),
        steps_of("looked", (0, "mail", 0), (3, "view", 3)),
        steps_of("bought", (0, "start", 1), (1, "start", 2), (2, "start", 3)),
        # Adopts after the 90 days that everybody is given.
        steps_of("slow", (0, "view", 2), (10, "start", 1), (90 * 24, "start", 2)),
    ]  # fmt: skip
    people = pd.DataFrame({"account": ["whole", "two", "looked", "bought", "slow", "staff"]})
    people["plan"] = ["team", "free", "free", "free", "free", "team"]
    people["internal"] = people["account"] == "staff"
    events.append(steps_of("staff", (0, "view", 2), (1, "start", 1)))
    return {"events": pd.concat(events), "accounts": people}


def test_the_journey_is_an_ordered_funnel(tmp_path: Path) -> None:
    accounts = {"files": "accounts.parquet", "account": "account", "internal": "internal"}
    run = left(
        tmp_path, journeys(), journey=JOURNEY, segments=["plan"], source={"accounts": accounts}
    )
    told = run.read_json(ONBOARDING)
    assert (told["begins"], told["within_days"]) == ("first event", 90)
    found = run.read_frame("journey.parquet")
    everybody = found[found["split"] == ""]
    assert list(everybody["name"]) == ["aha", "activation", "adoption"]
    assert list(everybody["accounts"]) == [5, 5, 5]
    # aha: all but `bought`. activation: `whole` by its second order, `two` at once, `slow`.
    assert list(everybody["taken"]) == [4, 3, 1]
    assert list(everybody["share_of_previous"]) == pytest.approx([4 / 5, 3 / 4, 1 / 3])
    # Waits, in hours: aha 2, 0, 3, 0; activation 3, 0, 10; adoption 96, told as four days.
    assert list(everybody["median_hours"]) == [0, 3, 96]
    assert list(everybody["third_quartile_hours"]) == [2, 10, 96]
    team = found[(found["split"] == "plan") & (found["label"] == "team")]
    assert list(team["taken"]) == [1, 1, 1]


def test_a_product_that_declares_neither_leaves_nothing(tmp_path: Path) -> None:
    run = left(tmp_path, {"events": journeys()["events"]})
    assert not run.exists(ONBOARDING)
    assert not run.exists("journey.parquet")
