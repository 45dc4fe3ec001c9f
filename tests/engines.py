"""One product on each engine: the same tables, another connection, every figure compared."""

import shutil
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import psycopg
import yaml

from examples.load_tables import load_tables
from nsm_pipeline.product.subject import behaviours_of
from nsm_pipeline.product.tree_metric import tree_metric
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.stats.score import fit_score
from nsm_pipeline.stats.search import search
from nsm_pipeline.warehouse.account_value import value_by_month, value_by_week, whole_months
from nsm_pipeline.warehouse.connect import connect
from nsm_pipeline.warehouse.day_retention import day_retention, signs_of_life
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.feature_usage import feature_usage
from nsm_pipeline.warehouse.input_counts import Scope, input_counts, log_begins
from nsm_pipeline.warehouse.invitations import count_invitations
from nsm_pipeline.warehouse.journey import journey_steps, waits
from nsm_pipeline.warehouse.metric_counts import count_metrics
from nsm_pipeline.warehouse.profile import profile_source
from nsm_pipeline.warehouse.repetition import Repeated, repetition
from nsm_pipeline.warehouse.scored import Scored
from nsm_pipeline.warehouse.starters import days_watched, find_starters
from nsm_pipeline.warehouse.tracked import named_candidates, reached_by_week

# One partition and no generated code: compiling costs more here than counting.
SPARK = (
    "pyspark://?spark.master=local[2]&spark.driver.memory=3g&spark.sql.shuffle.partitions=1"
    "&spark.sql.adaptive.enabled=false&spark.sql.codegen.wholeStage=false"
    "&spark.sql.codegen.factoryMode=NO_CODEGEN"
)
GIVEN_DAYS = 28
TABLES = ("events", "accounts", "revenue")


def on_engine(engine: str, product: Path, folder: Path, server: str) -> Path:
    """The product file for another engine: DuckDB and PostgreSQL have tables, Spark the files."""
    text = yaml.safe_load(product.read_text(encoding="utf-8"))
    source = text["source"]
    text.pop("publish", None)
    if engine == "spark":
        source["connection"] = SPARK
    else:
        url = f"duckdb://{folder / 'world.duckdb'}" if engine == "duckdb" else server
        source["connection"] = url
        _load(product, folder, url)
        for name in {*TABLES} & {*source}:
            source[name]["table"] = name
            del source[name]["files"]
    path = product.parent / f"{product.stem}_on_{engine}.yaml"
    path.write_text(yaml.safe_dump(text), encoding="utf-8")
    return path


def _load(product: Path, folder: Path, url: str) -> None:
    loaded = load_product(product)
    staged = folder / "staged"
    for name in TABLES:
        place = getattr(loaded.config.source, name)
        files = (
            [path for pattern in place.files for path in loaded.resolve(pattern)] if place else []
        )
        for number, path in enumerate(files):
            staged.mkdir(exist_ok=True)
            shutil.copy(path, staged / f"{name}-{number:02d}.parquet")
    engine = connect(url, base=folder, where="the tests")
    load_tables(engine, staged)
    engine.close()


def figures(product: Path, as_of: datetime, *, to_the_cells: bool = False) -> dict[str, Any]:
    """Everything that a run takes from its engine, from profile to revenue weeks.

    Or only the cells, with all that leads to them.
    """
    loaded = load_product(product)
    x = Extract.open(loaded, as_of)
    try:
        sample = x.score_input()
        scored = Scored(x, fit_score(sample))
        cells = scored.cells()
        found: dict[str, Any] = {
            "counts": x.counts,
            "revenue at core": x.revenue_at_core,
            "sampled accounts": sample.accounts,
            "their counts": sample.counts,
            "their active days": sample.seen,
            "candidates": [asdict(spec) for spec in x.specs],
            "events of the outcome": tuple(x.outcome_events),
            "cells": cells.frame,
        }
        if to_the_cells:
            return found
        begins = log_begins(x.engine, x.tables, x.population)
        assert begins is not None
        scope = Scope(x.engine, x.tables, x.population, loaded.config, begins)
        found |= {
            "profile": profile_source(
                x.tables, config=loaded.config, as_of=as_of, fetch=x.engine.fetch
            ),
            "retention curve": x.retention_curve,
            "usage gaps": x.usage_gaps,
            "revenue by week": x.revenue_by_week,
            "inputs of the core metric": input_counts(scope, tree_metric(loaded.config)).table,
        }
        starters = find_starters(x.engine, x.tables, x.population, loaded.config)
        found["days watched"] = days_watched(x.engine, starters)
        if loaded.config.journey:
            steps = journey_steps(
                x.engine, starters, x.population, (loaded.config.journey, GIVEN_DAYS)
            )
            found["waits"] = waits(x.engine, starters, steps, GIVEN_DAYS)
        if loaded.config.metrics:
            counts = count_metrics(x.engine, x.tables, x.population, loaded.config)
            found["metrics"], found["log begins"] = counts.table, counts.begins
        found |= around_the_metric(x)
        found["tracked"] = tracked(x)
        rows = search(cells, x.specs).sort_values(["candidate", "within_days", "at_least"])
        chosen = rows.groupby("candidate", as_index=False).head(1)
        if loaded.config.source.revenue:
            found["revenue weeks"] = scored.revenue_weeks(chosen)
            found["weekly reach"] = scored.weekly_reach(chosen)
        return found
    finally:
        x.engine.close()


def around_the_metric(x: Extract) -> dict[str, Any]:
    """What is watched around the metric."""
    asked = x.engine, x.population
    usage = feature_usage(*asked, x.product.config)
    rows = signs_of_life(x.population, x.tables, x.product.config)
    active, returned = day_retention(*asked, rows, (1, 7))
    found: dict[str, Any] = {
        "day retention": active,
        "day retention, of what is asked": returned,
        **{f"features: {name}": value for name, value in vars(usage).items()},
    }
    name, windows = x.product.config.core_metric.event[0], x.exposures.windows
    again = Repeated(name, behaviours_of(name, x.product.config)[0], 2, windows[-1])
    repeated, whose = repetition(*asked, x.product.config, (x.exposures, again))
    found |= {"how often": repeated, "whose": whose}
    if x.product.config.source.revenue:
        months = whole_months(x.population.observed_until, x.product.config.timezone, 6)
        found["value by week"] = value_by_week(*asked, x.tables)
        found["value by month"] = value_by_month(*asked, x.tables, months)
    if x.product.config.health.invitations:
        invited = count_invitations(*asked, x.tables, x.product.config)
        found |= {"invitations": invited.parts, "cycle": invited.cycle}
    return found


def tracked(x: Extract) -> pd.DataFrame:
    """Every candidate at its lowest threshold in the shortest window, by week of onboarding."""
    config, window = x.product.config, x.product.config.exposure.within[0]
    resolved = named_candidates(config, x.population.event_names, x.specs)
    chosen = [
        (resolved[spec.name], spec.thresholds[0], window) for spec in x.specs if spec.thresholds
    ]
    return reached_by_week(x.engine, x.population, config, chosen)


def assert_same_figures(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Row for row and digit for digit; the first figure that differs is named."""
    assert list(found) == list(expected)
    for name, figure in expected.items():
        if isinstance(figure, pd.DataFrame):
            assert len(figure) or name == "revenue by week", f"{name} is empty"
            pd.testing.assert_frame_equal(found[name], figure, obj=name)
        else:
            assert found[name] == figure, name


def new_database(server: str, name: str) -> str:
    """A database of its own, and its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
        folder = connection.info.host
    return f"postgresql:///{name}?host={quote(folder, safe='')}&user=postgres"
