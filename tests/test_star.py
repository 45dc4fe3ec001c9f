"""The leader as it is kept, what success is, and the top three of every week: by hand."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from worlds import busy_world, open_extract, write_product

from nsm_pipeline.practice.star import star
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.run_facts import run_facts
from nsm_pipeline.runs.run_files import STAR
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.stats.conversion import (
    activities,
    at_choice,
    impact,
    row_at,
    success,
    top_three,
)
from nsm_pipeline.stats.leadership import (
    RUNS_TO_WIN,
    Choice,
    Contender,
    Leadership,
    Night,
    Standing,
    keep_leader,
)
from nsm_pipeline.steps import RunContext
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.warehouse.tracked import named_candidates, reached_by_week

FIRST = datetime(2024, 9, 2, tzinfo=UTC)


def contender(name: str, lift: float | None, half: float = 4.0, **changes: object) -> Contender:
    interval = (None, None) if lift is None else (lift - half, lift + half)
    plain = Contender(Choice(name, 1.0, 7), "supported", lift, *interval)
    return replace(plain, **changes)  # type: ignore[arg-type]


def nights(
    told: Iterable[Sequence[Contender]], *, new_data: bool = True, kept: Contender | None = None
) -> list[Leadership]:
    """One run after another; the leader's numbers are those of its row, or `kept`."""
    led: list[Leadership] = []
    before: Standing | None = None
    for n, rows in enumerate(told):
        old = before.leader if before is not None else None
        row = next((c for c in rows if c.choice == old), None)
        night = Night(
            as_of=f"night {n}",
            seen_until=FIRST + timedelta(days=n if new_data else 0),
            contenders=rows,
            searched=frozenset(c.choice.candidate for c in rows),
            at_kept=kept or row,
        )
        led.append(keep_leader(before, night))
        before = led[-1].standing
    return led


def leaders(led: Iterable[Leadership]) -> str:
    return "".join(each.standing.leader.candidate for each in led if each.standing.leader)


def test_noise_does_not_move_the_leader_but_a_better_one_takes_over() -> None:
    rng = np.random.default_rng(7)

    def night(true_b: float) -> list[Contender]:
        rows = [contender("a", 10 + rng.normal(0, 2)), contender("b", true_b + rng.normal(0, 2))]
        return sorted(rows, key=lambda c: -(c.lift_pp or 0))

    same = [night(10) for _ in range(60)]
    assert {rows[0].choice.candidate for rows in same} == {"a", "b"}  # the ranking does flip
    kept = nights(same)
    assert set(leaders(kept)) == {same[0][0].choice.candidate}
    better = [[contender("a", 10.0), contender("b", 8.0)]] + 4 * [
        [contender("b", 20.0), contender("a", 10.0)]
    ]
    led = nights(better)
    assert leaders(led) == "aaabb"
    assert [each.outcome for each in led] == ["first", *2 * ["challenged"], "replaced", "kept"]
    assert led[3].standing.since == "night 3"
    assert RUNS_TO_WIN == 3


def test_a_win_that_is_broken_begins_anew_and_runs_on_the_same_data_do_not_count() -> None:
    a, b, weak = contender("a", 10.0), contender("b", 20.0), contender("b", 13.0)
    wins = [[a, b], [b, a], [b, a], [weak, a], [b, a], [b, a], [b, a]]
    assert leaders(nights(wins)) == "aaaaaab"
    assert leaders(nights(wins, new_data=False)) == "aaaaaaa"
    third = contender("c", 21.0)  # another challenger is better for once: b goes on counting
    assert leaders(nights([[a], [b, a], [third, b, a], [b, a]])) == "aaab"


def test_a_north_star_goes_before_what_is_none() -> None:
    plain, published = contender("a", 10.0), contender("b", 9.0, verdict="north_star")
    assert leaders(nights([[plain]] + 3 * [[published, plain]])) == "aaab"
    assert leaders(nights([[published]] + 5 * [[contender("a", 30.0), published]])) == "bbbbbb"


def test_what_is_gone_leads_no_more_and_what_has_no_number_can_be_beaten() -> None:
    a, b = contender("a", 10.0), contender("b", 5.0)
    led = nights([[a, b], [b]])
    assert leaders(led) == "ab"
    assert (led[1].outcome, led[1].before) == ("gone", a.choice)
    lost = contender("a", None)
    assert leaders(nights([[a], *3 * [[b, lost]]])) == "aaab"
    assert leaders(nights([[a], *5 * [[contender("b", 3.0), lost]]])) == "aaaaaa"
    assert nights([[]])[0].outcome == "none"
    assert nights([[], [a]])[1].outcome == "first"


