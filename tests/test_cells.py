"""The cells that leave the engine, against the same cells worked out account by account."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import AS_OF, busy_world, open_extract, write_product

from nsm_pipeline.stats.search import search
from nsm_pipeline.waist.cells import KEYS, SUMS, CellTable
from nsm_pipeline.waist.score_model import ScoreModel, WindowScore
from nsm_pipeline.warehouse.scored import Scored

DAY = pd.Timedelta(days=1)
WINDOWS = (7, 14)
COUNT_GRID = (1, 2, 3, 5, 7, 10, 15, 20)
CANDIDATES = [
    {"name": "two_starts", "event": "start", "at_least": 2},
    {"name": "red_share", "event": "share", "where": {"colour": "red"}, "at_least": [1, 2]},
    {"name": "busy_days", "event": ["share", "invite"], "measure": "days", "at_least": [1, 2, 3]},
    {"name": "colours", "event": "share", "measure": {"distinct": "colour"}, "at_least": [1, 2]},
    {"name": "big", "event": "export", "measure": {"max": "size"}, "at_least": [5, 12]},
    {"name": "much", "event": "share", "measure": {"sum": "size"}, "at_least": [10, 30]},
    {
        "name": "share_no_export",
        "all_of": [
            {"event": "share", "where": {"size": {"over": 8}}, "at_least": 1},
            {"event": "export", "at_most": 0},
        ],
    },
    {"name": "any_red", "event": "any", "where": {"colour": "red"}, "at_least": [1, 3]},
    {"name": "used", "event": "*e", "at_least": [2, 4]},
]
FAMILIES = [["two_starts", "invite"]]
# What each candidate's value is, and which rows are its own, written a second way.
Rows = pd.DataFrame
MEASURES: dict[str, tuple[tuple[float, ...], Callable[[Rows], float], Callable[[Rows], pd.Series]]]
MEASURES = {
    "two_starts": (
        (2,),
        lambda r: (r.event == "start").sum(),
        lambda r: r.event.isin(["start", "invite"]),
    ),
    "red_share": (
        (1, 2),
        lambda r: ((r.event == "share") & (r.colour == "red")).sum(),
        lambda r: (r.event == "share") & (r.colour == "red"),
    ),
    "busy_days": (
        (1, 2, 3),
        lambda r: r[r.event.isin(["share", "invite"])]["at"].dt.date.nunique(),
        lambda r: r.event.isin(["share", "invite"]),
    ),
    "colours": (
        (1, 2),
        lambda r: r[r.event == "share"].colour.nunique(),
        lambda r: r.event == "share",
    ),
    "big": (
        (5, 12),
        lambda r: r[r.event == "export"]["size"].max(),
        lambda r: r.event == "export",
    ),
    "much": (
        (10, 30),
        lambda r: round(r[r.event == "share"]["size"].sum(), 6),
        lambda r: r.event == "share",
    ),
    "share_no_export": (
        (1,),
        lambda r: float(
            ((r.event == "share") & (r["size"] > 8)).any() and not (r.event == "export").any()
        ),
        lambda r: ((r.event == "share") & (r["size"] > 8)) | (r.event == "export"),
    ),
    "any_red": ((1, 3), lambda r: (r.colour == "red").sum(), lambda r: r.colour == "red"),
    "used": (
        (2, 4),
        lambda r: r.event.str.endswith("e").sum(),
        lambda r: r.event.str.endswith("e"),
    ),
    "export": (COUNT_GRID, lambda r: (r.event == "export").sum(), lambda r: r.event == "export"),
    "mail": (COUNT_GRID, lambda r: (r.event == "mail").sum(), lambda r: r.event == "mail"),
    "share: colour = blue": (
        COUNT_GRID,
        lambda r: ((r.event == "share") & (r.colour == "blue")).sum(),
        lambda r: (r.event == "share") & (r.colour == "blue"),
    ),
}


def made_up_score(seed: int, events: list[str]) -> ScoreModel:
    rng = np.random.default_rng(seed)

    def window(days: int) -> WindowScore:
        return WindowScore(
            within_days=days,
            traits={
                "plan": {"free": float(rng.normal()), "team": float(rng.normal())},
                "cohort": {f"2024-{month:02d}": float(rng.normal()) for month in range(1, 8)},
            },
            events={name: float(rng.normal()) for name in events},
            last_day=tuple(rng.normal(size=days)),
            active_days=tuple(rng.normal(size=days + 1)),
            cuts=tuple(np.sort(rng.normal(0, 2, 9)).round(6)),
        )

    return ScoreModel(accounts=0, windows=tuple(window(days) for days in WINDOWS))


def score_of(others: Rows, plan: str, cohort: str, window: WindowScore) -> float:
    """The score with the given other rows counted, in log-odds rounded as the engine adds them."""

    def millionths(value: float) -> int:
        return int(np.floor(value * 1e6 + 0.5))

    total = millionths(window.traits["plan"][plan]) + millionths(window.traits["cohort"][cohort])
    for name, slope in window.events.items():
        count = (others.event == name).sum()
        if count:
            total += millionths(slope * np.log1p(count))
    active = others[others.event != "mail"].day.unique()
    last = max(active) if len(active) else 0
    total += millionths(window.last_day[last]) + millionths(window.active_days[len(active)])
    return total / 1e6


def cells_by_hand(tables: dict[str, pd.DataFrame], score: ScoreModel) -> pd.DataFrame:
    plans = tables["accounts"].set_index("account")["plan"]
    end = tables["events"]["at"].max()
    found = []
    for account, rows in tables["events"].groupby("account"):
        begin = rows[rows.event == "start"]["at"].min()
        if begin + 60 * DAY > end:
            continue
        cohort = f"{begin:%Y-%m}"
        later = rows[rows.event == "start"]["at"]
        kept = ((later > begin + 30 * DAY) & (later <= begin + 60 * DAY)).any()
        paid = tables["revenue"][tables["revenue"].account == account]
        for window in score.windows:
            days = window.within_days
            inside = rows[(rows["at"] >= begin) & (rows["at"] < begin + days * DAY)].copy()
            inside["day"] = (inside["at"] - begin) // DAY
            horizon = begin + (days + 91) * DAY
            observed = horizon <= end
            due = (paid["at"] >= begin + days * DAY) & (paid["at"] < horizon)
            revenue = round(float(paid[due].amount.sum()), 2) if observed else 0.0
            for name, (thresholds, value_of, own) in MEASURES.items():
                value = value_of(inside)
                others = inside[~own(inside)]
                eta = score_of(others, plans[account], cohort, window)
                found.append(
                    {
                        "within_days": days,
                        "candidate": name,
                        "stratum": int(np.searchsorted(window.cuts, eta, side="right")),
                        "cohort": cohort,
                        "segment": f"plan={plans[account]}",
                        "reached": float(max([0, *(k for k in thresholds if value >= k)])),
                        "accounts": 1,
                        "retained": int(kept),
                        "revenue_accounts": int(observed),
                        "revenue_sum": revenue,
                        "revenue_squares": revenue**2,
                    }
                )
    return pd.DataFrame(found).groupby(list(KEYS), as_index=False)[list(SUMS)].sum()


@pytest.mark.parametrize("seed", [1, 2])
def test_cells_are_those_worked_out_account_by_account(tmp_path: Path, seed: int) -> None:
    tables = busy_world(seed, accounts=360)
    path = write_product(
        tmp_path,
        tables,
        candidates=CANDIDATES,
        discover={"events": "all", "except": ["rare"], "properties": ["colour"]},
        families=FAMILIES,
        passive_events=["mail"],
        adjust_for=["plan"],
        segments=["plan"],
    )
    extract = open_extract(path)
    score = made_up_score(seed, list(extract.exposures.event_names))
    cells = Scored(extract, score).cells().frame
    assert set(MEASURES) <= set(cells["candidate"])
    # Of the ways to reach 100 accounts, blue shares are one only in worlds of this size.
    mine = cells[cells["candidate"].isin(MEASURES)].sort_values(list(KEYS), ignore_index=True)
    expected = cells_by_hand(tables, score).sort_values(list(KEYS), ignore_index=True)
    pd.testing.assert_frame_equal(mine, expected, check_dtype=False, rtol=1e-9)


def test_row_order_and_a_second_delivery_change_nothing(tmp_path: Path) -> None:
    tables = busy_world(3, accounts=150)
    events = tables["events"].reset_index(drop=True)
    events["id"] = events.index.astype(str)
    source = {
        "events": {
            "files": "events.parquet",
            "account": "account",
            "at": "at",
            "event": "event",
            "id": "id",
        }
    }
    found = []
    for folder, rows in {
        "once": events,
        "twice": pd.concat([events, events.iloc[::3]]).sample(frac=1, random_state=1),
    }.items():
        (tmp_path / folder).mkdir()
        path = write_product(
            tmp_path / folder,
            {**tables, "events": rows},
            source=source,
            candidates=CANDIDATES,
            adjust_for=["plan"],
        )
        extract = open_extract(path)
        score = made_up_score(3, list(extract.exposures.event_names))
        found.append(Scored(extract, score).cells().frame)
    pd.testing.assert_frame_equal(found[0], found[1])


def hand_made(*rows: tuple[str, str, str]) -> dict[str, pd.DataFrame]:
    frame = pd.DataFrame(rows, columns=["account", "at", "event"])
    frame["at"] = pd.to_datetime(frame["at"], format="ISO8601", utc=True)
    return {"events": frame}


@pytest.mark.parametrize(
    ("at", "retained"),
    [
        ("2024-01-31T10:00:00", False),  # t0 + 30 days: the window opens after it
        ("2024-01-31T10:00:00.000001", True),
        ("2024-03-01T10:00:00", True),  # t0 + 60 days: the window closes with it
        ("2024-03-01T10:00:00.000001", False),
    ],
)
def test_outcome_window_is_open_at_its_start_and_closed_at_its_end(
    tmp_path: Path, at: str, retained: bool
) -> None:
    tables = hand_made(("a", "2024-01-01T10:00:00", "start"), ("a", at, "start"))
    path = write_product(
        tmp_path,
        tables,
        candidates=[{"name": "x", "event": "share"}],
        source={"observed_until": "2024-06-01T00:00:00Z"},
    )
    assert open_extract(path).counts["retained"] == int(retained)


def test_a_measure_needs_no_column_but_its_own(tmp_path: Path) -> None:
    tables = hand_made(("a", "2024-01-01T10:00:00", "start"), ("a", "2024-01-02T10:00:00", "share"))
    tables["events"]["colour"] = "red"
    path = write_product(
        tmp_path,
        tables,
        candidates=[{"name": "x", "event": "share", "measure": {"distinct": "colour"}}],
        source={"observed_until": "2024-06-01T00:00:00Z"},
    )
    assert [candidate.name for candidate in open_extract(path).candidates] == ["x"]


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2024-01-01T10:00:00", True),  # with the core event itself
        ("2024-01-01T09:59:59.999999", False),
        ("2024-01-08T09:59:59.999999", True),
        ("2024-01-08T10:00:00", False),  # t0 + 7 days: the window is over
    ],
)
def test_exposure_window_is_closed_at_its_start_and_open_at_its_end(
    tmp_path: Path, at: str, inside: bool
) -> None:
    tables = hand_made(("a", "2024-01-01T10:00:00", "start"), ("a", at, "share"))
    path = write_product(
        tmp_path,
        tables,
        candidates=[{"name": "x", "event": "share"}],
        exposure={"within": "7d"},
        source={"observed_until": "2024-06-01T00:00:00Z"},
    )
    extract = open_extract(path)
    counts = extract.engine.fetch("counts", extract.exposures.counts)
    assert counts["n"].sum() == 1 + int(inside)


@pytest.mark.parametrize(
    ("end", "status"),
    [("2024-03-01T10:00:00Z", "eligible"), ("2024-03-01T09:59:59.999999Z", "censored")],
)
def test_an_account_counts_once_its_outcome_window_is_observed_to_the_end(
    tmp_path: Path, end: str, status: str
) -> None:
    path = write_product(
        tmp_path,
        hand_made(("a", "2024-01-01T10:00:00", "start")),
        candidates=[{"name": "x", "event": "share"}],
        source={"observed_until": end},
    )
    assert open_extract(path).counts[status] == 1


def test_everyone_left_out_is_counted_with_the_reason(tmp_path: Path) -> None:
    tables = hand_made(
        ("early", "2024-01-01T10:00:00", "start"),
        ("staff", "2024-02-01T10:00:00", "start"),
        ("late", "2024-05-20T10:00:00", "start"),
        ("fine", "2024-02-01T10:00:00", "start"),
        ("twice_only", "2024-02-01T10:00:00", "share"),
        *(("bot", f"2024-02-01T10:00:{second:02d}", "start") for second in range(20)),
    )
    tables["accounts"] = pd.DataFrame(
        {"account": ["early", "staff", "late", "fine", "bot"], "staff": [0, 1, 0, 0, 0]}
    ).astype({"staff": bool})
    path = write_product(
        tmp_path,
        tables,
        candidates=[{"name": "x", "event": "share"}],
        onboarding={"from": "2024-02-01"},
        exclude={
            "accounts": {"staff": True},
            "bots": {"first_day_events_over": 10, "first_day_share_over": 0.9},
        },
        source={"observed_until": "2024-06-01T00:00:00Z"},
    )
    counts = open_extract(path).counts
    named = ("onboarded", "left_truncated", "internal", "bots", "censored", "eligible")
    assert {name: counts[name] for name in named} == {
        "onboarded": 5,
        "left_truncated": 1,
        "internal": 1,
        "bots": 1,
        "censored": 1,
        "eligible": 1,
    }


def test_onboarding_at_the_second_core_event(tmp_path: Path) -> None:
    tables = hand_made(
        ("a", "2024-01-05T00:00:00", "start"),
        ("a", "2024-01-01T00:00:00", "start"),
        ("a", "2024-01-09T00:00:00", "start"),
        ("b", "2024-01-01T00:00:00", "start"),
    )
    path = write_product(
        tmp_path, tables, candidates=[{"name": "x", "event": "share"}], onboarding={"nth": 2}
    )
    extract = open_extract(path)
    onboarded = extract.engine.fetch("onboarded", extract.population.onboarded)
    assert onboarded[["account", "t0"]].to_numpy().tolist() == [["a", pd.Timestamp("2024-01-05")]]


def some_cells(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "within_days": rng.choice([7, 14], 60),
            "candidate": rng.choice(["x", "y"], 60),
            "stratum": rng.integers(0, 4, 60),
            "cohort": "2024-01",
            "segment": "",
            "reached": rng.choice([0.0, 1.0, 2.0], 60),
            "accounts": rng.integers(1, 50, 60),
        }
    )
    frame["retained"] = rng.integers(0, frame["accounts"] + 1)
    for name in SUMS[2:]:
        frame[name] = rng.integers(0, 9, 60).astype(float)
    return frame.groupby(list(KEYS), as_index=False)[list(SUMS)].sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_splitting_cells_and_adding_them_changes_nothing(seed: int, split: int) -> None:
    whole = CellTable.from_frame(some_cells(seed))
    mask = np.random.default_rng(split).random(len(whole.frame)) < 0.5
    together = CellTable(whole.frame[mask]) + CellTable(whole.frame[~mask])
    pd.testing.assert_frame_equal(together.frame, whole.frame)


def test_impossible_cells_are_refused() -> None:
    frame = some_cells(1)
    with pytest.raises(ValueError, match="more retained"):
        CellTable.from_frame(frame.assign(retained=frame["accounts"] + 1))
    with pytest.raises(ValueError, match="twice"):
        CellTable.from_frame(pd.concat([frame, frame.head(1)]))
    with pytest.raises(ValueError, match="without stratum"):
        CellTable.from_frame(frame.drop(columns="stratum"))


def test_a_higher_threshold_never_has_more_doers(tmp_path: Path) -> None:
    path = write_product(tmp_path, busy_world(4), discover={"events": "all"}, adjust_for=["plan"])
    extract = open_extract(path, AS_OF)
    score = made_up_score(4, list(extract.exposures.event_names))
    found = search(Scored(extract, score).cells(), extract.specs)
    for _, rows in found.groupby(["candidate", "within_days"]):
        assert rows.sort_values("at_least")["doers"].is_monotonic_decreasing
