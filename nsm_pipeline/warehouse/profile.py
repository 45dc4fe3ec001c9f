"""What the raw source looks like at the run's moment: counts for the checks, made in the engine.

Shape of the profile (JSON-able): `as_of`; `events`, and `accounts` and `revenue` where declared.
A log (events or revenue) has `rows`, `oldest`, `newest`, `weeks` (rows of the last 7 days, then of
each of the four weeks before), `wrong_types`, `missing` per column, and per kind of offence
`{"rows": count, "examples": [...]}`; events also have `names` and `absent_names`.

A row later than the run's moment is counted as `later` (and as `future` when too far ahead) and
nowhere else: a live table always has some, and a backfill has many.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir

from nsm_pipeline.product.candidate import CompositeCandidate
from nsm_pipeline.product.clauses import metric_clauses, outcome_events
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.duplicates import count_duplicates
from nsm_pipeline.warehouse.log import (
    EXAMPLES,
    TEXT,
    WEEKS_BEFORE,
    WORLD_STARTS,
    Fetch,
    Log,
    Moment,
    fetch_examples,
    iso,
    moment_like,
)
from nsm_pipeline.warehouse.where import selects

if TYPE_CHECKING:
    from nsm_pipeline.warehouse.events import SourceTables

MOST_NAMES = 10_000


def profile_source(
    tables: SourceTables,
    *,
    config: ProductConfig,
    as_of: datetime,
    fetch: Fetch = lambda _title, expression: expression.to_pandas(),
) -> dict[str, Any]:
    """Counts of everything that the checks look at.

    One scan of the events (joined to the accounts) gives the totals, one grouped by name the
    event names, one the duplicates; and one more per kind of offence that exceeds what the
    product allows, for five of its rows: ids and times, nothing else.

    Args:
        tables: the source, standardised but raw: nulls, repeats and later rows are still in.
        config: the product; a check that is `off` costs no query of its own.
        as_of: the run's moment.
        fetch: runs a titled query, so that a caller can keep or explain the SQL.
    """
    found = profile_logs(tables, as_of.astimezone(UTC), config, fetch)
    profile = {"as_of": iso(as_of.astimezone(UTC).strftime(TEXT)), "events": found.pop("events")}
    if tables.accounts is not None:
        profile["accounts"] = profile_accounts(tables.accounts, fetch)
    return profile | found


def profile_logs(
    tables: SourceTables, moment: Moment, config: ProductConfig, fetch: Fetch
) -> dict[str, Any]:
    """The profile's parts on events and revenue; the run's moment may be known to the engine alone.

    They are joined to the accounts, of which those suffice that the rows name.
    """
    events = Log("events", tables.events, moment)
    profile = {"events": _profile_log(events, tables.accounts, config, fetch)}
    if not profile["events"]["wrong_types"]:
        profile["events"] |= _profile_names(events, config, fetch)
    if tables.revenue is not None:
        revenue = Log("revenue", tables.revenue, moment)
        profile["revenue"] = _profile_log(revenue, tables.accounts, config, fetch)
    return profile


def _beside_accounts(log: Log, accounts: ir.Table | None) -> Log:
    """Each row with `listed_account` (null for an orphan) and `listed_since` (its sign-up)."""
    if accounts is None:
        return log
    since = "signed_up_at" in accounts.columns
    # Grouped, because two rows of one account must not double its events here.
    known = accounts.group_by(listed_account=accounts.account).aggregate(
        **({"listed_since": accounts.signed_up_at.min()} if since else {})
    )
    return replace(log, table=log.table.left_join(known, log.table.account == known.listed_account))


def _profile_log(
    log: Log, accounts: ir.Table | None, config: ProductConfig, fetch: Fetch
) -> dict[str, Any]:
    wrong = _wrong_types(log.table, _missing(log, config))
    if wrong:
        # Nothing else can be asked of a time that is no time.
        counted = log.table.aggregate(rows=log.table.count())
        [row] = fetch(f"Rows of {log.name}", counted).to_dict("records")
        return {"rows": int(row["rows"]), "wrong_types": wrong}
    profile = _totals(_beside_accounts(log, accounts), config, fetch)
    if config.checks.duplicates.severity != "off":
        profile["duplicates"] = count_duplicates(log, profile["rows"], config, fetch)
    return profile


def _totals(log: Log, config: ProductConfig, fetch: Fetch) -> dict[str, Any]:
    table, at = log.table, log.table["at"]
    missing, offences = _missing(log, config), _offences(log, config)
    in_world = log.between(WORLD_STARTS, log.moment)
    [row] = fetch(
        f"Profile of {log.name}",
        table.aggregate(
            rows=table.count(where=log.used),
            later=table.count(where=at > moment_like(at, log.moment)),
            oldest=at.min(where=in_world).strftime(TEXT),
            newest=at.max(where=in_world).strftime(TEXT),
            **{f"week_{n}": table.count(where=week) for n, week in enumerate(log.weeks)},
            **{f"missing_{c}": table.count(where=log.used & gone) for c, gone in missing.items()},
            **{name: table.count(where=offence) for name, offence in offences.items()},
        ),
    ).to_dict("records")
    profile: dict[str, Any] = {
        "rows": int(row["rows"]),
        "later": int(row["later"]),
        "oldest": iso(row["oldest"]),
        "newest": iso(row["newest"]),
        "weeks": [int(row[f"week_{n}"]) for n in range(WEEKS_BEFORE + 1)],
        "wrong_types": {},
        "missing": {column: int(row[f"missing_{column}"]) for column in missing},
    }
    for name, offence in offences.items():
        count = int(row[name])
        compared = profile["rows"] + (profile["later"] if name == "future" else 0)
        examples: list[str] = []
        if count > getattr(config.checks, name).max_share * compared:
            rows = table.filter(offence)["account", "at"]
            examples = fetch_examples(fetch, f"Rows of {log.name} that fail {name}", rows)
        profile[name] = {"rows": count, "compared": compared, "examples": examples}
    return profile


def _missing(log: Log, config: ProductConfig) -> dict[str, ir.BooleanValue]:
    """The columns without which a row cannot be counted, and where each is missing or NaN."""
    names = ["account", "at", "event" if log.name == "events" else "amount"]
    if log.name == "events" and config.source.events.id:
        names.append("id")
    columns = {name: log.table[name] for name in names}
    return {
        name: (column.isnull() | column.isnan()) if column.type().is_floating() else column.isnull()
        for name, column in columns.items()
    }


def _offences(log: Log, config: ProductConfig) -> dict[str, ir.BooleanValue]:
    """Per check that is not off: whether a row offends."""
    table, at = log.table, log.table["at"]
    ahead = log.moment + timedelta(days=config.checks.future.ahead)
    offences = {
        "nulls": log.used & functools.reduce(operator.or_, _missing(log, config).values()),
        "future": at > moment_like(at, ahead),
        "before_start": at < moment_like(at, WORLD_STARTS),
    }
    if "listed_since" in table.columns:
        # By the day: a sign-up has an hour where an event of day resolution has none.
        early = log.used & (at.date() < table.listed_since.date())
        offences["before_start"] |= early.fill_null(False)
    if "listed_account" in table.columns:
        offences["orphan_accounts"] = (
            log.used & table.account.notnull() & table.listed_account.isnull()
        )
    if log.name == "revenue":
        offences["negative_revenue"] = log.used & (table.amount < 0) & ~table.refund
    return {
        name: offence
        for name, offence in offences.items()
        if getattr(config.checks, name).severity != "off"
    }


def _wrong_types(table: ir.Table, columns: Iterable[str]) -> dict[str, str]:
    """Columns of another type than the standard tables promise, with the type they have."""
    dtypes = {column: table[column].type() for column in columns}
    right = {
        column: dtype.is_timestamp()
        if column == "at"
        else dtype.is_numeric() and not dtype.is_boolean()
        if column == "amount"
        else dtype.is_string() or (column == "account" and dtype.is_integer())
        for column, dtype in dtypes.items()
    }
    return {column: str(dtype) for column, dtype in dtypes.items() if not right[column]}


def profile_accounts(accounts: ir.Table, fetch: Fetch) -> dict[str, Any]:
    """The profile's part on the accounts table: its rows, those without and those told twice."""
    by_account = accounts.group_by(accounts.account).aggregate(rows=accounts.count())
    [row] = fetch(
        "Profile of accounts",
        by_account.aggregate(
            rows=by_account.rows.sum().fill_null(0),
            missing=by_account.rows.sum(where=by_account.account.isnull()).fill_null(0),
            repeated=(by_account.rows - 1).sum(where=by_account.account.notnull()).fill_null(0),
        ),
    ).to_dict("records")
    examples: list[str] = []
    if row["repeated"]:
        twice = by_account.filter((by_account.rows > 1) & by_account.account.notnull())
        first = twice.order_by(twice.account).limit(EXAMPLES)
        frame = fetch("Accounts listed more than once", first.select(first.account))
        examples = [f"account {account}" for account in frame["account"]]
    return {
        "rows": int(row["rows"]),
        "missing": {"account": int(row["missing"])},
        "nulls": {
            "rows": int(row["missing"]),
            "compared": int(row["rows"]),
            "examples": [],
        },
        "unique_accounts": {
            "rows": int(row["repeated"]),
            "compared": int(row["rows"]),
            "examples": examples,
        },
    }