def test_the_threshold_stays_with_the_leader() -> None:
    kept, other = contender("a", 10.0), contender("a", 11.0, choice=Choice("a", 3.0, 14))
    led = nights([[kept], *4 * [[other]]], kept=kept)
    assert [each.standing.leader for each in led] == 5 * [kept.choice]
    # Unless it is not searched any more: its thresholds may be read off the data.
    led = nights([[kept], [other]])
    assert (led[1].outcome, led[1].standing.leader) == ("moved", other.choice)
    assert led[1].standing.since == "night 0"


def searched(**columns: object) -> dict[str, object]:
    """A row of the search: 100 reach it of 400, 60 of them stay, and 120 of the others."""
    plain = {"candidate": "a", "at_least": 1.0, "within_days": 7, "accounts": 400, "doers": 100}
    kept = {"retained_doers": 60, "retained_others": 120, "support": "ok"}
    return {**plain, **kept, "lift_pp": 12.0, "se_pp": 4.0, "z": 3.0, **columns}


def ranked(**columns: object) -> dict[str, object]:
    """Its row in the ranking: null centre 0.5, interval from z - 2.5 to z + 1.5."""
    numbers = {"lift_pp": 10.0, "ci_low_pp": 2.0, "ci_high_pp": 18.0, "centre_z": 0.5}
    return {**searched(), **numbers, "verdict": "supported", "reason": "why", **columns}


def test_success_is_against_all_who_onboarded() -> None:
    choice = Choice("a", 1.0, 7)
    found = pd.DataFrame([searched()])
    told = at_choice(found, [ranked()], choice)
    row = row_at(found, choice)
    assert told is not None
    assert row is not None
    compared = success(row, told)
    # 60 of 100 against 180 of 400; the other 300 are three quarters of all.
    assert (compared.reached_share, compared.share) == (0.6, 0.45)
    assert compared.crude_pp == pytest.approx(15.0)
    # By hand, Wilson: .5020 to .6906 and .3461 to .4564; so 8.69 to 30.54 points, times 3/4.
    assert [compared.crude_low_pp, compared.crude_high_pp] == pytest.approx([6.52, 22.9], abs=0.02)
    adjusted = [compared.adjusted_pp, compared.adjusted_low_pp, compared.adjusted_high_pp]
    assert adjusted == [7.5, 1.5, 13.5]


def test_a_kept_threshold_is_judged_by_the_null_of_the_run() -> None:
    other = searched(at_least=3.0, lift_pp=6.0, se_pp=4.0, z=1.5)
    found = pd.DataFrame([searched(), other, searched(at_least=5.0, support="too_rare")])
    told = at_choice(found, [ranked()], Choice("a", 3.0, 7))
    assert told is not None
    # Six less half a standard error; the interval reaches as far in z: -1.0 to 3.0 of them.
    assert (told.lift_pp, told.ci_low_pp, told.ci_high_pp) == (4.0, -4.0, 12.0)
    assert told.verdict == "not_distinguishable"
    rare = at_choice(found, [ranked()], Choice("a", 5.0, 7))
    assert rare is not None
    assert (rare.verdict, rare.lift_pp) == ("not_estimable", None)
    assert at_choice(found, [ranked()], Choice("a", 4.0, 7)) is None


@pytest.mark.parametrize(
    ("low", "verdict", "size"),
    [
        (10.0, "north_star", "high"),
        (9.9, "supported", "medium"),
        (4.9, "supported", "low"),
        (0.0, "not_distinguishable", "cannot tell"),
        (12.0, "worth_testing", "cannot tell"),
        (None, "worth_testing", "cannot tell"),
        (-9.0, "harmful", "harm"),
    ],
)
def test_impact_is_what_can_be_counted_on(low: float | None, verdict: str, size: str) -> None:
    assert impact(ranked(ci_low_pp=low, verdict=verdict))[0] == size


