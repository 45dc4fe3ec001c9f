"""The `source` section of a draft."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nsm_pipeline.product.draft.first_draft import Draft
from nsm_pipeline.product.draft.lines import DECIDE, comment, noted, scalar
from nsm_pipeline.product.draft.seen import SeenTable

# ISO 4217's code for "no currency": what a draft may say where it cannot know.
NO_CURRENCY = "XXX"
MOST_NAMED = 6


def source_text(draft: Draft) -> Iterator[str]:
    """The lines of `source`: connection, events, accounts, revenue, and where the data ends."""
    events, seen = draft.events, draft.seen
    yield "source:"
    yield f"  connection: {scalar(draft.identity.connection)}"
    yield "  events:"
    yield from _place(events.table)
    yield f"    account: {scalar(events.columns.account)}"
    if events.columns.others:
        others = ", ".join(map(scalar, events.columns.others))
        yield f"    # {DECIDE}: whoever stays or leaves is the account; {others} would be another"
    yield noted(
        f"    at: {scalar(events.columns.at)}", f"{seen.rows:,} rows, {seen.first} to {seen.last}"
    )
    yield noted(f"    event: {scalar(events.columns.event)}", f"{len(seen.facts)} different names")
    if events.columns.id is not None:
        yield f"    # id: {scalar(events.columns.id)}    # if a row may be delivered twice"
    yield from _accounts(draft)
    yield from _revenue(draft)
    if draft.is_archive:
        yield from comment(
            "The data ends long before today, so it looks like an archive: without this line a run"
            " would look at today. Take it out where new rows arrive.",
            indent=2,
        )
        yield f"  observed_until: {draft.seen.last.isoformat()}T23:59:59Z"


def _accounts(draft: Draft) -> Iterator[str]:
    if draft.accounts is None:
        yield "  # No table with a row per account was found; attributes could be adjusted for."
        return
    yield "  accounts:"
    yield from _place(draft.accounts.table)
    for key in ("account", "signed_up_at", "observed_until", "internal"):
        column = getattr(draft.accounts.columns, key)
        if column is not None:
            yield f"    {key}: {scalar(column)}"


def _revenue(draft: Draft) -> Iterator[str]:
    if draft.revenue is None:
        yield from comment(
            "No table of revenue was found: whether a behaviour leads revenue cannot be told"
            " without one.",
            indent=2,
        )
        return
    if len(draft.currencies) > 1:
        named = ", ".join(map(scalar, draft.currencies[:MOST_NAMED]))
        yield from comment(
            f"{draft.revenue.table.name} holds several currencies ({named}), which must not be"
            " added up: convert them into one, then declare `revenue` here.",
            indent=2,
        )
        return
    columns = draft.revenue.columns
    yield "  revenue:                          # the outcome that follows, never the metric itself"
    yield from _place(draft.revenue.table)
    for key in ("account", "at", "amount"):
        yield f"    {key}: {scalar(getattr(columns, key))}"
    if draft.currencies and re.fullmatch(r"[A-Z]{3}", draft.currencies[0]):
        yield f"    currency: {draft.currencies[0]}"
    else:
        yield noted(f"    currency: {NO_CURRENCY}", f"{DECIDE}: which currency, such as EUR")


def _place(table: SeenTable) -> Iterator[str]:
    if table.kind == "table":
        yield f"    table: {scalar(table.place[0])}"
    elif len(table.place) == 1:
        yield f"    files: {scalar(table.place[0])}"
    else:
        yield "    files:"
        yield from (f"      - {scalar(place)}" for place in table.place)
