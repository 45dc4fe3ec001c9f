"""Rules about the North Star: a declared one is one of the metrics."""

from __future__ import annotations

from collections.abc import Iterator

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.model_findings import did_you_mean
from nsm_pipeline.product.north_star import LEADER
from nsm_pipeline.product.yaml_tree import Finding, short


def _metric_exists(config: ProductConfig) -> Iterator[Finding]:
    metric, known = config.north_star.metric, [each.name for each in config.metrics]
    if metric not in (LEADER, *known):
        yield Finding(
            ("north_star", "metric"),
            f'`metrics` has none named "{short(metric)}".',
            did_you_mean(metric, [*known, LEADER], kind="names"),
        )


NORTH_STAR_RULES = (_metric_exists,)
