"""The metric tree of a run: what its metric is made of, and what drove its newest change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsm_pipeline.product.tree import Tree

if TYPE_CHECKING:
    from nsm_pipeline.steps import RunContext

TREE = "tree.json"
TREE_TABLE = "tree.parquet"


def measure_tree(context: RunContext) -> None:
    """Leaves `tree.parquet` (every whole period, by segment and part) and `tree.json`."""
    from nsm_pipeline.stats.decomposition import decompose_volume
    from nsm_pipeline.stats.tree_document import Decomposed, tree_document
    from nsm_pipeline.warehouse.cohort import core_events
    from nsm_pipeline.warehouse.input_counts import Calendar, input_counts

    config = context.product.config
    if config.tree is None and config.review is None:
        return
    tree, population = config.tree or Tree(), context.extract.population
    counted = core_events(population.events, config.core_metric)
    calendar = Calendar(tree.per, config.timezone)
    counts = input_counts(context.extract.engine, population, counted, calendar)
    table = decompose_volume(counts[counts["whole"]])
    context.run.write_frame(TREE_TABLE, table)
    name = config.core_metric.name
    decomposed = Decomposed("core_metric", name, tree.per, config.timezone, table)
    context.run.write_json(TREE, tree_document(decomposed, config))
