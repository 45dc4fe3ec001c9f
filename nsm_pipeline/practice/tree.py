"""The metric tree of a run: what its metric is made of, and what drove its newest change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsm_pipeline.product.metrics import CountedMetric
from nsm_pipeline.product.tree_metric import tree_metric
from nsm_pipeline.runs.run_files import METRIC_SERIES, TREE, TREE_TABLE

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.steps import RunContext


def measure_tree(context: RunContext) -> None:
    """Leaves `tree.parquet` (every whole period, by segment and part) and `tree.json`."""
    config = context.product.config
    if config.tree is None and config.review is None:
        return
    from nsm_pipeline.stats.decomposition import decompose_volume
    from nsm_pipeline.stats.tree_document import Decomposed, tree_document

    metric = tree_metric(config)
    counts, kind = _counted(context, metric)
    table = decompose_volume(counts[counts["whole"]])
    context.run.write_frame(TREE_TABLE, table)
    decomposed = Decomposed(
        name=metric.name,
        title=metric.shown,
        kind=kind,
        unit=(metric.unit or "account").removesuffix("_id").replace("_", " "),
        per=metric.per,
        timezone=config.timezone,
        table=table,
    )
    series = context.run.read_frame(METRIC_SERIES) if context.run.exists(METRIC_SERIES) else None
    context.run.write_json(TREE, tree_document(decomposed, config, series))


def _counted(context: RunContext, metric: CountedMetric) -> tuple[pd.DataFrame, str]:
    from nsm_pipeline.warehouse.input_counts import Scope, input_counts, log_begins, nothing_counted

    extract = context.extract
    begins = log_begins(extract.engine, extract.tables, extract.population)
    if begins is None:
        return nothing_counted(), "events"
    scope = Scope(
        extract.engine, extract.tables, extract.population, context.product.config, begins
    )
    found = input_counts(scope, metric)
    return found.table, found.kind
