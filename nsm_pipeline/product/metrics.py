"""Metrics as the product file declares them: what is counted, of whom, period by period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from nsm_pipeline.product.candidate import Behaviour, Part
from nsm_pipeline.product.grammar import Days, Measure, Model, Name, Sum, Threshold

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
Period = Literal["day", "week", "month"]


class Mean(Model):
    """Mean of a numeric column over the counted events."""

    mean: Name = Field(examples=["rating"])


class Median(Model):
    """Median over the active units of what each of them measures."""

    median: Measure = Field(examples=["{sum: hours}"])


class Clause(Behaviour):
    """What a unit does in a period: at all, or to at least so much."""

    at_least: Threshold | None = None


def _base_kind(value: Any) -> str:
    return "onboarded" if isinstance(value, str) else "clause"


class ShareOf(Model):
    """Share (0 to 1) of the units that do something else, or of all onboarded accounts."""

    share_of: Annotated[
        Annotated[Literal["onboarded"], Tag("onboarded")] | Annotated[Clause, Tag("clause")],
        Discriminator(_base_kind),
    ] = Field(examples=["{event: searched}", "onboarded"])


class Ratio(Model):
    """One metric divided by another, period by period."""

    ratio: tuple[MetricName, MetricName] = Field(examples=["[messages, active_teams]"])


VALUES: dict[str, type[Model]] = {
    "sum": Sum,
    "mean": Mean,
    "median": Median,
    "share_of": ShareOf,
    "ratio": Ratio,
}


def _value_kind(value: Any) -> str:
    if isinstance(value, dict):
        return next((kind for kind in VALUES if kind in value), "share_of")
    return next((kind for kind, model in VALUES.items() if isinstance(value, model)), "word")


Value = Annotated[
    Annotated[Literal["units", "events"], Tag("word")]
    | Annotated[Sum, Tag("sum")]
    | Annotated[Mean, Tag("mean")]
    | Annotated[Median, Tag("median")]
    | Annotated[ShareOf, Tag("share_of")],
    Discriminator(_value_kind),
]


class Named(Model):
    """What a metric is called, in files and on the page."""

    name: MetricName = Field(
        description="lower-case letters, digits and _", examples=["weekly_active_teams"]
    )
    title: Name | None = Field(None, examples=["Weekly active teams"])

    @property
    def shown(self) -> str:
        """Its title, or its name in words."""
        return self.title or self.name.replace("_", " ").capitalize()


class Counted(Named):
    """A metric that is counted from events: of which unit, in which periods, how divided.

    `calendar` counts what happened in each period; `cohort` puts every account into the period in
    which it onboarded and counts what it did `within` so many days of it.
    """

    unit: Name | None = Field(None, description="id column of the events", examples=["user_id"])
    value: Value = Field("units", examples=["events"])
    per: Period = Field("week", examples=["month"])
    by: Literal["calendar", "cohort"] = "calendar"
    within: Days | None = Field(None, examples=["10d"])
    segment: Name | None = Field(None, examples=["country"])


class SimpleMetric(Clause, Counted):
    """Units counted by one thing that they do."""

    @property
    def clauses(self) -> tuple[Clause | Part, ...]:
        """What a unit must do to be counted; the first says which events are."""
        return (self,)


class CompositeMetric(Counted):
    """Units counted by several things that must all hold in the same period."""

    all_of: Annotated[tuple[Part, ...], Field(min_length=2)]

    @property
    def clauses(self) -> tuple[Clause | Part, ...]:
        """What a unit must do to be counted; the first says which events are."""
        return self.all_of


class RatioMetric(Named):
    """One metric divided by another; periods and segments are theirs."""

    value: Ratio


CountedMetric = SimpleMetric | CompositeMetric


def _metric_kind(value: Any) -> str:
    if isinstance(value, dict):
        if "all_of" in value:
            return "composite"
        return "ratio" if _value_kind(value.get("value")) == "ratio" else "simple"
    kinds = {CompositeMetric: "composite", RatioMetric: "ratio"}
    return next((kind for model, kind in kinds.items() if isinstance(value, model)), "simple")


Metric = Annotated[
    Annotated[SimpleMetric, Tag("simple")]
    | Annotated[CompositeMetric, Tag("composite")]
    | Annotated[RatioMetric, Tag("ratio")],
    Discriminator(_metric_kind),
]


def framed(metric: Metric, metrics: Sequence[Metric]) -> CountedMetric:
    """The metric that says in which periods it is: itself, or of a ratio the first of the two."""
    if not isinstance(metric, RatioMetric):
        return metric
    first = next(other for other in metrics if other.name == metric.value.ratio[0])
    return framed(first, metrics)
