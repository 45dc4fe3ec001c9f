"""What cannot be told from keenness is not published, whatever its interval says."""

from pathlib import Path

import numpy as np
import pytest
from worlds import open_extract

from nsm_pipeline.pipeline import check_product
from nsm_pipeline.simulation.scenarios import find_scenario
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world
from nsm_pipeline.stats.keenness import told_share
from nsm_pipeline.stats.ranking import judge_candidates
from nsm_pipeline.stats.score import fit_score
from nsm_pipeline.stats.search import search
from nsm_pipeline.warehouse.scored import Scored


def test_the_event_that_holds_all_keenness_is_worth_testing_at_most(tmp_path: Path) -> None:
    """A log of purchases: without them nothing tells keen buyers from others, so all is kept."""
    product = write_world(draw_world(find_scenario("property_discovery"), 4_000, 601), tmp_path)
    end = check_product(product).config.source.observed_until
    assert end is not None
    extract = open_extract(product, end)
    found = search(Scored(extract, fit_score(extract.score_input())).cells(), extract.specs)
    extract.engine.close()
    judged = judge_candidates(found, extract.specs).frame.set_index("candidate")
    whole = judged.loc["item_bought"]
    assert whole["ci_low_pp"] > 30  # sure of itself without cause
    assert whole["verdict"] == "worth_testing"
    assert "cannot be told from keenness" in whole["reason"]
    assert whole["told_share"] < 0.01
    others = judged.drop("item_bought")
    assert not others["keenness_lost"].fillna(False).any()
    published = set(others.index[others["verdict"] == "north_star"])
    assert published and published <= {f"item_bought: product = {p}" for p in ("p07", "p19", "p33")}


def test_told_share_is_what_lies_between_strata() -> None:
    accounts = np.array([[50.0, 50.0, 0.0], [50.0, 50.0, 0.0], [50.0, 50.0, 0.0]])
    retained = np.array([[50.0, 0.0, 0.0], [25.0, 25.0, 0.0], [40.0, 20.0, 0.0]])
    told = told_share(accounts, retained)
    assert told[0] == pytest.approx(1)
    # Nothing between: less than nothing once chance is taken off, 1 of 98 degrees.
    assert told[1] == pytest.approx(-1 / 98)
    # By hand: between 100 * 0.2 ** 2 = 4, within 50 * (0.16 + 0.24) = 20, of 24 in all.
    assert told[2] == pytest.approx((4 - 20 / 98) / 24)


def test_told_share_without_keenness_is_nothing_on_average() -> None:
    rng = np.random.default_rng(5)
    accounts = rng.integers(20, 80, (400, 50)).astype(float)
    told = told_share(accounts, rng.binomial(accounts.astype(int), 0.4).astype(float))
    assert abs(told.mean()) < 4 * told.std() / 20
