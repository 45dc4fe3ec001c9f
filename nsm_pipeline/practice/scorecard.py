"""`scorecard.json`: a North Star's tests, for the first of the ranking and declared metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nsm_pipeline.practice.measured_week import choice_of, rows_of
from nsm_pipeline.runs.run_files import (
    METRIC_SERIES,
    METRICS,
    RANKING,
    RETENTION,
    REVENUE_BY_WEEK,
    SCORECARD,
    SERIES,
    STAR,
    WEEKLY_REACH,
)

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.practice.measured_week import MeasuredWeek
    from nsm_pipeline.product.candidate import Behaviour
    from nsm_pipeline.product.config import ProductConfig
    from nsm_pipeline.product.subject import Subject
    from nsm_pipeline.stats.gaming import Recount
    from nsm_pipeline.stats.score_evidence import Evidence
    from nsm_pipeline.steps import RunContext

CANDIDATES_SCORED = 3
EVERYBODY = ""


def scorecard(context: RunContext, week: MeasuredWeek | None) -> list[Evidence]:
    """Scores the top three candidates and every declared metric; gives what they are judged by.

    Behaviours that `week` has recounted are not recounted again.
    """
    from nsm_pipeline.product.business_model import AUDIENCES
    from nsm_pipeline.stats.scorecard import score, score_record

    run, config = context.run, context.product.config
    retention = run.read_json(RETENTION)
    found = [*_candidates(context, week), *_metrics(context)]
    if not found:
        return found
    run.write_json(
        SCORECARD,
        {
            "business_model": config.business_model,
            "audience": AUDIENCES[config.audience],
            "retention": retention["verdict"],
            "scores": [score_record(one, score(one, retention), config) for one in found],
        },
    )
    return found


def _candidates(context: RunContext, week: MeasuredWeek | None) -> Iterator[Evidence]:
    from nsm_pipeline.product.subject import subject_of
    from nsm_pipeline.stats.gaming import just_reached
    from nsm_pipeline.stats.movement import falls_of, moves_with, spread_of_cohorts
    from nsm_pipeline.stats.score_evidence import Evidence

    run, config = context.run, context.product.config
    ranking = run.read_json(RANKING)
    tests = {test["candidate"]: test for test in run.read_json(SERIES)}
    for row in _leaders(context, ranking["candidates"]):
        subject = subject_of(row["candidate"], config)
        weekly, cohorts = _weekly(context, row), _by_cohort(row)
        recount, why_not = _recount(context, row, week)
        yield Evidence(
            subject=subject,
            words=row["statement"],
            promise=config.core_metric.promise,
            has_revenue=config.source.revenue is not None,
            row=row,
            series=tests.get(row["candidate"]),
            spread=spread_of_cohorts(
                cohorts["accounts"].to_numpy(float), cohorts["doers"].to_numpy(float)
            ),
            falls=falls_of(weekly),
            recount=recount,
            not_recounted=why_not,
            just_reached=just_reached(context.cells, row, ranking["calibration"]),
            guardrail=moves_with(weekly, _guardrail(context, subject)),
        )


def _leaders(context: RunContext, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first three with an estimate: the leader that is kept, then as the ranking has them."""
    top = context.run.read_json(STAR)["top"] if context.run.exists(STAR) else ()
    kept = [one["candidate"] for one in top]
    known = [row for row in rows if row["lift_pp"] is not None]
    led = [row for name in kept for row in known if row["candidate"] == name]
    return [*led, *(row for row in known if row["candidate"] not in kept)][:CANDIDATES_SCORED]


def _metrics(context: RunContext) -> Iterator[Evidence]:
    from nsm_pipeline.product.subject import subject_of
    from nsm_pipeline.stats.movement import falls_of, moves_with, spread_of_cohorts
    from nsm_pipeline.stats.score_evidence import Evidence

    run, config = context.run, context.product.config
    for told in run.read_json(METRICS)["metrics"] if run.exists(METRICS) else ():
        subject, series = subject_of(told["name"], config), _series(context, told["name"])
        values = series["value"]
        is_share = told["unit"] == "share"
        units = series["units"].to_numpy(float)
        yield Evidence(
            subject=subject,
            words=told["sentence"],
            promise=config.core_metric.promise,
            has_revenue=config.source.revenue is not None,
            row=None,
            series=_against_revenue(context, told, values),
            spread=spread_of_cohorts(units, values.to_numpy(float) * units) if is_share else None,
            falls=falls_of(values),
            recount=None,
            not_recounted="Only behaviours are counted anew without repeats.",
            just_reached=None,
            guardrail=moves_with(values, _guardrail(context, subject)),
        )


