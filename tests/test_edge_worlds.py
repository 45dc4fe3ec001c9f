"""Worlds at the edge of what can be told: each ends in a number with a reason, or in a refusal."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from worlds import AS_OF, START, write_product

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.pipeline import run_product
from nsm_pipeline.runs.run_folder import RunFolder

FORBIDDING = 'He said "no"\nthen <script>alert(1)</script> \U0001f680 =SUM(A1) ' + "x" * 10_000


def world(
    *, accounts: int = 1200, kept: float = 0.5, lift: float = 0.2, name: str = "share"
) -> pd.DataFrame:
    """Half of the accounts do one thing; doers stay more often by `lift`."""
    rng = np.random.default_rng(5)
    begin = START + pd.to_timedelta(rng.integers(0, 150 * 86400, accounts), unit="s")
    account = np.array([f"a{n}" for n in range(accounts)])
    did = rng.random(accounts) < 0.5
    stays = rng.random(accounts) < np.clip(kept + lift * did, 0, 1)
    parts = [
        pd.DataFrame({"account": account, "at": begin, "event": "start"}),
        pd.DataFrame(
            {"account": account[did], "at": begin[did] + pd.Timedelta("2D"), "event": name}
        ),
        pd.DataFrame(
            {"account": account[stays], "at": begin[stays] + pd.Timedelta("40D"), "event": "start"}
        ),
    ]
    return pd.concat(parts, ignore_index=True)


def run(folder: Path, events: pd.DataFrame, **changes: object) -> RunFolder:
    path = write_product(
        folder,
        {"events": events},
        **{"source": {"observed_until": "2024-12-01T00:00:00Z"}, **changes},
    )
    return run_product(path, as_of=AS_OF, out=folder / "runs")


def test_one_single_candidate_is_estimated_but_never_a_north_star(tmp_path: Path) -> None:
    folder = run(tmp_path, world(), candidates=[{"name": "share", "event": "share"}])
    [row] = folder.read_frame("ranking.parquet").to_dict("records")
    assert row["verdict"] == "worth_testing"
    assert row["crude_lift_pp"] == pytest.approx(20, abs=6)
    assert pd.isna(row["ci_low_pp"])
    assert folder.read_json("ranking.json")["calibration"]["rule"] == "none"
    assert folder.read_json("ranking.json")["headline"].startswith("No North Star can be told")


def test_a_candidate_nobody_does_stays_in_the_table_with_its_reason(tmp_path: Path) -> None:
    folder = run(
        tmp_path,
        world(),
        candidates=[{"name": "share", "event": "share"}, {"name": "ghost", "event": "never"}],
    )
    ranking = folder.read_frame("ranking.parquet").set_index("candidate")
    assert ranking.loc["ghost", "verdict"] == "too_rare"
    assert ranking.loc["ghost", "doers"] == 0
    assert pd.isna(ranking.loc["ghost", "rank"])


def test_nothing_with_support_still_publishes_the_counts(tmp_path: Path) -> None:
    folder = run(tmp_path, world(), candidates=[{"name": "ghost", "event": "never"}])
    [row] = folder.read_frame("ranking.parquet").to_dict("records")
    assert (row["verdict"], row["accounts"]) == ("too_rare", 1200)


def test_hostile_names_reach_every_file_unharmed(tmp_path: Path) -> None:
    folder = run(tmp_path, world(name=FORBIDDING), discover={"events": "all"})
    ranking = folder.read_frame("ranking.parquet")
    assert FORBIDDING in set(ranking["candidate"])
    report = folder.read_text("report.html")
    assert "<script>alert" not in report
    assert "&lt;script&gt;alert" in report


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"core_metric": {"name": "c", "event": "nothing"}}, 'No event is named "nothing"'),
        ({"onboarding": {"nth": 50}}, "No account has this event often enough"),
        ({"source": {"observed_until": "2024-01-20T00:00:00Z"}}, "has been observed for the 60"),
        ({"retention": {"event": "share", "after": "30d", "within": "30d"}}, "None of 1,200"),
    ],
)
def test_nothing_to_compare_is_refused_and_nothing_is_written(
    tmp_path: Path, changes: dict, what: str
) -> None:
    with pytest.raises(InvalidInput, match=what) as refused:
        run(tmp_path, world(), candidates=[{"name": "x", "event": "share"}], **changes)
    assert refused.value.exit_code == 2
    assert "world.yaml:" in refused.value.problems[0].where
    assert not (tmp_path / "runs").exists()


def test_everybody_retained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Every one of 1,200"):
        run(tmp_path, world(kept=1.0), candidates=[{"name": "x", "event": "share"}])
    assert not (tmp_path / "runs").exists()


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No account has this event"):
        run(tmp_path, world().iloc[:0], candidates=[{"name": "x", "event": "share"}])
    assert not (tmp_path / "runs").exists()
