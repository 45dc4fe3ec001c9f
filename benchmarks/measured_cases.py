"""The cases of `benchmarks.bench`: each prepares itself, then returns the work to be measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.growing_product import AS_OF, THRESHOLDS, WINDOWS, GrowingProduct
from benchmarks.hand_sql import hand_sql
from nsm_pipeline.waist.score_model import ScoreModel

Work = Callable[[], dict[str, Any] | None]
Prepare = Callable[[GrowingProduct, str, str | None], Work]
VALUES = {"discover": {"events": "all", "at_least": list(THRESHOLDS), "properties": ["item"]}}
FEW = {
    "discover": {
        "events": [f"event_{number:03}" for number in range(5)],
        "at_least": list(THRESHOLDS),
    }
}
# What `engine:<variant>` changes in the product file.
VARIANTS: Mapping[str, dict[str, Any]] = {
    "": {},
    "5 candidates": FEW,
    "500 candidates": VALUES,
    "1 window": {"exposure": {"within": ["28d"]}},
    "2 windows": {"exposure": {"within": ["14d", "28d"]}},
    "1 threshold": {"discover": {"events": "all", "at_least": [1]}},
    "5 thresholds": {"discover": {"events": "all", "at_least": [1, 2, 5, 10, 20]}},
}


def moment() -> datetime:
    """The run's moment."""
    return datetime.fromisoformat(AS_OF).replace(tzinfo=UTC)


def _engine(product: GrowingProduct, variant: str, memory: str | None) -> Work:
    """Everything that is asked of the engine for the cells, and for the sample of the score."""
    import nsm_pipeline.stats.score
    from nsm_pipeline.product.yaml_file import load_product
    from nsm_pipeline.warehouse.extract import Extract
    from nsm_pipeline.warehouse.scored import Scored

    loaded = load_product(product.product_file("engine", **VARIANTS[variant]))

    def work() -> dict[str, Any]:
        began = time.process_time()
        extract = Extract.open(loaded, moment())
        if memory:
            extract.engine.backend.raw_sql(f"SET memory_limit = '{memory}'")
        eligible = extract.counts["eligible"]
        sample = extract.score_input()
        before = time.process_time()
        score = nsm_pipeline.stats.score.fit_score(sample)
        fit = time.process_time() - before
        del sample
        cells = Scored(extract, score).cells().frame
        cpu = time.process_time() - began - fit
        if not variant:
            (product.folder / "score.json").write_text(json.dumps(score.as_json()))
            cells.to_parquet(product.folder / "cells_engine.parquet")
        found = {"candidates": cells["candidate"].nunique(), "cells": len(cells)}
        return {"cpu": cpu, "fit": fit, "eligible": eligible, **found}

    return work


def _hand(product: GrowingProduct, _variant: str, memory: str | None) -> Work:
    """The same cells by SQL written for them."""
    score = ScoreModel.from_json(json.loads((product.folder / "score.json").read_text()))
    statements = list(hand_sql(product, score, WINDOWS, THRESHOLDS))

    def work() -> dict[str, Any]:
        began = time.process_time()
        connection = duckdb.connect()
        if memory:
            connection.execute(f"SET memory_limit = '{memory}'")
        for statement in statements[:-1]:
            connection.execute(statement)
        cells = connection.execute(statements[-1]).df()
        cpu = time.process_time() - began
        cells["reached"] = cells.pop("step").astype(float)
        cells["revenue_sum"] = cells["revenue_sum"].astype(float) / 100
        cells["revenue_squares"] /= 100**2
        cells.to_parquet(product.folder / "cells_hand.parquet")
        return {"cpu": cpu, "cells": len(cells)}

    return work


def _run(product: GrowingProduct, _variant: str, _memory: str | None) -> Work:
    """A whole `nsm run`, step by step."""
    from nsm_pipeline.pipeline import Step, run_product

    path = product.product_file("run", checks={"freshness": {"severity": "off"}})
    marks: list[tuple[str, float]] = []

    def note(step: Step) -> None:
        marks.append((step.name, time.process_time()))

    def work() -> dict[str, Any]:
        run_product(path, as_of=moment(), out=product.folder / "runs", on_step=note)
        ends = [began for _, began in marks[1:]] + [time.process_time()]
        steps = {name: end - began for (name, began), end in zip(marks, ends, strict=True)}
        return {"steps": steps}

    return work


def _other(name: str) -> Prepare:
    def prepare(product: GrowingProduct, _variant: str, _memory: str | None) -> Work:
        from benchmarks import other_means

        return partial(_quietly, getattr(other_means, name), product)

    return prepare


def _quietly(function: Callable[[GrowingProduct], object], product: GrowingProduct) -> None:
    function(product)


def _notebook(product: GrowingProduct, _variant: str, _memory: str | None) -> Work:
    """The notebook's loop, of which some candidates stand for all."""
    from benchmarks.other_means import notebook_loop

    return lambda: {"cpu": notebook_loop(product)}


def _fits(product: GrowingProduct, _variant: str, _memory: str | None) -> Work:
    """Fits of a few candidates on a row per account; making the rows is not counted."""
    from benchmarks.other_means import MODELS, account_design, fit_models

    design, retained = account_design(product)

    def work() -> dict[str, Any]:
        fit_models(design, retained)
        return {"models": MODELS, "accounts": len(retained)}

    return work


CASES: Mapping[str, Prepare] = {
    "decode": _other("decode"),
    "group": _other("bare_group_by"),
    "hand": _hand,
    "engine": _engine,
    "polars": _other("polars_counts"),
    "pandas": _notebook,
    "fits": _fits,
    "run": _run,
}


def same_cells(folder: Path) -> bool:
    """Whether the pipeline and the SQL by hand gave the same rows."""
    import numpy as np
    import pandas as pd

    frames = [pd.read_parquet(folder / f"cells_{name}.parquet") for name in ("engine", "hand")]
    keys = ["within_days", "candidate", "stratum", "cohort", "segment", "reached"]
    ours, theirs = (frame.sort_values(keys, ignore_index=True) for frame in frames)
    theirs = theirs[ours.columns]
    exact = [name for name in ours.columns if name != "revenue_squares"]
    return (
        len(ours) == len(theirs)
        and all(np.array_equal(ours[name], theirs[name]) for name in exact)
        and np.allclose(ours["revenue_squares"], theirs["revenue_squares"], rtol=1e-12)
    )