def _weekly(context: RunContext, row: Mapping[str, Any]) -> pd.Series:
    """Share of the accounts of each onboarding week, or cohort, that did it, by its beginning."""
    run = context.run
    if run.exists(WEEKLY_REACH):
        reach = run.read_frame(WEEKLY_REACH)
        mine = reach[reach["candidate"] == row["candidate"]]
        by_week: pd.Series = (mine["doers"] / mine["accounts"]).set_axis(mine["week"])
        return by_week
    cohorts = _by_cohort(row)
    by_cohort: pd.Series = (cohorts["doers"] / cohorts["accounts"]).set_axis(cohorts["cohort"])
    return by_cohort


def _by_cohort(row: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(row["cohorts"], columns=["cohort", "accounts", "doers"])


def _series(context: RunContext, metric: str) -> pd.DataFrame:
    """`value, units` of everybody by whole period; none where the run left no such metric."""
    import pandas as pd

    if not context.run.exists(METRIC_SERIES):
        return pd.DataFrame({"value": [], "units": []}, index=pd.DatetimeIndex([]), dtype=float)
    frame = context.run.read_frame(METRIC_SERIES)
    mine = frame[(frame["metric"] == metric) & (frame["segment"] == EVERYBODY) & frame["whole"]]
    found: pd.DataFrame = mine.set_index(_begins(mine["period"], context.product.config.timezone))[
        ["value", "units"]
    ]
    return found


def _begins(period: pd.Series, timezone: str) -> pd.Series:
    """The day that a period begins on by the product's clocks, as weeks of revenue are named."""
    local: pd.Series = period.dt.tz_convert(timezone).dt.tz_localize(None).dt.floor("D")
    return local


def _guardrail(context: RunContext, subject: Subject) -> pd.Series:
    name = subject.declared.guardrail if subject.declared else None
    values: pd.Series = _series(context, name or "")["value"]
    return values


def _against_revenue(
    context: RunContext, told: Mapping[str, Any], values: pd.Series
) -> dict[str, Any] | None:
    """The test that candidates get, on the metric's own weeks; other periods are too few."""
    from dataclasses import asdict

    from nsm_pipeline.stats.leading import lead_test

    revenue = context.product.config.source.revenue
    if revenue is None or told["per"] != "week":
        return None
    by_week = context.run.read_frame(REVENUE_BY_WEEK).set_index("week")["revenue"]
    return asdict(lead_test(told["name"], values, by_week, kind=revenue.kind))


def _recount(
    context: RunContext, row: Mapping[str, Any], week: MeasuredWeek | None
) -> tuple[Recount | None, str]:
    """The behaviour counted anew, or why that says nothing of it."""
    from nsm_pipeline.product.subject import behaviours_of
    from nsm_pipeline.stats.gaming import read_recount

    config = context.product.config
    clause, *others = behaviours_of(row["candidate"], config)
    if others:
        return None, "Of several parts none is repeated; recounting says nothing."
    if clause.measure != "count":
        return None, _not_counted(clause.measure)
    known = None if week is None else week.record("recounted", choice_of(row))
    if known is not None:
        return read_recount(known["recount"]), known["why_not"]
    return _recounted(context, row, clause)


def _recounted(
    context: RunContext, row: Mapping[str, Any], clause: Behaviour
) -> tuple[Recount | None, str]:
    """The same, counted now."""
    from nsm_pipeline.stats.gaming import recount
    from nsm_pipeline.warehouse.repetition import Repeated, repetition

    config, x = context.product.config, rows_of(context)
    if any(not x.tables.events[c].type().is_string() for c in clause.where if c in _found(config)):
        return None, "Its rows are told by a number; they are not counted anew."
    asked = Repeated(row["candidate"], clause, int(row["at_least"]), int(row["within_days"]))
    histogram, whose = repetition(x.engine, x.population, config, (x.exposures, asked))
    return recount(histogram, whose, row["at_least"]), ""


def _found(config: ProductConfig) -> tuple[str, ...]:
    return config.discover.properties if config.discover else ()


def _not_counted(measure: Any) -> str:
    if measure == "days":
        return "It counts days, so repeats on one day cannot raise it; nothing else is recounted."
    return "It is an amount or a variety: larger amounts raise it, not repeats."
