"""A first product file for a source: looks, proposes, and checks what it wrote before it stays."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.business_model import Audience, BusinessModel
from nsm_pipeline.product.draft.columns import (
    ACCOUNT_TABLES,
    EVENT_TABLES,
    REVENUE_TABLES,
    AccountColumns,
    EventColumns,
    RevenueColumns,
    account_columns,
    by_likeness,
    event_columns,
    lacking,
    revenue_columns,
)
from nsm_pipeline.product.draft.core_event import SAID, CoreChoice, choose_core
from nsm_pipeline.product.draft.first_draft import Chosen, Draft, Identity
from nsm_pipeline.product.draft.seen import SeenEvents, SeenTable
from nsm_pipeline.product.draft.text import draft_text
from nsm_pipeline.product.yaml_file import parse_product
from nsm_pipeline.refusing import check_against_source

if TYPE_CHECKING:
    from nsm_pipeline.warehouse.connect import Engine
    from nsm_pipeline.warehouse.first_look import LookedAt

IN_MEMORY = "duckdb://"
MOST_LOOKED_AT = 3


@dataclass(frozen=True)
class Wanted:
    """What the user says; None leaves it to the names and counts."""

    source: str
    product: str
    schema: str | None = None
    account: str | None = None
    core: str | None = None
    audience: Audience | None = None
    model: BusinessModel | None = None


def draft_product(wanted: Wanted, file: Path, *, today: date) -> str:
    """Writes the first product file and gives its text.

    Args:
        wanted: the source and what the user says of it.
        file: where to write; nothing there is ever replaced.
        today: the day of writing: tells an archive from a table that is fed.

    Raises:
        InvalidInput: the file exists, or the source does not hold what a product needs.
    """
    if file.exists():
        what = "This file exists already; a first draft never replaces one."
        raise InvalidInput(Problem(str(file), what, "Name another file with --out."))
    with closing(_connected(wanted, file)) as engine:
        text = draft_text(_draft(wanted, engine, file, today))
        _require_sound(text, file, engine)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as written:
        written.write(text)
    return text


def _connected(wanted: Wanted, file: Path) -> Engine:
    from nsm_pipeline.warehouse.connect import connect

    url = wanted.source if _is_connection(wanted.source) else IN_MEMORY
    if _is_connection(wanted.source) and url.startswith(IN_MEMORY):
        from nsm_pipeline.warehouse.duckdb_engine import found_database

        if found_database(url, file.parent) is None:  # DuckDB would make an empty one
            what = "No database file is found there."
            mend = "Give its path as duckdb:///folder/file.duckdb, or a path of Parquet files."
            raise InvalidInput(Problem("the source", what, mend))
    return connect(url, base=file.parent, where="the source")


def _from(file: Path, source: str) -> str:
    """A relative path as it is where the product file would find it, and else whole."""
    near = Path.cwd().resolve() in file.resolve().parents
    return source if near else str(Path.cwd() / source)


def _is_connection(source: str) -> bool:
    return "://" in source or source.startswith(("airflow:", "${"))


def _draft(wanted: Wanted, engine: Engine, file: Path, today: date) -> Draft:
    from nsm_pipeline.warehouse.first_look import look_at_files, look_at_tables, see_events

    by_url = _is_connection(wanted.source)
    looked = (
        look_at_tables(engine, wanted.schema)
        if by_url
        else look_at_files(engine, _from(file, wanted.source))
    )
    tables = {look.seen.name: look for look in looked}
    events = _events(wanted, [look.seen for look in looked])
    seen = see_events(engine, tables[events.table.name].table, events.columns)
    others = {name: look for name, look in tables.items() if name != events.table.name}
    revenue, currencies = _revenue(engine, others, events.columns.account)
    if revenue is not None:
        others.pop(revenue.table.name)
    return Draft(
        identity=Identity(
            wanted.product, wanted.source if by_url else IN_MEMORY, wanted.audience, wanted.model
        ),
        events=events,
        accounts=_accounts(engine, others, events.columns.account),
        revenue=revenue,
        currencies=currencies,
        seen=seen,
        core=_core(wanted, seen),
        written_on=today,
    )


def _events(wanted: Wanted, tables: Sequence[SeenTable]) -> Chosen[EventColumns]:
    for table in by_likeness(tables, EVENT_TABLES):
        columns = event_columns(table, wanted.account)
        if columns is not None:
            return Chosen(table, columns)
    seen = "; ".join(lacking(table) for table in tables[:10])
    raise InvalidInput(
        Problem(
            "the source",
            f"No table has an account, a time and the name of an event: {seen}.",
            "Make a view with these three columns (account_id, ts, event), or name the account's"
            " column with --account.",
        )
    )


def _revenue(
    engine: Engine, tables: dict[str, LookedAt], account: str
) -> tuple[Chosen[RevenueColumns] | None, tuple[str, ...]]:
    from nsm_pipeline.warehouse.first_look import see_currencies

    for table in by_likeness([look.seen for look in tables.values()], REVENUE_TABLES[:1]):
        columns = revenue_columns(table, account)
        if columns is not None:
            named = columns.currency
            found = see_currencies(engine, tables[table.name].table, named) if named else ()
            return Chosen(table, columns), found
    return None, ()


def _accounts(
    engine: Engine, tables: dict[str, LookedAt], account: str
) -> Chosen[AccountColumns] | None:
    """The table with one row for each account; only a few are counted."""
    from nsm_pipeline.warehouse.first_look import see_accounts

    ordered = by_likeness([look.seen for look in tables.values()], ACCOUNT_TABLES)
    possible = [(table, account_columns(table, account)) for table in ordered]
    likely = [(table, columns) for table, columns in possible if columns is not None]
    for table, columns in likely[:MOST_LOOKED_AT]:
        found = see_accounts(engine, tables[table.name].table, columns.account)
        if found.rows and found.rows == found.accounts:
            return Chosen(table, columns)
    return None


def _core(wanted: Wanted, seen: SeenEvents) -> CoreChoice:
    choice = choose_core(seen.facts, named=wanted.core, model=wanted.model)
    if choice is not None:
        return choice
    if wanted.core is not None:
        raise InvalidInput(
            Problem("--core", f"No event is called {wanted.core!r}.", "Name one that occurs.")
        )
    raise InvalidInput(
        Problem(
            "the events",
            f"None may be the core metric: each is {SAID['money']}, {SAID['leaving']},"
            f" {SAID['undoing']}, {SAID['passive']}, or {SAID['once']}.",
            "Say which it is with --core EVENT.",
        )
    )


def _require_sound(text: str, file: Path, engine: Engine) -> None:
    """What `nsm check` would refuse is never written."""
    from nsm_pipeline.warehouse.source_answers import SourceAnswers

    check_against_source(parse_product(text, file), SourceAnswers(engine))
