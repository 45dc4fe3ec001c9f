"""Candidates that change between nights: counted from the rows kept, and nothing else again."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from test_cells import CANDIDATES
from test_state import NIGHTS, World, assert_equals_recount, plan_of

from nsm_pipeline.warehouse.state.stored import StoredCounts

NEW = [
    {"name": "invited", "event": "invite", "at_least": [1, 2]},
    {"name": "spent", "event": ["share", "export"], "measure": {"sum": "size"}},
    {"name": "glowed", "event": "glow", "at_least": 1},
]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A state of the first night; on the second an event comes that nobody did before."""
    made = World.make(tmp_path, 21, accounts=400)
    made.deliver(0)
    made.build(NIGHTS[0])
    events = made.arrivals[1]["events"]
    shares = made.arrivals[0]["events"].query("event == 'share'").head(60)
    glows = shares.assign(event="glow", at=shares["at"] + pd.Timedelta(minutes=1))
    made.arrivals[1]["events"] = pd.concat([events, glows])
    made.deliver(1)
    return made


def rewrite(world: World, **changes: Any) -> None:
    said = yaml.safe_load(world.path.read_text())
    world.path.write_text(yaml.safe_dump({**said, **changes}, sort_keys=False))


def carried(world: World, night: int, *, recount: bool = False) -> dict[str, Any]:
    """What the night tells of candidates; with `recount` its figures are those of a whole count."""
    with world.carried(NIGHTS[night]) as (plan, stored):
        assert isinstance(stored, StoredCounts), plan
        told = stored.facts["night"].get("backfill", {})
        if recount:
            counted = stored.store.engine.backend.table("backfill_cells").candidate_no.nunique()
            assert counted.execute() == len(told["new"] + told["changed"])
            assert_equals_recount(stored, world.path, NIGHTS[night])
        return told


def test_exactly_what_changed_is_counted_from_the_rows_kept(world: World) -> None:
    assert carried(world, 1) == {}
    world.deliver(2)
    by_name = {candidate["name"]: candidate for candidate in CANDIDATES}
    by_name.pop("big")
    by_name["busy_days"] = by_name["busy_days"] | {"at_least": [2, 5]}
    by_name["used"] = by_name["used"] | {"name": "used_anything"}
    rewrite(world, candidates=[*reversed(by_name.values()), *NEW], families=[["colours", "mail"]])
    told = carried(world, 2, recount=True)
    assert told["new"] == ["invited", "spent", "glowed", "glow"]
    # Of new families, of a family no more, of another threshold, or met with a new event.
    changed = ["any_red", "colours", "busy_days", "two_starts", "invite", "mail"]
    assert told["changed"] == changed
    assert told["dropped"] == ["big"]
    assert told["accounts"] > 100
    assert carried(world, 2) == told


def test_a_column_not_kept_is_a_rebuild_and_discovery_is_asked_again(world: World) -> None:
    rewrite(world, candidates=[{"name": "ids", "event": "share", "measure": {"distinct": "id"}}])
    assert plan_of(world, NIGHTS[1]).because == "the candidates read 'id' now, which was not kept"
    rewrite(world, candidates=CANDIDATES)
    rewrite(world, discover={"events": "all", "at_least": [1, 4], "properties": []})
    told = carried(world, 1)
    assert told["dropped"] == ["start: colour = blue", "start: colour = web"]
    assert {"rare", "export", "start"} <= {*told["new"], *told["changed"]}
    rewrite(world, discover={"events": ["start"], "properties": ["colour"]})
    told = carried(world, 1, recount=True)
    assert told["new"] == ["start: colour = blue", "start: colour = web"]
