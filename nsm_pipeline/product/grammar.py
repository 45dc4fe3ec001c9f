"""The small words that the product file's sections share: durations, events, conditions, measures.

YAML hands over Python values already, so nothing is guessed from text or from numbers: `"3"` is
no number, `1` is no truth value, and a number is no date (it would be read as seconds since 1970).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

DAYS_PER_UNIT = {"d": 1, "w": 7}


class Model(BaseModel):
    """Immutable; a key that is not in the contract is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _days(value: Any) -> Any:
    match = re.fullmatch(r"([0-9]{1,5})([dw])", value) if isinstance(value, str) else None
    if match:
        return int(match[1]) * DAYS_PER_UNIT[match[2]]
    if value == "auto":
        raise ValueError("`auto` is not known here: write a duration such as 7d")
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"a duration needs its unit: write {value}d for {value} days")
    raise ValueError("this is not a duration: write 7d for seven days or 4w for four weeks")


def _days_or_auto(value: Any) -> Any:
    return value if value == "auto" else _days(value)


def listed(value: Any) -> Any:
    """A single value as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _a_date(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        raise ValueError("this is a number, not a date: write a date such as 2011-12-10")
    return value


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Days = Annotated[
    int,
    BeforeValidator(_days),
    Field(ge=1, le=3650),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+[dw]$", "examples": ["7d", "4w"]}),
]
DaysOrAuto = Annotated[
    Annotated[int, Field(ge=1, le=3650)] | Literal["auto"],
    BeforeValidator(_days_or_auto),
    WithJsonSchema(
        {"type": "string", "pattern": r"^([0-9]+[dw]|auto)$", "examples": ["56d", "auto"]}
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Names = Annotated[
    tuple[Name, ...],
    BeforeValidator(listed, json_schema_input_type=Name | tuple[Name, ...]),
]
EventSelector = Annotated[
    tuple[Name, ...],
    BeforeValidator(listed),
    Field(min_length=1),
    WithJsonSchema(
        {
            "description": "an event name, a list of them, a pattern such as used_*, or any",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }
    ),
]
Day = Annotated[date, BeforeValidator(_a_date)]
Moment = Annotated[
    datetime,
    BeforeValidator(_a_date),
    AfterValidator(_in_utc),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": kind} for kind in ("date-time", "date")]}
    ),
]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Truth = Annotated[bool, Field(strict=True)]
Scalar = str | Truth | Whole | Number | datetime | date
Bound = Number | datetime | date
Threshold = Number
Thresholds = Annotated[
    tuple[Threshold, ...],
    BeforeValidator(listed),
    Field(min_length=1, max_length=50),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}),
]


class Condition(Model):
    """What one column must be; several keys must all hold. NULL never matches but for `null`."""

    equals: Scalar | None = None
    in_: tuple[Scalar, ...] | None = Field(None, alias="in", min_length=1)
    contains: Annotated[str, StringConstraints(min_length=1)] | None = None
    at_least: Bound | None = None
    at_most: Bound | None = None
    over: Bound | None = None
    under: Bound | None = None
    null: Truth | None = None


def _condition(value: Any) -> Any:
    """A bare scalar means equals, a bare list means in."""
    if isinstance(value, list | tuple):
        return {"in": value}
    return value if isinstance(value, dict | Condition) else {"equals": value}


Where = dict[
    Name,
    Annotated[
        Condition,
        BeforeValidator(_condition, json_schema_input_type=Condition | Scalar | tuple[Scalar, ...]),
    ],
]


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
