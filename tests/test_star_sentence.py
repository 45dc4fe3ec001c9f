"""The North Star as people say it, from every shape that a candidate can have."""

from typing import Any

import pytest
import yaml

from nsm_pipeline.product.candidate import CompositeCandidate
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.stats.star_sentence import star_sentence

SAID = [
    # core event, candidate, k, X, sentence
    ("meeting_scheduled", "event: follow_up_sent", 1, 1,
     "Schedule the first meeting and send a follow up within 1 day of it"),
    ("profile_created", "event: friend_added", 7, 10,
     "Create the first profile and add at least 7 friends within 10 days of it"),
    ("sent_message", "{event: chart_viewed, measure: days}", 3, 7,
     "Send the first message and view charts on at least 3 different days within 7 days of it"),
    ("order_placed", "event: order_placed", 2, 28,
     "Place the first order and place at least 2 orders within 28 days of it, the first one "
     "included"),
    ("order_placed", "{event: order_placed, measure: {distinct: order_id}}", 3, 28,
     "Place the first order and place at least 3 orders within 28 days of it, the first one "
     "included"),
    ("order_placed", "{event: item_purchased, measure: {distinct: stock_code}}", 10, 28,
     "Place the first order and purchase items of at least 10 different stock codes within 28 "
     "days of it"),
    ("order_placed", "{event: item_purchased, measure: {sum: quantity}}", 1160.5, 7,
     "Place the first order and purchase items with a total quantity of at least 1,160.5 within 7 "
     "days of it"),
    ("order_placed", "{event: item_purchased, measure: {max: unit_price}}", 20, 7,
     "Place the first order and purchase an item with a unit price of at least 20 within 7 days "
     "of it"),
    ("order_placed", '{event: item_purchased, where: {description: {contains: " BAG"}, size: 3}}',
     2, 7,
     "Place the first order and, within 7 days of it, purchase at least 2 items whose description "
     "contains “ BAG” and size is 3"),
    ("boardShared", "{event: quiz, where: {score: {at_least: 5, under: 9}, late: {'null': true}}}",
     3, 7,
     "Share the first board and, within 7 days of it, do “quiz” at least 3 times, with score at "
     "least 5 and under 9 and late missing"),
    ("board_shared", "{event: [quiz, poll], measure: days}", 2, 7,
     "Share the first board and do “quiz” or “poll” on at least 2 different days within 7 days of "
     "it"),
    ("board_shared", "{event: [docs_read, page_viewed]}", 2, 7,
     "Share the first board and read a doc or view a page at least 2 times within 7 days of it"),
    ("board_shared", "{event: [docs_read, note_read]}", 2, 7,
     "Share the first board and read at least 2 docs or notes within 7 days of it"),
    ("login", "{event: any, measure: days}", 5, 7,
     "Log in for the first time and be active on at least 5 different days within 7 days of it, "
     "the first one included"),
    ("board_shared", "{event: used_*}", 5, 7,
     "Share the first board and do anything named “used_*” at least 5 times within 7 days of it"),
    ("board_shared", "{event: any, measure: {distinct: event}}", 5, 7,
     "Share the first board and be active with at least 5 different events within 7 days of it, "
     "the first one included"),
]  # fmt: skip


def product(core: str, **changes: Any) -> ProductConfig:
    text = f"""
        version: 1
        product: p
        title: P
        owner: o
        audience: b2b
        start_date: 2025-01-01
        source: {{events: {{files: e.parquet, account: a, at: t, event: e}}}}
        core_metric: {{name: Core, event: {core}}}
        retention: {{event: any, after: 56d, within: 28d}}
        exposure: {{within: 28d}}
    """
    return ProductConfig.model_validate(yaml.safe_load(text) | changes)


def clauses(config: ProductConfig) -> tuple[Any, ...]:
    (candidate,) = config.candidates
    return candidate.all_of if isinstance(candidate, CompositeCandidate) else (candidate,)


@pytest.mark.parametrize(("core", "candidate", "k", "days", "said"), SAID)
def test_a_behaviour_reads_well(core: str, candidate: str, k: float, days: int, said: str) -> None:
    declared = yaml.safe_load(candidate if candidate[0] == "{" else f"{{{candidate}}}")
    config = product(core, candidates=[{"name": "x", **declared}])
    assert star_sentence(config, clauses(config), k, days) == said


def test_parts_and_the_nth_time() -> None:
    parts = [
        {"event": "docs_read", "measure": "days", "at_least": 3},
        {"event": "code_run", "at_most": 0},
        {"event": "page_viewed", "at_most": 1},
    ]
    config = product(
        "message_sent", candidates=[{"name": "x", "all_of": parts}], onboarding={"nth": 3}
    )
    assert star_sentence(config, clauses(config), 1, 14) == (
        "Send the third message and, within 14 days of it, read docs on at least 3 different days, "
        "never do “code_run” and view at most 1 page"
    )
    config = product(
        "message_sent", candidates=[{"name": "x", "event": "y"}], onboarding={"nth": 21}
    )
    assert star_sentence(config, clauses(config), 2, 1).startswith("Send the 21st message and ")


def test_declared_words_come_first() -> None:
    words = {
        "oucontent": {"do": "open", "one": "a course page", "many": "course pages"},
        "forumng": {"do": "take part in the forum"},
    }
    config = product("oucontent", candidates=[{"name": "x", "event": "forumng"}], words=words)
    said = "Open the first course page and take part in the forum{} within 7 days of it"
    assert star_sentence(config, clauses(config), 1, 7) == said.format("")
    assert star_sentence(config, clauses(config), 3, 7) == said.format(" at least 3 times")
