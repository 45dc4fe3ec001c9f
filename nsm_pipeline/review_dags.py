"""The DAGs beside the nightly one: the week in review."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from nsm_pipeline.dag_parts import as_doc, dag_id, index_asset, run_address, task_defaults
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.runs.run_folder import RunStore


def review_dag_id(product: str) -> str:
    """The DAG that reviews this product's weeks."""
    return f"{dag_id(product)}_review"


def build_review_dag(product: LoadedProduct, *, runs: str) -> DAG:
    """The product's weekly review, run after every published night: each page is written once.

    Which page is due follows from the newest run's moment and not from the hour of the trigger, so
    a night that failed on Monday is made up for on Tuesday, and a backfill writes nothing twice.
    """
    config = product.config
    with DAG(
        dag_id=review_dag_id(config.product),
        description=f"{config.title}: the week in review",
        schedule=[index_asset(runs, config.product)],
        start_date=datetime.combine(config.start_date, time(), ZoneInfo(config.timezone)),
        catchup=False,
        max_active_runs=1,
        default_args=task_defaults(config),
        tags=["nsm", "review", config.audience],
        doc_md=as_doc(product),
    ) as dag:

        @task
        def review() -> list[str]:
            from nsm_pipeline.practice.review import write_review

            store = RunStore(run_address(runs))
            run = store.published(config.product)
            if run is None:
                raise AirflowFailException("No run of this product is published yet.")
            return write_review(store, run, config)[1]

        review()
    return dag
