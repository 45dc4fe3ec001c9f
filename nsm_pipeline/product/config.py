"""The product file as frozen models: the only configuration a data engineer writes.

A model here says what one key may hold by itself. What two keys must agree on is in `rules.py`;
where a key stands in the file is known to `yaml_file.py`.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
    field_validator,
)

COUNT_THRESHOLDS = (1, 2, 3, 5, 7, 10, 15, 20)
DAYS_PER_UNIT = {"d": 1, "w": 7}


def _days(value: Any) -> Any:
    match = re.fullmatch(r"(\d+)([dw])", value) if isinstance(value, str) else None
    if match:
        return int(match[1]) * DAYS_PER_UNIT[match[2]]
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"a duration needs its unit: write {value}d for {value} days")
    raise ValueError(f"{value!r} is not a duration: write 7d for seven days or 4w for four weeks")


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Days = Annotated[
    int,
    BeforeValidator(_days),
    Field(ge=1, le=3650),
    WithJsonSchema({"type": "string", "pattern": r"^\d+[dw]$", "examples": ["7d", "4w"]}),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
EventSelector = Annotated[
    tuple[Name, ...],
    BeforeValidator(_listed),
    Field(min_length=1),
    WithJsonSchema(
        {
            "description": "an event name, a list of them, a pattern such as used_*, or any",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }
    ),
]
Scalar = str | bool | int | float | datetime | date
Threshold = Annotated[float, Field(allow_inf_nan=False)]
Thresholds = Annotated[
    tuple[Threshold, ...],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=50),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}
    ),
]


class Model(BaseModel):
    """Immutable; a key that is not in the contract is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Condition(Model):
    """What one column must be; several keys must all hold. NULL never matches but for `null`."""

    equals: Scalar | None = None
    in_: tuple[Scalar, ...] | None = Field(None, alias="in", min_length=1)
    contains: Annotated[str, StringConstraints(min_length=1)] | None = None
    at_least: float | datetime | date | None = None
    at_most: float | datetime | date | None = None
    over: float | datetime | date | None = None
    under: float | datetime | date | None = None
    null: bool | None = None


def _condition(value: Any) -> Any:
    """A bare scalar means equals, a bare list means in."""
    if isinstance(value, list | tuple):
        return {"in": value}
    return value if isinstance(value, dict | Condition) else {"equals": value}


Where = dict[Name, Annotated[Condition, BeforeValidator(_condition)]]


class Distinct(Model):
    """Number of different values of a column."""

    distinct: Name


class Sum(Model):
    """Sum of a numeric column."""

    sum: Name


class Max(Model):
    """Largest value of a numeric column."""

    max: Name


def _measure_kind(value: Any) -> str:
    if isinstance(value, Distinct | Sum | Max):
        return type(value).__name__.lower()
    if isinstance(value, dict):
        return next((kind for kind in ("distinct", "sum", "max") if kind in value), "distinct")
    return "word"


Measure = Annotated[
    Annotated[Literal["count", "days"], Tag("word")]
    | Annotated[Distinct, Tag("distinct")]
    | Annotated[Sum, Tag("sum")]
    | Annotated[Max, Tag("max")],
    Discriminator(_measure_kind),
]


class Behaviour(Model):
    """Which events count and how they are measured: the part that candidates share."""

    event: EventSelector
    where: Where = {}
    measure: Measure = "count"


class SimpleCandidate(Behaviour):
    """One behaviour that an account may reach at least k times within X days."""

    name: Name
    at_least: Thresholds | None = None


class Part(Behaviour):
    """One clause of a composite candidate: at least so many, or at most so many."""

    at_least: Threshold | None = None
    at_most: Threshold | None = None


class CompositeCandidate(Model):
    """Several clauses that must all hold within the same window."""

    name: Name
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

    files: Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1)]


class Table(Model):
    """A table or view of the connection, `name` or `schema.name`."""

    table: Name


class EventColumns(Model):
    """Where events are and which columns hold the account, the time and the event's name."""

    account: Name
    at: Name
    event: Name
    id: Name | None = None


class EventFiles(EventColumns, Files):
    """Events in files."""


class EventTable(EventColumns, Table):
    """Events in a table."""


class AccountColumns(Model):
    """One row per account; the columns with a meaning of their own are named here."""

    account: Name
    signed_up_at: Name | None = None
    observed_until: Name | None = None
    internal: Name | None = None


class AccountFiles(AccountColumns, Files):
    """Accounts in files."""


