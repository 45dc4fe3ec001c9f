"""Everything that a first product file is written from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from nsm_pipeline.product.business_model import Audience, BusinessModel
from nsm_pipeline.product.draft.columns import AccountColumns, EventColumns, RevenueColumns
from nsm_pipeline.product.draft.core_event import CoreChoice
from nsm_pipeline.product.draft.seen import SeenEvents, SeenTable

Columns = TypeVar("Columns")
ARCHIVED_DAYS = 7


@dataclass(frozen=True)
class Identity:
    """What the user said, or the command made up: names, and the business."""

    product: str
    connection: str
    audience: Audience | None
    model: BusinessModel | None


@dataclass(frozen=True)
class Chosen(Generic[Columns]):
    """A table with the columns found in it."""

    table: SeenTable
    columns: Columns


@dataclass(frozen=True)
class Draft:
    """Everything a first file says. `written_on` is the day of writing."""

    identity: Identity
    events: Chosen[EventColumns]
    accounts: Chosen[AccountColumns] | None
    revenue: Chosen[RevenueColumns] | None
    currencies: tuple[str, ...]
    seen: SeenEvents
    core: CoreChoice
    written_on: date

    @property
    def is_archive(self) -> bool:
        """Whether the data stopped long ago: nothing that a nightly table would show."""
        return (self.written_on - self.seen.last).days > ARCHIVED_DAYS
