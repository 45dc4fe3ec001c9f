"""DAGs run for real: `dag.test()` on SQLite, the shipped products, real Parquet, real failures."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.models.dagrun import DagRun
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.session import create_session
from sqlalchemy import select

from nsm_pipeline.errors import ChecksFailed, InvalidInput, Problem, Superseded, WarehouseFailed
from nsm_pipeline.orchestration import build_dags, first_night
from nsm_pipeline.pipeline import STEPS
from nsm_pipeline.product.rules import CRON_PRESETS
from nsm_pipeline.runs.run_folder import RunStore

REPOSITORY = Path(__file__).resolve().parents[1]
DAGS = REPOSITORY / "dags"
NIGHT = datetime(2011, 12, 11, 2, tzinfo=UTC)
HEAVY = ("pandas", "numpy", "pyarrow", "ibis", "duckdb", "sklearn", "scipy", "great_expectations")

pytestmark = pytest.mark.usefixtures("airflow_tables")


@dataclass(frozen=True)
class Place:
    """A folder of product files and the runs made from them."""

    root: Path

    @property
    def products(self) -> Path:
        return self.root / "products"

    @property
    def store(self) -> RunStore:
        return RunStore(self.root / "runs")

    def put(self, name: str, *edits: tuple[str, str], source: str | None = None) -> Path:
        """A shipped product file with its data by whole path and its tables in this place."""
        text = (REPOSITORY / "config" / "products" / f"{source or name}.yaml").read_text("utf-8")
        here = (("duckdb://runs/", f"duckdb://{self.root}/"), (" data/", f" {REPOSITORY}/data/"))
        for before, after in (*here, *edits):
            assert before in text or (before, after) in here
            text = text.replace(before, after)
        self.products.mkdir(exist_ok=True)
        file = self.products / f"{name}.yaml"
        file.write_text(text, "utf-8")
        return file

    def dags(self) -> dict[str, DAG]:
        return build_dags(self.products, runs=str(self.store.root))


def contents(run: Path) -> dict[str, bytes]:
    """What a run says, without the manifest's run number and timings."""
    files = (path for path in run.iterdir() if not path.name.startswith("."))
    return {path.name: path.read_bytes() for path in files if path.name != "manifest.json"}


def states(run: DagRun) -> dict[str, str]:
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, environment: pytest.MonkeyPatch) -> Place:
    """Both shipped products, each with one night run through Airflow."""
    place = Place(tmp_path_factory.mktemp("shipped"))
    for product in ("online_retail", "oulad_small"):
        place.put(product)
    environment.setenv("NSM_PRODUCTS", str(place.products))
    environment.setenv("NSM_RUNS", str(place.store.root))
    dags = place.dags()
    for product in ("online_retail", "oulad_small"):
        dag = dags[f"nsm_{product}"]
        run = dag.test(logical_date=first_night(dag))
        assert states(run) == {step.name: "success" for step in STEPS}
    return place


@pytest.mark.parametrize("product", ["online_retail", "oulad_small"])
def test_a_night_publishes_the_ranking_and_tells_whoever_waits_for_it(
    shipped: Place, product: str
) -> None:
    run = shipped.store.published(product)
    assert run is not None
    ranking = pd.read_csv(run.path / "ranking.csv")
    assert list(ranking["rank"].dropna()) == sorted(ranking["rank"].dropna())
    with create_session() as session:
        events = session.scalars(select(AssetEvent)).all()
        (event,) = (event for event in events if event.asset.name == f"nsm_{product}")
        told, uri = event.extra, event.asset.uri
    assert told == {"rank_1": ranking["candidate"][0], "run": str(run.path)}
    assert Path(uri.removeprefix("file://")) == shipped.store.root / product / "index.json"


def test_the_run_looks_back_from_the_end_of_the_data_interval(shipped: Place) -> None:
    assert shipped.store.history("online_retail") == [(NIGHT, "000001")]


def test_a_second_run_of_the_same_night_replaces_it_with_the_same_bytes(shipped: Place) -> None:
    before = shipped.store.published("online_retail")
    assert before is not None
    shipped.dags()["nsm_online_retail"].test(logical_date=NIGHT)
    assert shipped.store.history("online_retail") == [(NIGHT, "000002")]
    after = shipped.store.published("online_retail")
    assert after is not None
    assert contents(after.path) == contents(before.path)


