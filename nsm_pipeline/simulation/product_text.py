"""The product file of a world, as an analyst would write it who does not know the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import yaml

from nsm_pipeline.simulation.accounts import SPAN_DAYS
from nsm_pipeline.simulation.scenario import (
    AFTER_DAYS,
    SEGMENT,
    THRESHOLDS,
    TRAITS,
    WITHIN_DAYS,
    Behaviour,
    Scenario,
)
from nsm_pipeline.simulation.shape import Shape
from nsm_pipeline.simulation.truth_document import onboarding_from
from nsm_pipeline.simulation.world import World

MOST_FIRST_DAY_EVENTS = 400
LARGEST_FIRST_DAY_SHARE = 0.9


def product_text(world: World, event_files: Sequence[str]) -> str:
    """The YAML; the truth is nowhere in it, but for the placebos, which are declared as such."""
    scenario = world.scenario
    shape = scenario.shape or Shape()
    end = scenario.begins + pd.Timedelta(days=SPAN_DAYS)
    product: dict[str, Any] = {
        "version": 1,
        "product": f"simulated_{scenario.name}",
        "title": f"Simulated: {scenario.name.replace('_', ' ')}",
        "owner": "simulation",
        "audience": shape.audience,
        "start_date": end.date(),
        "source": _source(world, event_files, end),
        "core_metric": {
            "name": scenario.core.name.replace("_", " ").capitalize(),
            "event": scenario.core.name,
        },
        "onboarding": {"nth": 1, **_from(world)},
        "retention": {
            "event": shape.returns,
            "after": f"{AFTER_DAYS}d",
            "within": f"{WITHIN_DAYS}d",
        },
        "exposure": {"within": [f"{days}d" for days in scenario.windows]},
        **_candidates(scenario),
        "placebos": [
            b.name
            for b in scenario.behaviours
            if b.role == "placebo" and scenario.declared_placebos
        ],
        "passive_events": [b.name for b in scenario.behaviours if b.role == "passive"],
        "families": _families(scenario),
        "exclude": {
            "accounts": {"is_internal": True},
            "bots": {
                "first_day_events_over": MOST_FIRST_DAY_EVENTS,
                "first_day_share_over": LARGEST_FIRST_DAY_SHARE,
            },
        },
        "adjust_for": list(TRAITS),
        "segments": [SEGMENT],
        "checks": _checks(scenario),
    }
    return yaml.safe_dump(product, sort_keys=False, width=100)


def _source(world: World, event_files: Sequence[str], end: pd.Timestamp) -> dict[str, Any]:
    files = event_files[0] if len(event_files) == 1 else list(event_files)
    source: dict[str, Any] = {
        "connection": "duckdb://",
        "events": {"files": files, "account": "account_id", "at": "ts", "event": "event"},
        "accounts": {
            "files": "accounts.parquet",
            "account": "account_id",
            "signed_up_at": "signed_up_at",
        },
    }
    if world.revenue is not None:
        source["revenue"] = {
            "files": "revenue.parquet",
            "account": "account_id",
            "at": "ts",
            "amount": "amount",
            "currency": "EUR",
            "refund": {"kind": "refund"},
        }
    return {**source, "observed_until": end.to_pydatetime()}


def _from(world: World) -> dict[str, Any]:
    begin = onboarding_from(world)
    return {} if begin is None else {"from": begin.date()}


def _families(scenario: Scenario) -> list[list[str]]:
    """Parents with their parts, but for parts that are the parent's own event."""
    by_name = {b.name: b for b in scenario.behaviours}
    return [
        [b.parent, b.name]
        for b in scenario.behaviours
        if b.parent and by_name[b.parent].event_name != b.event_name
    ]


def _candidates(scenario: Scenario) -> dict[str, Any]:
    """Every event, or what is to be counted of it: its products, another measure, other steps.

    Discovery names the candidate of a product as `shop_by_property` does.
    """
    grid = list(THRESHOLDS)
    declared = [b for b in scenario.behaviours if b.product or b.measure or b.grid != THRESHOLDS]
    if not declared:
        return {"discover": {"events": "all", "at_least": grid}}
    if scenario.by_property:
        events = sorted({b.event_name for b in scenario.behaviours if b.role != "core"})
        return {"discover": {"events": events, "at_least": grid, "properties": ["product"]}}
    taken = {b.event_name for b in declared}
    others = [b for b in scenario.behaviours if b.event_name not in taken and b.role != "core"]
    return {
        "candidates": [_candidate(b) for b in declared],
        "discover": {"events": [b.name for b in others], "at_least": grid},
    }


def _candidate(behaviour: Behaviour) -> dict[str, Any]:
    """Without thresholds those of discovery are searched."""
    found: dict[str, Any] = {"name": behaviour.name, "event": behaviour.event_name}
    if behaviour.product:
        found["where"] = {"product": behaviour.product}
    if behaviour.measure:
        kind, column = behaviour.measure
        found["measure"] = {kind: column}
    if behaviour.measure or behaviour.grid != THRESHOLDS:
        found["at_least"] = list(behaviour.grid)
    return found


def _checks(scenario: Scenario) -> dict[str, Any]:
    """Small worlds are allowed; and of one day's dates many are the same."""
    checks: dict[str, Any] = {"eligible_accounts": {"at_least": 100}}
    if scenario.day_resolution:
        checks["duplicates"] = {"severity": "off"}
    return checks
