"""A seeded slice of `make recovery`: planted effects are found, and what causes nothing is not.

It fails when the last-seen terms leave the score or the calibration leaves the ranking.
"""

from typing import Any

import pytest

from benchmarks.against_truth import OURS
from benchmarks.recovery import recover

ACCOUNTS = 8_000


@pytest.fixture(scope="module", params=["default", "no_effect_strong_intent", "harmful_event"])
def world(request: pytest.FixtureRequest) -> tuple[str, dict[str, dict[str, Any]]]:
    rows = recover((request.param, 7, ACCOUNTS))
    return request.param, {row["method"]: row for row in rows}


def test_what_is_published_is_causal(world: tuple[str, dict[str, dict[str, Any]]]) -> None:
    scenario, rows = world
    ours = rows[OURS]
    assert ours["published_false"] == 0
    if scenario == "no_effect_strong_intent":
        assert ours["published"] == 0
    else:
        assert ours["causal_in_top3"] == 3
        assert ours["published"] >= 2
        assert ours["exact"] == ours["of_exact"]


def test_intervals_hold_the_truth(world: tuple[str, dict[str, dict[str, Any]]]) -> None:
    _, rows = world
    ours = rows[OURS]
    assert ours["covered_null"] / ours["of_null"] >= 0.9
    assert ours["covered_causal"] == ours["of_causal"]


def test_harm_is_found_where_it_is_and_only_there(
    world: tuple[str, dict[str, dict[str, Any]]],
) -> None:
    scenario, rows = world
    assert rows[OURS]["harm_false"] == 0
    assert rows[OURS]["harm_found"] == (1 if scenario == "harmful_event" else 0)


def test_what_the_rivals_rank_by_claims_whatever_keen_accounts_do(
    world: tuple[str, dict[str, dict[str, Any]]],
) -> None:
    _, rows = world
    for name in ("naive lift", "Matthews correlation", "odds ratio +1", "mutual information"):
        assert rows[name]["claimed_false"] > 15
