"""What the articles tell, planted in their products, is found again by the whole pipeline.

Three stand for all: a count of distinct ids (Facebook's friends), a sum on the core event itself
(Slack's messages), a composite within a day (Calendly's follow-up). `make articles` shows every
product with ten seeds; the seed here is the first of them.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from benchmarks.articles import SEEDS
from nsm_pipeline.pipeline import run_product
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.scenarios import ARTICLES
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world

COMPOSITE = {
    "name": "meeting_and_follow_up",
    "all_of": [
        {"event": "meeting_scheduled", "at_least": 1},
        {"event": "follow_up_sent", "at_least": 1},
    ],
}


@pytest.fixture(scope="module", params=[("facebook", 3_000), ("slack", 5_000), ("calendly", 3_000)])
def leader(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first row of the ranking, and what is planted."""
    name, accounts = request.param
    folder = tmp_path_factory.mktemp(name)
    path = write_world(draw_world(ARTICLES[name], accounts, SEEDS[0]), folder)
    if name == "calendly":
        with_composite(path)
    run = run_product(path, as_of=end_of(path), out=folder / "runs")
    assert run is not None
    ranking = next((folder / "runs").rglob("ranking.csv"))
    truth = json.loads((folder / "truth.json").read_text())
    return pd.read_csv(ranking).iloc[0].to_dict(), truth["causal"][0]


def with_composite(path: Path) -> None:
    """The article's own words: a first meeting and a follow-up, in place of the follow-up alone."""
    product = yaml.safe_load(path.read_text())
    product["candidates"] = [COMPOSITE]
    product["discover"]["except"] = ["follow_up_sent", "meeting_scheduled"]
    path.write_text(yaml.safe_dump(product, sort_keys=False))


def end_of(path: Path) -> Any:
    return load_product(path).config.source.observed_until


def test_the_leader_is_the_planted_behaviour_with_its_k_and_x(
    leader: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    first, planted = leader
    composite = COMPOSITE["name"] if planted["candidate"] == "follow_up_sent" else None
    assert first["candidate"] == (composite or planted["candidate"])
    assert first["within_days"] == planted["within_days"]
    assert first["at_least"] == planted["at_least"]


def test_its_interval_holds_the_true_lift_and_not_the_plain_difference(
    leader: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    first, planted = leader
    assert first["verdict"] == "north_star"
    assert first["ci_low_pp"] < planted["lift_pp"] < first["ci_high_pp"]
    assert first["ci_high_pp"] < planted["crude_lift_pp"]