def _profile_names(events: Log, config: ProductConfig, fetch: Fetch) -> dict[str, Any]:
    """Every event name with its weeks, and the declared names that the data does not have.

    Only the MOST_NAMES most frequent names are fetched; with more, absence is not judged.
    """
    table, in_world = events.table, events.between(WORLD_STARTS, events.moment)
    names = table.group_by(table.event).aggregate(
        rows=table.count(where=in_world),
        first=table["at"].min(where=in_world).strftime(TEXT),
        **{f"week_{n}": table.count(where=week) for n, week in enumerate(events.weeks)},
    )
    names = names.filter(names.event.notnull() & (names.rows > 0))
    ordered = names.order_by([names.rows.desc(), names.event]).limit(MOST_NAMES)
    found = fetch("Event names", ordered).to_dict("records")
    return judged_names(found, config)


def judged_names(found: Sequence[dict[Any, Any]], config: ProductConfig) -> dict[str, Any]:
    """`names` and `absent_names` of a profile from rows of `event, rows, first, week_*`."""
    declared = _declared_selectors(config)
    named = {*declared, *config.placebos, *(name for family in config.families for name in family)}
    named |= set(config.discover.except_) if config.discover else set()
    return {
        "names": [
            {
                "event": row["event"],
                "rows": int(row["rows"]),
                "first": iso(row["first"]),
                "weeks": [int(row[f"week_{n}"]) for n in range(WEEKS_BEFORE + 1)],
                "named": selects(named - {"any"}, row["event"]),
            }
            for row in found
        ],
        "absent_names": [
            selector
            for selector in declared
            if len(found) < MOST_NAMES and not any(selects([selector], r["event"]) for r in found)
        ],
    }


def _declared_selectors(config: ProductConfig) -> tuple[str, ...]:
    """Event names and patterns that the product counts on, in file order; keywords name nothing."""
    selectors = [*config.core_metric.event, *outcome_events(config)]
    for candidate in config.candidates:
        parts = candidate.all_of if isinstance(candidate, CompositeCandidate) else (candidate,)
        selectors += [selector for part in parts for selector in part.event]
    for _, clause in metric_clauses(config):
        selectors += clause.event
    if config.discover and config.discover.events != "all":
        selectors += config.discover.events
    selectors += config.passive_events
    return tuple(
        dict.fromkeys(selector for selector in selectors if selector not in ("any", "core"))
    )
