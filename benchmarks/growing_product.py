"""A made-up growing product of any size: a Parquet file of events per month, and its product file.

Accounts are heavy-tailed (log-normal numbers of events, exponential lives), event types follow
Zipf's law, sign-ups grow by a tenth every month, and the rows of a month lie in order of time, as
a log does: accounts are mixed, so no engine gains from an account's rows lying together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

MONTHS, MONTH_DAYS, GROWTH = 12, 30, 1.1
DAY = 86_400_000_000
START = np.datetime64("2024-01-01", "us").astype(np.int64)
END = START + MONTHS * MONTH_DAYS * DAY
AS_OF = "2024-12-25T12:00:00"
AFTER = WITHIN = 28
PLANS = ("free", "team", "business")
WINDOWS = (7, 14, 21, 28)
THRESHOLDS = tuple(range(1, 21))
SEED = 4
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class GrowingProduct:
    """What the files hold, and where they are."""

    folder: Path
    events: int
    event_types: int = 50
    events_per_account: int = 100

    @property
    def event_files(self) -> str:
        """A glob over the monthly files."""
        return str(self.folder / "events_*.parquet")

    @property
    def names(self) -> list[str]:
        """The event types, most frequent first; the first is the core event."""
        return [f"event_{number:03}" for number in range(self.event_types)]

    @property
    def accounts(self) -> int:
        """How many accounts there are."""
        return self.events // self.events_per_account

    def write(self) -> None:
        """Writes all files, unless they are there already."""
        done = self.folder / "done"
        if done.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(SEED)
        signed_up = self._write_accounts(rng)
        self._write_events(signed_up, rng)
        self._write_revenue(signed_up, rng)
        done.touch()

    def _write_accounts(self, rng: np.random.Generator) -> Ints:
        share = GROWTH ** np.arange(MONTHS)
        months = rng.choice(MONTHS, self.accounts, p=share / share.sum())
        signed_up: Ints = START + ((months + rng.random(self.accounts)) * MONTH_DAYS * DAY).astype(
            np.int64
        )
        plans = pa.DictionaryArray.from_arrays(
            rng.choice(len(PLANS), self.accounts, p=(0.7, 0.2, 0.1)).astype(np.int8), list(PLANS)
        )
        columns = {
            "account": np.arange(self.accounts),
            "signed_up": _moments(signed_up),
            "plan": plans,
        }
        pq.write_table(pa.table(columns), self.folder / "accounts.parquet")
        return signed_up

    def _write_events(self, signed_up: Ints, rng: np.random.Generator) -> None:
        """The first event of every account is the core event, at its sign-up."""
        weight = rng.lognormal(sigma=1.3, size=self.accounts)
        further = rng.poisson(weight / weight.mean() * (self.events_per_account - 1))
        life = rng.exponential(150 * DAY, self.accounts) * weight / (0.5 + weight)
        life = np.minimum(life, END - 1 - signed_up)
        account = np.repeat(np.arange(self.accounts, dtype=np.int32), further)
        at = signed_up[account] + (rng.random(len(account)) ** 1.2 * life[account]).astype(np.int64)
        zipf = 1 / np.arange(1, self.event_types + 1)
        event = np.searchsorted(np.cumsum(zipf / zipf.sum()), rng.random(len(account)))
        account = np.r_[np.arange(self.accounts, dtype=np.int32), account]
        at = np.r_[signed_up, at]
        event = np.r_[np.zeros(self.accounts, dtype=np.int16), event.astype(np.int16)]
        month = ((at - START) // (MONTH_DAYS * DAY)).astype(np.int8)
        for number in range(MONTHS):
            rows = np.flatnonzero(month == number)
            rows = rows[np.argsort(at[rows])]
            names = pa.DictionaryArray.from_arrays(event[rows], self.names)
            columns = {
                "account": account[rows].astype(np.int64),
                "at": _moments(at[rows]),
                "event": names,
                "item": rng.integers(0, 40, len(rows), dtype=np.int32),
            }
            pq.write_table(
                pa.table(columns), self.folder / f"events_{number:02}.parquet", row_group_size=2**18
            )

    def _write_revenue(self, signed_up: Ints, rng: np.random.Generator) -> None:
        payments = self.accounts // 2
        account = rng.integers(0, self.accounts, payments)
        at = signed_up[account] + (rng.exponential(60, payments) * DAY).astype(np.int64)
        kept = at < END
        minor = rng.integers(500, 20_000, payments)
        columns = {
            "account": account[kept],
            "at": _moments(at[kept]),
            "amount": pa.array(minor[kept] / 100).cast(pa.decimal128(18, 2)),
        }
        pq.write_table(pa.table(columns), self.folder / "revenue.parquet")

    def product_file(self, name: str, **changes: object) -> Path:
        """A product file over these files; `changes` replace keys of it."""
        columns = {"account": "account", "at": "at"}
        content = {
            "version": 1,
            "product": name,
            "title": "A growing product",
            "owner": "benchmarks",
            "audience": "b2b",
            "start_date": "2024-12-27",
            "source": {
                "connection": "duckdb://",
                "events": {"files": self.event_files, **columns, "event": "event"},
                "accounts": {"files": str(self.folder / "accounts.parquet"), "account": "account"},
                "revenue": {
                    "files": str(self.folder / "revenue.parquet"),
                    **columns,
                    "amount": "amount",
                    "currency": "EUR",
                },
            },
            "core_metric": {"name": "Core events", "event": "event_000", "promise": "It works"},
            "retention": {"event": "any", "after": f"{AFTER}d", "within": f"{WITHIN}d"},
            "exposure": {"within": [f"{days}d" for days in WINDOWS]},
            "discover": {"events": "all", "at_least": list(THRESHOLDS)},
            "adjust_for": ["plan"],
            **changes,
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path


def _moments(microseconds: Ints) -> pa.Array:
    return pa.array(microseconds).cast(pa.timestamp("us", tz="UTC"))
