"""Everybody's kept rows, to be asked as a source is: of what no sums are kept."""

from __future__ import annotations

from datetime import datetime

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.extract import Part
from nsm_pipeline.warehouse.state.clock import population_at
from nsm_pipeline.warehouse.state.shares import Logs
from nsm_pipeline.warehouse.state.store import StateStore


def everybody(store: StateStore, config: ProductConfig, moments: tuple[datetime, datetime]) -> Part:
    """All who have onboarded, with what is kept of their rows; nothing of it is copied.

    `moments` are those of the state's last night and of its end of observation.
    """
    clock, (last, end) = store.table("clock"), moments
    rows = Logs.of(store).named(clock, last)
    people = population_at(clock, rows.events, config, end, names=known_events(store))
    return Part(SourceTables(rows.events, None, rows.payments), people)


def known_events(store: StateStore) -> list[str]:
    """The names of all events kept, sorted."""
    found = store.engine.fetch("all event names", store.table("names").select("event"))
    return sorted(found["event"].astype(str))