def test_a_published_night_writes_the_weeks_review_once(shipped: Place) -> None:
    dags = shipped.dags()
    review = dags["nsm_online_retail_review"]
    (waited_for,) = review.timetable.asset_condition.objects
    (published,) = dags["nsm_online_retail"].get_task("publish").outlets
    assert (waited_for.name, waited_for.uri) == (published.name, published.uri)

    pages = shipped.store.root / "online_retail" / "reviews" / "2011-12-05"
    for _ in range(2):
        assert states(review.test()) == {"review": "success"}
        friday = (pages / "friday.md").read_text("utf-8")
        assert "Orders placed moved from 596 to 633 (+37) in the week of 28 November" in friday
        assert (pages / "monday.md").exists()
        written = (pages / "friday.md").stat().st_mtime_ns
    assert (pages / "friday.md").stat().st_mtime_ns == written


def test_bad_data_stops_before_publishing_and_is_not_tried_again(
    shipped: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_night = shipped.store.published("oulad_small")
    assert last_night is not None
    bad = Place(tmp_path)
    shutil.copytree(shipped.store.root, bad.store.root)
    events = pd.read_parquet(REPOSITORY / "data" / "oulad_small" / "events.parquet")
    events.loc[::50, events.columns[0]] = None
    events.to_parquet(tmp_path / "events.parquet")
    shipped_events = f"{REPOSITORY}/data/oulad_small/events.parquet"
    bad.put("oulad_small", (shipped_events, str(tmp_path / "events.parquet")))
    monkeypatch.setenv("NSM_PRODUCTS", str(bad.products))

    run = bad.dags()["nsm_oulad_small"].test(logical_date=last_night.as_of)

    assert states(run) == {
        "extract": "success",
        "validate": "failed",
        **dict.fromkeys(("score", "backtest", "rank", "measure", "publish"), "upstream_failed"),
    }
    assert run.get_task_instance("validate").try_number == 1
    still = bad.store.published("oulad_small")
    assert still is not None
    assert (still.run_id, contents(still.path)) == (last_night.run_id, contents(last_night.path))


def test_only_what_may_pass_by_itself_is_tried_again(shipped: Place) -> None:
    problem = Problem("here", "broken", "mend it")
    for task in shipped.dags()["nsm_online_retail"].tasks:
        assert task.retries == 2

        def decision(error: Exception, policy=task.retry_policy) -> str:  # type: ignore[no-untyped-def]
            return policy.evaluate(error, 1, 2).action.value

        assert {decision(kind(problem)) for kind in (InvalidInput, ChecksFailed, Superseded)} == {
            "fail"
        }
        assert {decision(error) for error in (WarehouseFailed(problem), OSError("no space"))} == {
            "default"
        }


@pytest.fixture
def half_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """One good product and six files that cannot be used, each for its own reason."""
    place = Place(tmp_path)
    good = place.put("online_retail").read_text("utf-8")
    texts = {
        "not_yaml": "version: [1",
        "bad_cron": good.replace("0 2 * * *", "0 2 * *").replace("online_retail\n", "bad_cron\n"),
        "unknown_key": good.replace("owner:", "ownr:").replace("online_retail\n", "unknown\n"),
        "twin": good,
        # No rule knows this one: it overflows inside Airflow.
        "bad_date": good.replace("2011-12-10", "0001-01-01").replace("Europe/London", "Asia/Tokyo"),
    }
    for stem, text in texts.items():
        (place.products / f"{stem}.yaml").write_text(text, "utf-8")
    (place.products / "not_text.yaml").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("NSM_PRODUCTS", str(place.products))
    monkeypatch.setenv("NSM_RUNS", str(place.store.root))
    return place


def test_a_broken_file_becomes_a_failing_dag_and_all_others_live(half_broken: Place) -> None:
    bag = DagBag(DAGS)
    assert bag.import_errors == {}
    broken = {"not_yaml", "bad_cron", "bad_date", "unknown_key", "not_text", "twin"}
    good = {"nsm_online_retail", "nsm_online_retail_review"}
    assert set(bag.dags) == {*good, *(f"nsm_{b}_config_error" for b in broken)}
    assert "config-error" not in bag.dags["nsm_online_retail"].tags

    failing = half_broken.dags()["nsm_unknown_key_config_error"]
    assert "config-error" in failing.tags
    assert failing.is_paused_upon_creation is False
    assert "did you mean" in (failing.doc_md or "").lower()
    run = failing.test(logical_date=datetime(2026, 1, 1, tzinfo=UTC))
    assert states(run) == {"config_error": "failed"}


@pytest.mark.parametrize("schedule", [*CRON_PRESETS, " @daily ", "0 2 * * 1-5"])
def test_airflow_takes_every_schedule_that_the_rules_take(tmp_path: Path, schedule: str) -> None:
    place = Place(tmp_path)
    place.put("online_retail", ('schedule: "0 2 * * *"', f'schedule: "{schedule}"'))
    dag = place.dags()["nsm_online_retail"]
    dag.validate()
    assert first_night(dag) > dag.start_date


def test_the_message_of_a_broken_file_is_never_run_as_a_template(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.products.mkdir()
    (place.products / "t.yaml").write_text("version: 1\n'{{ 7 * 191 }}': 1\n", "utf-8")
    (dag,) = place.dags().values()
    (task,) = dag.tasks
    assert "{{ 7 * 191 }}" in (dag.doc_md or "")
    assert "{{" not in json.dumps([getattr(task, name) for name in ("op_args", "op_kwargs")])


def test_a_folder_without_products_is_an_error_too(tmp_path: Path) -> None:
    (dag,) = build_dags(tmp_path, runs=str(tmp_path)).values()
    assert dag.dag_id == "nsm_products_config_error"


def test_a_changed_file_makes_a_new_version_of_its_dag(tmp_path: Path) -> None:
    place = Place(tmp_path)
    file = place.put("online_retail")

    def version() -> str:
        dag = DagSerialization.serialize_dag(place.dags()["nsm_online_retail"])
        return hashlib.sha256(json.dumps(dag, sort_keys=True, default=str).encode()).hexdigest()

    first = version()
    assert version() == first
    file.write_text(file.read_text("utf-8").replace("at_least: 1000", "at_least: 1001"), "utf-8")
    assert version() != first


def test_no_import_errors_for_the_scheduler() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "list-import-errors", "--local"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_reading_the_dag_file_loads_nothing_heavy(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for number in range(50):
        place.put(
            f"product_{number}",
            ("product: online_retail", f"product: product_{number}"),
            source="online_retail",
        )
    script = (
        "import runpy, sys\n"
        f"dags = runpy.run_path({str(DAGS / 'nsm_products.py')!r})\n"
        "ids = [name for name in dags if name.startswith('nsm_')]\n"
        f"print('READ', len(ids), *(name for name in {HEAVY} if name in sys.modules))"
    )

    def read(**variables: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "NSM_PRODUCTS": str(place.products), **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.rpartition("READ ")[2].split()

    assert read() == ["100"]  # each with its review
    # What a starting task asks for: its own DAG and no other.
    assert read(_AIRFLOW_PARSING_CONTEXT_DAG_ID="nsm_product_7") == ["1"]


def nightly(cwd: Path, product: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make run`, in a folder that has the repository's DAGs and an Airflow of its own."""
    (cwd / "dags").symlink_to(DAGS)
    return subprocess.run(
        [sys.executable, "-m", "nsm_pipeline.nightly", str(product)],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


def test_make_run_shows_the_error_and_where_the_rest_is(tmp_path: Path) -> None:
    place = Place(tmp_path)
    enough = ("at_least: 1000}", "at_least: 100000}")
    done = nightly(tmp_path, place.put("online_retail", enough), NSM_RUNS=str(place.store.root))
    assert done.returncode == 1
    assert "2/7" in done.stdout
    assert "3/7" not in done.stdout
    assert "eligible" in done.stdout
    assert ".airflow/online_retail.log" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "Traceback" in (tmp_path / ".airflow" / "online_retail.log").read_text("utf-8")


def test_make_run_refuses_a_broken_file_before_airflow_starts(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\n", "utf-8")
    done = nightly(tmp_path, broken)
    assert done.returncode == 2
    assert "broken.yaml" in done.stderr
    assert not (tmp_path / ".airflow").exists()
