"""A harmful row shows figures of its own (k, X) only."""

from pathlib import Path

import pytest

from nsm_pipeline.pipeline import run_product
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.scenarios import SCENARIOS
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world


def test_a_harmful_row_carries_nothing_of_another_threshold(tmp_path: Path) -> None:
    product = write_world(draw_world(SCENARIOS["harmful_event"], 8_000, 7), tmp_path)
    as_of = load_product(product).config.source.observed_until
    assert as_of is not None
    run = run_product(product, as_of=as_of, out=tmp_path / "runs")
    ranking = run.read_frame("ranking.parquet").set_index("candidate")
    choice = ["candidate", "at_least", "within_days"]
    gaps = run.read_frame("revenue_gaps.parquet").set_index(choice)["revenue_gap"]

    [harmful] = ranking[ranking["verdict"] == "harmful"].reset_index().to_dict("records")
    assert harmful["candidate"] == "alert_subscribed"
    assert tuple(harmful[name] for name in choice) not in gaps.index
    empty = ("revenue_gap", "revenue_gap_ci_low", "revenue_lead_weeks", "holdout_lift_pp")
    assert ranking.loc["alert_subscribed", list(empty)].isna().all()

    others = ranking[(ranking["verdict"] != "harmful") & ranking["rank"].notna()].reset_index()
    assert len(others) > 30
    for row in others.to_dict("records"):
        assert row["revenue_gap"] == pytest.approx(gaps[tuple(row[name] for name in choice)])
