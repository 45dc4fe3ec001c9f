"""What is watched around the metric: invitations and costs, as the product file declares them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from nsm_pipeline.product.grammar import Days, EventSelector, Model, Name, Number, Where
from nsm_pipeline.product.source import Files, Table


class Sent(Model):
    """An invitation: an event of the account that invites.

    `invitee` is the column that says who is invited, in the words of the acceptance: an account,
    an address, or the number of the invitation itself.
    """

    event: EventSelector = Field(examples=["invite_sent"])
    where: Where = Field({})
    invitee: Name | None = None


class Accepted(Model):
    """An invitation that was taken up: an event of the account that comes in.

    `inviter` is the column that names the inviting account; `invitee` the column that holds what
    `sent.invitee` holds, the account itself when left out. `event: core` is onboarding.
    """

    event: EventSelector = Field(examples=["invite_accepted"])
    where: Where = Field({})
    inviter: Name | None = None
    invitee: Name | None = None


def _event_alone(value: Any) -> Any:
    """A bare event is a block of just that."""
    return {"event": value} if isinstance(value, str | list) else value


class Invitations(Model):
    """Which events are invitations, and how long they may take."""

    sent: Annotated[
        Sent, BeforeValidator(_event_alone, json_schema_input_type=Sent | str | list[str])
    ] = Field(examples=["{event: invite_sent, invitee: friend_id}"])
    accepted: (
        Annotated[
            Accepted,
            BeforeValidator(_event_alone, json_schema_input_type=Accepted | str | list[str]),
        ]
        | None
    ) = Field(None, examples=["{event: invite_accepted, inviter: invited_by}"])
    sent_within: Days = Field(28, description="of onboarding")
    accepted_within: Days = Field(14, description="of the invitation")


class CostColumns(Model):
    """What was spent on winning accounts, by month: a day of the month, and the amount."""

    month: Name = Field(examples=["month"])
    amount: Name = Field(examples=["spent"])


class CostFiles(CostColumns, Files):
    """Costs in files."""


class CostTable(CostColumns, Table):
    """Costs in a table."""


def _cost_kind(value: Any) -> str:
    if isinstance(value, Table) or (isinstance(value, dict) and "table" in value):
        return "table"
    return "files" if isinstance(value, dict | Files) else "number"


class Costs(Model):
    """What an account costs to win, and the share of its revenue that is left after serving it.

    `acquisition` is an amount for each onboarded account, or a table by month; all in the currency
    of `source.revenue`.
    """

    acquisition: (
        Annotated[
            Annotated[Annotated[Number, Field(gt=0)], Tag("number")]
            | Annotated[CostFiles, Tag("files")]
            | Annotated[CostTable, Tag("table")],
            Discriminator(_cost_kind),
        ]
        | None
    ) = Field(None, examples=["31.5", "{files: costs.parquet, month: month, amount: spent}"])
    gross_margin: Annotated[Number, Field(gt=0, le=1)] | None = Field(None, examples=["0.62"])


class Health(Model):
    """What is watched around the metric; retention and adoption need no declaration."""

    invitations: Invitations | None = None
    costs: Costs | None = None
    horizon: Days = Field(364, description="how far the value of an account is added up")
