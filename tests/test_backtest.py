"""Does revenue follow? Account-level gaps and weekly series, on worlds whose truth is planted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nsm_pipeline.stats.backtest import backtest, lead_weeks
from nsm_pipeline.stats.leading import directional_agreement, lead_test
from nsm_pipeline.waist.cells import KEYS, SUMS, CellTable

WEEKS, STRATA = 13, 50
PLANTED = {f"cause_{lead}": lead for lead in (1, 2, 3, 4, 6)}
NULLS = [f"null_{n}" for n in range(25)]


def paying_world(seed: int, accounts: int = 20_000) -> tuple[CellTable, dict[str, pd.DataFrame]]:
    """Keen accounts do more of everything and pay more; five behaviours bring more, later.

    The strata see most of the keenness, not all of it. `cause_4` adds revenue from week 4 on.
    """
    rng = np.random.default_rng(seed)
    keen = rng.normal(size=accounts)
    noticed = keen + rng.normal(0, 0.4, accounts)
    stratum = np.searchsorted(np.quantile(noticed, np.arange(1, STRATA) / STRATA), noticed)
    did, extra = {}, np.zeros((accounts, WEEKS))
    for name in [*PLANTED, *NULLS]:
        drawn = rng.uniform(0.4, 1.0) * keen + rng.normal(size=accounts)
        did[name] = drawn > rng.uniform(0.2, 1.2)
        if name in PLANTED:
            extra[did[name], PLANTED[name] - 1 :] += 3.0
    rate = 0.25 * np.exp(0.5 * keen)[:, None] * np.ones(WEEKS)
    paid = rng.poisson(rate + extra / 20) * rng.lognormal(2.7, 0.8, (accounts, WEEKS))
    cells, weeks = [], []
    for name, doer in did.items():
        keys = {"stratum": stratum, "reached": doer.astype(float)}
        whole = pd.DataFrame({**keys, "s": paid.sum(1), "q": paid.sum(1) ** 2, "n": 1})
        sums = whole.groupby(["stratum", "reached"], as_index=False).sum()
        cells.append(
            sums.assign(
                within_days=7, candidate=name, cohort="c", segment="", accounts=sums["n"],
                retained=0, revenue_accounts=sums["n"], revenue_sum=sums["s"],
                revenue_squares=sums["q"],
            )
        )  # fmt: skip
        for week in range(WEEKS):
            rows = pd.DataFrame({**keys, "s": paid[:, week], "q": paid[:, week] ** 2})
            sums = rows.groupby(["stratum", "reached"], as_index=False).sum()
            named = sums.rename(columns={"s": "revenue_sum", "q": "revenue_squares"})
            weeks.append(named.assign(candidate=name, within_days=7, week=week + 1))
    none = pd.DataFrame({"candidate": [], "week": [], "accounts": [], "doers": []})
    frames = {
        "revenue_weeks": pd.concat(weeks),
        "weekly_reach": none,
        "revenue_by_week": pd.DataFrame({"week": [], "revenue": []}),
    }
    return CellTable.from_frame(pd.concat(cells)[[*KEYS, *SUMS]]), frames


@pytest.fixture(scope="module")
def worlds() -> list[tuple[CellTable, dict[str, pd.DataFrame]]]:
    return [paying_world(seed) for seed in range(6)]


def gaps_of(world: tuple[CellTable, dict[str, pd.DataFrame]]) -> pd.DataFrame:
    names = [*PLANTED, *NULLS]
    chosen = pd.DataFrame({"candidate": names, "at_least": 1.0, "within_days": 7})
    found = backtest(world[0], chosen, frozenset(), world[1], "transactions")
    return found.gaps.set_index("candidate")


def test_leads_are_right_within_a_week_and_null_events_stay_quiet(worlds) -> None:
    errors, flagged, naive = [], [], []
    for world in worlds:
        gaps = gaps_of(world)
        leads = gaps.loc[list(PLANTED), "revenue_lead_weeks"]
        assert leads.notna().all()
        errors += [lead - PLANTED[name] for name, lead in leads.items()]
        nulls = gaps.loc[NULLS]
        flagged.append((nulls["revenue_gap_ci_low"] > 0).mean())
        naive.append((nulls["revenue_z"] > 1.96).mean())
    assert max(map(abs, errors)) <= 1
    assert np.mean(np.abs(errors)) < 0.2
    assert np.mean(flagged) <= 0.15
    assert np.mean(naive) > 0.8


def test_a_gap_is_not_led_by_one_lucky_week() -> None:
    weeks = pd.DataFrame(
        {"candidate": "x", "week": range(1, 14), "gap": [9.0] + [0.0] * 4 + [5.0] * 8}
    )
    weeks = weeks.assign(ci_low=weeks["gap"] - 3, ci_high=weeks["gap"] + 3)
    gaps = pd.DataFrame({"candidate": ["x"], "revenue_gap_ci_low": [1.0]})
    assert lead_weeks(weeks, gaps) == {"x": 6}
    blurred = weeks.assign(ci_low=weeks["gap"] - 9, ci_high=weeks["gap"] + 9)
    assert lead_weeks(blurred, gaps) == {"x": None}
    assert lead_weeks(weeks, gaps.assign(revenue_gap_ci_low=-1.0)) == {"x": None}


def weekly(values: np.ndarray) -> pd.Series:
    return pd.Series(values, index=pd.date_range("2020-01-06", periods=len(values), freq="W-MON"))


@pytest.mark.parametrize(("kind", "needed"), [("transactions", 52), ("subscriptions", 104)])
def test_how_long_a_series_must_be_depends_on_how_customers_pay(kind, needed) -> None:
    rng = np.random.default_rng(40)
    reach, revenue = rng.random((2, needed))
    short = lead_test("x", weekly(reach[1:]), weekly(revenue[1:]), kind=kind)
    assert (short.verdict, short.agreement) == ("not enough weeks", None)
    assert short.note == f"{needed - 1} weeks are known and {needed} are needed for {kind}."
    assert lead_test("x", weekly(reach), weekly(revenue), kind=kind).correlation is not None


def test_a_week_without_anybody_new_shifts_no_lag() -> None:
    rng = np.random.default_rng(41)
    shocks = rng.normal(size=160)
    reach = weekly(shocks[4:154]).drop(index=weekly(shocks[:150]).index[[20, 40, 60, 61, 90]])
    found = lead_test("x", reach, weekly(shocks[:150] * 3 + rng.normal(0, 0.3, 150)))
    assert (found.verdict, found.lag_weeks) == ("leads", 4)
    thin = lead_test("x", reach.iloc[::2], weekly(shocks[:150]))
    assert thin.verdict == "cannot tell"
    assert "no account onboarded" in thin.note


def test_revenue_that_follows_up_and_down_is_counted_with_its_p() -> None:
    rng = np.random.default_rng(42)
    shocks = rng.normal(size=130)
    revenue = weekly(shocks[:120] + rng.normal(0, 0.4, 120))
    found = directional_agreement(weekly(shocks[3:123]), revenue, seed=1)
    assert found.lag_weeks == 3
    assert found.followed / found.weeks > 0.75
    assert found.p_value <= 0.01
    assert found.weeks == 119 - 3


def test_directional_agreement_of_unrelated_series_is_chance() -> None:
    """Smooth series agree by long runs; the blocks carry their runs along."""
    rng = np.random.default_rng(43)
    p_values = []
    for seed in range(150):
        noise = rng.normal(size=(2, 126))
        smooth = [np.convolve(row, np.hanning(8)[1:-1], "valid") for row in noise]
        found = directional_agreement(*map(weekly, smooth), seed=seed)
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) < 0.05) < 0.13  # single weeks in any order: 0.28
    assert 0.35 < np.mean(p_values) < 0.65


def test_cancellations_correlate_with_revenue_and_are_no_evidence() -> None:
    """Real weeks: the raw levels agree, because a busy week has more of everything."""
    file = Path(__file__).parent / "reference" / "online_retail_backtest.csv"
    weeks = pd.read_csv(file, parse_dates=["wk"], index_col="wk")
    assert weeks["cancelling"].corr(weeks["revenue"]) > 0.6
    found = lead_test("cancelling", weeks["cancelling"], weeks["revenue"])
    assert (found.verdict, found.correlation, found.agreement) == ("not enough weeks", None, None)