def spec(name: str, **changes: object) -> CandidateSpec:
    plain = CandidateSpec(name, name, (1.0,), f"{name} at least ", " times", False, False, 5)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_returned_against_churned_and_three_of_different_families() -> None:
    specs = [
        spec("a", relatives=("b",)), spec("b", relatives=("a",)), spec("c"), spec("d"),
        spec("p", placebo=True),
    ]  # fmt: skip
    rows = [ranked(candidate=name) for name in "apbcd"]
    told = activities(rows, specs)
    assert [each["candidate"] for each in told] == ["a", "b", "c", "d"]
    # Of the 180 that returned 60 had done it, of the 220 that did not 40.
    assert told[0]["returned_share"] == pytest.approx(60 / 180)
    assert told[0]["churned_share"] == pytest.approx(40 / 220)
    assert told[0]["difference_pp"] == pytest.approx(100 * (60 / 180 - 40 / 220))
    able = [contender(name, 10.0) for name in "abcd"]
    assert leaders_of(top_three(able[1], able, specs)) == "bcd"


def leaders_of(chosen: Sequence[Contender]) -> str:
    return "".join(each.choice.candidate for each in chosen)


CANDIDATES = [
    {"name": "shared", "event": "share", "at_least": [2]},
    {"name": "large", "event": "any", "measure": {"sum": "size"}, "at_least": [40]},
    {"name": "red and no mail", "all_of": [
        {"event": "any", "where": {"colour": "red"}, "at_least": 1},
        {"event": "mail", "at_most": 0},
    ]},
]  # fmt: skip
BY_HAND = """
    WITH started AS (
        SELECT account, MIN("at") AS t0 FROM check_events WHERE event = 'start' GROUP BY account
    ), watched AS (
        SELECT * FROM started
        WHERE t0 >= TIMESTAMP '2024-01-10'
          AND t0 + INTERVAL 7 DAY <= TIMESTAMP '2024-07-04 12:00:00'
          AND account NOT IN (SELECT account FROM check_accounts WHERE staff)
    ), did AS (
        SELECT w.account, t0,
               COUNT(*) FILTER (WHERE event = 'share') AS shared,
               COALESCE(SUM(size), 0) AS size,
               COUNT(*) FILTER (WHERE colour = 'red') AS red,
               COUNT(*) FILTER (WHERE event = 'mail') AS mails
        FROM watched AS w JOIN check_events AS e
          ON e.account = w.account AND e."at" >= t0 AND e."at" < t0 + INTERVAL 7 DAY
        GROUP BY w.account, t0
    )
    SELECT DATE_TRUNC('week', t0) AS week, COUNT(*) AS accounts,
           COUNT(*) FILTER (WHERE shared >= 2) AS "0",
           COUNT(*) FILTER (WHERE size >= 40) AS "1",
           COUNT(*) FILTER (WHERE red >= 1 AND mails = 0) AS "2"
    FROM did GROUP BY 1 ORDER BY 1
"""


def product(folder: Path, **changes: object) -> Path:
    tables = busy_world(3, accounts=250)
    tables["accounts"]["staff"] = tables["accounts"]["account"].str.endswith("7")
    accounts = {"files": "accounts.parquet", "account": "account", "internal": "staff"}
    source = {"accounts": accounts, "observed_until": "2024-07-04T12:00:00Z"}
    given = {"candidates": CANDIDATES, "onboarding": {"from": "2024-01-10"}, "source": source}
    return write_product(folder, tables, **{**given, **changes})


def test_the_newest_weeks_are_counted_as_soon_as_their_days_are_over(tmp_path: Path) -> None:
    x = open_extract(product(tmp_path))
    config = x.product.config
    before = x.engine.fetch("near", x.near.table.count().as_table())
    resolved = named_candidates(config, x.population.event_names, x.specs)
    chosen = [(resolved[c["name"]], {"large": 40.0}.get(c["name"], 1.0), 7) for c in CANDIDATES]
    chosen[0] = (chosen[0][0], 2.0, 7)
    found = reached_by_week(x.engine, x.population, config, chosen)
    x.engine.materialise("check_events", "events", x.tables.events)
    x.engine.materialise("check_accounts", "accounts", x.tables.accounts)
    by_hand = x.engine.backend.sql(BY_HAND, dialect="duckdb").to_pandas()
    assert by_hand["accounts"].sum() > x.counts["eligible"] > 100
    for number in range(3):
        mine = found[found["number"] == number]
        assert list(mine["week"]) == list(by_hand["week"])
        assert list(mine["accounts"]) == list(by_hand["accounts"])
        assert list(mine["reached"]) == list(by_hand[str(number)])
        assert 0 < mine["reached"].sum() < mine["accounts"].sum()
    # The week of 10 January has no Monday and Tuesday; that of 24 June is not over by its days.
    whole = found[found["number"] == 0].set_index("week")["whole"]
    assert list(whole.index[~whole]) == [pd.Timestamp("2024-01-08"), pd.Timestamp("2024-06-24")]
    # What the run had counted before stands as it was.
    assert x.engine.fetch("near", x.near.table.count().as_table()).equals(before)
    x.engine.close()


