"""STEPS as Airflow tasks: one DAG per product file. Nothing else in the package knows Airflow.

This file is read again every few seconds by Airflow's DAG processor, so it imports nothing heavy:
the steps import what they need when they run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from textwrap import indent
from typing import Any, cast
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Connection, CronDataIntervalTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from nsm_pipeline.dag_parts import as_doc, dag_id, index_asset, run_address, task_defaults
from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.pipeline import STEPS, run_step, start_run
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.review_dags import build_review_dag
from nsm_pipeline.runs.run_files import RANKING
from nsm_pipeline.runs.run_folder import RunFolder, RunStore

REPOSITORY = Path(__file__).resolve().parents[1]
CONFIG_ERROR = "config_error"


def products_folder() -> Path:
    """The folder of the product files: NSM_PRODUCTS, else the one in the repository."""
    return Path(os.environ.get("NSM_PRODUCTS") or REPOSITORY / "config" / "products").resolve()


def runs_root() -> str:
    """The root of all run folders, a path or a URL: NSM_RUNS, else `runs/` in the repository."""
    given = os.environ.get("NSM_RUNS") or str(REPOSITORY / "runs")
    return given if "://" in given else str(Path(given).resolve())


def run_store() -> RunStore:
    """The store of all runs, the same for tasks and for the pages."""
    return RunStore(run_address(runs_root()))


def build_dags(folder: Path, *, runs: str, only: str | None = None) -> dict[str, DAG]:
    """A DAG for every product file, by id; for a file that cannot be used, one that says why.

    With `only`, files that cannot hold that DAG are not read further: a task's start needs one DAG
    of many.
    """
    files = sorted(folder.glob("*.y*ml"))
    if not files:
        mend = "Set NSM_PRODUCTS to a folder that has some."
        nothing = Problem(str(folder), "There is no product file (*.yaml) here.", mend)
        dag = config_error_dag("products", str(nothing))
        return {dag.dag_id: dag}
    if only is not None:
        product = only.removeprefix("nsm_").removesuffix("_review")
        mentioned = [file for file in files if product in _text(file)]
        dags = _by_id(mentioned, runs)
        if only in dags:
            return {only: dags[only]}
    return _by_id(files, runs)


def build_dag(product: LoadedProduct, *, runs: str) -> DAG:
    """The product's nightly DAG: one task per step, `as_of` is the end of the data interval."""
    config = product.config
    with DAG(
        dag_id=dag_id(config.product),
        description=config.title,
        schedule=CronDataIntervalTimetable(config.schedule.strip(), timezone=config.timezone),
        start_date=datetime.combine(config.start_date, time(), ZoneInfo(config.timezone)),
        catchup=False,
        max_active_runs=1,
        default_args=task_defaults(config),
        tags=["nsm", config.audience],
        doc_md=as_doc(product),
    ) as dag:
        _add_steps(product, runs)
    return dag


def first_night(dag: DAG) -> datetime:
    """The end of the first data interval after the DAG's start date: its earliest `as_of`."""
    from airflow.sdk.timezone import coerce_datetime
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    ever_since = TimeRestriction(coerce_datetime(dag.start_date), latest=None, catchup=True)
    first = coerce_to_core_timetable(dag.timetable).next_dagrun_info(
        last_automated_data_interval=None, restriction=ever_since
    )
    if first is None or first.data_interval is None:
        raise RuntimeError(f"{dag.dag_id} has a schedule that never comes round")
    return first.data_interval.end


def config_error_dag(stem: str, message: str) -> DAG:
    """A DAG that fails once a day with the message, so that a broken file is seen by someone."""
    with DAG(
        dag_id=f"nsm_{re.sub(r'[^a-zA-Z0-9_.-]', '_', stem)[:200]}_{CONFIG_ERROR}",
        schedule="@daily",
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        is_paused_upon_creation=False,
        tags=["nsm", "config-error"],
        doc_md=f"This product file cannot be used:\n\n{indent(message, '    ')}\n",
    ) as dag:

        @task(task_id=CONFIG_ERROR)
        def say_what_is_wrong() -> None:
            raise AirflowFailException(message)

        say_what_is_wrong()
    return dag


