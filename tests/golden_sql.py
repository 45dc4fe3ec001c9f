"""The SQL of a small product for engines that are not run here; `make golden` writes it anew."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import ibis
from engines import around_the_metric
from test_cells import made_up_score
from test_engines import features

from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.stats.search import search
from nsm_pipeline.warehouse import duckdb_engine, spark_engine
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.metric_counts import count_metrics
from nsm_pipeline.warehouse.profile import profile_source
from nsm_pipeline.warehouse.scored import Scored

GOLDEN = Path(__file__).parent / "golden"
DIALECTS = ("bigquery", "clickhouse", "databricks", "snowflake", "trino")
# Of some ninety questions, those that use what engines write differently.
WRITTEN = (
    *("when each account onboards", "who is compared and who is not", "who was retained"),
    *("cohorts, segments and account numbers", "events within the exposure and outcome windows"),
    *("events per account, event and window", "declared candidates per account and window"),
    *("quantiles of sums and maxima", "the sample for the score", "score of every account"),
    *("revenue by account and week", "the cells within 7 days", "Profile of events"),
    *("metrics of each account per week", "acceptances and the invitations they belong to"),
    *("accounts by event and period", "how often accounts did it, and how closely"),
)


def compiled() -> dict[str, dict[str, str]]:
    """Per dialect, the SQL of every question by its title."""
    with tempfile.TemporaryDirectory() as folder:
        path, as_of = features(Path(folder), zoned=False)
        product = load_product(path)
        x = Extract(product, as_of, _asked_as_elsewhere(Extract.open(product, as_of).engine))
        profile_source(x.tables, config=product.config, as_of=as_of, fetch=x.engine.fetch)
        assert x.counts["eligible"]
        assert x.revenue_at_core >= 0
        assert len(x.retention_curve)
        assert len(x.revenue_by_week)
        assert len(count_metrics(x.engine, x.tables, x.population, product.config).table)
        assert len(around_the_metric(x))
        assert len(x.score_input().accounts)
        # Weights that do not come from a fit: its last digits may differ between machines.
        scored = Scored(x, made_up_score(1, list(x.exposures.event_names)))
        chosen = search(scored.cells(), x.specs).groupby("candidate", as_index=False).head(1)
        scored.revenue_weeks(chosen)
        scored.weekly_reach(chosen)
        asked = {q.title: q.query for q in x.engine.asked if not isinstance(q.query, str)}
        sql = {
            dialect: {title: str(ibis.to_sql(query, dialect)) for title, query in asked.items()}
            for dialect in DIALECTS
        }
        x.engine.close()
    return sql


def _asked_as_elsewhere(engine: Engine) -> Engine:
    """DuckDB answers, but is asked for time as engines are that have no way of their own."""
    kind = SimpleNamespace(**{**vars(duckdb_engine), "elapsed": spark_engine.elapsed})
    return replace(engine, kind=kind)


def golden_path(dialect: str, title: str) -> Path:
    """Where a question's SQL is kept."""
    return GOLDEN / dialect / f"{re.sub(r'[^a-z]+', '_', title.lower())}.sql"


if __name__ == "__main__":
    for dialect, questions in compiled().items():
        for title in WRITTEN:
            path = golden_path(dialect, title)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"-- {title}\n{questions[title]}\n", encoding="utf-8")
