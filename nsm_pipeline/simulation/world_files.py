"""A world written as files: Parquet, the product file that reads them, and the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.accounts import DAY, LEVELS
from nsm_pipeline.simulation.columns import Values, shaped
from nsm_pipeline.simulation.product_text import product_text
from nsm_pipeline.simulation.truth_document import truth_document
from nsm_pipeline.simulation.world import EventLog, World

ROWS_PER_FILE = 3_000_000
TRUTH = "truth.json"
MOMENT = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(12, 2)


def write_world(world: World, folder: Path) -> Path:
    """Writes all files and returns the path of the product file, which is checked."""
    prepared(folder)
    events = list(_write_events(world, folder))
    _write(_accounts(world), folder / "accounts.parquet")
    if world.revenue is not None:
        _write(_revenue(world), folder / "revenue.parquet")
    truth = json.dumps(truth_document(world), indent=1, allow_nan=False)
    (folder / TRUTH).write_text(truth + "\n", encoding="utf-8")
    product = folder / "product.yaml"
    product.write_text(product_text(world, events), encoding="utf-8")
    load_product(product)
    return product


def prepared(folder: Path) -> Path:
    """The folder, made.

    Raises:
        InvalidInput: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise InvalidInput(
            Problem(str(folder), "This folder cannot be made.", "Name another one with --out.")
        ) from failure
    return folder


def _write_events(world: World, folder: Path) -> Iterator[str]:
    """One file, or one a month when there is much; yields their names."""
    log, columns = shaped(world)
    ends = [len(log.at)]
    if len(log.at) > ROWS_PER_FILE:
        months = pd.date_range(world.scenario.begins, periods=13, freq=pd.DateOffset(months=1))
        into = months.as_unit("us").asi8 - _epoch(world)
        ends = [int(end) for end in np.searchsorted(log.at, into[1:])]
    whole = _events(world, log, columns)
    for number, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True), 1):
        name = "events.parquet" if len(ends) == 1 else f"events-{number:02d}.parquet"
        _write(whole.slice(begin, end - begin), folder / name)
        yield name


def _events(world: World, log: EventLog, shape: Mapping[str, Values]) -> pa.Table:
    behaviours = world.scenario.behaviours
    columns = {
        "account_id": _account_ids(world, log.owner),
        "ts": _moments(world, log.at),
        "event": _coded([b.event_name for b in behaviours], log.behaviour),
    }
    if any(b.product for b in behaviours):
        columns["product"] = _coded([b.product for b in behaviours], log.behaviour)
    for name, values in shape.items():
        columns[name] = _rendered(world, name, values)
    return pa.table(columns)


def _account_ids(world: World, owner: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Numbers; texts where the world has a shape."""
    ids = pa.array(world.accounts.ids[owner], mask=None if known is None else ~known)
    return ids if world.scenario.shape is None else _texts("a", ids)


def _texts(prefix: str, numbers: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(prefix, numbers.cast(pa.string()), "")


def _rendered(world: World, name: str, values: Values) -> pa.Array:
    if values.kind == "account":
        return _account_ids(world, values.numbers, values.known)
    numbers = pa.array(values.numbers, mask=~values.known)
    match values.kind:
        case "id":
            return _texts(f"{name.removesuffix('_id')}-", numbers)
        case "name":
            return pa.DictionaryArray.from_arrays(numbers, pa.array(values.names))
        case "hundredths":
            exact = pc.multiply(numbers.cast(pa.decimal128(19)), pa.scalar(Decimal("0.01")))
            return exact.cast(MONEY)
    return numbers


def _coded(labels: list[str] | list[str | None], codes: np.ndarray) -> pa.DictionaryArray:
    """The label of each code; labels may repeat or be missing."""
    unique = list(dict.fromkeys(label for label in labels if label is not None))
    index = np.array([-1 if label is None else unique.index(label) for label in labels], np.int8)
    chosen = index[codes]
    missing = chosen < 0
    indices = pa.array(chosen, mask=missing if missing.any() else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array(unique))


def _accounts(world: World) -> pa.Table:
    """Who signed up while there was a log; older accounts are listed too."""
    accounts = world.accounts
    return pa.table(
        {
            "account_id": _account_ids(world, np.arange(accounts.size)),
            "signed_up_at": _moments(world, accounts.signed_up),
            **{
                trait: _coded(list(LEVELS[trait]), codes)
                for trait, codes in accounts.traits.items()
            },
            "is_internal": pa.array(accounts.internal),
        }
    )


def _revenue(world: World) -> pa.Table:
    rows = world.revenue
    assert rows is not None
    at = rows["at"].to_numpy()
    return pa.table(
        {
            "account_id": _account_ids(world, rows["owner"].to_numpy()),
            "ts": _moments(world, at // DAY * DAY if world.scenario.day_resolution else at),
            "amount": pa.array(rows["amount"].to_numpy()),
            "kind": pa.array(rows["kind"].astype(str).tolist(), pa.string()),
        }
    )


def _moments(world: World, at: np.ndarray) -> pa.Array:
    return pa.array(at + _epoch(world)).cast(MOMENT)


def _epoch(world: World) -> int:
    """Microseconds from 1970 to the start of the log."""
    return int(world.scenario.begins.value // 1000)


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")
