"""The outcome: what an account must do to count as retained, and in which window."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from nsm_pipeline.product.grammar import Days, DaysOrAuto, EventSelector, Model, Number, Where


def known_days(days: int | Literal["auto"]) -> int:
    """The number of days; `auto` has none before the data was asked."""
    if days == "auto":
        raise RuntimeError("`auto` was not settled before it was used")
    return days


class OutcomeWindow(Model):
    """(t0 + after, t0 + after + within]; inside a trial nobody has decided yet."""

    asked_after: DaysOrAuto = Field(alias="after", examples=["56d"])
    asked_within: DaysOrAuto = Field(alias="within", examples=["28d"])
    trial: Days | None = Field(None, examples=["14d"])

    @property
    def after(self) -> int:
        """Y, in days."""
        return known_days(self.asked_after)

    @property
    def within(self) -> int:
        """W, in days."""
        return known_days(self.asked_within)


class EventRetention(OutcomeWindow):
    """Retained: at least one such event in the window."""

    event: EventSelector = Field(examples=["order_placed"])
    where: Where = Field({})


class AtLeast(Model):
    """Net revenue of this much or more."""

    at_least: Annotated[Number, Field(gt=0)] = Field(examples=["100"])


class Over(Model):
    """Net revenue of more than this; `over: 0` is any revenue at all."""

    over: Annotated[Number, Field(ge=0)] = Field(examples=["0"])


def _limit_kind(value: Any) -> str:
    return (
        "over"
        if isinstance(value, Over) or (isinstance(value, dict) and "over" in value)
        else ("at_least")
    )


class RevenueRetention(OutcomeWindow):
    """Retained: the account's revenue in the window, net of refunds, is large enough."""

    revenue: Annotated[
        Annotated[AtLeast, Tag("at_least")] | Annotated[Over, Tag("over")],
        Discriminator(_limit_kind),
    ] = Field(examples=["{at_least: 100}", "{over: 0}"])


def _outcome_kind(value: Any) -> str:
    by_revenue = isinstance(value, RevenueRetention) or (
        isinstance(value, dict) and "revenue" in value
    )
    return "revenue" if by_revenue else "event"


Retention = Annotated[
    Annotated[EventRetention, Tag("event")] | Annotated[RevenueRetention, Tag("revenue")],
    Discriminator(_outcome_kind),
]
