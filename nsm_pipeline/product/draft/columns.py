"""Which table holds events, accounts and revenue, and which columns do what: by name and kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from nsm_pipeline.product.column_names import AMOUNTS, plain
from nsm_pipeline.product.draft.seen import SeenTable
from nsm_pipeline.product.source_rules import USABLE_KINDS

# Most telling first; a business before the persons in it, because it is what stays or leaves.
BUSINESSES = (
    *("accountid", "account", "teamid", "workspaceid", "organisationid", "organizationid"),
    *("orgid", "companyid", "tenantid", "businessid"),
)
PERSONS = (
    *("customerid", "customer", "userid", "user", "distinctid", "memberid", "subscriberid"),
    *("studentid", "playerid", "personid", "visitorid", "anonymousid", "deviceid"),
)
# An `account_id` may be a person's: of these words only a business is meant.
B2B_WORDS = BUSINESSES[2:]
TIMES = (
    *("ts", "at", "timestamp", "eventtime", "eventtimestamp", "eventat", "occurredat"),
    *("happenedat", "time", "sentat", "createdat", "receivedat", "datetime", "date", "day"),
)
EVENTS = (
    *("event", "eventname", "eventtype", "action", "actionname", "activity", "activitytype"),
    *("activityname", "verb", "name", "type", "kind"),
)
IDS = ("eventid", "insertid", "messageid", "uuid", "id")
SIGNUPS = ("signedupat", "signupat", "registeredat", "joinedat", "createdat", "signupdate")
OBSERVED = ("observeduntil", "observationend", "censoredat")
INTERNAL = ("isinternal", "internal", "isstaff", "isemployee", "istest", "testaccount")
REVENUE_TABLES = (
    *("revenue", "payment", "invoice", "charge", "transaction", "order", "sale"),
    *("subscription", "billing"),
)
ACCOUNT_TABLES = ("account", "customer", "user", "team", "workspace", "organi", "compan", "member")
EVENT_TABLES = ("event", "activit", "track", "action", "log")


@dataclass(frozen=True)
class EventColumns:
    """The columns of an events table; `others` are ids that could have been the account."""

    account: str
    at: str
    event: str
    id: str | None
    others: tuple[str, ...]


@dataclass(frozen=True)
class RevenueColumns:
    """The columns of a revenue table."""

    account: str
    at: str
    amount: str
    currency: str | None


@dataclass(frozen=True)
class AccountColumns:
    """The columns of an accounts table that have a meaning of their own."""

    account: str
    signed_up_at: str | None
    observed_until: str | None
    internal: str | None


def event_columns(table: SeenTable, account: str | None) -> EventColumns | None:
    """The columns that make this a table of events, or None; `account` is a user's own choice."""
    ids = _named(table, (*BUSINESSES, *PERSONS), USABLE_KINDS["account"])
    if account is not None:
        ids = (
            [account, *(name for name in ids if name != account)] if account in table.kinds else []
        )
    at, event = _time(table), _first(table, EVENTS, USABLE_KINDS["event"])
    if not ids or at is None or event is None:
        return None
    number = _first(table, IDS, USABLE_KINDS["id"])
    return EventColumns(ids[0], at, event, number, tuple(ids[1:]))


def lacking(table: SeenTable) -> str:
    """What keeps a table from being one of events, in words."""
    found = {
        "account": _named(table, (*BUSINESSES, *PERSONS), USABLE_KINDS["account"]),
        "time": _time(table),
        "event name": _first(table, EVENTS, USABLE_KINDS["event"]),
    }
    missing = [f"no {word} column" for word, column in found.items() if not column]
    return f"{table.name} ({', '.join(missing)})"


def revenue_columns(table: SeenTable, account: str) -> RevenueColumns | None:
    """The columns that make this a table of revenue of the same accounts, or None."""
    same, at = _same_account(table, account), _time(table)
    amount = _first(table, AMOUNTS, USABLE_KINDS["amount"])
    if same is None or at is None or amount is None or not _speaks_of(table, REVENUE_TABLES):
        return None
    return RevenueColumns(same, at, amount, _first(table, ("currency",), ("string",)))


def account_columns(table: SeenTable, account: str) -> AccountColumns | None:
    """The columns that could make this a table with a row per account, or None."""
    same = _same_account(table, account)
    if same is None:
        return None
    return AccountColumns(
        account=same,
        signed_up_at=_first(table, SIGNUPS, USABLE_KINDS["signed_up_at"]),
        observed_until=_first(table, OBSERVED, USABLE_KINDS["observed_until"]),
        internal=_first(table, INTERNAL, USABLE_KINDS["internal"]),
    )


def by_likeness(tables: Iterable[SeenTable], words: Sequence[str]) -> list[SeenTable]:
    """The tables, those first whose name says what is looked for; then by name."""
    return sorted(tables, key=lambda table: (not _speaks_of(table, words), table.name))


def _speaks_of(table: SeenTable, words: Collection[str]) -> bool:
    return any(word in plain(table.name) for word in words)


def _named(table: SeenTable, names: Sequence[str], usable: Collection[str]) -> list[str]:
    """The columns of a usable kind with one of these names, in the order of the names."""
    found = [column for column, kind in table.kinds.items() if kind in usable]
    known = [column for column in found if plain(column) in names]
    return sorted(known, key=lambda column: (names.index(plain(column)), column))


def _first(table: SeenTable, names: Sequence[str], usable: Collection[str]) -> str | None:
    return next(iter(_named(table, names, usable)), None)


def _time(table: SeenTable) -> str | None:
    """The column of a telling name; or else the only one that holds times."""
    times = [column for column, kind in table.kinds.items() if kind in USABLE_KINDS["at"]]
    only = times[0] if len(times) == 1 else None
    return _first(table, TIMES, USABLE_KINDS["at"]) or only


def _same_account(table: SeenTable, account: str) -> str | None:
    """The column that holds the events' account: of its own name, or `id` in a table of them."""
    names = (plain(account), *(("id",) if _speaks_of(table, ACCOUNT_TABLES) else ()))
    return _first(table, names, USABLE_KINDS["account"])
