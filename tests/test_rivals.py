"""What other products would say of the same counts, and that asking for it changes nothing else."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef, mutual_info_score
from worlds import AS_OF, busy_world, write_product

from nsm_pipeline.pipeline import run_product
from nsm_pipeline.runs.run_folder import RunFolder
from nsm_pipeline.stats.rivals import (
    RIVAL_COLUMNS,
    mutual_information,
    phi,
    ppv,
    rivals_view,
    sensitivity,
)


def counted(did: np.ndarray, kept: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "accounts": [len(did)],
            "doers": [did.sum()],
            "retained_doers": [(did & kept).sum()],
            "retained_others": [(~did & kept).sum()],
        }
    )


def test_scores_are_those_of_scikit_learn_on_the_accounts_themselves() -> None:
    rng = np.random.default_rng(3)
    for share in (0.02, 0.5, 0.97):
        did = rng.random(500) < share
        kept = rng.random(500) < 0.3 + 0.4 * did
        counts = counted(did, kept)
        assert phi(counts)[0] == pytest.approx(matthews_corrcoef(kept, did), abs=1e-12)
        assert mutual_information(counts)[0] == pytest.approx(mutual_info_score(kept, did))
        assert ppv(counts)[0] == pytest.approx(kept[did].mean())
        assert sensitivity(counts)[0] == pytest.approx(did[kept].mean())


def test_a_score_that_does_not_exist_is_missing() -> None:
    nobody = counted(np.zeros(9, dtype=bool), np.arange(9) < 4)
    assert math.isnan(ppv(nobody)[0]) and math.isnan(phi(nobody)[0])
    assert mutual_information(nobody)[0] == 0
    assert math.isnan(sensitivity(counted(np.arange(9) < 4, np.zeros(9, dtype=bool)))[0])


def test_each_rival_chooses_its_own_threshold_and_ranks_by_it() -> None:
    rows = [  # candidate, k, doers, retained doers, retained others, support; of 1,000
        ("wide", 1, 500, 300, 150, "ok"),
        ("wide", 5, 100, 75, 375, "ok"),
        ("wide", 9, 10, 10, 440, "too_rare"),  # the best by far, were it allowed
        ("flat", 1, 400, 184, 276, "ok"),
        ("bare", 1, 5, 5, 445, "too_rare"),
    ]
    names = ["candidate", "at_least", "doers", "retained_doers", "retained_others", "support"]
    found = pd.DataFrame(rows, columns=names).assign(accounts=1000, within_days=7)
    view = rivals_view(found, found.drop_duplicates("candidate"))
    of_wide = {each["by"]: (each["at_least"], each["rank"]) for each in view["wide"]["ranks"]}
    assert of_wide == {
        "phi": (1, 1),
        "odds_ratio_plus_1": (5, 1),
        "ppv": (5, 1),
        "mutual_information": (1, 1),
    }
    assert [each["rank"] for each in view["flat"]["ranks"]] == [2, 2, 2, 2]
    assert {each["of"] for each in view["flat"]["ranks"]} == {2}
    assert view["wide"]["ppv"] == pytest.approx(0.6)
    assert view["bare"]["ranks"] == [] and view["bare"]["ppv"] == 1


@pytest.fixture(scope="module")
def plain_and_with_rivals(tmp_path_factory) -> tuple[RunFolder, RunFolder]:
    folder = tmp_path_factory.mktemp("rivals")
    changes = {
        "discover": {"events": "all", "at_least": [1, 2, 3]},
        "publish": {"connection": "duckdb://published.duckdb", "table": "nsm_ranking"},
    }
    product = write_product(folder, busy_world(seed=4, accounts=1200), **changes)
    plain, asked = (
        run_product(product, as_of=AS_OF, out=folder / "runs", with_rivals=with_rivals)
        for with_rivals in (False, True)
    )
    return plain, asked


def test_asking_adds_columns_at_the_end_and_changes_nothing_else(plain_and_with_rivals) -> None:
    plain, asked = plain_and_with_rivals
    before, after = (run.read_text("candidates.csv").splitlines() for run in (plain, asked))
    assert after[0] == ",".join([before[0], *RIVAL_COLUMNS])
    assert [line.rsplit(",", len(RIVAL_COLUMNS))[0] for line in after] == before
    for name in ("candidates.parquet", "ranking.csv", "cells.parquet", "digest.md"):
        assert (plain.path / name).read_bytes() == (asked.path / name).read_bytes()


def test_the_ranking_says_where_others_would_put_each_candidate(plain_and_with_rivals) -> None:
    plain, asked = plain_and_with_rivals
    before, after = (run.read_json("ranking.json")["candidates"] for run in (plain, asked))
    rivals = [row.pop("rivals") for row in after]
    assert after == before
    ranked = [each for each, row in zip(rivals, after, strict=True) if row["rank"] is not None]
    assert len(ranked) > 3
    for place, name in enumerate(("phi", "odds_ratio_plus_1", "ppv", "mutual_information")):
        theirs = sorted(each["ranks"][place]["rank"] for each in ranked)
        assert {each["ranks"][place]["by"] for each in ranked} == {name}
        assert theirs == list(range(1, len(ranked) + 1))
    table = pd.read_csv(Path(asked.path) / "candidates.csv")
    for row, each in zip(after, rivals, strict=True):
        keys = ("candidate", "at_least", "within_days")
        [counts] = table[(table[list(keys)] == [row[key] for key in keys]).all(axis=1)].to_dict(
            "records"
        )
        for column in RIVAL_COLUMNS:
            assert each[column] == pytest.approx(counts[column], abs=1e-9)
    assert "PostHog" in asked.read_text("report.html")
    assert "PostHog" not in plain.read_text("report.html")
