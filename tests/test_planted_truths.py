"""What the articles tell, planted in their products, is found again by the whole pipeline.

Three stand for all: a count of distinct ids (Facebook's friends), a sum on the core event itself
(Slack's messages), a plain count within a day (Calendly's follow-up). `make articles` shows every
product with ten seeds; the seed here is the first of them.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.articles import SEEDS
from nsm_pipeline.pipeline import run_product
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.scenarios import ARTICLES
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world

# Of the teams with 2,000 messages in 28 days nine in ten have them in 14: in this world the shorter
# window has the larger z (7.1 to 6.6; true lifts 18.3 and 18.5). The article names none.
ALSO_RIGHT = {"messages_sent": (14, 28)}


@pytest.fixture(
    scope="module",
    params=[("facebook", 3_000), ("slack", 5_000), ("calendly", 3_000)],
    ids=lambda p: p[0],
)
def leader(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first row of the ranking, and what is planted."""
    name, accounts = request.param
    folder = tmp_path_factory.mktemp(name)
    path = write_world(draw_world(ARTICLES[name], accounts, SEEDS[0]), folder)
    run = run_product(path, as_of=end_of(path), out=folder / "runs")
    assert run is not None
    ranking = next((folder / "runs").rglob("ranking.csv"))
    truth = json.loads((folder / "truth.json").read_text())
    return pd.read_csv(ranking).iloc[0].to_dict(), truth["causal"][0]


def end_of(path: Path) -> Any:
    return load_product(path).config.source.observed_until


def test_the_leader_is_the_planted_behaviour_with_its_k_and_x(
    leader: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    first, planted = leader
    assert first["candidate"] == planted["candidate"]
    assert first["at_least"] == planted["at_least"]
    assert first["within_days"] in ALSO_RIGHT.get(planted["candidate"], (planted["within_days"],))


def test_its_interval_holds_the_true_lift_and_not_the_plain_difference(
    leader: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    first, planted = leader
    assert first["verdict"] == "north_star"
    assert first["ci_low_pp"] < planted["lift_pp"] < first["ci_high_pp"]
    assert first["ci_high_pp"] < planted["crude_lift_pp"]
