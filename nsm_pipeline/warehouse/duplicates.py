"""How many rows of a log repeat another row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.log import TEXT, WORLD_STARTS, Fetch, Log, fetch_examples, iso

# Telling rows apart keeps each of them in memory: about 1.4 GB and 5 CPU-s for this many (DuckDB).
MOST_COMPARED = 10_000_000


def count_duplicates(log: Log, rows: int, config: ProductConfig, fetch: Fetch) -> dict[str, Any]:
    """Rows that repeat an earlier one's id, or every column of it where no id is declared.

    Account, time and event together are no key: an invoice lists its goods at one minute (in
    Online Retail 90 % of the rows share all three with another, 1.2 % are equal throughout).
    Of a table with more than MOST_COMPARED rows only the newest days are compared, as many as
    stay within that number; nightly runs see every day while it is new.
    """
    since = _compared_since(log, fetch) if rows > MOST_COMPARED else None
    used = log.table.filter(log.used if since is None else log.between(since, log.moment))
    columns = _identity(used, getattr(config.source, log.name))
    if columns == ["id"]:
        used = used.filter(used["id"].notnull())
    different = used.select(columns).distinct()
    counts = [
        int(fetch(f"{title} {log.name}", rows.aggregate(rows=rows.count()))["rows"].iloc[0])
        for title, rows in (("Compared", used), ("Different", different))
    ]
    compared, repeated = counts[0], counts[0] - counts[1]
    examples: list[str] = []
    if repeated > config.checks.duplicates.max_share * compared:
        title = f"Rows of {log.name} seen before"
        examples = fetch_examples(fetch, title, _repeated(used, columns))
    return {
        "rows": repeated,
        "compared": compared,
        "since": since and iso(since.strftime(TEXT)),
        "by": "id" if columns == ["id"] else "row",
        "examples": examples,
    }


def _repeated(used: ir.Table, columns: list[str]) -> ir.Table:
    # The prefix keeps clear of the source's own column names.
    groups = used.group_by(columns).aggregate(
        nsm_copies=used.count(), nsm_account=used.account.min(), nsm_at=used["at"].min()
    )
    twice = groups.filter(groups.nsm_copies > 1)
    declared_id = {"id": twice["id"]} if columns == ["id"] else {}
    return twice.select(account=twice.nsm_account, at=twice.nsm_at, **declared_id)


def _identity(log: ir.Table, declared: Any) -> list[str]:
    """The columns that tell two rows apart."""
    if getattr(declared, "id", None):
        return ["id"]
    standard = ("account", "at", "event", "amount")
    copied = {getattr(declared, name, name) for name in standard} - set(standard)
    return [
        name
        for name, dtype in log.schema().items()
        # Engines cannot group by these three.
        if name not in copied and not (dtype.is_json() or dtype.is_map() or dtype.is_geospatial())
    ]


def _compared_since(log: Log, fetch: Fetch) -> datetime:
    """The moment after which at most MOST_COMPARED rows lie, in whole days but for the last."""
    known = log.table.filter(log.between(WORLD_STARTS, log.moment))
    days = known.group_by(day=known["at"].truncate("D")).aggregate(rows=known.count())
    listed = days.select(day=days.day.strftime(TEXT), rows=days.rows)
    frame = fetch(f"Rows of {log.name} per day", listed.order_by(listed.day.desc()))
    fits = frame["rows"].cumsum() <= MOST_COMPARED
    oldest = frame["day"][fits].min() if fits.any() else frame["day"].max()
    return datetime.fromisoformat(oldest) - timedelta(microseconds=1)
