"""The product's metrics as time series: `metrics.parquet`, and what each is: `metrics.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.product.metrics import Metric, framed
from nsm_pipeline.runs.run_files import METRIC_SERIES, METRICS

if TYPE_CHECKING:
    from nsm_pipeline.product.config import ProductConfig
    from nsm_pipeline.steps import RunContext


def measure_metrics(context: RunContext) -> None:
    """Counts what the product declares under `metrics`; without any, nothing is asked."""
    config = context.product.config
    if not config.metrics:
        return
    from nsm_pipeline.stats.metric_values import Observed, metric_series
    from nsm_pipeline.warehouse.metric_counts import count_metrics

    extract = context.extract
    counts = count_metrics(extract.engine, extract.tables, extract.population, config)
    until = extract.population.observed_until
    observed = None if counts.begins is None else Observed(counts.begins, until)
    context.run.write_frame(METRIC_SERIES, metric_series(config, counts.table, observed))
    context.run.write_json(
        METRICS,
        {
            "timezone": config.timezone,
            "begins": counts.begins,
            "observed_until": until,
            "north_star": config.north_star.metric,
            "metrics": [_definition(metric, config) for metric in config.metrics],
        },
    )


def _definition(metric: Metric, config: ProductConfig) -> dict[str, Any]:
    from nsm_pipeline.warehouse.metric_sentences import metric_sentence, unit_words

    counted = framed(metric, config.metrics)
    return {
        "name": metric.name,
        "title": metric.shown,
        "sentence": metric_sentence(metric, config),
        "unit": unit_words(metric, config),
        "per": counted.per,
        "by": counted.by,
        "within_days": counted.within,
        "segment": counted.segment,
        "definition": metric.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }
