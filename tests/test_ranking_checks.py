"""The checks of a ranking before it is published: a good one passes, each fault fails its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from quality_world import AS_OF, failed

from nsm_pipeline.errors import ChecksFailed
from nsm_pipeline.quality.checks import check_ranking
from nsm_pipeline.waist.ranking_table import RANKING_COLUMNS, VERDICTS


def good_ranking() -> pd.DataFrame:
    rows = 6
    frame = pd.DataFrame({column: [None] * rows for column in RANKING_COLUMNS}, dtype=object)
    given = {
        "product": "small",
        "as_of": AS_OF.isoformat(),
        "rank": pd.array([1, 2, 3, 4, pd.NA, pd.NA], dtype="Int64"),
        "tier": pd.array([1, 1, 2, 2, pd.NA, pd.NA], dtype="Int64"),
        "candidate": ["a", "=b", "c\n", "<b>d</b>", "e", "f"],
        "event": "opened",
        "at_least": 1.0,
        "within_days": 7,
        "verdict": [*VERDICTS[:2], "not_distinguishable", "harmful", "too_rare", "not_estimable"],
        "reason": ["", None, "", "", "40 doers", "one cell is empty"],
        "accounts": 1000,
        "doers": [400, 300, 200, 100, 40, 100],
        "reach": [0.4, 0.3, 0.2, 0.1, 0.04, 0.1],
        "retained_doers": [300, 200, 100, 20, 39, 100],
        "retained_others": [200, 300, 300, 500, 5, 900],
        "lift_pp": [10.0, 5.0, 0.5, -8.0, np.nan, np.nan],
        "ci_low_pp": [6.0, 1.0, -2.0, -12.0, np.nan, np.nan],
        "ci_high_pp": [14.0, 9.0, 3.0, -4.0, np.nan, np.nan],
        "q_value": [0.0, 0.01, 1.0, 0.02, np.nan, np.nan],
        "odds_ratio": [2.0, 1.5, 1.0, 0.0, np.nan, np.nan],
        "e_value": [1.8, 1.2, 1.0, np.nan, np.nan, np.nan],
        "revenue_gap": [3.0, 2.0, 1.0, -1.0, np.nan, np.nan],
        "revenue_gap_ci_low": [1.0, 1.0, 0.0, -2.0, np.nan, np.nan],
        "revenue_gap_ci_high": [5.0, 3.0, 2.0, 0.0, np.nan, np.nan],
        "fading": [True, False, False, None, None, None],
        "statement": "Accounts that open within 7 days",
    }
    return frame.assign(**given)[list(RANKING_COLUMNS)]


def test_a_good_ranking_passes():
    report = check_ranking(good_ranking())
    assert failed(report) == []
    assert len(report.checks) == 14
    nothing_estimated = good_ranking().iloc[4:]
    assert failed(check_ranking(nothing_estimated)) == []


WRONG = {
    "bound above the lift": ("interval", {"ci_low_pp": (1, 5.1)}),
    "bound below the lift": ("interval", {"ci_high_pp": (1, 4.9)}),
    "half an interval": ("interval", {"ci_high_pp": (1, np.nan)}),
    "lift of more than all": ("interval", {"lift_pp": (0, 101.0), "ci_high_pp": (0, 102.0)}),
    "q above one": ("statistics", {"q_value": (2, 1.01)}),
    "e-value below one": ("statistics", {"e_value": (2, 0.9)}),
    "reach of another count": ("reach", {"reach": (1, 0.31)}),
    "rank twice": ("ranks", {"rank": (1, 1)}),
    "rank left out": ("ranks", {"rank": (3, 5)}),
    "unranked before ranked": ("ranks", {"rank": (0, pd.NA)}),
    "unknown verdict": ("verdicts", {"verdict": (1, "winner")}),
    "no reason": ("reasons", {"reason": (4, " ")}),
    "more retained than doers": ("counts", {"retained_doers": (1, 301)}),
    "more retained than others": ("counts", {"retained_others": (5, 901)}),
    "negative count": ("counts", {"retained_others": (5, -1)}),
    "count missing": ("counts", {"doers": (5, None), "reach": (5, None)}),
    "candidate twice": ("candidates", {"candidate": (1, "a")}),
    "no statement": ("identity", {"statement": (1, None)}),
    "text for a figure": ("numbers", {"z": (1, "large")}),
    "star without proof": ("north_stars", {"ci_low_pp": (0, 0.0)}),
    "revenue outside": ("revenue", {"revenue_gap": (1, 3.5)}),
}


@pytest.mark.parametrize(("name", "change"), WRONG.values(), ids=WRONG)
def test_a_wrong_ranking_is_not_published(name, change):
    ranking = good_ranking().astype(object)
    for column, (row, value) in change.items():
        ranking.loc[row, column] = value
    report = check_ranking(ranking)
    assert failed(report) == [(name, "ranking")]
    with pytest.raises(ChecksFailed):
        report.raise_if_critical()


def test_at_most_three_north_stars():
    ranking = good_ranking()
    ranking[["ci_low_pp", "lift_pp", "ci_high_pp"]] = [0.1, 5.0, 9.0]
    ranking.loc[:2, "verdict"] = "north_star"
    assert failed(check_ranking(ranking)) == []
    ranking.loc[3, "verdict"] = "north_star"
    assert failed(check_ranking(ranking)) == [("north_stars", "ranking")]


def test_an_unranked_row_does_not_come_before_a_ranked_one():
    assert failed(check_ranking(good_ranking().iloc[[4, 0, 1, 2, 3, 5]])) == [("ranks", "ranking")]


def test_columns_and_rows_of_the_ranking():
    swapped = good_ranking()[[*RANKING_COLUMNS[1:], RANKING_COLUMNS[0]]]
    assert failed(check_ranking(swapped)) == [("columns", "ranking")]
    assert failed(check_ranking(good_ranking().drop(columns="z"))) == [("columns", "ranking")]
    assert failed(check_ranking(good_ranking().iloc[:0])) == [("rows", "ranking")]
