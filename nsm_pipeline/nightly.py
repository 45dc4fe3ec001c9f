"""One night of one product through Airflow, watched from a terminal: what `make run` calls.

Run it from the repository: `python -m nsm_pipeline.nightly config/products/online_retail.yaml`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TextIO

import typer

from nsm_pipeline.command_line.console import say_problems, visible
from nsm_pipeline.errors import NsmError
from nsm_pipeline.pipeline import STEPS
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.run_files import RANKING_CSV, REPORT

if TYPE_CHECKING:
    from nsm_pipeline.product.config import Publish
    from nsm_pipeline.product.loaded_product import LoadedProduct
    from nsm_pipeline.runs.folder import Address
    from nsm_pipeline.runs.run_folder import RunFolder


@dataclass
class Terminal:
    """What a person sees while everything else that is printed goes to the log."""

    screen: TextIO
    log: Path
    step_started: float = 0.0
    failure: BaseException | None = None

    def say(self, text: str, *, end: str = "\n") -> None:
        """Shows the text at once."""
        typer.echo(visible(text) + end, file=self.screen, nl=False)

    def watch(self, dag: Any) -> None:
        """Has Airflow report how each task goes, and leaves trying again to the person."""
        for task in dag.tasks:
            task.retries = 0
            task.on_execute_callback = [self._begins]
            task.on_success_callback = [self._succeeded]
            task.on_failure_callback = [self._failed]

    def _begins(self, context: Any) -> None:
        number, step = next(
            (number, step)
            for number, step in enumerate(STEPS, start=1)
            if step.name == context["task"].task_id
        )
        self.say(f"{number}/{len(STEPS)} {step.title:<60}", end="")
        self.step_started = perf_counter()

    def _succeeded(self, context: Any) -> None:  # noqa: ARG002
        self.say(f"{perf_counter() - self.step_started:6.1f} s")

    def _failed(self, context: Any) -> None:
        self.say("failed")
        self.failure = context["exception"]


def main() -> int:
    """0 when the night was published, else the exit code of what was in the way."""
    try:
        product = load_product(Path(sys.argv[1]))
    except NsmError as error:
        say_problems(error.problems)
        return error.exit_code
    home = Path(".airflow").resolve()
    use_embedded_airflow(home, repository=Path.cwd())
    os.environ["NSM_PRODUCTS"] = str(product.path.resolve().parent)
    terminal = _take_terminal(home / f"{product.config.product}.log")
    try:
        _migrate_once(home, terminal)
        _run_night(product, terminal)
    except Exception as error:
        terminal.failure = error
    if terminal.failure is None:
        return 0
    return _explain_failure(terminal, terminal.failure)


def use_embedded_airflow(home: Path, *, repository: Path) -> None:
    """Points this process at an Airflow of its own: SQLite in `home`, DAGs of the repository.

    Inherited settings go first: a run tried here must not reach somebody's real metadata.
    """
    for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
        del os.environ[name]
    home.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(repository),  # for the processes that Airflow starts
        "AIRFLOW__CORE__DAGS_FOLDER": str(repository / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(repository / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    }


def _take_terminal(log: Path) -> Terminal:
    """The terminal for us alone; file descriptors 1 and 2 write to the log from here on."""
    screen = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return Terminal(screen, log)


def _migrate_once(home: Path, terminal: Terminal) -> None:
    stamp = home / f"migrated-{version('apache-airflow')}"
    if stamp.exists() and (home / "airflow.db").exists():
        return
    terminal.say("Making Airflow's tables (once)")
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True)
    stamp.touch()


def _run_night(product: LoadedProduct, terminal: Terminal) -> None:
    from nsm_pipeline.orchestration import build_dag, first_night, run_store, runs_root

    dag = build_dag(product, runs=runs_root())
    night = first_night(dag)
    when = f"{night.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    terminal.say(f"Airflow runs {dag.dag_id} as of {when} (its log: {_near(terminal.log)})")
    terminal.watch(dag)
    # A run asked for by hand covers the last interval that is over by then: the same night.
    run = dag.test(logical_date=night)
    if terminal.failure is None and run.state != "success":
        raise RuntimeError(f"Airflow ended the run as {run.state}")
    folder = run_store().published(product.config.product, night)
    if terminal.failure is None and folder is not None:
        _show(folder, product.config.publish, terminal)


def _show(folder: RunFolder, publish: Publish | None, terminal: Terminal) -> None:
    from rich.console import Console

    from nsm_pipeline.publish.terminal import ranking_table

    Console(file=terminal.screen, highlight=False).print("", ranking_table(folder))
    terminal.say(f"\nReport   {_near(folder.path / REPORT)}")
    terminal.say(f"Ranking  {_near(folder.path / RANKING_CSV)}")
    if publish is not None:
        connection = publish.connection or "the source's connection"
        terminal.say(f"Tables   {publish.table} and its sisters in {connection}")


def _explain_failure(terminal: Terminal, failure: BaseException) -> int:
    """The problem when we know it, else the error's own words; the rest is in the log."""
    traceback.print_exception(failure)
    known = isinstance(failure, NsmError)
    terminal.say(f"\n{failure}" if known else f"\n{type(failure).__name__}: {failure}")
    terminal.say(f"\nAirflow's log: {_near(terminal.log)}")
    return failure.exit_code if isinstance(failure, NsmError) else 1


def _near(address: Address) -> str:
    """The address as one would type it here."""
    if isinstance(address, Path) and address.is_relative_to(Path.cwd()):
        return str(address.relative_to(Path.cwd()))
    return str(address)


if __name__ == "__main__":
    sys.exit(main())
