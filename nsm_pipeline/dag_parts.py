"""What the DAGs of a product share: their ids, their asset, their retries, and where runs are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from airflow.sdk import Asset
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule

from nsm_pipeline.errors import ChecksFailed, InvalidInput, Problem, Superseded
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.runs.folder import address_of
from nsm_pipeline.runs.run_index import INDEX

if TYPE_CHECKING:
    from nsm_pipeline.runs.folder import Address

# Trying again cannot mend these; everything else (a connection, a full disk) may pass by itself.
FAIL_AT_ONCE = RetryRule(
    exception=[InvalidInput, ChecksFailed, Superseded],
    action=RetryAction.FAIL,
    reason="the same input would fail again",
)


def dag_id(product: str) -> str:
    """The DAG that runs this product."""
    return f"nsm_{product}"


def run_address(url: str) -> Address:
    """An address among the runs; `s3://conn_id@bucket/…` takes its credentials from Airflow.

    Raises:
        InvalidInput: no place for runs, or Airflow has no provider for it.
    """
    conn_id, _, bucket = urlsplit(url).netloc.rpartition("@")
    if not conn_id or ":" in conn_id:
        return address_of(url)
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.io import has_fs

    place = urlsplit(url)._replace(netloc=bucket)
    address_of(place.geturl())  # refuses what is no place for runs
    if not has_fs(place.scheme):
        what = "Airflow has no provider that opens this kind of store with a connection."
        mend = "pip install 'apache-airflow-providers-amazon[s3fs]', or leave the connection out."
        raise InvalidInput(Problem(f"NSM_RUNS: {place.scheme}://", what, mend))
    # Airflow's own kind of UPath; its types do not say so.
    return cast("Address", ObjectStoragePath(url.rstrip("/")))


def task_defaults(config: ProductConfig) -> dict[str, Any]:
    """Whose the tasks are, and what is tried again."""
    return {
        "owner": config.owner,
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "retry_policy": ExceptionRetryPolicy(rules=[FAIL_AT_ONCE]),
    }


def as_doc(product: LoadedProduct) -> str:
    """The file's text, so that every change of it makes a new version of the DAG.

    Tasks hold it in closures, which Airflow does not see.
    """
    return f"{product.path.name}\n\n{indent(product.text, '    ')}\n"


def index_asset(runs: str, product: str) -> Asset:
    """What a published night changes; a URI of the real file, as lineage tools drop others."""
    return Asset(name=dag_id(product), uri=_index_uri(runs, product))


def _index_uri(runs: str, product: str) -> str:
    """The URI of the product's index, without the name of a connection."""
    if "://" not in runs:
        return (Path(runs) / product / INDEX).as_uri()
    url = urlsplit(f"{runs.rstrip('/')}/{product}/{INDEX}")
    return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
