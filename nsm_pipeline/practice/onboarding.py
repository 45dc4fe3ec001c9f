"""`onboarding.json` and `journey.parquet`: how long it takes to get going, and how far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.runs.run_files import JOURNEY, ONBOARDING

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.steps import RunContext
    from nsm_pipeline.warehouse.starters import Starters


def onboarding(context: RunContext) -> None:
    """Time to onboard where the source has sign-ups, and the journey where one is declared."""
    from nsm_pipeline.stats.waiting import time_given
    from nsm_pipeline.warehouse.starters import days_watched, find_starters

    x, config = context.extract, context.product.config
    signs_up = x.tables.accounts is not None and "signed_up_at" in x.tables.accounts.columns
    if not signs_up and not config.journey:
        return
    starters = find_starters(x.engine, x.tables, x.population, config)
    watched = days_watched(x.engine, starters)
    days = time_given(watched)
    told: dict[str, Any] = {
        "begins": starters.beginning,
        "within_days": days,
        "accounts": int(watched["accounts"].sum()),
        "watched": int(watched.loc[watched["days"] >= days, "accounts"].sum()) if days else 0,
        "steps": [step.name for step in config.journey],
        "time_to_onboard": [],
    }
    if days is not None and signs_up:
        told["time_to_onboard"] = _time_to_onboard(context, starters, days)
    if days is not None and config.journey:
        context.run.write_frame(JOURNEY, _journey(context, starters, days))
    context.run.write_json(ONBOARDING, told)


def _time_to_onboard(context: RunContext, starters: Starters, days: int) -> list[dict[Any, Any]]:
    """Of those who signed up before they onboarded, everybody first, then by split."""
    from dataclasses import replace

    from nsm_pipeline.stats.waiting import step_summaries
    from nsm_pipeline.warehouse.journey import onboarding_step, waits

    rows = starters.table
    in_order = rows.filter(rows.onboarded_at.isnull() | (rows.onboarded_at >= rows.began))
    kept = replace(starters, table=in_order)
    found = waits(context.extract.engine, kept, [onboarding_step(kept, days)], days)
    told = step_summaries(found).drop(columns=["step", "share_of_previous"])
    told = told.rename(columns={"taken": "onboarded"})
    told["never_share"] = 1 - told["share"]
    told["never_low"], told["never_high"] = 1 - told["share_high"], 1 - told["share_low"]
    return told.drop(columns=["share", "share_low", "share_high"]).to_dict("records")


def _journey(context: RunContext, starters: Starters, days: int) -> pd.DataFrame:
    from nsm_pipeline.stats.waiting import step_summaries
    from nsm_pipeline.warehouse.journey import journey_steps, waits

    x, steps = context.extract, context.product.config.journey
    taken = journey_steps(x.engine, starters, x.population, (steps, days))
    found = step_summaries(waits(x.engine, starters, taken, days))
    found.insert(3, "name", [steps[number - 1].name for number in found["step"]])
    return found
