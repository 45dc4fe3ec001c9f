"""What the cells count of each account in each window: its labels, its outcome, its revenue."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from nsm_pipeline.waist.cells import REVENUE_WEEKS
from nsm_pipeline.warehouse.cohort import Population, days_after
from nsm_pipeline.warehouse.outcomes import DAYS_PER_WEEK


def account_outcomes(
    population: Population, outcome: ir.Table, weekly: ir.Table | None, windows: Sequence[int]
) -> ir.Table:
    """Row per window and eligible account.

    Shape: `within_days, account_no, cohort, segment, retained, revenue_accounts` (1 when the weeks
    of revenue after the window are observed to their end), `revenue_minor` (hundredths, over those
    weeks). `weekly` is `outcomes.weekly_revenue`, None without revenue.
    """
    accounts = population.eligible.select(
        "account_no", "cohort", "segment", "t0", "observed_until"
    ).join(outcome, "account_no")
    return ibis.union(*(_in_window(accounts, weekly, window) for window in windows))


def _in_window(accounts: ir.Table, weekly: ir.Table | None, window: int) -> ir.Table:
    rows = accounts.mutate(within_days=ibis.literal(window, "int64"))
    if weekly is None:
        rows = rows.mutate(revenue_accounts=0, revenue_minor=0)
    else:
        inside = weekly.filter(weekly.within_days == window)
        paid = inside.group_by("account_no").aggregate(paid=inside.revenue_minor.sum())
        rows = rows.left_join(paid, "account_no").drop("account_no_right")
        observed = days_after(rows.t0, revenue_days(window)) <= rows.observed_until
        rows = rows.mutate(
            revenue_accounts=ibis.ifelse(observed, 1, 0),
            revenue_minor=ibis.ifelse(observed, rows.paid.fill_null(0), 0).cast("int64"),
        )
    return rows.select(
        "within_days",
        "account_no",
        "cohort",
        "segment",
        "retained",
        revenue_accounts=rows.revenue_accounts.cast("int64"),
        revenue_minor=rows.revenue_minor.cast("int64"),
    )


def revenue_days(window: int) -> int:
    """Days from onboarding until the weeks of revenue after the window are over."""
    return window + REVENUE_WEEKS * DAYS_PER_WEEK