class AccountTable(AccountColumns, Table):
    """Accounts in a table."""


class RevenueColumns(Model):
    """One row per payment (positive) or refund (negative)."""

    account: Name
    at: Name
    amount: Name
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    refund: Where = {}


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
    observed_until: datetime | None = None


class CoreMetric(Model):
    """The event in which a customer gets what the product promises."""

    name: Name
    event: EventSelector
    where: Where = {}
    promise: str | None = None


class Onboarding(Model):
    """An account counts as onboarded at its nth core event, if that falls in [from, to)."""

    nth: Annotated[int, Field(ge=1, le=1000)] = 1
    from_: date | None = Field(None, alias="from")
    to: date | None = None


class Retention(Model):
    """Retained: at least one such event in (t0 + after, t0 + after + within]."""

    event: EventSelector
    where: Where = {}
    after: Days
    within: Days


class Exposure(Model):
    """The windows X, in days from onboarding, within which a behaviour must happen."""

    within: Annotated[tuple[Days, ...], BeforeValidator(_listed), Field(min_length=1)]

    @field_validator("within")
    @classmethod
    def _ascending(cls, within: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(within)))


class Discover(Model):
    """Candidates the pipeline adds by itself: every event, and every frequent property value."""

    events: Literal["all"] | tuple[Name, ...] = "all"
    except_: tuple[Name, ...] = Field((), alias="except")
    at_least: Thresholds = COUNT_THRESHOLDS
    properties: tuple[Name, ...] = ()


class Bots(Model):
    """An account is a bot when every limit given here is exceeded."""

    first_day_events_over: Annotated[int, Field(ge=0)] | None = None
    first_day_share_over: Annotated[float, Field(ge=0, lt=1)] | None = None


class Exclude(Model):
    """Who is not a customer."""

    accounts: Where = {}
    bots: Bots | None = None


Severity = Literal["critical", "warning", "off"]
Share = Annotated[float, Field(ge=0, le=1)]


class Check(Model):
    """A check and what its failure means: stop, publish with a flag, or not looked at."""

    severity: Severity = "critical"


class Freshness(Check):
    """The newest event is at most this old at the run's moment."""

    max_age: Days = 3


class Volume(Check):
    """Rows of the last 7 days against the median of the same span over the 4 weeks before."""

    severity: Severity = "warning"
    lowest_ratio: Annotated[float, Field(ge=0)] = 0.5
    highest_ratio: Annotated[float, Field(gt=0)] = 2.0


class RowShare(Check):
    """At most this share of rows may be affected."""

    max_share: Share = 0.0


class WarnedRowShare(RowShare):
    """As RowShare, and a failure is published with a flag."""

    severity: Severity = "warning"


class Warned(Check):
    """A failure is published with a flag."""

    severity: Severity = "warning"


class EnoughAccounts(Check):
    """At least this many eligible accounts."""

    at_least: Annotated[int, Field(ge=1)] = 500


class Checks(Model):
    """What must hold before anything is fitted."""

    freshness: Freshness = Freshness()
    volume: Volume = Volume()
    nulls: RowShare = RowShare()
    duplicates: WarnedRowShare = WarnedRowShare(max_share=0.05)
    future: RowShare = RowShare()
    before_start: WarnedRowShare = WarnedRowShare()
    vanished_events: Warned = Warned()
    unknown_events: Warned = Warned()
    orphan_accounts: WarnedRowShare = WarnedRowShare(max_share=0.01)
    negative_revenue: WarnedRowShare = WarnedRowShare()
    eligible_accounts: EnoughAccounts = EnoughAccounts()


class Publish(Model):
    """Where the ranking is appended as tables, besides the run folder."""

    connection: Name | None = None
    table: Name = "nsm_ranking"


class ProductConfig(Model):
    """One product: what is measured, on whom, and which behaviours are compared."""

    version: Literal[1]
    product: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
    title: Name
    owner: Name
    audience: Literal["consumer", "b2b"]
    schedule: Name = "0 2 * * *"
    timezone: str = "UTC"
    start_date: date

    source: Source
    core_metric: CoreMetric
    onboarding: Onboarding = Onboarding()
    retention: Retention
    exposure: Exposure

    candidates: tuple[Candidate, ...] = ()
    discover: Discover | None = None
    placebos: tuple[Name, ...] = ()
    passive_events: tuple[Name, ...] = ()
    families: tuple[tuple[Name, ...], ...] = ()
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
                f"{timezone!r} is not an IANA time zone such as Europe/London"
            ) from unknown
        return timezone
