"""How much CPU the statistics take, in seconds and against scikit-learn: `make bench-stats`.

A CellTable of a million accounts is made directly: 500 candidates in 4 windows, 20 thresholds
each, 50 strata, and the same split by six cohorts. Every model of it is fitted, and the score on
the largest sample a run takes. scikit-learn fits a few of the same models, on the same cells and
on a row per account; its answers must be ours. The printed table is that of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.linear_model import LogisticRegression

from nsm_pipeline.stats.score import fit_score
from nsm_pipeline.stats.search import search
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.waist.score_model import STRATA, ScoreInput

ACCOUNTS = 1_000_000
CANDIDATES, THRESHOLDS, WINDOWS = 500, 20, (1, 3, 7, 14)
COHORTS = (1, 6)
SAMPLE, EVENTS = 200_000, 40
CELL_MODELS, ACCOUNT_MODELS = 50, 1
SEED = 20
Model = tuple[int, str, float]
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Cost:
    """What `models` models took: CPU seconds of all threads, and arrays made beside the input."""

    what: str
    models: int
    cpu: float
    added_gb: float | None = None

    def row(self, ours: Cost | None) -> str:
        """A row of the table, with the cost of one model against `ours`."""
        each = self.cpu / self.models
        times = "" if ours is None else f"{each / (ours.cpu / ours.models):,.3g}"
        if len(times) > 5:
            times = f"{float(times):,.0f}"
        memory = "" if self.added_gb is None else f"{self.added_gb:.2f}"
        fields = (self.what, f"{self.models:,}", f"{self.cpu:.2f}", _duration(each), times, memory)
        return f"| {' | '.join(fields)} |"


def _duration(seconds: float) -> str:
    scale, unit = next(
        (scale, unit)
        for scale, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs"))
        if seconds >= scale or unit == "µs"
    )
    return f"{seconds / scale:.3g} {unit}"


def cpu_of(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and the CPU seconds it took."""
    before = time.process_time()
    result = work()
    return result, time.process_time() - before


def added_gb(work: Callable[[], Any]) -> float:
    """Largest size of what was allocated meanwhile; a run of its own, since counting costs time."""
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**30


def cells(cohorts: int) -> CellTable:
    """Random cells: reach falls with the threshold, keener strata do more and stay more."""
    rng = np.random.default_rng(SEED)
    parts = [_cells_within(window, cohorts, rng) for window in WINDOWS]
    return CellTable(pd.concat(parts, ignore_index=True))


