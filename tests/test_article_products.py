"""Products of the articles' examples: their columns, and what is planted is in the rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.accounts import DAY
from nsm_pipeline.simulation.columns import shaped
from nsm_pipeline.simulation.numbered_products import NUMBERED
from nsm_pipeline.simulation.scenario import Threshold
from nsm_pipeline.simulation.scenarios import ARTICLES
from nsm_pipeline.simulation.truth_document import truth_document
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world
from tests.test_simulation import check_against_drawn_courses, truth_of

FEW = 400
ARTICLES_SAY = {
    "facebook": (7, 10),
    "slack": (2000, 28),
    "calendly": (1, 1),
    "amplitude": (4, 7),
    "hubspot": (5, 7),
    "presentations": (3, 7),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every product, small, by name."""
    folder = tmp_path_factory.mktemp("articles")
    return {
        name: write_world(draw_world(scenario, FEW, 3), folder / name)
        for name, scenario in ARTICLES.items()
    }


def events_of(product: Path) -> pd.DataFrame:
    return pd.read_parquet(product.parent / "events.parquet")


def test_what_the_articles_number_is_planted() -> None:
    planted = {
        scenario.name: (effect.shape.at_least, effect.shape.within_days)
        for scenario in NUMBERED
        for behaviour in scenario.causal
        if (effect := behaviour.effect) and isinstance(effect.shape, Threshold)
    }
    assert planted == ARTICLES_SAY


def test_every_product_can_find_what_is_planted_in_it(written: dict[str, Path]) -> None:
    for product in written.values():
        truth, config = truth_of(product), load_product(product).config
        (planted,) = truth["causal"]
        own = [c for c in config.candidates if c.name == planted["candidate"]]
        grid = own[0].at_least if own else config.discover and config.discover.at_least
        assert planted["at_least"] in (grid or ())
        assert planted["within_days"] in config.exposure.within
        assert len(config.placebos) == 12 and len(truth["null_events"]) >= 20
        assert 0.03 < planted["reach"] < 0.5 and planted["lift_pp"] > 10
        assert planted["crude_lift_pp"] > 1.3 * planted["lift_pp"]


@pytest.mark.parametrize("name", ["facebook", "slack", "hubspot", "amplitude"])
def test_rows_reach_the_threshold_where_the_outcome_says_so(
    written: dict[str, Path], name: str
) -> None:
    """Counted from the file: friends, messages and features, as the product file measures them."""
    events, world = events_of(written[name]), draw_world(ARTICLES[name], FEW, 3)
    (behaviour,) = world.scenario.causal
    assert behaviour.effect is not None
    at_least, within_days = ARTICLES_SAY[name]
    start = events[events["event"] == world.scenario.core.event_name].groupby("account_id")["ts"]
    since = (events["ts"] - events["account_id"].map(start.min())) / pd.Timedelta(days=1)
    rows = events[(events["event"] == behaviour.event_name) & (since < within_days)]
    by_account = rows.groupby("account_id")
    kind, column = behaviour.measure or ("count", "event")
    found = by_account[column].agg({"distinct": "nunique"}.get(kind, kind))
    accounts = world.accounts
    expected = pd.Series(world.counts[behaviour.name], [f"a{n}" for n in accounts.ids])
    expected = expected[accounts.eligible & (accounts.t0 >= 0)]
    reached = found.reindex(expected.index).fillna(0) >= at_least
    assert 10 < reached.sum() < len(expected) / 2
    pd.testing.assert_series_equal(reached, expected >= at_least, check_names=False)


def test_packed_rows_hold_every_time_and_each_hour_of_a_user_once() -> None:
    world = draw_world(ARTICLES["slack"], FEW, 3)
    log, columns = shaped(world)
    messages = columns["messages"]
    sent = log.behaviour == 0
    assert (messages.known == sent).all()
    assert messages.numbers.sum() == (world.log.behaviour == 0).sum() > 20 * sent.sum()
    hour = (log.at - world.accounts.t0[log.owner])[sent] * 24 // DAY
    user = columns["user_id"].numbers[sent]
    assert len(np.unique(np.column_stack([user, hour]), axis=0)) == sent.sum()


