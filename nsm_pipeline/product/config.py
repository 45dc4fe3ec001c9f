"""The product file as frozen models: the only configuration a data engineer writes.

A model here says what one key may hold by itself. What two keys must agree on is in `rules.py`;
where a key stands in the file is known to `yaml_file.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
)

from nsm_pipeline.product.business_model import Audience, BusinessModel
from nsm_pipeline.product.candidate import COUNT_THRESHOLDS, Candidate
from nsm_pipeline.product.checks import Checks
from nsm_pipeline.product.event_words import EventWords
from nsm_pipeline.product.grammar import (
    Day,
    Days,
    EventSelector,
    Model,
    Name,
    Number,
    Thresholds,
    Where,
    Whole,
    listed,
)
from nsm_pipeline.product.health import Health
from nsm_pipeline.product.journey import JourneyStep
from nsm_pipeline.product.metrics import Metric
from nsm_pipeline.product.north_star import NorthStar
from nsm_pipeline.product.retention import Retention
from nsm_pipeline.product.review import Review
from nsm_pipeline.product.scorecard import DeclaredScore
from nsm_pipeline.product.source import TABLE_NAME, Source
from nsm_pipeline.product.tree import Tree


class CoreMetric(Model):
    """The event in which a customer gets what the product promises."""

    name: Name = Field(examples=["Orders placed"])
    event: EventSelector = Field(examples=["order_placed"])
    where: Where = Field({})
    promise: str | None = None


class Onboarding(Model):
    """An account counts as onboarded at its nth core event, if that falls in [from, to)."""

    nth: Annotated[Whole, Field(ge=1, le=1000)] = 1
    from_: Day | None = Field(None, alias="from", examples=["2011-03-01"])
    to: Day | None = Field(None, examples=["2011-09-01"])


class Exposure(Model):
    """The windows X, in days from onboarding, within which a behaviour must happen."""

    asked_within: Annotated[
        Annotated[
            tuple[Days, ...],
            BeforeValidator(listed, json_schema_input_type=Days | tuple[Days, ...]),
            Field(min_length=1),
            Tag("days"),
        ]
        | Annotated[Literal["auto"], Tag("auto")],
        Discriminator(lambda value: "auto" if value == "auto" else "days"),
    ] = Field(alias="within", examples=["[7d, 28d]"])

    @field_validator("asked_within")
    @classmethod
    def _ascending(
        cls, within: tuple[int, ...] | Literal["auto"]
    ) -> tuple[int, ...] | Literal["auto"]:
        return within if within == "auto" else tuple(sorted(set(within)))

    @property
    def within(self) -> tuple[int, ...]:
        """Every X, in days, ascending; `auto` has none before the data was asked."""
        if self.asked_within == "auto":
            raise RuntimeError("`auto` was not settled before it was used")
        return self.asked_within


class Discover(Model):
    """Candidates the pipeline adds by itself: every event, and every frequent property value."""

    events: Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1)] = "all"
    except_: tuple[Name, ...] = Field((), alias="except")
    at_least: Thresholds = COUNT_THRESHOLDS
    properties: tuple[Name, ...] = ()


class Bots(Model):
    """An account is a bot when every limit given here is exceeded."""

    first_day_events_over: Annotated[Whole, Field(ge=0)] | None = None
    first_day_share_over: Annotated[Number, Field(ge=0, lt=1)] | None = None


class Exclude(Model):
    """Who is not a customer, and what is no behaviour.

    `events` are left out of candidates and score: administrative entries, and events that are the
    outcome itself, such as leaving.
    """

    accounts: Where = Field({})
    bots: Bots | None = None
    events: tuple[Name, ...] = ()


class Publish(Model):
    """Where the ranking is appended as tables, besides the run folder."""

    connection: Name | None = None
    table: Annotated[str, StringConstraints(pattern=TABLE_NAME)] = Field(
        "nsm_ranking",
        description="`name` or `schema.name`, of letters, digits and _",
        examples=["analytics.nsm_ranking"],
    )


class State(Model):
    """Carry counts from night to night; the score is fitted anew at each rebuild only."""

    rebuild: Literal["weekly", "monthly", "quarterly"] = Field(
        "monthly", description="how often everything is counted again", examples=["monthly"]
    )
    measure: Literal["weekly", "nightly"] = Field(
        "weekly",
        description="how often what stands around the ranking is measured",
        examples=["weekly"],
    )


class ProductConfig(Model):
    """One product: what is measured, on whom, and which behaviours are compared."""

    version: Literal[1] = Field(examples=[1])
    product: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")] = Field(
        description="lower-case letters, digits and _", examples=["online_retail"]
    )
    title: Name = Field(examples=["Online gift retailer"])
    owner: Name = Field(examples=["growth-data"])
    audience: Audience = Field(examples=["consumer"])
    business_model: BusinessModel | None = None
    schedule: Name = "0 2 * * *"
    timezone: str = Field("UTC", examples=["Europe/London"])
    start_date: Day = Field(examples=["2011-12-10"])

    source: Source = Field(
        examples=["{events: {files: events.parquet, account: account_id, at: ts, event: event}}"]
    )
    core_metric: CoreMetric = Field(examples=["{name: Orders placed, event: order_placed}"])
    onboarding: Onboarding = Onboarding()
    retention: Retention = Field(examples=["{event: core, after: 56d, within: 28d}"])
    exposure: Exposure = Field(examples=["{within: [7d, 14d]}"])

    candidates: tuple[Candidate, ...] = ()
    discover: Discover | None = None
    placebos: tuple[Name, ...] = ()
    passive_events: tuple[Name, ...] = ()
    families: tuple[tuple[Name, ...], ...] = Field((), examples=["[[order_placed, item_bought]]"])
    exclude: Exclude = Exclude()
    adjust_for: tuple[Name, ...] = ()
    segments: tuple[Name, ...] = ()
    metrics: tuple[Metric, ...] = ()
    scorecard: tuple[DeclaredScore, ...] = ()
    tree: Tree | None = None
    review: Review | None = None
    checks: Checks = Checks()
    publish: Publish | None = None
    state: State | None = None
    journey: tuple[JourneyStep, ...] = ()
    health: Health = Health()
    north_star: NorthStar = NorthStar()
    words: dict[Name, EventWords] = Field(
        {}, examples=["{order_placed: {do: place, one: an order, many: orders}}"]
    )

    @property
    def asks_the_data(self) -> bool:
        """Whether a window is `auto`, to be settled before the run begins."""
        asked = (self.retention.asked_after, self.retention.asked_within)
        return "auto" in (*asked, self.exposure.asked_within)

    def with_windows(self, *, after: int, within: int, exposure: tuple[int, ...]) -> ProductConfig:
        """The same product with all its windows in days."""
        window = {"asked_after": after, "asked_within": within}
        return self.model_copy(
            update={
                "retention": self.retention.model_copy(update=window),
                "exposure": Exposure.model_construct(asked_within=tuple(exposure)),
            }
        )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError) as unknown:
            raise ValueError(
                "this is not an IANA time zone: write one such as Europe/London"
            ) from unknown
        return timezone
