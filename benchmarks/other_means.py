"""The same counting, or less of it, by other means: what people would write instead."""

from __future__ import annotations

import time
from datetime import datetime

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from sklearn.linear_model import LogisticRegression

from benchmarks.growing_product import AFTER, AS_OF, THRESHOLDS, WINDOWS, WITHIN, GrowingProduct

MODELS, LOOPED = 2, 5


def decode(product: GrowingProduct) -> int:
    """DuckDB reads the three columns, and looks at each value."""
    columns = 'max(account), max(epoch_us("at")), max(event)'
    [row] = duckdb.sql(f"SELECT {columns} FROM read_parquet('{product.event_files}')").fetchall()
    return int(row[0])


def bare_group_by(product: GrowingProduct) -> int:
    """DuckDB counts events per account and event, over all time."""
    counted = f"""SELECT account, event, count(*) AS n FROM read_parquet('{product.event_files}')
        GROUP BY account, event"""
    [row] = duckdb.sql(f"SELECT count(*), sum(n) FROM ({counted})").fetchall()
    return int(row[0])


def polars_counts(product: GrowingProduct) -> int:
    """Polars counts events per account, event and window; no score, no strata, no cells."""
    events = pl.scan_parquet(product.event_files).select("account", "at", "event")
    moment = pl.lit(datetime.fromisoformat(AS_OF)).dt.replace_time_zone("UTC")
    seen = events.filter(pl.col("at") <= moment)
    clock = (
        seen.filter(pl.col("event") == "event_000").group_by("account").agg(t0=pl.col("at").min())
    )
    known = clock.filter(pl.col("t0") + pl.duration(days=AFTER + WITHIN) <= moment)
    near = seen.join(known, on="account").filter(
        (pl.col("at") >= pl.col("t0"))
        & (pl.col("at") < pl.col("t0") + pl.duration(days=WINDOWS[-1]))
    )
    counts = near.group_by("account", "event").agg(
        (pl.col("at") < pl.col("t0") + pl.duration(days=days)).sum().alias(f"n_{days}")
        for days in WINDOWS
    )
    return int(counts.collect(engine="streaming").height)


def notebook_loop(product: GrowingProduct) -> float:
    """pandas: one groupby per candidate and window, then a crude table per threshold.

    Reading and joining are done whole, the loop for LOOPED candidates: returns the CPU seconds
    that all of them would take.
    """
    began = time.process_time()
    months = sorted(product.folder.glob("events_*.parquet"))
    columns = ["account", "at", "event"]
    events = pd.concat([pd.read_parquet(path, columns=columns) for path in months])
    moment = pd.Timestamp(AS_OF, tz="UTC")
    events = events[events["at"] <= moment].astype({"event": "category"})
    t0 = events[events["event"] == "event_000"].groupby("account")["at"].min().rename("t0")
    t0 = t0[t0 + pd.Timedelta(days=AFTER + WITHIN) <= moment]
    near = events.merge(t0, left_on="account", right_index=True)
    age = near["at"] - near["t0"]
    late = (age > pd.Timedelta(days=AFTER)) & (age <= pd.Timedelta(days=AFTER + WITHIN))
    retained = pd.Series(t0.index.isin(near.loc[late, "account"].unique()), index=t0.index)
    joined = time.process_time()
    for event in product.names[:: len(product.names) // LOOPED]:
        rows = near["event"] == event
        for days in WINDOWS:
            inside = rows & (age >= pd.Timedelta(0)) & (age < pd.Timedelta(days=days))
            done = near[inside].groupby("account").size().reindex(t0.index, fill_value=0)
            for at_least in THRESHOLDS:
                pd.crosstab(done >= at_least, retained)
    looped = time.process_time() - joined
    return joined - began + looped * len(product.names) / LOOPED


def account_design(product: GrowingProduct) -> tuple[np.ndarray, np.ndarray]:
    """log(1 + rows) of every event in the longest window and the plan, and who was retained."""
    sums = ", ".join(
        f"ln(1 + count(*) FILTER (WHERE event = '{name}' AND near))" for name in product.names
    )
    rows = duckdb.sql(f"""
        WITH ev AS (SELECT account, epoch_us("at") AS at_us, event
                    FROM read_parquet('{product.event_files}')),
        clock AS (SELECT account, min(at_us) AS t0 FROM ev WHERE event = 'event_000'
                  GROUP BY account),
        aged AS (SELECT account, event, (at_us - t0) // 86400000000 AS day
                 FROM ev JOIN clock USING (account)
                 WHERE t0 + {AFTER + WITHIN} * 86400000000
                       <= epoch_us(TIMESTAMP '{AS_OF}'))
        SELECT max((day >= {AFTER} AND day < {AFTER + WITHIN})::INT) AS retained, {sums}
        FROM (SELECT *, day >= 0 AND day < {WINDOWS[-1]} AS near FROM aged) GROUP BY account
    """).fetchnumpy()
    columns = [np.asarray(values, dtype=np.float64) for values in rows.values()]
    return np.column_stack(columns[1:]), columns[0] > 0


def fit_models(design: np.ndarray, retained: np.ndarray) -> None:
    """MODELS fits: each behaviour as done or not, the other events beside it."""
    for number in range(1, MODELS + 1):
        features = design.copy()
        features[:, number] = design[:, number] > 0
        LogisticRegression(solver="newton-cholesky", tol=1e-8, max_iter=200).fit(features, retained)
