"""Small worlds of events for tests: tables in, product file out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.warehouse.extract import Extract

START = pd.Timestamp("2024-01-01", tz="UTC")
COLOURS = ["red", "blue", "blue", "green"]
AS_OF = datetime(2024, 12, 1, tzinfo=UTC)
PRODUCT = {
    "version": 1,
    "product": "world",
    "title": "A small world",
    "owner": "tests",
    "audience": "consumer",
    "start_date": "2024-01-01",
    "core_metric": {"name": "Starts", "event": "start"},
    "retention": {"event": "start", "after": "30d", "within": "30d"},
    "exposure": {"within": ["7d", "14d"]},
    "checks": {
        name: {"severity": "off"}
        for name in ("freshness", "volume", "vanished_events", "unknown_events")
    },
}


def write_product(folder: Path, tables: Mapping[str, pd.DataFrame], **changes: object) -> Path:
    """The tables as Parquet and a product file that reads them, with keys changed or added."""
    source: dict[str, object] = {
        "events": {"files": "events.parquet", "account": "account", "at": "at", "event": "event"}
    }
    if "accounts" in tables:
        source["accounts"] = {"files": "accounts.parquet", "account": "account"}
    if "revenue" in tables:
        source["revenue"] = {
            "files": "revenue.parquet",
            "account": "account",
            "at": "at",
            "amount": "amount",
            "currency": "EUR",
        }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    merged = {**PRODUCT, "source": source, **changes}
    extra = changes.get("source")
    if isinstance(extra, dict):
        merged["source"] = {**source, **extra}
    path = folder / "world.yaml"
    path.write_text(yaml.safe_dump(merged, sort_keys=False, allow_unicode=True))
    return path


def open_extract(path: Path, as_of: datetime = AS_OF) -> Extract:
    """The engine over a product file."""
    return Extract.open(load_product(path), as_of)


def busy_world(seed: int, accounts: int = 400) -> dict[str, pd.DataFrame]:
    """Accounts that start, do six kinds of things for weeks, and pay; keen ones more of all."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, pd.Timestamp, str, str | None, float | None]] = []
    payments: list[tuple[str, pd.Timestamp, float]] = []
    kinds = ["start", "share", "invite", "export", "mail", "rare"]
    weights = np.array([0.35, 0.2, 0.15, 0.1, 0.18, 0.02])
    for number in range(accounts):
        account = f"a{number:04d}"
        begin = START + pd.Timedelta(seconds=int(rng.integers(0, 200 * 86400)))
        rows.append((account, begin, "start", "web", 1.0))
        for _ in range(int(rng.poisson(rng.gamma(2.0, 4.0)))):
            offset = pd.Timedelta(microseconds=int(rng.exponential(12 * 86400e6)))
            kind = str(rng.choice(kinds, p=weights))
            colour = str(rng.choice(COLOURS)) if rng.random() < 0.9 else None
            size = round(float(rng.gamma(2, 5)), 2) if rng.random() < 0.9 else None
            rows.append((account, begin + offset, kind, colour, size))
        for _ in range(int(rng.poisson(1.5))):
            paid = begin + pd.Timedelta(microseconds=int(rng.uniform(0, 120 * 86400e6)))
            payments.append((account, paid, round(float(rng.normal(20, 15)), 2)))
    events = pd.DataFrame(rows, columns=["account", "at", "event", "colour", "size"])
    people = pd.DataFrame({"account": sorted(events["account"].unique())})
    people["plan"] = rng.choice(["free", "team"], len(people))
    return {
        "events": events.sample(frac=1.0, random_state=seed),
        "accounts": people,
        "revenue": pd.DataFrame(payments, columns=["account", "at", "amount"]),
    }