def test_teams_have_users_of_their_own_some_rows_without_any(written: dict[str, Path]) -> None:
    events = events_of(written["miro"])
    accounts_of_user = events.groupby("user_id")["account_id"].nunique()
    assert (accounts_of_user == 1).all()
    users = events.groupby("account_id")["user_id"].nunique()
    assert users.max() > 10 and (users == 1).any()
    assert events["user_id"].isna().mean() == pytest.approx(0.02, abs=0.003)
    shared = events.dropna(subset=["board_id"]).groupby("board_id")["user_id"].nunique()
    assert 0.2 < (shared >= 2).mean() < 1


def test_refunds_and_stays_name_their_order(written: dict[str, Path]) -> None:
    shop = events_of(written["shopify"])
    orders = shop[shop["event"] == "order_received"].set_index("order_id")
    refunds = shop[shop["event"] == "order_refunded"].set_index("order_id")
    assert orders.index.is_unique and len(refunds) > 10
    own = orders.loc[refunds.index]
    assert (refunds["amount"] == -own["amount"]).all() and (own["amount"] > 0).all()
    assert (refunds["account_id"] == own["account_id"]).all() and (refunds["ts"] > own["ts"]).all()
    stays = events_of(written["airbnb"])
    stays = stays[stays["event"].isin(["booking_made", "stay_completed"])]
    assert (stays.groupby("booking_id")["nights"].nunique() == 1).all()
    assert stays["nights"].between(1, 7).all()


def test_invitations_are_accepted_by_who_came_by_referral_after_they_were_sent(
    written: dict[str, Path],
) -> None:
    events = events_of(written["dropbox"])
    accounts = pd.read_parquet(written["dropbox"].parent / "accounts.parquet")
    accounts = accounts.set_index("account_id")
    accepted = events[events["event"] == "invite_accepted"].dropna(subset=["inviter_id"])
    came = accounts.loc[accepted["account_id"]]
    assert len(accepted) > 20 and (came["channel"] == "referral").mean() > 0.95
    assert (accepted["account_id"] != accepted["inviter_id"]).all()
    sent = events[events["event"] == "invite_sent"].groupby("account_id")["ts"].min()
    first = sent.reindex(accepted["inviter_id"]).to_numpy()
    assert (first < came["signed_up_at"].to_numpy()).all()


def test_columns_are_missing_where_they_do_not_belong(written: dict[str, Path]) -> None:
    for name, column, names in (
        ("netflix", "hours", {"title_watched"}),
        ("intercom", "side", {"message_sent"}),
        ("hubspot", "feature", {"feature_used"}),
        ("instacart", "amount", {"order_completed"}),
    ):
        events = events_of(written[name])
        assert set(events.loc[events[column].notna(), "event"]) == names
    paid = events_of(written["airtable"]).groupby("account_id")["plan"].nunique()
    assert (paid == 2).any() and (paid <= 2).all()


def test_truth_of_a_core_event_in_the_thousands_is_what_an_experiment_finds() -> None:
    """Every team is made to send 2,000 messages at its first visit, the first of them surely."""
    worlds = [draw_world(ARTICLES["slack"], 1_000, 7, {"messages_sent": n}) for n in (1999, 0)]
    eligible = worlds[0].accounts.eligible
    treated, control = (w.outcome.retained[eligible].astype(float) for w in worlds)
    gains = 100 * (treated - control)
    (truth,) = truth_document(draw_world(ARTICLES["slack"], 1_000, 7))["causal"]
    assert truth["at_least"] == 2000
    assert gains.mean() == pytest.approx(truth["lift_pp"], abs=4 * gains.std() / len(gains) ** 0.5)


@pytest.mark.parametrize(("k", "within"), [(500, 7), (1000, 14), (1000, 28)])
def test_at_other_numbers_of_messages_truth_is_that_of_drawn_courses(k: int, within: int) -> None:
    world = draw_world(ARTICLES["slack"], 150, 8)
    check_against_drawn_courses(world, world.scenario.core, k, within)


def test_what_the_core_event_reaches_at_once_has_no_lift() -> None:
    """Every account has run a chart when it is onboarded: there is nobody to compare with."""
    truth = truth_document(draw_world(ARTICLES["amplitude"], FEW, 3))
    charts = [row for row in truth["lifts"] if row["candidate"] == "chart_run"]
    assert {row["at_least"] for row in charts if row["lift_pp"] is None} == {1}
