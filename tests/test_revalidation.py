"""Looking back: what decides, by hand, and a product really run again at past moments."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from worlds import busy_world, write_product

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.practice.revalidation import (
    chosen_behaviour,
    past_moments,
    revalidate,
)
from nsm_pipeline.product.review import Revalidate
from nsm_pipeline.publish.revalidation_text import revalidation_text
from nsm_pipeline.runs.run_folder import RunStore
from nsm_pipeline.stats.leadership import Choice, Standing
from nsm_pipeline.stats.revalidation import Moment, decide, judged_then
from nsm_pipeline.stats.star_document import standing_json
from nsm_pipeline.waist.candidate_spec import CandidateSpec

NEWEST = datetime(2024, 9, 1, tzinfo=UTC)


def moments(lifts: str, money: str = "", **newest: object) -> list[Moment]:
    """One letter per moment, oldest first: y, n or ? (cannot tell); the last may know more."""
    answer = {"y": "yes", "n": "no", "?": "cannot tell"}
    verdict = {"y": "supported", "n": "not_distinguishable", "?": "too_rare"}
    money = money or "?" * len(lifts)
    last = len(lifts) - 1
    return [
        Moment(f"{n}", answer[a], answer[b], verdict[a], "counts", **(newest if n == last else {}))  # type: ignore[arg-type]
        for n, (a, b) in enumerate(zip(lifts, money, strict=True))
    ]


@pytest.mark.parametrize(
    ("lifts", "money", "decision"),
    [
        ("yyyy", "yyyy", "keep"),
        ("yyyy", "????", "keep"),  # said, and no reason to drop it
        ("nyyy", "????", "keep"),
        ("???y", "???y", "review"),  # one moment is no history
        ("nnny", "????", "review"),  # mostly it did not
        ("yyyn", "????", "review"),  # once is not a trend
        ("yynn", "????", "replace"),
        ("yn?n", "????", "replace"),  # what cannot be told does not count as a lift
        ("yyy?", "????", "review"),
        ("yyyy", "yyyn", "review"),
        ("yyyy", "yynn", "replace"),
        ("yyyy", "nn?y", "keep"),
    ],
)
def test_the_decision_by_hand(lifts: str, money: str, decision: str) -> None:
    assert decide(moments(lifts, money)).decision == decision


@pytest.mark.parametrize(
    ("verdict", "lifts"),
    [
        ("north_star", "yes"),
        ("supported", "yes"),
        ("worth_testing", "cannot tell"),
        ("not_distinguishable", "no"),
        ("harmful", "no"),
        ("too_rare", "cannot tell"),
    ],
)
def test_only_a_lift_that_is_more_than_keenness_counts(verdict: str, lifts: str) -> None:
    row = {"candidate": "share", "verdict": verdict, "reason": "Too few event types.", "rank": 1}
    numbers = ("at_least", "within_days", "lift_pp", "ci_low_pp", "ci_high_pp", "fading")
    gap = ("revenue_gap", "revenue_gap_ci_low", "revenue_gap_ci_high")
    row |= dict.fromkeys((*numbers, *gap))
    then = judged_then("2024-01-01", {"candidates": [row], "revenue": {"series": []}}, "share")
    assert then.lifts == lifts


def test_a_behaviour_that_is_worth_testing_at_every_moment_is_not_kept() -> None:
    tested = [Moment(f"{n}", "cannot tell", "yes", "worth_testing", "Keenness.") for n in range(4)]
    found = decide(tested)
    assert found.decision == "review"
    assert found.reasons == ("Whether it lifts cannot be told now: Keenness.",)


def test_harm_replaces_and_fading_is_reviewed() -> None:
    harmful = [*moments("yy"), Moment("3", "no", "cannot tell", "harmful", "")]
    assert decide(harmful).decision == "replace"
    assert decide(moments("yyy", fading=True)).decision == "review"


def test_moments_go_back_from_the_newest_by_the_declared_step() -> None:
    found = list(past_moments(NEWEST, Revalidate(every="90d", times=3)))  # type: ignore[arg-type]
    assert found == [NEWEST - timedelta(days=180), NEWEST - timedelta(days=90), NEWEST]


def test_a_behaviour_that_was_no_candidate_then_cannot_be_told() -> None:
    ranking = {"candidates": [], "revenue": {"series": []}}
    then = judged_then("2024-01-01", ranking, "gone", leader="other")
    assert (then.lifts, then.leader, then.reason) == (
        "cannot tell",
        "other",
        "It was no candidate of that run.",
    )


def test_the_product_is_run_again_with_what_was_known_then(tmp_path: Path) -> None:
    path = write_product(
        tmp_path,
        busy_world(4, accounts=450),
        discover={"events": "all", "at_least": [1, 2]},
        exposure={"within": ["7d"]},
        review={"revalidate": {"every": "60d", "times": 3}},
        checks={"eligible_accounts": {"at_least": 200}, "freshness": {"severity": "off"}},
        publish={"connection": f"duckdb://{tmp_path}/out.duckdb"},
    )
    found = revalidate(path, as_of=NEWEST, chosen=Choice("share", 1.0, 7))
    first, second, newest = found["moments"]
    assert first["verdict"] == "not run"  # 4 May: too few had been observed to their end
    assert "observed" in first["reason"]
    assert 200 <= second["eligible"] < newest["eligible"]
    assert (first["leader"], newest["leader"]) == (None, "invite")
    assert (newest["at_least"], newest["within_days"]) == (1.0, 7)
    assert newest["lift_same_pp"] == newest["lift_pp"] != 0
    assert found["decision"] in ("keep", "review", "replace")
    assert not (tmp_path / "out.duckdb").exists()

    text = revalidation_text(found)
    assert text.startswith(f"# A small world: {found['decision']} share, at least 1 within 7 days")
    assert text.count("\n| 2024-") == 3


def publish_run(root: Path, kept: Choice | None, *, lifts: bool = True) -> RunStore:
    """A run whose ranking is a harmful one, a placebo, the best and a lesser one, in this order."""
    verdicts = {"harm": "harmful", "mail": "supported", "best": "supported", "old": "supported"}
    lift = (10.0, 5.0, 15.0) if lifts else (None, None, None)
    rows = [
        {"candidate": name, "at_least": 2.0, "within_days": 7, "verdict": verdict}
        | dict(zip(("lift_pp", "ci_low_pp", "ci_high_pp"), lift, strict=True))
        for name, verdict in verdicts.items()
    ]
    plain = {"event": "", "thresholds": (1.0, 2.0), "before": "", "after": "", "other_events": 9}
    specs = [
        CandidateSpec(name=name, placebo=name == "mail", own_outcome=False, **plain)  # type: ignore[arg-type]
        for name in verdicts
    ]
    store = RunStore(root)
    run = store.start("world", NEWEST)
    run.write_json("ranking.json", {"candidates": rows})
    run.write_json("score.json", {"candidates": [spec.as_json() for spec in specs]})
    if kept is not None:
        standing = Standing(kept, "2024-08-01", challenger="best", wins=1, seen_until=NEWEST)
        run.write_json("star.json", {"standing": standing_json(standing)})
    store.publish(run, facts={})
    return store


def test_the_leader_that_is_kept_is_judged_and_not_the_first_of_the_ranking(tmp_path: Path) -> None:
    kept = Choice("old", 1.0, 14)
    store = publish_run(tmp_path, kept)
    assert chosen_behaviour(store, "world", None) == kept
    assert chosen_behaviour(store, "world", "old") == kept  # as it is kept, not as it is ranked
    assert chosen_behaviour(store, "world", "best") == Choice("best", 2.0, 7)
    assert chosen_behaviour(store, "world", "harm") == Choice("harm", 2.0, 7)
    with pytest.raises(InvalidInput, match='has a behaviour "none"'):
        chosen_behaviour(store, "world", "none")


def test_where_no_leader_is_kept_the_first_that_can_lead_is_judged(tmp_path: Path) -> None:
    ranked, nothing = tmp_path / "ranked", tmp_path / "nothing"
    assert chosen_behaviour(publish_run(ranked, None), "world", None) == Choice("best", 2.0, 7)
    with pytest.raises(InvalidInput, match="has a leader"):
        chosen_behaviour(publish_run(nothing, None, lifts=False), "world", None)


def test_without_a_published_run_there_is_nothing_to_look_back_on(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Run the product first"):
        chosen_behaviour(RunStore(tmp_path), "chat", None)
