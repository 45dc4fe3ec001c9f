"""The product file as frozen models: the only configuration a data engineer writes.

A model here says what one key may hold by itself. What two keys must agree on is in `rules.py`;
where a key stands in the file is known to `yaml_file.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, field_validator

from nsm_pipeline.product.checks import Check as Check
from nsm_pipeline.product.checks import Checks
from nsm_pipeline.product.grammar import Condition as Condition
from nsm_pipeline.product.grammar import (
    Day,
    Days,
    EventSelector,
    Measure,
    Model,
    Moment,
    Name,
    Names,
    Number,
    Threshold,
    Thresholds,
    Whole,
    listed,
)
from nsm_pipeline.product.grammar import Distinct as Distinct
from nsm_pipeline.product.grammar import Max as Max
from nsm_pipeline.product.grammar import Scalar as Scalar
from nsm_pipeline.product.grammar import Sum as Sum
from nsm_pipeline.product.grammar import Where as Where

COUNT_THRESHOLDS = (1, 2, 3, 5, 7, 10, 15, 20)
TABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$"


class Behaviour(Model):
    """Which events count and how they are measured: the part that candidates share."""

    event: EventSelector = Field(examples=["order_placed"])
    where: Where = Field({})
    measure: Measure = Field("count", examples=["{distinct: order_id}"])


class SimpleCandidate(Behaviour):
    """One behaviour that an account may reach at least k times within X days."""

    name: Name = Field(examples=["second_order"])
    at_least: Thresholds | None = None


class Part(Behaviour):
    """One clause of a composite candidate: at least so many, or at most so many."""

    at_least: Threshold | None = None
    at_most: Threshold | None = None


class CompositeCandidate(Model):
    """Several clauses that must all hold within the same window."""

    name: Name = Field(examples=["docs_and_no_code"])
    all_of: Annotated[tuple[Part, ...], Field(min_length=2)]


def _candidate_kind(value: Any) -> str:
    composite = isinstance(value, CompositeCandidate) or (
        isinstance(value, dict) and "all_of" in value
    )
    return "composite" if composite else "simple"


Candidate = Annotated[
    Annotated[SimpleCandidate, Tag("simple")] | Annotated[CompositeCandidate, Tag("composite")],
    Discriminator(_candidate_kind),
]


class Files(Model):
    """Parquet files: a path, a list of paths, a folder or a glob."""

    files: Annotated[Names, Field(min_length=1)] = Field(
        examples=["data/shop/events.parquet", "events/2025-*.parquet"]
    )


class Table(Model):
    """A table or view of the connection, `name` or `schema.name`."""

    table: Annotated[str, StringConstraints(pattern=TABLE_NAME)] = Field(
        description="`name` or `schema.name`, of letters, digits and _", examples=["app.events"]
    )


class EventColumns(Model):
    """Where events are and which columns hold the account, the time and the event's name."""

    account: Name = Field(examples=["account_id"])
    at: Name = Field(examples=["ts"])
    event: Name = Field(examples=["event_name"])
    id: Name | None = None


class EventFiles(EventColumns, Files):
    """Events in files."""


class EventTable(EventColumns, Table):
    """Events in a table."""


class AccountColumns(Model):
    """One row per account; the columns with a meaning of their own are named here."""

    account: Name = Field(examples=["account_id"])
    signed_up_at: Name | None = None
    observed_until: Name | None = None
    internal: Name | None = None


class AccountFiles(AccountColumns, Files):
    """Accounts in files."""


class AccountTable(AccountColumns, Table):
    """Accounts in a table."""


class RevenueColumns(Model):
    """One row per payment (positive) or refund (negative)."""

    account: Name = Field(examples=["account_id"])
    at: Name = Field(examples=["ts"])
    amount: Name = Field(examples=["amount"])
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        description="three capital letters", examples=["GBP"]
    )
    refund: Where = Field({})


class RevenueFiles(RevenueColumns, Files):
    """Revenue in files."""


class RevenueTable(RevenueColumns, Table):
    """Revenue in a table."""


def _place(value: Any) -> str:
    in_table = isinstance(value, Table) or (isinstance(value, dict) and "table" in value)
    return "table" if in_table else "files"


class Source(Model):
    """The engine and the three tables in it; only events are required."""

    connection: Name = "duckdb://"
    events: Annotated[
        Annotated[EventFiles, Tag("files")] | Annotated[EventTable, Tag("table")],
        Discriminator(_place),
    ]
    accounts: (
        Annotated[
            Annotated[AccountFiles, Tag("files")] | Annotated[AccountTable, Tag("table")],
            Discriminator(_place),
        ]
        | None
    ) = None
    revenue: (
        Annotated[
            Annotated[RevenueFiles, Tag("files")] | Annotated[RevenueTable, Tag("table")],
            Discriminator(_place),
        ]
        | None
    ) = None
    observed_until: Moment | None = Field(None, examples=["2011-12-09T12:50:00Z"])


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


class Retention(Model):
    """Retained: at least one such event in (t0 + after, t0 + after + within]."""

    event: EventSelector = Field(examples=["order_placed"])
    where: Where = Field({})
    after: Days = Field(examples=["56d"])
    within: Days = Field(examples=["28d"])


class Exposure(Model):
    """The windows X, in days from onboarding, within which a behaviour must happen."""

    within: Annotated[
        tuple[Days, ...],
        BeforeValidator(listed, json_schema_input_type=Days | tuple[Days, ...]),
        Field(min_length=1),
    ] = Field(examples=["[7d, 28d]"])

    @field_validator("within")
    @classmethod
    def _ascending(cls, within: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(within)))


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


class ProductConfig(Model):
    """One product: what is measured, on whom, and which behaviours are compared."""

    version: Literal[1] = Field(examples=[1])
    product: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")] = Field(
        description="lower-case letters, digits and _", examples=["online_retail"]
    )
    title: Name = Field(examples=["Online gift retailer"])
    owner: Name = Field(examples=["growth-data"])
    audience: Literal["consumer", "b2b"] = Field(examples=["consumer"])
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
    checks: Checks = Checks()
    publish: Publish | None = None

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
