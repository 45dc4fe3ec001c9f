"""One value, one byte sequence: how the run folder's JSON, CSV and Parquet are written.

No clock, no set order, no thread and no pandas index reaches the bytes, so two runs on the same
input can be compared with `cmp`.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

CSV_DIGITS = 10
# A spreadsheet runs a cell that starts with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def json_bytes(value: Any) -> bytes:
    """UTF-8 JSON with an indent of two, keys in the order given, null for what is not finite."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def plain(value: Any) -> Any:
    """The value in JSON's own types; numpy and pandas scalars and moments are understood."""
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, dict):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if _is_missing(value):
        return None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date):
        return moment(value)
    if hasattr(value, "tolist"):  # numpy's scalars and arrays, without importing numpy
        return plain(value.tolist())
    raise TypeError(f"{type(value).__name__} has no JSON form: {value!r}")


def csv_bytes(frame: pd.DataFrame) -> bytes:
    r"""The frame as CSV: '\n' ends, empty for null, floats at ten digits, no live formulas."""
    columns = [[_cell(value) for value in frame[name]] for name in frame.columns]
    header = ",".join(_cell(str(name)) for name in frame.columns)
    rows = (",".join(cells) for cells in zip(*columns, strict=True))
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """The frame as Parquet, zstd, one fixed format version, without its index."""
    bare = frame.copy(deep=False)
    bare.attrs = {}  # would travel in the file's metadata
    return bare.to_parquet(None, engine="pyarrow", compression="zstd", index=False, version="2.6")


def moment(value: date) -> str:
    """ISO 8601: a date as it is, a moment in UTC with Z, as `2011-12-09T12:50:00Z`."""
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None:  # everything inside the package is UTC
        return value.isoformat() + "Z"
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{key!r} is not a text, so it cannot be a JSON key")
    return key


def _is_missing(value: Any) -> bool:
    # NaN and NaT differ from themselves; comparing pandas' NA gives NA, which is not a bool.
    if type(value).__name__ == "NAType":
        return True
    return isinstance(value, float | date) and value != value


def _cell(value: Any) -> str:
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        shortest = repr(float(f"{value:.{CSV_DIGITS}g}") + 0.0)  # + 0.0 turns -0.0 into 0.0
        return shortest.removesuffix(".0")
    if isinstance(value, str):
        return _quoted(f"'{value}" if value.startswith(FORMULA_STARTS) else value)
    return str(value)


def _quoted(text: str) -> str:
    # csv.writer of Python 3.11 leaves a lone carriage return unquoted, and readers end the row.
    if any(character in text for character in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text
