"""STEPS: the order of a run, once. The command line and Airflow both run from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm_pipeline import steps
from nsm_pipeline.advising import Given, ask_for_windows, recorded_product
from nsm_pipeline.errors import NsmError, WarehouseFailed
from nsm_pipeline.practice.measuring import measure
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.refusing import (
    check_against_source,
    require_comparable,
    require_replaceable_tables,
)
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.steps import RunContext

if TYPE_CHECKING:
    from nsm_pipeline.runs.folder import Address


@dataclass(frozen=True)
class Step:
    """One coarse step: its name, what a person watching is told, and what it does."""

    name: str
    title: str
    run: Callable[[RunContext], None]


STEPS = (
    Step("extract", "Reading the events", steps.extract),
    Step("validate", "Checking the data", steps.validate),
    Step("score", "Scoring every behaviour", steps.score),
    Step("backtest", "Backtesting against revenue", steps.backtest),
    Step("rank", "Ranking", steps.rank),
    Step("measure", "Measuring what it is steered by", measure),
    Step("publish", "Publishing", steps.publish),
)


def run_product(
    product_file: Path,
    *,
    as_of: datetime,
    out: Address,
    on_step: Callable[[Step], None] | None = None,
    with_rivals: bool = False,
    rebuild: bool = False,
) -> RunFolder:
    """A whole run in one process.

    Args:
        product_file: the YAML.
        as_of: the moment the run looks back from; nothing after it is seen.
        out: root of all runs.
        on_step: called before each step.
        with_rivals: adds what other products would say of the same counts (`stats.rivals`).
        rebuild: builds the nightly state anew, where the product keeps one.

    Raises:
        InvalidInput: nothing was written.
        ChecksFailed: the data failed a critical check; the published run stays.
    """
    product, store = load_product(product_file), RunStore(out)
    context = RunContext(
        product, as_of.astimezone(UTC), store, with_rivals=with_rivals, rebuild=rebuild
    )
    try:
        for step in STEPS:
            if on_step is not None:
                on_step(step)
            _run_one(step, context, begin=step is STEPS[0])
        return context.run
    finally:
        context.close()


def start_run(product_file: Path, *, as_of: datetime, out: Address) -> RunFolder:
    """Checks the input and makes the run folder: what precedes the first step.

    Raises:
        InvalidInput: nothing was written.
    """
    context = RunContext(load_product(product_file), as_of.astimezone(UTC), RunStore(out))
    try:
        context.begin()
        return context.run
    finally:
        context.close()


def run_step(name: str, *, product_file: Path, folder: RunFolder) -> None:
    """One step in a process of its own, with the product file as the run began with it."""
    product = recorded_product(folder, product_file)
    step = next(step for step in STEPS if step.name == name)
    context = RunContext(product, folder.as_of, RunStore(folder.path.parents[2]), folder)
    try:
        _run_one(step, context, begin=False)
    finally:
        context.close()


def _run_one(step: Step, context: RunContext, *, begin: bool) -> None:
    started = time.perf_counter()
    if begin:
        context.begin()
    step.run(context)
    if step is not STEPS[-1]:
        # The last step seals the folder; how long it took is not known before that.
        context.took(step.name, time.perf_counter() - started)


def check_product(product_file: Path) -> LoadedProduct:
    """The product, its file and its source's columns found in order.

    Raises:
        InvalidInput: every problem at once.
    """
    (checked,) = check_products([product_file])
    if isinstance(checked, NsmError):
        raise checked
    return checked


def check_products(product_files: Iterable[Path]) -> list[LoadedProduct | NsmError]:
    """For each file its product, or everything that is wrong with it.

    A connection that several products name is opened once, a table that they share read once.
    """
    from nsm_pipeline.warehouse.source_answers import OpenSources

    found: list[LoadedProduct | NsmError] = []
    with closing(OpenSources()) as sources:
        for file in product_files:
            try:
                product = load_product(file)
                require_replaceable_tables(product)
                check_against_source(product, sources.of(product))
                found.append(product)
            except NsmError as problems:
                found.append(problems)
                if isinstance(problems, WarehouseFailed):  # the next file needs a sound connection
                    sources.close()
    return found


def advise(product_file: Path, *, as_of: datetime) -> tuple[LoadedProduct, dict[str, Any]]:
    """What the data says of all windows, whatever the file says; nothing is published.

    Raises:
        InvalidInput: the file or its source is wrong, or the data cannot tell.
    """
    product = check_product(product_file)
    context = RunContext(product, as_of.astimezone(UTC), RunStore(Path()))
    try:
        engine = context.extract.engine
        return product, ask_for_windows(product, context.as_of, engine, Given(None, None, None))
    finally:
        context.close()


def explain_sql(product_file: Path, *, as_of: datetime) -> list[tuple[str, str]]:
    """(title, SQL) of everything the engine is asked in a run at this moment, in order.

    The questions depend on the answers (which events occur, which values are frequent), so they
    are asked; nothing is published.
    """
    from nsm_pipeline.stats.score import fit_score
    from nsm_pipeline.stats.search import best_rows, search
    from nsm_pipeline.warehouse.scored import Scored

    product = check_product(product_file)
    context = RunContext(product, as_of.astimezone(UTC), RunStore(Path()))
    try:
        context.settle_windows()
        extract = context.extract
        require_comparable(product, extract.counts)
        scored = Scored(extract, fit_score(extract.score_input()))
        chosen = best_rows(search(scored.cells(), extract.specs))
        if product.config.source.revenue is not None and len(chosen):
            scored.revenue_weeks(chosen)
            scored.weekly_reach(chosen)
        return extract.engine.sql()
    finally:
        context.close()
