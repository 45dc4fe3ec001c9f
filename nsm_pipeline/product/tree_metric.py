"""Which metric stands at the top of the tree: it must be a product of inputs."""

from __future__ import annotations

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Sum
from nsm_pipeline.product.metrics import CountedMetric, Metric, RatioMetric, SimpleMetric
from nsm_pipeline.product.tree import Tree

CORE = "core_metric"


def is_product(metric: Metric) -> bool:
    """Whether it counts units or events, or sums a column, by the calendar."""
    return _counted(metric) is not None


def tree_metric(config: ProductConfig) -> CountedMetric:
    """The tree's metric, else the declared North Star, else the core metric's events as one.

    A North Star that is no product of inputs (a share, a median, a cohort) cannot be taken apart,
    so the core metric stands for it.
    """
    tree = config.tree or Tree()
    known = {metric.name: _counted(metric) for metric in config.metrics}
    declared = known.get(tree.metric or config.north_star.metric)
    return declared or SimpleMetric(
        name=CORE,
        title=config.core_metric.name,
        event=config.core_metric.event,
        where=config.core_metric.where,
        value="events",
        per=tree.per,
        segment=next(iter(config.segments), None),
    )


def _counted(metric: Metric) -> CountedMetric | None:
    if isinstance(metric, RatioMetric) or metric.by != "calendar":
        return None
    return metric if metric.value in ("units", "events") or isinstance(metric.value, Sum) else None
