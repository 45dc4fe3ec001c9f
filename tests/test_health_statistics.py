"""What is said of the counts around the metric: by hand, by rule, and on draws of known truth."""

import numpy as np
import pandas as pd
import pytest

from nsm_pipeline.stats.day_retention import BANDS, beside_bands
from nsm_pipeline.stats.feature_adoption import (
    Growth,
    adoption_table,
    adoption_trends,
    core_growth,
    feature_records,
    find_blind_spot,
)
from nsm_pipeline.stats.parts import Estimate, ratio_of_sums
from nsm_pipeline.stats.unit_economics import (
    AT_A_LOSS,
    NO_COSTS,
    NO_MARGIN,
    UNDER_INVESTED,
    WEEKS_PER_MONTH,
    AcquisitionCost,
    declared_cost,
    revenue_per_payer,
    spent_per_account,
    unit_economics,
    value_curve,
)
from nsm_pipeline.stats.virality import NO_LINK, k_factor

PARTS = 40


def counted(*rows: tuple[int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["day", "accounts", "active"])


@pytest.mark.parametrize(
    ("accounts", "active", "standing"),
    [
        (1000, 50, "below"),  # 3.8 to 6.5 %, the consumer band of day 7 is 8 to 15 %
        (1000, 120, "inside"),  # 10.1 to 14.2 %
        (1000, 200, "above"),  # 17.6 to 22.6 %
        (1000, 70, "at the edge"),  # 5.6 to 8.8 %
        (10, 1, "at the edge"),  # 1.8 to 40.4 %
        (0, 0, "cannot tell"),
    ],
)
def test_a_band_is_left_only_by_a_whole_interval(accounts: int, active: int, standing: str) -> None:
    rows = counted((7, accounts, active))
    (found,) = beside_bands(rows, rows, "consumer")
    assert found["against_band"] == standing


def test_bands_follow_the_audience() -> None:
    rows = counted((1, 1000, 600), (90, 1000, 300))
    b2b, consumer = (beside_bands(rows, rows, audience) for audience in ("b2b", "consumer"))
    assert [row["against_band"] for row in b2b] == ["inside", "inside"]
    assert [row["against_band"] for row in consumer] == ["above", "above"]
    assert consumer[1]["band_source"] == "AppsFlyer, Adjust"
    assert [(band.low, band.high) for band in BANDS["b2b"].values()] == [
        (0.50, 0.70), (0.40, 0.60), (0.35, 0.55), (0.25, 0.35),
    ]  # fmt: skip


def test_a_ratio_of_sums_by_hand() -> None:
    # Parts of 10 accounts with 4 or 6 each: ratio 1/2, influences -+ 1/400 of it, 40 of them.
    found = ratio_of_sums(np.tile([4.0, 6.0], 20), np.full(40, 10.0))
    error = np.sqrt(40 / 39 * 40 * (1 / 400) ** 2)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.5 * np.exp(-2.022691 * error / 0.5))
    assert found.high == pytest.approx(0.5 * np.exp(2.022691 * error / 0.5))
    assert ratio_of_sums(np.ones(40), np.zeros(40)).value is None
    assert ratio_of_sums(np.ones(3), np.ones(3)).low is None


def invitations(rng: np.random.Generator, accounts: int) -> pd.DataFrame:
    """One account in five invites, some many; K is 0.2 x 2.5 x 0.3 = 0.15."""
    part = rng.integers(0, PARTS, accounts)
    sent = np.where(rng.random(accounts) < 0.2, rng.geometric(0.4, accounts), 0)
    accepted = rng.binomial(sent, 0.3)
    columns = {"accounts": None, "inviters": sent > 0, "invitations": sent, "accepted": accepted}
    sums = {name: np.bincount(part, weights, minlength=PARTS) for name, weights in columns.items()}
    return pd.DataFrame({"part": range(PARTS), **sums}).astype("int64")


CYCLE = pd.DataFrame({"days": [0, 3, 9], "accepted": [10, 20, 10]})


@pytest.mark.parametrize("accounts", [400, 2000])
def test_intervals_of_k_hold_as_often_as_they_say(accounts: int) -> None:
    rng = np.random.default_rng(81)
    truth = {"invitations_per_account": 0.5, "acceptance": 0.3, "k": 0.15}
    held = dict.fromkeys(truth, 0)
    for _ in range(400):
        found = k_factor(invitations(rng, accounts), CYCLE, linked=True)
        for name, true in truth.items():
            held[name] += found[name]["low"] <= true <= found[name]["high"]
    assert all(0.915 <= count / 400 <= 0.985 for count in held.values()), held