@contextmanager
def airflow_connections(config: ProductConfig) -> Iterator[None]:
    """What Airflow knows of the product's `airflow:<conn_id>`, where `warehouse` looks for it.

    Airflow's own variables, AIRFLOW_CONN_<ID>, for as long as a step runs; one that is set stays.
    """
    named = [config.source.connection, config.publish.connection if config.publish else None]
    # A variable may stand for the whole connection.
    expanded = [os.path.expandvars(connection) for connection in named if connection]
    ids = [text.removeprefix("airflow:") for text in expanded if text.startswith("airflow:")]
    with ExitStack() as undo:
        for conn_id in ids:
            variable = f"AIRFLOW_CONN_{conn_id.upper()}"
            known = None if variable in os.environ else _connection_json(conn_id)
            if known is not None:
                os.environ[variable] = known
                undo.callback(os.environ.pop, variable, None)
        yield


def _connection_json(conn_id: str) -> str | None:
    """The connection as Airflow reads it from a variable; None when it has none of this name."""
    try:
        connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        return None
    fields = ("conn_type", "host", "login", "password", "port", "schema", "extra")
    return json.dumps({name: getattr(connection, name) for name in fields})


def _add_steps(product: LoadedProduct, runs: str) -> None:
    product_file, config = product.path, product.config
    first, *others = (step.name for step in STEPS)

    # Closures and not arguments: Airflow renders arguments as templates, and paths are not ours.
    @task(task_id=first)
    def start() -> str:
        as_of = get_current_context().get("data_interval_end")
        if as_of is None:
            raise AirflowFailException(
                "This run has no data interval: trigger it with a logical date."
            )
        with airflow_connections(config):
            folder = start_run(product_file, as_of=as_of, out=run_address(runs))
            run_step(first, product_file=product_file, folder=folder)
        return str(folder.path)

    @task
    def go_on(name: str, run_folder: str) -> None:
        folder = RunFolder(run_address(run_folder))
        with airflow_connections(config):
            run_step(name, product_file=product_file, folder=folder)
        context = get_current_context()
        for published in context["task"].outlets:
            context["outlet_events"][published].extra = _published_facts(folder)

    index = index_asset(runs, config.product)
    started = before = start()
    for name in others:
        outlets = [index] if name == "publish" else []
        # Airflow hands the task the text that the XComArg stands for; its types do not say so.
        step = go_on.override(task_id=name, outlets=outlets)(name, cast("str", started))
        before >> step
        before = step


def _by_id(files: list[Path], runs: str) -> dict[str, DAG]:
    """The first file that names a product has it; a later one is in error."""
    dags: dict[str, DAG] = {}
    owners: dict[str, Path] = {}
    for file in files:
        try:
            product = load_product(file)
            built = [build_dag(product, runs=runs)]
            if product.config.review is not None:
                built.append(build_review_dag(product, runs=runs))
            for dag in built:
                _refuse_a_second(dag, owners, product)
            owners |= {dag.dag_id: file for dag in built}
        # Whatever one file does, the DAGs of all others stay: an error let out here would take
        # every product off the schedule.
        except Exception as error:
            kind = "" if isinstance(error, InvalidInput) else f"{file}: {type(error).__name__}: "
            built = [config_error_dag(file.stem, f"{kind}{error}")]
        dags |= {dag.dag_id: dag for dag in built}
    return dags


def _refuse_a_second(dag: DAG, owners: dict[str, Path], product: LoadedProduct) -> None:
    if dag.dag_id not in owners:
        return
    taken = dag.dag_id.removeprefix("nsm_")
    problem = Problem(
        product.where("product"),
        f"{owners[dag.dag_id].name} has the product {taken!r} already.",
        "Give one of the two another name.",
    )
    raise InvalidInput(problem)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _published_facts(run: RunFolder) -> dict[str, Any]:
    candidates = run.read_json(RANKING)["candidates"]
    return {
        "rank_1": candidates[0]["candidate"] if candidates else None,
        "run": str(run.path),
    }
