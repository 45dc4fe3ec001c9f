"""Part 8: what is watched around the metric, as `health.json` and its tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nsm_pipeline.runs.run_files import ACCOUNT_VALUE, FEATURE_ADOPTION, HEALTH

if TYPE_CHECKING:
    from nsm_pipeline.stats.unit_economics import AcquisitionCost
    from nsm_pipeline.steps import RunContext
    from nsm_pipeline.warehouse.account_value import Month

MONTHS = 12
LATEST_MONTHS = 3


def health(context: RunContext) -> None:
    """Retention by day, invitations, unit economics and feature adoption."""
    counted = context.extract
    found = {
        "observed_until": counted.population.observed_until,
        "audience": context.product.config.audience,
        "retention": _retention(context),
        "invitations": _invitations(context),
        "economics": _economics(context),
        "features": _features(context),
    }
    context.run.write_json(HEALTH, found)


def _retention(context: RunContext) -> dict[str, Any]:
    from nsm_pipeline.stats.day_retention import DAYS, DEFINITION, beside_bands
    from nsm_pipeline.warehouse.day_retention import day_retention, signs_of_life

    x, config = context.extract, context.product.config
    rows = signs_of_life(x.population, x.tables, config)
    active, returned = day_retention(x.engine, x.population, rows, DAYS)
    return {"definition": DEFINITION, "days": beside_bands(active, returned, config.audience)}


def _invitations(context: RunContext) -> dict[str, Any] | None:
    from nsm_pipeline.stats.virality import k_factor
    from nsm_pipeline.warehouse.invitations import count_invitations, is_linked

    x, config = context.extract, context.product.config
    asked = config.health.invitations
    if asked is None:
        return None
    counts = count_invitations(x.engine, x.population, x.tables, config)
    spans = {"sent_within": asked.sent_within, "accepted_within": asked.accepted_within}
    return {**spans, **k_factor(counts.parts, counts.cycle, linked=is_linked(asked))}


def _economics(context: RunContext) -> dict[str, Any] | None:
    from nsm_pipeline.stats.unit_economics import (
        monthly_revenue,
        revenue_per_payer,
        unit_economics,
        value_curve,
    )
    from nsm_pipeline.warehouse.account_value import value_by_month, value_by_week, whole_months
    from nsm_pipeline.warehouse.outcomes import DAYS_PER_WEEK

    x, config = context.extract, context.product.config
    if config.source.revenue is None:
        return None
    margin = config.health.costs.gross_margin if config.health.costs else None
    curve = value_curve(
        value_by_week(x.engine, x.population, x.tables),
        margin=margin,
        most_weeks=config.health.horizon // DAYS_PER_WEEK,
    )
    months = whole_months(x.population.observed_until, config.timezone, MONTHS)
    paid = value_by_month(x.engine, x.population, x.tables, months)
    context.run.write_frame(ACCOUNT_VALUE, curve)
    latest = paid[paid["month_no"] >= MONTHS - LATEST_MONTHS]
    found = unit_economics(
        curve, revenue_per_payer(latest), _acquisition(context, months), margin=margin
    )
    names = [f"{month.first:%Y-%m}" for month in months]
    return {
        "currency": config.source.revenue.currency,
        "arpa_months": names[-LATEST_MONTHS:],
        **found,
        "months": monthly_revenue(paid, names),
    }


def _acquisition(context: RunContext, months: list[Month]) -> AcquisitionCost:
    from nsm_pipeline.stats.unit_economics import declared_cost, spent_per_account
    from nsm_pipeline.warehouse.account_value import costs_by_month, onboarded_by_month

    x, config = context.extract, context.product.config
    declared = config.health.costs.acquisition if config.health.costs else None
    if declared is None or isinstance(declared, float):
        return declared_cost(declared)
    spent = costs_by_month(x.engine, context.product)
    # Where onboarding is counted for a part of the month only, its costs would look too high.
    begin, end = config.onboarding.from_, config.onboarding.to
    known = [
        month
        for month in months
        if month.first in spent
        and (begin is None or month.first >= begin)
        and (end is None or month.end.date() <= end)
    ]
    if not known:
        return spent_per_account({}, 0)
    counted = onboarded_by_month(x.engine, x.population, known)
    by_month = {f"{month.first:%Y-%m}": spent[month.first] for month in known}
    return spent_per_account(by_month, int(counted["accounts"].sum()))


def _features(context: RunContext) -> dict[str, Any]:
    from nsm_pipeline.stats.feature_adoption import (
        RULE,
        adoption_table,
        adoption_trends,
        core_growth,
        feature_records,
        find_blind_spot,
    )
    from nsm_pipeline.warehouse.feature_usage import feature_usage

    x, config = context.extract, context.product.config
    usage = feature_usage(x.engine, x.population, config)
    table = adoption_table(usage.periods, usage.active)
    trends = adoption_trends(usage.halves, usage.totals, begun=usage.begun)
    growth = core_growth(usage.totals, config.core_metric.name, begun=usage.begun)
    context.run.write_frame(FEATURE_ADOPTION, table)
    return {
        "rule": RULE,
        "growth": asdict(growth),
        "blind_spot": asdict(find_blind_spot(trends, growth)),
        "features": feature_records(table, trends),
    }