def test_k_is_the_product_of_its_parts_and_silent_where_nothing_is_known() -> None:
    parts = invitations(np.random.default_rng(5), 1000)
    found = k_factor(parts, CYCLE, linked=True)
    product = found["invitations_per_account"]["value"] * found["acceptance"]["value"]
    assert found["k"]["value"] == pytest.approx(product)
    assert found["cycle_days"] == {"first_quartile": 0, "median": 3, "third_quartile": 3}
    unlinked = k_factor(parts.assign(accepted=0), CYCLE.iloc[:0], linked=False)
    assert unlinked["invitations_per_account"]["low"] > 0
    assert unlinked["k"] == {"value": None, "low": None, "high": None, "note": NO_LINK}
    rare = k_factor(parts.assign(accepted=[9, *[0] * 39]), CYCLE, linked=True)
    assert (rare["k"]["value"], rare["accepted"]) == (None, 9)
    few = k_factor(parts.assign(accounts=[99, *[0] * 39]), CYCLE, linked=True)
    assert few["invitations_per_account"]["value"] is None
    assert few["k"]["note"].startswith("99 accounts are observed")


def weeks_of_value(rng: np.random.Generator, accounts: int, weeks: int = 20) -> pd.DataFrame:
    """Accounts watched for different times, that leave at 10 % a week and pay skewed amounts."""
    part, watched = rng.integers(0, PARTS, accounts), rng.integers(1, weeks + 6, accounts)
    left, rate = rng.geometric(0.1, accounts), rng.gamma(0.5, 2.0, accounts)
    frames = []
    for week in range(weeks):
        known = watched > week
        paid = np.where(known & (left > week), rng.lognormal(2.0, 1.0, accounts) * rate, 0.0)
        frames.append(
            pd.DataFrame(
                {
                    "week": week,
                    "part": range(PARTS),
                    "accounts": np.bincount(part[known], minlength=PARTS),
                    "revenue_minor": np.bincount(
                        part, np.round(paid * 100), minlength=PARTS
                    ).astype(int),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_intervals_of_the_value_hold_as_often_as_they_say() -> None:
    weekly = np.exp(2.5) * 0.9 ** np.arange(20)  # lognormal mean times a rate of mean 1
    rng, held, short_held = np.random.default_rng(82), 0, 0
    for _ in range(200):
        curve = value_curve(weeks_of_value(rng, 1500), margin=0.5, most_weeks=20)
        short, last = curve.iloc[3], curve.iloc[-1]
        held += last["ci_low"] <= 0.5 * weekly[: len(curve)].sum() <= last["ci_high"]
        short_held += short["ci_low"] <= 0.5 * weekly[:4].sum() <= short["ci_high"]
    assert 0.92 <= held / 200 <= 0.98
    assert 0.92 <= short_held / 200 <= 0.98


def simple_curve() -> pd.DataFrame:
    """10 a week from every account, of which ever fewer are observed; 4 of 5 parts pay 8 to 12."""
    rows = [
        {"week": week, "part": part, "accounts": 5 if week < 8 else 2}
        | {"revenue_minor": (5 if week < 8 else 2) * (1000 + 200 * (-1) ** part)}
        for week in range(10)
        for part in range(40)
    ]
    return pd.DataFrame(rows)


def test_value_payback_and_ratio_by_hand() -> None:
    curve = value_curve(simple_curve(), margin=0.6, most_weeks=52)
    assert len(curve) == 8  # weeks 8 and 9 are observed for 80 accounts
    assert curve["value"].tolist() == pytest.approx([6.0 * week for week in range(1, 9)])
    cost = AcquisitionCost(20.0, "as declared")
    found = unit_economics(curve, Estimate(10.0), cost, margin=0.6)
    assert found["ltv"]["value"] == pytest.approx(48.0)
    assert found["ltv_to_cac"]["value"] == pytest.approx(2.4)
    assert found["payback"]["months"] == pytest.approx(4 / WEEKS_PER_MONTH)  # 24 after four weeks
    assert found["payback"]["low"] <= found["payback"]["months"] <= found["payback"]["high"]
    assert found["remark"] == ""
    cut = value_curve(simple_curve(), margin=None, most_weeks=5)
    assert cut["value"].iloc[-1] == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("amount", "remark", "months"),
    [
        (8.0, UNDER_INVESTED.format(mark=5), 2),
        (9.4, "", 2),  # 5.1, but the interval reaches below 5
        (47.0, "", 8),
        (60.0, AT_A_LOSS, None),
    ],
)
def test_what_is_remarked_of_a_ratio(amount: float, remark: str, months: int | None) -> None:
    curve = value_curve(simple_curve(), margin=0.6, most_weeks=52)
    found = unit_economics(curve, Estimate(10.0), declared_cost(amount), margin=0.6)
    assert found["remark"] == remark
    weeks = None if months is None else pytest.approx(months / WEEKS_PER_MONTH)
    assert found["payback"]["months"] == weeks


def test_what_is_missing_is_named() -> None:
    curve = value_curve(simple_curve(), margin=None, most_weeks=52)
    found = unit_economics(curve, Estimate(10.0), declared_cost(None), margin=None)
    assert found["ltv_to_cac"]["note"] == f"{NO_MARGIN}; {NO_COSTS}"
    assert found["payback"]["months"] is None
    young = unit_economics(curve.iloc[:3], Estimate(None), declared_cost(9.0), margin=0.6)
    assert young["ltv"]["value"] is None
    assert young["ltv_to_cac"]["note"].startswith("3 weeks are observed")
    assert spent_per_account({"2024-03": 90.0, "2024-04": 30.0}, 60).amount == 2.0
    assert spent_per_account({}, 0).amount is None


def test_revenue_per_payer_by_hand() -> None:
    months = pd.DataFrame(
        [(m, part, 900 + 200 * (part % 2), 3) for m in (0, 1) for part in range(40)],
        columns=["month_no", "part", "revenue_minor", "payers"],
    )
    found = revenue_per_payer(months)
    assert found.value == pytest.approx(10.0 / 3)
    assert found.low < 10.0 / 3 < found.high
    assert revenue_per_payer(months.iloc[:30]).value is None


def halves(**adopters: tuple[int, int]) -> pd.DataFrame:
    rows = [(name, half, n) for name, pair in adopters.items() for half, n in enumerate(pair)]
    return pd.DataFrame(rows, columns=["event", "half", "adopters"]).assign(fresh=0)


def totals(later: int, earlier: int, *, accounts: int = 1000) -> pd.DataFrame:
    rows = [(0, accounts, later, 4 * later), (1, accounts, earlier, 4 * earlier)]
    frame = pd.DataFrame(rows, columns=["half", "accounts", "core_events", "core_squares"])
    return frame.assign(fresh=0)


@pytest.mark.parametrize(
    ("adopters", "growth", "verdict", "rising", "falling"),
    [
        ({"a": (600, 400), "b": (100, 300), "c": (300, 310)}, (3000, 2000), "found", "a", "b"),
        ({"a": (600, 600), "b": (100, 300), "c": (80, 200)}, (3000, 2000), "found", "", "bc"),
        # Two rise: the growth does not rest on one.
        ({"a": (600, 400), "b": (100, 300), "c": (500, 300)}, (3000, 2000), "none", "ac", "b"),
        ({"a": (600, 400), "b": (290, 300)}, (3000, 2000), "none", "a", ""),
        # The metric stands still, or cannot be told from standing still.
        ({"a": (600, 400), "b": (100, 300)}, (2000, 2000), "not growing", "a", "b"),
        ({"a": (600, 400), "b": (100, 300)}, (2060, 2000), "not growing", "a", "b"),
        # 6 % of what it was: surely less, but hardly.
        ({"a": (990, 800), "b": (930, 990)}, (3000, 2000), "none", "a", ""),
    ],
)
def test_the_rule_of_the_blind_spot(
    adopters: dict, growth: tuple[int, int], verdict: str, rising: str, falling: str
) -> None:
    sizes = totals(*growth)
    trends = adoption_trends(halves(**adopters), sizes, begun=True)
    found = find_blind_spot(trends, core_growth(sizes, "Starts", begun=True))
    assert (found.verdict, "".join(found.rising), "".join(found.falling)) == (
        verdict, rising, falling,
    )  # fmt: skip


def test_what_is_done_once_at_the_beginning_does_not_fall_as_accounts_grow_older() -> None:
    rows = [  # event, half, fresh, adopters: a tour taken by every new account, and by no other
        ("tour", 0, 1, 300), ("tour", 1, 1, 300),
        ("chat", 0, 1, 150), ("chat", 1, 1, 150), ("chat", 0, 0, 180), ("chat", 1, 0, 60),
    ]  # fmt: skip
    given = pd.DataFrame(rows, columns=["event", "half", "fresh", "adopters"])
    sizes = pd.DataFrame(
        [(0, 1, 300), (1, 1, 300), (0, 0, 900), (1, 0, 300)], columns=["half", "fresh", "accounts"]
    )
    found = adoption_trends(given, sizes, begun=True).set_index("event")
    # A third of 1,800 active accounts are new: 1/3; and 1/3 of a half and 2/3 of a fifth.
    assert found.loc["tour", ["later", "earlier"]].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert found.loc["chat", ["later", "earlier"]].tolist() == pytest.approx([0.3, 0.3])
    assert set(found["trend"]) == {"steady"}
    # As they come the shares would be 300 of 1,200 against 300 of 600.
    few = sizes.assign(accounts=[300, 300, 900, 99])
    among_new = adoption_trends(given, few, begun=True).set_index("event")
    assert among_new.loc["tour", ["later", "earlier"]].tolist() == [1, 1]


def test_no_blind_spot_is_claimed_of_a_young_or_small_product() -> None:
    adopters = halves(a=(600, 400), b=(100, 300))
    for sizes, begun in ((totals(3000, 2000), False), (totals(3000, 2000, accounts=99), True)):
        trends = adoption_trends(adopters, sizes, begun=begun)
        assert set(trends["trend"]) == {"cannot tell"}
        found = find_blind_spot(trends, core_growth(sizes, "Starts", begun=begun))
        assert found.verdict == "cannot tell"
        assert found.reason
    few = core_growth(totals(3000, 99), "Starts", begun=True)
    assert few.ratio is None


def test_features_that_did_not_change_are_rarely_said_to() -> None:
    """Twelve features, 150 worlds without any change: one in twenty may have one called."""
    rng, wrong = np.random.default_rng(83), 0
    shares = np.linspace(0.02, 0.95, 12)
    for _ in range(150):
        drawn = rng.binomial([[800], [500]], shares)
        given = halves(**{f"f{n}": tuple(drawn[:, n]) for n in range(12)})
        sizes = pd.DataFrame({"half": [0, 1], "accounts": [800, 500], "fresh": 0})
        wrong += (adoption_trends(given, sizes, begun=True)["trend"] != "steady").any()
    assert wrong / 150 <= 0.07


def test_growth_holds_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(84), 0
    for _ in range(600):
        sizes = rng.poisson(700, 2)  # who comes is chance too
        rates = [rng.gamma(0.8, 3.9, sizes[0]), rng.gamma(0.8, 3.0, sizes[1])]
        counts = [rng.poisson(rate) for rate in rates]
        rows = [(h, len(c), c.sum(), (c**2).sum()) for h, c in enumerate(counts)]
        columns = ["half", "accounts", "core_events", "core_squares"]
        found: Growth = core_growth(pd.DataFrame(rows, columns=columns), "Starts", begun=True)
        held += found.low <= 1.3 <= found.high
    assert 0.93 <= held / 600 <= 0.98


def test_shares_of_adoption_by_hand() -> None:
    periods = pd.DataFrame(
        [("a", 0, 50, 10, 0, 0), ("a", 1, 40, 20, 20, 15), ("b", 1, 5, 0, 4, 1)],
        columns=["event", "period", "adopters", "repeaters", "judged", "stayed"],
    )
    active = pd.DataFrame(
        [(0, 100, 0, 0), (1, 80, 60, 30)], columns=["period", "accounts", "judged", "stayed"]
    )
    table = adoption_table(periods, active).set_index(["event", "period"])
    assert table.loc[("a", 0), ["adoption", "repeat_share"]].tolist() == [0.5, 0.2]
    assert np.isnan(table.loc[("a", 0), "stay_adopters"])
    assert table.loc[("a", 1), ["stay_adopters", "stay_others"]].tolist() == [0.75, 15 / 40]
    assert table.loc[("b", 0), ["active", "adopters", "adoption"]].tolist() == [100, 0, 0.0]
    trends = adoption_trends(halves(a=(60, 50), b=(0, 5)), totals(0, 0), begun=True)
    first, second = feature_records(table.reset_index(), trends)
    assert (first["event"], first["adopters"], first["stay_adopters"]) == ("a", 50, 0.75)
    assert (second["event"], second["active"], second["adopters"]) == ("b", 100, 0)
