"""Where the events, the accounts and the revenue are, and what their columns are called."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from nsm_pipeline.product.grammar import Model, Moment, Name, Names, Where

# What a `duckdb://` connection may set, as in duckdb://?memory_limit=4GB&threads=8.
DUCKDB_SETTINGS = {
    "memory_limit": r"\d+(\.\d+)? ?[KMGT]i?B",
    "temp_directory": r".+",
    "threads": r"[1-9]\d*",
}
TABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$"


class Files(Model):
    """Parquet files: a path, a list of paths, a folder or a glob."""

    files: Annotated[Names, Field(min_length=1)] = Field(
        examples=["data/shop/events.parquet", "events/2025-*.parquet"]
    )


class Table(Model):
    """A table or view of the connection, `name` or `schema.name`."""

    table: Annotated[str, StringConstraints(pattern=TABLE_NAME)] = Field(
        description="`name` or `schema.name`, of letters, digits and _", examples=["app.events"]
    )


class EventColumns(Model):
    """Where events are and which columns hold the account, the time and the event's name."""

    account: Name = Field(examples=["account_id"])
    at: Name = Field(examples=["ts"])
    event: Name = Field(examples=["event_name"])
    id: Name | None = None


class EventFiles(EventColumns, Files):
    """Events in files."""


class LoadedTable(Table):
    """A table of which a column (`loaded`) tells what each row came with: a load time or id."""

    loaded: Name | None = Field(None, examples=["loaded_at"])


class EventTable(EventColumns, LoadedTable):
    """Events in a table."""


class AccountColumns(Model):
    """One row per account; the columns with a meaning of their own are named here."""

    account: Name = Field(examples=["account_id"])
    signed_up_at: Name | None = None
    observed_until: Name | None = None
    internal: Name | None = None


class AccountFiles(AccountColumns, Files):
    """Accounts in files."""


class AccountTable(AccountColumns, Table):
    """Accounts in a table."""


class RevenueColumns(Model):
    """One row per payment (positive) or refund (negative).

    `kind` says how customers pay: subscriptions renew by themselves and move slowly, so a longer
    series is needed to see what they follow.
    """

    account: Name = Field(examples=["account_id"])
    at: Name = Field(examples=["ts"])
    amount: Name = Field(examples=["amount"])
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        description="three capital letters", examples=["GBP"]
    )
    refund: Where = Field({})
    kind: Literal["transactions", "subscriptions"] = "transactions"


class RevenueFiles(RevenueColumns, Files):
    """Revenue in files."""


class RevenueTable(RevenueColumns, LoadedTable):
    """Revenue in a table."""


def _place(value: Any) -> str:
    in_table = isinstance(value, Table) or (isinstance(value, dict) and "table" in value)
    return "table" if in_table else "files"


class Source(Model):
    """The engine and the three tables in it; only events are required."""

    connection: Name = Field("duckdb://", examples=["duckdb://?memory_limit=4GB", "airflow:shop"])
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
    observed_until: Moment | None = Field(None, examples=["2011-12-09T12:50:00Z"])