def _cells_within(window: int, cohorts: int, rng: np.random.Generator) -> pd.DataFrame:
    shape = (CANDIDATES, STRATA, cohorts, THRESHOLDS + 1)
    keen = np.linspace(-1, 1, STRATA)[:, None, None]
    reach = rng.uniform(0.05, 0.6, (CANDIDATES, 1, 1, 1)) * np.exp(0.5 * keen)
    falls = np.r_[np.exp(-0.15 * np.arange(THRESHOLDS)), 0.0]
    above = np.clip(reach, 0, 0.9) * falls
    chance = np.concatenate([1 - above[..., :1], -np.diff(above, axis=-1)], axis=-1)
    size = np.full(shape[:-1], ACCOUNTS // (STRATA * cohorts))
    accounts = rng.multinomial(size, np.broadcast_to(chance, shape))
    stays = 1 / (1 + np.exp(0.4 - keen - 0.01 * np.arange(THRESHOLDS + 1)))
    retained = rng.binomial(accounts, np.broadcast_to(stays, shape))
    names = [spec.name for spec in specs()]
    keys = pd.MultiIndex.from_product(
        [
            *([window], names, range(STRATA)),
            *([f"cohort {n}" for n in range(cohorts)], ["all"], np.arange(THRESHOLDS + 1.0)),
        ],
        names=["within_days", "candidate", "stratum", "cohort", "segment", "reached"],
    )
    frame = keys.to_frame(index=False)
    frame["accounts"], frame["retained"] = accounts.ravel(), retained.ravel()
    frame["revenue_accounts"], frame["revenue_sum"], frame["revenue_squares"] = 0, 0.0, 0.0
    return frame[frame["accounts"] > 0]


def specs() -> list[CandidateSpec]:
    """The candidates, all with the same thresholds."""
    ks = tuple(float(k) for k in range(1, THRESHOLDS + 1))
    return [
        CandidateSpec(f"candidate {n:03}", "event", ks, "", "", False, False, EVENTS)
        for n in range(CANDIDATES)
    ]


def sample(accounts: int, rng: np.random.Generator) -> ScoreInput:
    """A score's input: every account did a third of the events, in each of the windows."""
    number = np.arange(accounts)
    keen = rng.normal(0, 1, accounts)
    counts, seen = [], []
    for window in WINDOWS:
        did = rng.random((accounts, EVENTS)) < 1 / (1 + np.exp(0.7 - keen[:, None] - window / 20))
        who, event = np.nonzero(did)
        n = 1 + rng.poisson(np.exp(0.5 * keen[who]))
        part = {"within_days": window, "account_no": who, "event_no": event, "n": n}
        counts.append(pd.DataFrame(part))
        last = rng.integers(0, window, accounts)
        part = {"within_days": window, "account_no": number, "last_day": last}
        seen.append(pd.DataFrame({**part, "active_days": 1 + rng.binomial(last, 0.4)}))
    traits = {
        "trait_0": rng.choice([f"2024-{month:02}" for month in range(1, 13)], accounts),
        "trait_1": rng.choice([f"country {n}" for n in range(15)], accounts),
    }
    kept = rng.random(accounts) < 1 / (1 + np.exp(0.4 - keen))
    people = pd.DataFrame({"account_no": number, "retained": kept, **traits})
    return ScoreInput(
        accounts=people,
        counts=pd.concat(counts, ignore_index=True),
        seen=pd.concat(seen, ignore_index=True),
        trait_names=("cohort", "country"),
        event_names=tuple(f"event_{n}" for n in range(EVENTS)),
        windows=WINDOWS,
    )


def weighted_cells(table: CellTable, model: Model) -> Rows:
    """One model's four rows per stratum with their accounts as weights, for scikit-learn."""
    window, candidate, at_least = model
    rows = table.of(candidate, window)
    did = (rows["reached"] >= at_least).to_numpy(dtype=np.int64)
    weights = np.zeros((2, 2, STRATA))
    lost = rows["accounts"] - rows["retained"]
    for side, counted in zip(weights, (lost, rows["retained"]), strict=True):
        np.add.at(side, (did, rows["stratum"].to_numpy(dtype=np.int64)), counted)
    kept, arm, stratum = (index.ravel() for index in np.indices(weights.shape))
    return np.column_stack([np.eye(STRATA)[stratum], arm]), kept, weights.ravel()


def account_rows(table: CellTable, model: Model) -> Rows:
    """The same with a row per account."""
    design, kept, weights = weighted_cells(table, model)
    times = weights.astype(np.int64)
    return np.repeat(design, times, axis=0), np.repeat(kept, times), np.ones(times.sum())


def theta(rows: Rows) -> float:
    """The log odds ratio by scikit-learn."""
    design, kept, weights = rows
    model = LogisticRegression(
        C=np.inf, solver="newton-cholesky", tol=1e-8, max_iter=200, fit_intercept=False
    )
    model.fit(design, kept, sample_weight=weights)
    return float(model.coef_[0, -1])


def fits() -> Iterator[Cost]:
    """The cost of all fits on each CellTable, then scikit-learn's on the first of them."""
    for cohorts in COHORTS:
        table = cells(cohorts)
        work = partial(search, table, specs())
        found, cpu = cpu_of(work)
        split = f", split by {cohorts} cohorts" if cohorts > 1 else ""
        what = f"all fits, from {len(table.frame):,} cells{split}"
        yield Cost(what, len(found), cpu, added_gb(work))
    table = cells(COHORTS[0])
    able = search(table, specs()).query("support == 'ok'")
    some = able.sample(CELL_MODELS, random_state=SEED)
    asked: list[Model] = list(
        zip(some["within_days"], some["candidate"], some["at_least"], strict=True)
    )
    theta(weighted_cells(table, asked[0]))  # the first call loads what the others have
    for name, number, rows_of in (
        (f"the same {4 * STRATA} weighted cells", CELL_MODELS, weighted_cells),
        (f"{ACCOUNTS:,} account rows", ACCOUNT_MODELS, account_rows),
    ):
        inputs = [rows_of(table, model) for model in asked[:number]]
        thetas, cpu = cpu_of(partial(list, map(theta, inputs)))
        apart = np.abs(np.array(thetas) - some["theta"].to_numpy()[:number]).max()
        if not apart < 1e-5:
            raise SystemExit(f"scikit-learn on {name} is {apart:.2g} away in log-odds")
        yield Cost(f"scikit-learn, newton-cholesky, on {name}", number, cpu)


def score() -> Cost:
    """The cost of the score, a model per window."""
    given = sample(SAMPLE, np.random.default_rng(SEED))
    work = partial(fit_score, given)
    _, cpu = cpu_of(work)
    what = f"the score, {SAMPLE:,} accounts, {EVENTS} events, {len(WINDOWS)} windows"
    return Cost(what, len(WINDOWS), cpu, added_gb(work))


def main() -> None:
    """Prints the table, and the machine it is of."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    costs = list(fits())
    lines = [
        f"{_processor()}, one thread; Python {platform.python_version()}, "
        f"numpy {np.__version__}, scikit-learn {sklearn.__version__}",
        "",
        "| what | models | CPU s | per model | times ours | arrays beside its input, GB |",
        "|---|---|---|---|---|---|",
        *(cost.row(costs[0]) for cost in costs),
        score().row(None),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if os.name == "posix" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
