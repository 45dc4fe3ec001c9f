"""Rules about metrics: names, thresholds, and which words go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nsm_pipeline.product.candidate import Part
from nsm_pipeline.product.clauses import counts_whole, metric_clauses
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Sum
from nsm_pipeline.product.metrics import (
    Clause,
    CompositeMetric,
    Counted,
    CountedMetric,
    Mean,
    Median,
    RatioMetric,
    ShareOf,
)
from nsm_pipeline.product.model_findings import did_you_mean
from nsm_pipeline.product.north_star import LEADER
from nsm_pipeline.product.source_rules import (
    LEVELS,
    NUMBERS,
    SourceColumns,
    SourceRule,
    column_of_kind,
    measured_column,
    no_column,
)
from nsm_pipeline.product.yaml_tree import Finding, Keys, short

MetricRule = Callable[[ProductConfig], Iterator[Finding]]


def _metric_names(config: ProductConfig) -> Iterator[Finding]:
    candidates = {candidate.name for candidate in config.candidates}
    first: dict[str, int] = {}
    for index, metric in enumerate(config.metrics):
        keys: Keys = ("metrics", index, "name")
        earlier = first.setdefault(metric.name, index)
        if earlier != index:
            what = f'metrics[{earlier}] is named "{metric.name}" already.'
            yield Finding(keys, what, "Give each metric a name of its own.")
        elif metric.name in candidates:
            what = f'A candidate is named "{metric.name}" already.'
            yield Finding(keys, what, "Name the metric after what its series shows.")
        elif metric.name == LEADER:
            what = f"`{LEADER}` stands for the first of the ranking."
            yield Finding(keys, what, "Give the metric another name.")


def _cohorts(config: ProductConfig) -> Iterator[Finding]:
    for index, metric in _counted(config):
        keys: Keys = ("metrics", index)
        if metric.by == "cohort" and metric.within is None:
            what = "A cohort is counted within so many days of onboarding, and none are given."
            yield Finding((*keys, "by"), what, "Add `within: 10d`, or another number of days.")
        if metric.by == "calendar" and metric.within is not None:
            what = "`within` counts from onboarding, which calendar periods do not know."
            yield Finding((*keys, "within"), what, "Add `by: cohort`, or take `within` out.")
        if metric.by == "cohort" and metric.unit is not None:
            what = "Accounts onboard, so cohorts are of accounts."
            yield Finding((*keys, "unit"), what, "Take `unit` out, or count `by: calendar`.")
        of_onboarded = isinstance(metric.value, ShareOf) and metric.value.share_of == "onboarded"
        if metric.by == "calendar" and of_onboarded:
            what = "A share of the onboarded is a share of a cohort."
            mend = "Add `by: cohort` and `within`, or say what the others do: `{event: any}`."
            yield Finding((*keys, "value", "share_of"), what, mend)


def _thresholds(config: ProductConfig) -> Iterator[Finding]:
    for keys, clause in metric_clauses(config):
        k = clause.at_least if isinstance(clause, Clause | Part) else None
        if k is None:
            continue
        if k <= 0:
            what = f"{k:g} would count units that did nothing."
            yield Finding((*keys, "at_least"), what, "Give more than 0, or leave it out.")
        elif counts_whole(clause) and k != int(k):
            what = f"{k:g} is no number of times or days."
            yield Finding((*keys, "at_least"), what, "Give a whole number.")


def _composites(config: ProductConfig) -> Iterator[Finding]:
    for index, metric in _counted(config):
        if not isinstance(metric, CompositeMetric):
            continue
        if metric.value != "units" and not isinstance(metric.value, ShareOf):
            yield Finding(
                ("metrics", index, "value"),
                "Of several clauses it is not clear whose events this is about.",
                "Count `units` or a `share_of`, or keep one clause.",
            )
        if all(part.at_most is not None for part in metric.all_of):
            yield Finding(
                ("metrics", index, "all_of"),
                "Nothing has to be done here, so units that do nothing would count.",
                "Give at least one part an `at_least`.",
            )


def _ratios(config: ProductConfig) -> Iterator[Finding]:
    counted = {metric.name: metric for _, metric in _counted(config)}
    for index, metric in enumerate(config.metrics):
        if not isinstance(metric, RatioMetric):
            continue
        keys: Keys = ("metrics", index, "value", "ratio")
        for place, name in enumerate(metric.value.ratio):
            if name not in counted:
                what = f'No metric that counts events is named "{short(name)}".'
                mend = did_you_mean(name, counted, kind="metrics")
                yield Finding((*keys, place), what, mend)
        above, below = (counted.get(name) for name in metric.value.ratio)
        if above and below and _frame(above) != _frame(below):
            yield Finding(
                keys,
                f'"{above.name}" and "{below.name}" are not of the same periods and segments.',
                "Give both the same `per`, `by`, `within` and `segment`.",
            )


def _frame(metric: Counted) -> tuple[object, ...]:
    return metric.per, metric.by, metric.within, metric.segment


def _counted(config: ProductConfig) -> Iterator[tuple[int, CountedMetric]]:
    for index, metric in enumerate(config.metrics):
        if not isinstance(metric, RatioMetric):
            yield index, metric


def _columns(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    """The columns that a metric names beside its clauses'."""
    for index, metric in _counted(config):
        keys: Keys = ("metrics", index)
        if metric.unit is not None:
            place = (*keys, "unit")
            yield from column_of_kind(place, columns, "events", metric.unit, ("string", "integer"))
        yield from _value_column((*keys, "value"), metric, columns)
        if metric.segment is not None:
            yield from _segment((*keys, "segment"), metric, columns)


def _value_column(keys: Keys, metric: CountedMetric, columns: SourceColumns) -> Iterator[Finding]:
    match metric.value:
        case Median(median=measure):
            yield from measured_column((*keys, "median"), measure, columns)
        case Sum(sum=column):
            yield from column_of_kind((*keys, "sum"), columns, "events", column, NUMBERS)
        case Mean(mean=column):
            yield from column_of_kind((*keys, "mean"), columns, "events", column, NUMBERS)


def _segment(keys: Keys, metric: CountedMetric, columns: SourceColumns) -> Iterator[Finding]:
    """A cohort is divided by what its accounts are, so that every account is in one level."""
    name, usable = metric.segment or "", ("accounts", "events")[: 1 if metric.within else 2]
    there = tuple(table for table in usable if table in columns)
    if not there:
        what = "Cohorts are divided by attributes of accounts, but there is no accounts table."
        yield Finding(keys, what, "Add `source.accounts`, or take `segment` out.")
        return
    tables = [table for table in there if name in columns[table]]
    if not tables:
        yield no_column(keys, columns, there, name)
    else:
        yield from column_of_kind(keys, columns, tables[0], name, LEVELS)


METRIC_RULES: tuple[MetricRule, ...] = (
    _metric_names,
    _cohorts,
    _thresholds,
    _composites,
    _ratios,
)
METRIC_SOURCE_RULES: tuple[SourceRule, ...] = (_columns,)
