"""What counts as retained when it is revenue or a named event: bounds, sums, and a second way."""

from pathlib import Path

import pandas as pd
import pytest
from worlds import busy_world, open_extract, write_product

from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.stats.definitions import definitions, outcome_verb

DAY = pd.Timedelta(days=1)
OBSERVED = {"observed_until": "2024-06-01T00:00:00Z"}
INSIDE = "2024-02-10T00:00:00"


def payments(*rows: tuple[str, float]) -> dict[str, pd.DataFrame]:
    """One account that starts on 1 January at ten, and what it pays."""
    start = pd.to_datetime(["2024-01-01T10:00:00"], utc=True)
    revenue = pd.DataFrame(rows, columns=["at", "amount"]).assign(account="a")
    revenue["at"] = pd.to_datetime(revenue["at"], format="ISO8601", utc=True)
    events = pd.DataFrame({"account": ["a"], "at": start, "event": ["start"]})
    return {"events": events, "revenue": revenue}


def retained(folder: Path, tables: dict[str, pd.DataFrame], limit: dict[str, float]) -> int:
    path = write_product(
        folder,
        tables,
        candidates=[{"name": "x", "event": "share"}],
        retention={"revenue": limit, "after": "30d", "within": "30d"},
        source=OBSERVED,
    )
    return int(open_extract(path).counts["retained"])


@pytest.mark.parametrize(
    ("at", "counted"),
    [
        ("2024-01-31T10:00:00", 0),  # t0 + 30 days: the window opens after it
        ("2024-01-31T10:00:00.000001", 1),
        ("2024-03-01T10:00:00", 1),  # t0 + 60 days: the window closes with it
        ("2024-03-01T10:00:00.000001", 0),
    ],
)
def test_revenue_counts_within_the_same_bounds_as_events(
    tmp_path: Path, at: str, counted: int
) -> None:
    assert retained(tmp_path, payments((at, 5.0)), {"over": 0}) == counted


@pytest.mark.parametrize(
    ("amounts", "limit", "counted"),
    [
        ([100.0], {"at_least": 100}, 1),
        ([99.99], {"at_least": 100}, 0),
        ([100.0], {"over": 100}, 0),
        ([100.01], {"over": 100}, 1),
        # In binary these sum to 0.9999999999999999: money is counted in hundredths.
        ([0.1] * 10, {"at_least": 1}, 1),
        ([150.0, -60.0], {"at_least": 100}, 0),  # net of the refund
        ([150.0, -50.0], {"at_least": 100}, 1),
        ([20.0, -20.0], {"over": 0}, 0),
        ([0.0], {"over": 0}, 0),
        ([None, 3.0], {"over": 0}, 1),
        ([0.29], {"at_least": 0.29}, 1),
        ([], {"over": 0}, 0),
    ],
)
def test_revenue_is_net_and_exact_at_the_limit(
    tmp_path: Path, amounts: list[float], limit: dict[str, float], counted: int
) -> None:
    rows = [(INSIDE, amount) for amount in amounts] or [("2024-01-02T00:00:00", 500.0)]
    assert retained(tmp_path, payments(*rows), limit) == counted


def test_a_refund_after_the_window_takes_nothing_away(tmp_path: Path) -> None:
    tables = payments((INSIDE, 150.0), ("2024-03-02T10:00:00", -150.0))
    assert retained(tmp_path, tables, {"at_least": 100}) == 1


@pytest.mark.parametrize("limit", [{"at_least": 25}, {"over": 0}])
def test_revenue_outcome_worked_out_account_by_account(
    tmp_path: Path, limit: dict[str, float]
) -> None:
    tables = busy_world(6, accounts=250)
    path = write_product(
        tmp_path,
        tables,
        candidates=[{"name": "x", "event": "share"}],
        retention={"revenue": limit, "after": "30d", "within": "30d"},
    )
    extract = open_extract(path)
    found = extract.engine.fetch(
        "outcome", extract.outcome.join(extract.population.onboarded, "account_no")
    ).set_index("account")["retained"]
    end = tables["events"]["at"].max()
    begin = tables["events"].query("event == 'start'").groupby("account")["at"].min()
    expected = {}
    for account, start in begin.items():
        if start + 60 * DAY <= end:
            mine = tables["revenue"].query("account == @account")
            due = mine[(mine["at"] > start + 30 * DAY) & (mine["at"] <= start + 60 * DAY)]
            cents = sum(round(amount * 100) for amount in due["amount"])
            expected[account] = (
                cents >= limit["at_least"] * 100 if "at_least" in limit else cents > 0
            )
    assert found.to_dict() == expected
    assert 20 < found.sum() < len(found) - 20


def test_the_event_that_books_the_revenue_is_the_outcomes_own(tmp_path: Path) -> None:
    tables = busy_world(7, accounts=200)
    rows = tables["revenue"][["account", "at"]]
    orders = rows.assign(event="order", colour=None, size=None)
    clicks = pd.concat(
        [orders.assign(event="visit", at=orders["at"] + pd.Timedelta(minutes=n)) for n in range(3)]
    )
    tables["events"] = pd.concat([tables["events"], orders, clicks])
    path = write_product(
        tmp_path,
        tables,
        discover={"events": "all"},
        retention={"revenue": {"over": 0}, "after": "30d", "within": "30d"},
    )
    own = {spec.name for spec in open_extract(path).specs if spec.own_outcome}
    assert own == {"order"}


@pytest.mark.parametrize(
    ("retention", "sentence", "verb"),
    [
        (
            {"revenue": {"at_least": 1250.5}},
            "Retained: brought in revenue of at least 1,250.5 EUR, net of refunds, in the 30 days"
            " that begin 30 days after onboarding.",
            "bring in revenue of at least 1,250.5 EUR, net of refunds,",
        ),
        (
            {"revenue": {"over": 0}},
            "Retained: brought in revenue, net of refunds, in the 30 days that begin 30 days after"
            " onboarding.",
            "bring in revenue, net of refunds,",
        ),
        (
            {"event": "referral_sent"},
            "Retained: did referral_sent at least once in the 30 days that begin 30 days after"
            " onboarding.",
            "do referral_sent later",
        ),
        (
            {"event": "core"},
            "Retained: at least one start in the 30 days that begin 30 days after onboarding.",
            "stay",
        ),
    ],
)
def test_the_outcome_in_words(
    tmp_path: Path, retention: dict[str, object], sentence: str, verb: str
) -> None:
    path = write_product(
        tmp_path,
        payments((INSIDE, 1.0)),
        candidates=[{"name": "x", "event": "share"}],
        retention={**retention, "after": "30d", "within": "30d"},
    )
    config = load_product(path).config
    assert definitions(config)["retained"] == sentence
    assert outcome_verb(config) == verb
