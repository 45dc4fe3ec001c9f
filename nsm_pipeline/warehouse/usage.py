"""How accounts use the product over time: gaps between active days, and who is seen by week."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.outcomes import day_number, week_number

MOST_WEEKS = 104


def usage_gaps(engine: Engine, population: Population, returning: ir.Table) -> pd.DataFrame:
    """Gaps between active days since onboarding, counted by length.

    Shape: a row per length and kind: `days`, `ended` (true when the account came back), `gaps`.
    The gap after the last active day has not ended; its days are those observed so far. The day
    of onboarding counts as active.
    """
    accounts = observed_accounts(population)
    rows = since_onboarding(returning, accounts)
    first = accounts.select("account_no", day=ibis.literal(0, "int64"))
    days = rows.select("account_no", day=day_number(engine, rows["at"], rows.t0).cast("int64"))
    active = engine.materialise(
        "active_days", "days on which accounts were active", ibis.union(first, days, distinct=True)
    )
    following = active.mutate(
        after=active.day.lead().over(group_by=active.account_no, order_by=active.day)
    )
    lived = accounts.select(
        "account_no", last=day_number(engine, accounts.observed_until, accounts.t0).cast("int64")
    )
    gaps = following.join(lived, "account_no")
    gaps = gaps.mutate(
        ended=gaps.after.notnull(), days=ibis.coalesce(gaps.after, gaps["last"]) - gaps.day
    )
    counted = gaps.group_by("days", "ended").aggregate(gaps=gaps.count())
    found = engine.fetch("gaps between active days", counted.order_by("days", "ended"))
    return found[found["days"] > 0].reset_index(drop=True)


def retention_curve(
    engine: Engine, population: Population, returning: ir.Table, *, span_weeks: int = 1
) -> pd.DataFrame:
    """Of the accounts observed through the weeks, how many were active in them, since onboarding.

    Shape: a row per week and part: `week` (0 is the week of onboarding), `part` (a fortieth of the
    accounts, for the bootstrap), `accounts`, `active`: seen in that week or the `span_weeks` - 1
    that follow it. Eligible and censored accounts, each only as long as it was observed, so the
    curve never counts an open week as a lost one.
    """
    accounts = observed_accounts(population)
    lived = weeks_lived(engine, population, span_weeks=span_weeks)
    rows = since_onboarding(returning, accounts)
    week = week_number(engine, rows["at"], rows.t0)
    seen = rows.select("account_no", week=week.cast("int16")).distinct()
    if span_weeks > 1:
        offsets = {"offset": list(range(span_weeks))}
        spread = seen.cross_join(engine.small_table("span", offsets, {"offset": "int16"}))
        seen = spread.select("account_no", week=spread.week - spread.offset).distinct()
    seen = seen.join(_weeks_of_each(engine, accounts, span_weeks), "account_no")
    full = seen.filter(seen.week >= 0, seen.weeks > seen.week, seen.week < MOST_WEEKS)
    active = engine.fetch(
        "active accounts by week since onboarding",
        full.group_by("week", "part").aggregate(active=full.count()).order_by("week", "part"),
    )
    return curve_by_week(lived, active)


def weeks_lived(engine: Engine, population: Population, *, span_weeks: int = 1) -> pd.DataFrame:
    """Row per number of whole weeks observed and part: `weeks, part, accounts`."""
    lived = _weeks_of_each(engine, observed_accounts(population), span_weeks)
    sizes = lived.group_by("weeks", "part").aggregate(accounts=lived.count())
    return engine.fetch("weeks observed per account", sizes.order_by("weeks", "part"))


def _weeks_of_each(engine: Engine, accounts: ir.Table, span_weeks: int) -> ir.Table:
    """`account_no, part, weeks`: how many weeks can be told of, each with those that follow it."""
    weeks = week_number(engine, accounts.observed_until, accounts.t0)
    return accounts.select("account_no", "part", weeks=weeks - span_weeks + 1)


def observed_accounts(population: Population) -> ir.Table:
    """Eligible and censored accounts: `account, account_no, t0, observed_until, part`."""
    everyone = population.onboarded
    kept = everyone.filter(everyone.status.isin(["eligible", "censored"]))
    return kept.select(
        "account", "t0", "observed_until", "part", account_no=kept.account_no.cast("int32")
    )


def since_onboarding(returning: ir.Table, accounts: ir.Table) -> ir.Table:
    """Their rows after onboarding, each as long as its account was observed."""
    rows = returning.join(accounts, "account")
    return rows.filter(rows["at"] > rows.t0, rows["at"] <= rows.observed_until)


def curve_by_week(lived: pd.DataFrame, counted: pd.DataFrame) -> pd.DataFrame:
    """The curve from `weeks, part, accounts` and what is counted by `week, part`."""
    sizes = lived.pivot_table(index="weeks", columns="part", values="accounts", aggfunc="sum")
    longest = int(lived["weeks"].max()) if len(lived) else 0
    weeks = range(min(max(longest, 0), MOST_WEEKS))
    by_part = sizes.reindex(range(longest + 1)).fillna(0)
    # Observed through week w are those with more than w weeks.
    through = by_part.iloc[::-1].cumsum().iloc[::-1].shift(-1)
    grid = through.loc[list(weeks)].melt(ignore_index=False, value_name="accounts")
    grid = grid.rename_axis("week").reset_index()
    whole = grid.merge(counted, how="left", on=["week", "part"]).fillna(0)
    whole = whole[whole.groupby("week")["accounts"].transform("sum") > 0]
    return whole.astype("int64").sort_values(["week", "part"], ignore_index=True)
