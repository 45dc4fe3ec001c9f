"""One Airflow DAG per product file in config/products/ (or the folder that NSM_PRODUCTS names)."""

from airflow.sdk import get_parsing_context

from nsm_pipeline.orchestration import build_dags, products_folder, runs_root

globals().update(build_dags(products_folder(), runs=runs_root(), only=get_parsing_context().dag_id))
