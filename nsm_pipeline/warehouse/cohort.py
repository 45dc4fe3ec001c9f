"""Who is compared: one row per onboarded customer, with its clock, its traits and its outcome.

Source: METHOD of the project, section 1 (population, windows, censoring, left truncation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import CoreMetric, Exclude, ProductConfig
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables, visible_events
from nsm_pipeline.warehouse.labels import Labels, labelled, read_labels
from nsm_pipeline.warehouse.where import both, matches, selected

MISSING = "(missing)"


@dataclass(frozen=True)
class Population:
    """Everyone onboarded, and the reason why an account is not compared.

    Shape of `onboarded`: a row per account with an nth core event; `account, account_no, t0,
    observed_until, own_until, status, cohort, segment, part, trait_*`. `status` is eligible,
    censored, outside (onboarded before `from` or after `to`), internal or bot; `own_until` is the
    end that the account itself declares, if any; `part` one of PARTS random parts.
    `event_names` are those of all events.
    """

    onboarded: ir.Table
    events: ir.Table
    event_names: tuple[str, ...]
    observed_until: datetime

    @property
    def eligible(self) -> ir.Table:
        """The accounts that are compared."""
        return self.onboarded.filter(self.onboarded.status == "eligible")


def build_population(
    engine: Engine,
    tables: SourceTables,
    config: ProductConfig,
    as_of: datetime,
    *,
    labels: Labels | None = None,
) -> Population:
    """Onboarded accounts with status, traits, cohort and segment, materialised.

    Without `labels` they are read off the eligible accounts.
    """
    moment = as_of.astimezone(UTC).replace(tzinfo=None)
    events = visible_events(tables, config.source, ibis.timestamp(moment.isoformat()))
    names, newest = _names_and_newest(engine, events)
    end = _end_of_observation(newest, config, moment)
    onboarded = build_onboarded(engine, replace(tables, events=events), config, end, labels=labels)
    return Population(onboarded, events, names, end.replace(tzinfo=UTC))


def build_onboarded(
    engine: Engine,
    tables: SourceTables,
    config: ProductConfig,
    end: datetime,
    *,
    labels: Labels | None = None,
) -> ir.Table:
    """`Population.onboarded` at this end of observation, of events that the run may know of."""
    events = tables.events
    clock = engine.materialise(
        "onboarding", "when each account onboards", onboarding(events, config)
    )
    accounts = _with_attributes(clock, tables, config, events)
    status = engine.materialise(
        "account_status",
        "who is compared and who is not",
        _with_status(accounts, events, config, end),
    )
    named = labelled(status, labels or read_labels(engine, status, config), config)
    onboarded = engine.materialise("cohort", "cohorts, segments and account numbers", named)
    engine.let_go("onboarding", "account_status")
    return onboarded


def onboarding(events: ir.Table, config: ProductConfig) -> ir.Table:
    """Row per account that has an nth core event: `account, t0`."""
    core = events.filter(core_events(events, config.core_metric))
    nth = config.onboarding.nth
    if nth == 1:
        return core.group_by("account").aggregate(t0=core["at"].min())
    order = ibis.row_number().over(group_by=core.account, order_by=core["at"])
    return core.mutate(n=order).filter(lambda t: t.n == nth - 1).select("account", t0="at")


def core_events(events: ir.Table, core: CoreMetric) -> ir.BooleanValue:
    """True on the events that the core metric counts."""
    return both(selected(events.event, core.event), core.where, events)


def days_after(moment: ir.Value, days: int) -> ir.Value:
    """The moment `days` times 24 hours later."""
    return moment + ibis.interval(days=days)


def _names_and_newest(engine: Engine, events: ir.Table) -> tuple[tuple[str, ...], datetime | None]:
    """Every event name, sorted, and the moment of the newest event."""
    by_name = events.group_by("event").aggregate(newest=events["at"].max())
    found = engine.fetch("names of events and the newest of each", by_name)
    newest = found["newest"].max()
    names = tuple(sorted(found["event"].astype(str)))
    return names, newest.to_pydatetime() if len(found) else None


def _end_of_observation(
    newest: datetime | None, config: ProductConfig, as_of: datetime
) -> datetime:
    """The declared end, or the newest event: silence after it says nothing about accounts."""
    declared = config.source.observed_until
    if declared is not None:
        zoned = declared if declared.tzinfo else declared.replace(tzinfo=UTC)
        return min(zoned.astimezone(UTC).replace(tzinfo=None), as_of)
    return as_of if newest is None else min(newest, as_of)


def _with_attributes(
    clock: ir.Table, tables: SourceTables, config: ProductConfig, events: ir.Table
) -> ir.Table:
    """Adds account attributes; one that only events have is taken from the onboarding event."""
    wanted = dict.fromkeys((*config.adjust_for, *config.segments))
    columns = tables.accounts.columns if tables.accounts is not None else ()
    from_events = [column for column in wanted if column not in columns]
    joined = clock
    if tables.accounts is not None:
        joined = clock.left_join(one_row_each(tables.accounts), "account").drop("account_right")
    if from_events:
        first = _first_values(
            clock, events.filter(core_events(events, config.core_metric)), from_events
        )
        joined = joined.left_join(first, "account").drop("account_right")
    return joined.mutate(
        **{
            f"trait_{number}": joined[column].cast("string").fill_null(MISSING)
            for number, column in enumerate(wanted)
        }
    )


def one_row_each(accounts: ir.Table) -> ir.Table:
    """A re-delivered account counts once, and always the same row of it."""
    order = ibis.row_number().over(
        group_by=accounts.account, order_by=[accounts[column] for column in accounts.columns]
    )
    return accounts.mutate(delivery=order).filter(lambda t: t.delivery == 0).drop("delivery")


def _first_values(clock: ir.Table, core: ir.Table, columns: list[str]) -> ir.Table:
    """Smallest value at the very moment of onboarding: ties must not depend on row order."""
    first = core.join(clock, [core.account == clock.account, core["at"] == clock.t0])
    return first.group_by("account").aggregate(
        **{column: first[column].cast("string").min() for column in columns}
    )


def _with_status(
    accounts: ir.Table, events: ir.Table, config: ProductConfig, end: datetime
) -> ir.Table:
    observed = ibis.timestamp(end.isoformat())
    own: ir.Value = ibis.null("timestamp(6)")
    if "observed_until" in accounts.columns:
        own = accounts.observed_until
        observed = ibis.least(observed, own.fill_null(observed))
    outcome_days = config.retention.after + config.retention.within
    status = ibis.cases(
        (excluded(accounts, config.exclude), "internal"),
        (_outside(accounts, config), "outside"),
        (days_after(accounts.t0, outcome_days) > observed, "censored"),
        else_="eligible",
    )
    kept = ["account", "t0", *(c for c in accounts.columns if c.startswith("trait_"))]
    rows = accounts.mutate(status=status, own_until=own).mutate(observed_until=observed)
    rows = rows.select(*kept, "observed_until", "own_until", "status")
    bots = _bots(rows, events, config)
    if bots is None:
        return rows
    marked = rows.left_join(bots, "account").drop("account_right")
    bot = marked.is_bot.fill_null(False) & (marked.status != "internal")
    return marked.mutate(status=ibis.ifelse(bot, "bot", marked.status)).drop("is_bot")


def excluded(accounts: ir.Table, exclude: Exclude) -> ir.BooleanValue:
    """True on accounts that are no customers, by declaration."""
    named = matches(accounts, exclude.accounts) if exclude.accounts else ibis.literal(False)
    if "internal" in accounts.columns:
        return named | accounts.internal.fill_null(False)
    return named


def _outside(accounts: ir.Table, config: ProductConfig) -> ir.BooleanValue:
    outside = ibis.literal(False)
    if config.onboarding.from_:
        outside = outside | (accounts.t0 < _midnight(config.onboarding.from_))
    if config.onboarding.to:
        outside = outside | (accounts.t0 >= _midnight(config.onboarding.to))
    return outside


def _midnight(day: date) -> ir.TimestampScalar:
    return ibis.timestamp(datetime.combine(day, time()).isoformat())


def _bots(rows: ir.Table, events: ir.Table, config: ProductConfig) -> ir.Table | None:
    """Accounts over every declared limit, seen only before the outcome can be known.

    The share is over the longest exposure window, not over all time: an account that never came
    back has all its events in its first days, and leaving it out would choose by the outcome.
    """
    limits = config.exclude.bots
    if limits is None:
        return None
    near = events.join(rows.select("account", "t0"), "account")
    near = near.filter(
        near["at"] >= near.t0, near["at"] < days_after(near.t0, config.exposure.within[-1])
    )
    counted = near.group_by("account").aggregate(
        events=near.count(), first_day=near.count(where=near["at"] < days_after(near.t0, 1))
    )
    over = ibis.literal(True)
    if limits.first_day_events_over is not None:
        over = over & (counted.first_day > limits.first_day_events_over)
    if limits.first_day_share_over is not None:
        over = over & (counted.first_day > limits.first_day_share_over * counted.events)
    return counted.select("account", is_bot=over)


def population_counts(
    engine: Engine, population: Population, outcome: ir.Table
) -> Mapping[str, object]:
    """Counts of every status, whole and by cohort, with the number retained: `population.json`.

    `outcome` is `account_no, retained`.
    """
    rows = population.onboarded.left_join(outcome, "account_no").drop("account_no_right")
    rows = rows.mutate(retained=rows.retained.fill_null(False))
    return counts_with_outcome(engine, rows, population.observed_until)


def counts_with_outcome(
    engine: Engine, rows: ir.Table, observed_until: datetime
) -> Mapping[str, object]:
    """The same of rows of a population that say themselves who is `retained`."""
    counted = engine.fetch(
        "accounts by cohort and status",
        rows.group_by("cohort", "status")
        .aggregate(
            accounts=rows.count(),
            retained=rows.count(where=rows.retained),
            first=rows.t0.min(),
            last=rows.t0.max(),
        )
        .order_by("cohort", "status"),
    )
    by_status = counted.groupby("status")["accounts"].sum()
    eligible = counted[counted["status"] == "eligible"]
    inside = counted[counted["status"].isin(["eligible", "censored"])]
    cohorts = [
        {
            "cohort": cohort,
            "onboarded": int(group["accounts"].sum()),
            "censored": int(group.loc[group["status"] == "censored", "accounts"].sum()),
            "eligible": int(group.loc[group["status"] == "eligible", "accounts"].sum()),
            "retained": int(group.loc[group["status"] == "eligible", "retained"].sum()),
        }
        for cohort, group in inside.groupby("cohort", sort=True)
    ]
    return {
        "onboarded": int(counted["accounts"].sum()),
        "left_truncated": int(by_status.get("outside", 0)),
        "internal": int(by_status.get("internal", 0)),
        "bots": int(by_status.get("bot", 0)),
        "censored": int(by_status.get("censored", 0)),
        "eligible": int(eligible["accounts"].sum()),
        "retained": int(eligible["retained"].sum()),
        "observed_until": _text(observed_until),
        "first_onboarded": _text(eligible["first"].min()),
        "last_onboarded": _text(eligible["last"].max()),
        "cohorts": cohorts,
    }


def _text(moment: datetime) -> str | None:
    """ISO 8601 in UTC; None where there is no moment."""
    return None if moment != moment else moment.replace(tzinfo=None).isoformat() + "Z"
