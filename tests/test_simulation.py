"""The simulator: what it calls true is true, and its worlds are products as the pipeline reads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.pipeline import check_product
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.accounts import DAY
from nsm_pipeline.simulation.occurrences import rate_per_visit
from nsm_pipeline.simulation.outcome import dose_steps, inverse_logit, strength
from nsm_pipeline.simulation.revenue import lead_weeks
from nsm_pipeline.simulation.scenario import THRESHOLDS, Behaviour, Revenue
from nsm_pipeline.simulation.scenarios import SCENARIOS, find_scenario, scenario_lines
from nsm_pipeline.simulation.truth import exposure, true_lifts
from nsm_pipeline.simulation.truth_document import counted_accounts, truth_document
from nsm_pipeline.simulation.world import World, draw_world
from nsm_pipeline.simulation.world_files import write_world
from tests.worlds import open_extract

REPOSITORY = Path(__file__).resolve().parents[1]
FEW, MANY = 3_000, 20_000
WITHOUT_PLACEBOS = {"small_catalogue_5", "no_placebos", "undeclared_placebos"}
# Another process, so that neither import order nor hash seeds can matter.
NSM = [sys.executable, "-m", "nsm_pipeline"]


def written(folder: Path, scenario: str, accounts: int = FEW, seed: int = 5) -> Path:
    return write_world(draw_world(SCENARIOS[scenario], accounts, seed), folder)


def truth_of(product: Path) -> dict:
    return json.loads((product.parent / "truth.json").read_text())


def lifts_of(truth: dict) -> pd.DataFrame:
    return pd.DataFrame(truth["lifts"]).set_index(["candidate", "at_least", "within_days"])[
        "lift_pp"
    ]


def nsm(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
    command = [*NSM, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_is_a_product_that_can_be_run(tmp_path: Path, scenario: str) -> None:
    product = written(tmp_path, scenario)
    config = check_product(product).config
    truth, world = truth_of(product), SCENARIOS[scenario]
    assert len(config.placebos) >= 10 or scenario in WITHOUT_PLACEBOS
    assert 0.1 < truth["retained_share"] < 0.7
    assert 0.6 * FEW < truth["eligible"] < 0.9 * FEW or scenario == "left_truncated"

    lifts = lifts_of(truth)
    assert len(lifts) == len(world.behaviours) * len(world.windows) * len(THRESHOLDS)
    assert set(lifts.index.levels[1]) == set(THRESHOLDS)
    assert set(lifts.index.levels[2]) == set(config.exposure.within)
    nothing = [*truth["null_events"], *truth["placebos"]]
    assert (lifts[nothing] == 0).all()
    causal = {row["candidate"] for row in truth["causal"]}
    assert causal.isdisjoint(nothing) and causal | set(nothing) == set(truth["roles"])
    for row in truth["causal"]:
        own = lifts[row["candidate"], row["shown_at_least"], row["within_days"]]
        assert own == row["lift_pp"] and np.sign(own) == row["sign"]
        assert 0.01 < row["reach"] < 0.6


@pytest.mark.parametrize(
    "scenario", ["default", "gamed_and_bots", "day_resolution", "transactional_log"]
)
def test_the_warehouse_finds_the_same_accounts_and_outcomes(tmp_path: Path, scenario: str) -> None:
    world = draw_world(SCENARIOS[scenario], FEW, 6)
    product = write_world(world, tmp_path)
    end = load_product(product).config.source.observed_until
    assert end is not None
    counts = open_extract(product, end).counts
    eligible = counted_accounts(world)
    assert counts["eligible"] == eligible.sum()
    assert counts["retained"] == world.outcome.retained[eligible].sum()
    assert counts["bots"] == world.accounts.bot.sum()
    assert counts["censored"] > 0.1 * FEW


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder, seed in (("one", 1), ("same", 1), ("other", 2)):
        written(tmp_path / folder, "default", seed=seed)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [
        *("accounts.parquet", "events.parquet", "product.yaml", "revenue.parquet", "truth.json")
    ]
    for name in names:
        one, same, other = ((tmp_path / f / name).read_bytes() for f in ("one", "same", "other"))
        assert one == same
        assert one != other or name == "product.yaml"


@pytest.mark.parametrize(
    ("scenario", "behaviour", "times"),
    [
        ("default", "friend_added", 7),
        ("default", "group_joined", 2),
        ("late_threshold", "friend_added", 3),
        ("segment_only", "friend_added", 7),
        ("drifting_effect", "group_joined", 2),
        ("harmful_event", "alert_subscribed", 3),
        ("parent_child", "friend_added", 7),
        ("transactional_log", "bought_p19", 2),
    ],
)
def test_truth_is_what_an_experiment_finds(scenario: str, behaviour: str, times: int) -> None:
    """Everyone is made to reach the threshold, or to do nothing; all else stays as it was."""
    world = draw_world(SCENARIOS[scenario], MANY, 7)
    truth = next(c for c in truth_document(world)["causal"] if c["candidate"] == behaviour)
    assert truth["at_least"] == times
    gains = 100 * difference(scenario, {behaviour: times}, {behaviour: 0})
    assert gains.mean() == pytest.approx(truth["lift_pp"], abs=4 * gains.std() / len(gains) ** 0.5)
    teams = world.accounts.has("plan", "team")[world.accounts.eligible]
    months = list(truth["by_cohort"].values())
    assert (months[0] > 5 * months[-1] >= 0) is truth["fades"]
    own = gains[teams]
    by_plan = truth["by_segment"]["plan=team"]
    assert own.mean() == pytest.approx(by_plan, abs=4 * own.std() / len(own) ** 0.5)


def difference(scenario: str, does: dict[str, int], does_not: dict[str, int]) -> np.ndarray:
    worlds = [draw_world(SCENARIOS[scenario], MANY, 7, forced) for forced in (does, does_not)]
    eligible = worlds[0].accounts.eligible
    treated, control = (w.outcome.retained[eligible].astype(float) for w in worlds)
    return treated - control


@pytest.mark.parametrize("behaviour", ["post_liked", "window_moved", "streak_kept", "app_opened"])
def test_forcing_what_has_no_effect_changes_nobody(behaviour: str) -> None:
    assert (difference("default", {behaviour: 9}, {behaviour: 0}) == 0).all()


def test_a_child_does_nothing_while_its_parent_stays() -> None:
    world = draw_world(SCENARIOS["parent_child"], FEW, 3)
    lifts = lifts_of(truth_document(world))
    assert (lifts["friend_confirmed"] == 0).all()
    assert lifts["friend_added", 7, 10] > 5


@pytest.mark.parametrize("behaviour", ["friend_added", "photo_shared", "group_joined"])
@pytest.mark.parametrize(
    ("k", "within"), [(1, 3), (3, 7), (7, 10), (5, 14), (10, 14), (20, 14), (2, 10)]
)
def test_truth_at_other_thresholds_is_that_of_drawn_courses(
    behaviour: str, k: int, within: int
) -> None:
    """Thousands of tastes and courses per kind of account, sorted by whether they reached k."""
    world = draw_world(SCENARIOS["default"], 300, 8)
    own = next(b for b in world.scenario.causal if b.name == behaviour)
    check_against_drawn_courses(world, own, k, within)


def check_against_drawn_courses(world: World, own: Behaviour, k: int, within: int) -> None:
    rate = rate_per_visit(own, world.accounts)
    given = exposure(own, world.accounts, rate, world.outcome, within).of(counted_accounts(world))
    exact = true_lifts(given, [k])[:, 0]
    drawn, often = drawn_lifts(world, own, k, within)
    assert often.sum() > 20
    # Few reach the highest thresholds; those who never did in the draws have nothing to compare.
    deviation = (drawn - exact)[often]
    assert abs(deviation.mean()) < 0.003
    assert deviation.std() < 0.03


def drawn_lifts(
    world: World, behaviour: Behaviour, k: int, within: int
) -> tuple[np.ndarray, np.ndarray]:
    """Per eligible account the lift among its drawn courses; whether both arms are well filled."""
    rng = np.random.default_rng(5)
    assert behaviour.effect is not None
    eligible = counted_accounts(world)
    mean = rate_per_visit(behaviour, world.accounts)[eligible]
    taste = rng.gamma(behaviour.taste, 1 / behaviour.taste, (20_000, len(mean)))
    days = (within, behaviour.effect.shape.within_days)
    visits, own = (world.accounts.visits.until(d)[eligible] for d in days)
    surely = int(behaviour.role == "core")
    both = rng.poisson(mean * taste * np.minimum(visits, own))
    times = both + rng.poisson(mean * taste * np.maximum(visits - own, 0))
    dose = both + rng.poisson(mean * taste * np.maximum(own - visits, 0))
    steps = dose_steps(behaviour.effect.shape)
    added = strength(behaviour.effect, world.accounts)[eligible]
    added = added * steps[np.minimum(dose + surely, len(steps) - 1)]
    chance = inverse_logit(world.outcome.without(behaviour.name)[eligible] + added)
    did = times + surely >= k
    reached, missed = did.sum(0), (~did).sum(0)
    often = (reached > 500) & (missed > 500)
    lifts = (chance * did).sum(0) / np.maximum(reached, 1)
    lifts -= (chance * ~did).sum(0) / np.maximum(missed, 1)
    return lifts, often


def test_times_are_distributed_as_truth_takes_them_to_be() -> None:
    """Negative binomial: about their mean, and as much wider than Poisson as tastes differ."""
    world = draw_world(SCENARIOS["default"], 20_000, 9)
    friend = world.scenario.causal[0]
    visits = world.accounts.visits.until(10)
    mean = rate_per_visit(friend, world.accounts) * visits
    came = visits > 0
    spread = np.sqrt(mean + mean**2 / friend.taste)
    deviation = ((world.counts["friend_added"] - mean) / np.where(came, spread, 1.0))[came]
    assert abs(deviation.mean()) < 0.03
    assert deviation.var() == pytest.approx(1.0, abs=0.1)


def test_at_the_planted_threshold_truth_is_effect_against_none() -> None:
    """There the compound treatment is the plain one, account by account."""
    world = draw_world(SCENARIOS["default"], FEW, 4)
    friend = world.scenario.causal[0]
    rate = rate_per_visit(friend, world.accounts)
    given = exposure(friend, world.accounts, rate, world.outcome, 10).of(world.accounts.eligible)
    plain = given.chances[:, -1] - given.chances[:, 0]
    np.testing.assert_allclose(true_lifts(given, [7])[:, 0], plain, atol=1e-12)


def test_plain_counts_mislead_as_they_do_in_real_products(tmp_path: Path) -> None:
    """Behaviours without any effect are done by those who stay; the causal ones look thrice so."""
    product = written(tmp_path, "default", accounts=10_000)
    truth = truth_of(product)
    friend = truth["causal"][0]
    assert 10 < friend["lift_pp"] < 17
    assert 40 < friend["crude_lift_pp"] < 55
    crude = crude_lifts(tmp_path, days=10)
    proxies = [name for name, role in truth["roles"].items() if role in ("proxy", "placebo")]
    assert crude[proxies].between(10, 50).mean() > 0.9
    noise = [name for name, role in truth["roles"].items() if role == "noise"]
    assert crude[noise].mean() < crude[proxies].mean() - 10


def crude_lifts(folder: Path, days: int) -> pd.Series:
    """Share retained of those who did it at all, less that of the others, from the files."""
    events = pd.read_parquet(folder / "events.parquet")
    start = events[events["event"] == "message_sent"].groupby("account_id")["ts"].min()
    since = (events["ts"] - events["account_id"].map(start)) / pd.Timedelta(days=1)
    late = (since > 28) & (since <= 56) & (events["event"] == "message_sent")
    known = start[start < start.min() + pd.Timedelta(days=300)].index
    retained = pd.Series(known.isin(events.loc[late, "account_id"]), index=known)
    did = events[since.between(0, days)].drop_duplicates(["account_id", "event"])
    did = pd.crosstab(did["account_id"], did["event"]).reindex(known, fill_value=0) > 0
    return 100 * did.apply(lambda column: retained[column].mean() - retained[~column].mean())


def test_activity_goes_on_after_the_window_and_only_the_retained_are_back() -> None:
    world = draw_world(SCENARIOS["default"], FEW, 2)
    accounts, log = world.accounts, world.log
    days = (log.at - accounts.t0[log.owner]) / DAY
    someone = accounts.eligible[log.owner]
    active = ~np.isin(
        log.behaviour,
        [n for n, b in enumerate(world.scenario.behaviours) if b.role == "passive"],
    )
    assert ((days > 14) & (days < 28) & someone & active).sum() > FEW
    back = np.unique(log.owner[(days > 28) & (days <= 56) & someone])
    expected = np.flatnonzero(accounts.eligible & world.outcome.retained)
    np.testing.assert_array_equal(back, expected)
    assert days[someone].min() == 0


def test_older_accounts_look_new_unless_onboarding_starts_later(tmp_path: Path) -> None:
    world = draw_world(SCENARIOS["left_truncated"], FEW, 2)
    product = write_world(world, tmp_path)
    config = load_product(product).config
    assert config.onboarding.from_ is not None and config.source.observed_until is not None
    counts = open_extract(product, config.source.observed_until).counts
    assert counts["left_truncated"] > 0.1 * FEW
    # Of the older ones a few have their first core event in the log after three months only.
    assert counts["eligible"] == pytest.approx(counted_accounts(world).sum(), abs=0.02 * FEW)


def test_discovery_makes_the_catalogue_that_the_truth_names(tmp_path: Path) -> None:
    """A candidate per product that enough accounts bought, counted from the file a second way."""
    product = write_world(draw_world(find_scenario("property_discovery"), FEW, 2), tmp_path)
    end = check_product(product).config.source.observed_until
    assert end is not None
    extract = open_extract(product, end)
    truth = truth_of(product)
    products = {name for name in truth["roles"] if name.startswith("item_bought: ")}
    specs = {spec.name: spec for spec in extract.specs}
    found = products & set(specs)
    bought = pd.read_parquet(tmp_path / "events.parquet", filters=[("event", "==", "item_bought")])
    world = draw_world(find_scenario("property_discovery"), FEW, 2)
    accounts = world.accounts
    start = pd.Series(accounts.t0[accounts.eligible], accounts.ids[accounts.eligible])
    into = bought["account_id"].map(start)
    since = (bought["ts"] - world.scenario.begins) / pd.Timedelta(days=1) - into / DAY
    buyers = bought[since < 14].groupby("product", observed=True)["account_id"].nunique()
    bar = max(100, 0.03 * extract.counts["eligible"])
    assert found == {f"item_bought: product = {p}" for p in buyers.index[buyers >= bar]}
    assert {row["candidate"] for row in truth["causal"]} <= found
    assert sum(specs[name].placebo for name in found) >= 8


def test_revenue_follows_the_retained_with_a_lag() -> None:
    world = draw_world(SCENARIOS["default"], 10_000, 2)
    paid = world.revenue
    assert paid is not None
    accounts = world.accounts
    owner = paid["owner"].to_numpy()
    days = (paid["at"].to_numpy() - accounts.t0[owner]) / DAY
    retained = (accounts.eligible & world.outcome.retained)[owner]
    before = paid["amount"][retained & (days >= 28) & (days < 42)].sum()
    after = paid["amount"][retained & (days >= 42) & (days < 56)].sum()
    assert after > 3 * before > 0
    assert (paid["amount"][paid["kind"] == "refund"] < 0).all()


def test_subscriptions_are_paid_at_the_turn_of_the_month() -> None:
    paid = draw_world(SCENARIOS["subscription_revenue"], FEW, 2).revenue
    assert paid is not None
    payments = paid[paid["kind"] == "payment"]
    into_month = (payments["at"] / DAY) % (365 / 12)
    assert len(payments) > FEW / 2 and into_month.max() < 0.3
    assert set(payments["amount"]) == {6.0, 19.0, 49.0}


def test_lead_is_the_first_week_half_after_the_onset() -> None:
    """Onset on day 42: 14 + 4 weeks ends there; 10 + 5 weeks has only 3 days behind it."""
    leads = {within: lead_weeks(Revenue(), within) for within in (3, 7, 10, 14)}
    assert leads == {3: 7, 7: 6, 10: 6, 14: 5}


@pytest.mark.parametrize("accounts", [1, 20, 200])
def test_the_smallest_worlds_are_written_too(tmp_path: Path, accounts: int) -> None:
    for scenario in ("default", "transactional_log"):
        assert load_product(written(tmp_path / scenario, scenario, accounts=accounts))


def test_a_large_world_has_a_file_a_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = draw_world(SCENARIOS["default"], FEW, 5)
    write_world(world, tmp_path / "one")
    monkeypatch.setattr("nsm_pipeline.simulation.world_files.ROWS_PER_FILE", 1000)
    product = write_world(world, tmp_path / "many")
    files = load_product(product).config.source.events.files  # type: ignore[union-attr]
    assert len(files) == 12
    many = pd.concat([pd.read_parquet(tmp_path / "many" / name) for name in files])
    one = pd.read_parquet(tmp_path / "one" / "events.parquet")
    pd.testing.assert_frame_equal(many.reset_index(drop=True), one)


def test_an_unknown_scenario_is_told_which_there_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        find_scenario("defualt")
    assert all(line in str(refused.value) for line in scenario_lines())


def test_the_command_line_writes_a_world_and_lists_them(tmp_path: Path) -> None:
    done = nsm(
        *("simulate", "--scenario", "weak_effects", "--accounts", 500, "--seed", 3),
        *("--out", tmp_path / "w"),
    )
    assert done.returncode == 0, done.stderr
    assert f"nsm run {tmp_path / 'w' / 'product.yaml'}" in done.stdout
    assert nsm("check", tmp_path / "w" / "product.yaml").returncode == 0
    listed = nsm("simulate", "--list")
    assert listed.stdout.splitlines() == scenario_lines()


def test_the_command_line_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    unknown = nsm("simulate", "--scenario", "no", "--out", tmp_path / "w")
    occupied = nsm("simulate", "--out", tmp_path / "file", "--accounts", 10)
    nobody = nsm("simulate", "--accounts", 0, "--out", tmp_path / "w")
    assert [run.returncode for run in (unknown, occupied, nobody)] == [2, 2, 2]
    assert "no_effect_strong_intent" in unknown.stderr
    assert "Traceback" not in unknown.stderr + occupied.stderr + nobody.stderr
    assert not (tmp_path / "w").exists()