def night_of(path: Path, as_of: datetime, rows: list[dict[str, object]]) -> RunFolder:
    """A published run whose ranking is made by hand; its events are real."""
    store = RunStore(path.parent / "runs")
    context = RunContext(load_product(path), as_of, store)
    context.folder = store.start("world", as_of)
    run = context.run
    run.write_text("product.yaml", context.product.text)
    seen = as_of.replace(tzinfo=None).isoformat() + "Z"
    eligible = 100 + as_of.day
    run.write_json("population.json", {"eligible": eligible, "observed_until": seen})
    run.write_json("checks.json", {"checks": []})
    run.write_json("ranking.json", {"candidates": rows})
    run.write_json(
        "score.json", {"candidates": [s.as_json() for s in map(spec, ("shared", "large"))]}
    )
    frame = pd.DataFrame(rows).assign(tier=1, crude_lift_pp=1.0)
    run.write_frame("ranking.parquet", frame)
    run.write_frame("search.parquet", pd.DataFrame(rows))
    star(context, None)
    context.close()
    store.publish(run, facts=run_facts(context.product, {}))
    return run


def ranking(first: str, second: str, lift: float = 10.0) -> list[dict[str, object]]:
    thresholds = {"shared": 2.0, "large": 40.0}
    return [
        ranked(candidate=name, at_least=thresholds[name], rank=n, lift_pp=points)
        | {"ci_low_pp": points - 6, "ci_high_pp": points + 8}
        for n, (name, points) in enumerate([(first, lift), (second, 8.0)], start=1)
    ]


def test_runs_follow_one_another_and_a_backfill_sees_only_what_was_before(tmp_path: Path) -> None:
    path, day = product(tmp_path), timedelta(days=1)
    run = night_of(path, FIRST, ranking("shared", "large"))
    told = run.read_json(STAR)
    assert told["changes"]["sentence"] == "First run: there is nothing to compare with yet."
    assert told["leader"]["sentence"] == (
        "Start for the first time and share at least 2 times within 7 days of it"
    )
    assert told["success"]["sentence"].startswith(
        "60.0% of the 100 accounts that reach it stay, against 45.0% of all 400 onboarded"
    )
    tracked = run.read_frame("tracked.parquet")
    assert list(tracked["candidate"].unique()) == ["shared", "large"]

    newest = night_of(path, FIRST + 4 * day, ranking("large", "shared")).read_json(STAR)
    assert newest["leader"]["candidate"] == "shared"
    assert newest["kept"] == ("shared leads on: large ranks before it, but by no more than noise.")
    assert newest["changes"]["sentence"] == (
        "Since the run of 2 September 2024: Changed: data (4 more eligible accounts)."
    )
    # Between the two, and better by far; each of the three counts once, in the order of moments.
    for n in (1, 2, 3):
        between = night_of(path, FIRST + n * day, ranking("large", "shared", lift=30.0))
    ended = between.read_json(STAR)
    assert (ended["outcome"], ended["leader"]["candidate"]) == ("replaced", "large")
    ranks = between.read_frame("ranks.parquet")
    assert list(ranks.loc[ranks["leads"], "candidate"]) == [*3 * ["shared"], "large"]
    again = night_of(path, FIRST + 3 * day, ranking("large", "shared", lift=30.0))
    for name in (STAR, "ranks.parquet", "tracked.parquet"):
        assert again.read_bytes(name) == between.read_bytes(name)
    later = night_of(path, FIRST + 4 * day, ranking("large", "shared")).read_json(STAR)
    assert later["leader"]["candidate"] == "large"


def test_a_run_without_any_estimate_has_no_leader_and_says_so(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("lift_pp", "ci_low_pp", "ci_high_pp"))
    rows = [{**row, **nothing, "verdict": "too_rare"} for row in ranking("shared", "large")]
    run = night_of(product(tmp_path), FIRST, rows)
    told = run.read_json(STAR)
    assert (told["leader"], told["success"], told["top"]) == (None, None, [])
    assert told["kept"] == "No candidate has an estimate, so none leads."
    assert run.read_frame("ranks.parquet").empty
    assert run.read_frame("tracked.parquet").empty
