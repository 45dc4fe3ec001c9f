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
    Scenario,
)
from nsm_pipeline.simulation.truth_document import START, onboarding_from
from nsm_pipeline.simulation.world import World

MOST_FIRST_DAY_EVENTS = 400
LARGEST_FIRST_DAY_SHARE = 0.9


def product_text(world: World, event_files: Sequence[str]) -> str:
    """The YAML; the truth is nowhere in it, but for the placebos, which are declared as such."""
    scenario = world.scenario
    end = START + pd.Timedelta(days=SPAN_DAYS)
    product: dict[str, Any] = {
        "version": 1,
        "product": f"simulated_{scenario.name}",
        "title": f"Simulated: {scenario.name.replace('_', ' ')}",
        "owner": "simulation",
        "audience": "consumer",
        "start_date": end.date(),
        "source": _source(world, event_files, end),
        "core_metric": {
            "name": scenario.core.name.replace("_", " ").capitalize(),
            "event": scenario.core.name,
        },
        "onboarding": {"nth": 1, **_from(world)},
        "retention": {"event": "core", "after": f"{AFTER_DAYS}d", "within": f"{WITHIN_DAYS}d"},
        "exposure": {"within": [f"{days}d" for days in scenario.windows]},
        **_candidates(scenario),
        "placebos": [
            b.name
            for b in scenario.behaviours
            if b.role == "placebo" and scenario.declared_placebos
        ],
        "passive_events": [b.name for b in scenario.behaviours if b.role == "passive"],
        "families": [[b.parent, b.name] for b in scenario.behaviours if b.parent],
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


def _candidates(scenario: Scenario) -> dict[str, Any]:
    """Every event, or every product where products are the catalogue."""
    grid = list(THRESHOLDS)
    products = [b for b in scenario.behaviours if b.product]
    if not products:
        return {"discover": {"events": "all", "at_least": grid}}
    others = [b.name for b in scenario.behaviours if not b.product and b.role != "core"]
    return {
        # Their thresholds are those of discovery.
        "candidates": [
            {"name": b.name, "event": b.event_name, "where": {"product": b.product}}
            for b in products
        ],
        "discover": {"events": others, "at_least": grid},
    }


def _checks(scenario: Scenario) -> dict[str, Any]:
    """Small worlds are allowed; and of one day's dates many are the same."""
    checks: dict[str, Any] = {"eligible_accounts": {"at_least": 100}}
    if scenario.day_resolution:
        checks["duplicates"] = {"severity": "off"}
    return checks
