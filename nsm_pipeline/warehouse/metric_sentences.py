"""Each metric in one sentence: what is counted, of whom, in which periods."""

from __future__ import annotations

from collections.abc import Mapping

from nsm_pipeline.product.candidate import Part
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Distinct, Max, Measure, Sum
from nsm_pipeline.product.metrics import (
    Clause,
    Counted,
    CountedMetric,
    Mean,
    Median,
    Metric,
    RatioMetric,
    ShareOf,
)
from nsm_pipeline.waist.candidate_spec import as_number
from nsm_pipeline.warehouse.clause_words import measure_words, part_words, row_words


def metric_sentence(metric: Metric, config: ProductConfig) -> str:
    """What it counts, such as: Sum of nights: booking_made, each week."""
    titles = {other.name: other.shown for other in config.metrics}
    if isinstance(metric, RatioMetric):
        above, below = (titles[name] for name in metric.value.ratio)
        return f"{above}, divided by {below}, in each period."
    return f"{_value_words(metric)}, {_frame_words(metric)}."


def unit_words(metric: Metric, config: ProductConfig) -> str:
    """What one of the value is: accounts, events, the column that is summed, a share."""
    if isinstance(metric, RatioMetric):
        counted = {other.name: other for other in config.metrics}
        above, below = (unit_words(counted[name], config) for name in metric.value.ratio)
        return f"{above} per {below}"
    match metric.value:
        case "units":
            return _plural(metric)
        case "events":
            return "events"
        case Sum(sum=column) | Mean(mean=column):
            return column
        case Median(median=measure):
            return _measured_in(measure)
    return "share"


def _value_words(metric: CountedMetric) -> str:
    units, done = _plural(metric), _done(metric)
    match metric.value:
        case "units":
            return f"Number of {units} with {done}"
        case "events":
            return f"Number of events: {_of_units(metric)}"
        case Sum(sum=column):
            return f"Sum of {column}: {_of_units(metric)}"
        case Mean(mean=column):
            return f"Mean {column}: {_of_units(metric)}"
        case Median(median=measure):
            return f"Median {_measured_in(measure)} of {units} with {done}"
        case ShareOf(share_of=Clause() as base):
            return f"Share with {done}, of {units} with {_clause_words(base)}"
    return f"Share with {done}, of onboarded accounts"


def _of_units(metric: CountedMetric) -> str:
    """The counted rows, and whose they are where a unit must reach something."""
    rows = row_words(metric.clauses[0])
    if metric.clauses[0].at_least is None:
        return rows
    return f"{rows}, of {_plural(metric)} with {_done(metric)}"


def _done(metric: CountedMetric) -> str:
    return " and ".join(_clause_words(clause) for clause in metric.clauses)


def _clause_words(clause: Clause | Part) -> str:
    if isinstance(clause, Part):
        return part_words(clause)
    if clause.at_least is None:
        return row_words(clause)
    before, after = measure_words(clause)
    return f"{before}{as_number(clause.at_least)}{after}"


def _measured_in(measure: Measure) -> str:
    words: Mapping[str, str] = {"count": "number of events", "days": "number of days"}
    match measure:
        case Distinct(distinct=column):
            return f"number of different {column}"
        case Sum(sum=column):
            return f"sum of {column}"
        case Max(max=column):
            return f"largest {column}"
    return words[str(measure)]


def _frame_words(metric: Counted) -> str:
    if metric.within is not None:
        days = f"{metric.within} day{'' if metric.within == 1 else 's'}"
        return f"within {days} of onboarding, by {metric.per} of onboarding"
    split = f", by {metric.segment}" if metric.segment else ""
    return f"each {metric.per}{split}"


def _plural(metric: Counted) -> str:
    return "accounts" if metric.unit is None else f"different {metric.unit}"
