"""Runs in a bucket: what a lost request, a rival or a missing right can and cannot do."""

import asyncio
import contextlib
import json
import multiprocessing
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import s3fs
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
from test_run_folder import MONDAY, finish_run, published
from worlds import AS_OF, PRODUCT, busy_world, write_product

from nsm_pipeline import open_run, orchestration
from nsm_pipeline.errors import InvalidInput, StorageFailed, Superseded
from nsm_pipeline.runs.folder import address_of
from nsm_pipeline.runs.run_folder import RunFolder, RunStore

REPOSITORY = Path(__file__).resolve().parents[1]
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def bucket_root(s3: str) -> str:
    return f"{s3}/{secrets.token_hex(4)}/runs"


@pytest.fixture
def store(bucket_root: str) -> RunStore:
    return RunStore(address_of(bucket_root))


# --- every request may fail -----------------------------------------------------------------------


class Requests:
    """Counts the requests to S3 and meddles with the k-th, in the way that `kind` says."""

    def __init__(self, patch: pytest.MonkeyPatch, k: int, kind: str) -> None:
        self.sent = 0
        ask = s3fs.S3FileSystem._call_s3

        async def meddled(fs, method, *arguments, **options):
            self.sent += 1
            here, dead = self.sent == k, self.sent > k and kind == "process dies"
            if dead or (here and kind == "never arrives"):
                raise OSError(5, "Input/output error")
            if here and kind == "sent twice":  # as a driver does that never heard an answer
                with contextlib.suppress(OSError):
                    await ask(fs, method, *arguments, **options)
            answer = await ask(fs, method, *arguments, **options)
            if here and kind in ("answer is lost", "process dies"):
                raise OSError(5, "Input/output error")
            return answer

        patch.setattr(s3fs.S3FileSystem, "_call_s3", meddled)


@pytest.mark.parametrize("kind", ["never arrives", "answer is lost", "process dies", "sent twice"])
def test_a_fault_at_any_request_leaves_a_whole_published_run(store: RunStore, kind: str) -> None:
    before = finish_run(store, text="0")
    for k in range(1, 100):
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(StorageFailed, OSError):
            requests = Requests(patch, k, kind)
            finish_run(store, text=str(k))

        stands = published(store)
        assert stands.verify() == before.verify() == ()
        assert stands == before or stands.read_text("digest.md") == str(k)
        if kind == "sent twice":
            assert stands.token == before.token + 1, "a won put was taken for a lost one"
        if requests.sent < k:
            break
        before = finish_run(store, text="again")  # the next night needs no repair
        assert published(store) == before
    assert 15 < k < 60  # every request was meddled with, and the last run went through
    assert stands.read_text("digest.md") == str(k)


# --- rivals ---------------------------------------------------------------------------------------


def act_between(patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Has something happen once, after the index was read and before it is put."""
    ask, left = s3fs.S3FileSystem._call_s3, [act]

    async def meddled(fs, method, *arguments, **options):
        if method == "put_object" and options["Key"].endswith("index.json") and left:
            await asyncio.to_thread(left.pop())
        return await ask(fs, method, *arguments, **options)

    patch.setattr(s3fs.S3FileSystem, "_call_s3", meddled)


def test_a_start_that_loses_its_put_takes_the_next_token(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    act_between(monkeypatch, lambda: store.start("chat", MONDAY))  # nothing is there yet
    assert store.start("chat", MONDAY).token == 2
    act_between(monkeypatch, lambda: store.start("chat", MONDAY))
    assert store.start("chat", MONDAY).token == 4


def test_of_two_runs_for_one_moment_the_later_start_stands(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = store.start("chat", MONDAY)
    early.write_text("digest.md", "early")
    act_between(
        monkeypatch, lambda: finish_run(store, text="rival")
    )  # while the early one publishes
    with pytest.raises(Superseded):
        store.publish(early, facts={})
    assert published(store).read_text("digest.md") == "rival"
    assert store.history("chat") == [(MONDAY, "000002")]


def start_some(url: str) -> None:
    for _ in range(6):
        RunStore(address_of(url)).start("chat", MONDAY).write_text("mine.txt", str(os.getpid()))


def test_starters_in_many_processes_get_tokens_of_their_own(store: RunStore) -> None:
    starters = [FORK.Process(target=start_some, args=(str(store.root),)) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(60)
    assert [starter.exitcode for starter in starters] == [0] * 4
    assert store.start("chat", MONDAY).token == 25


def publish_some(url: str) -> None:
    for number in range(12):
        finish_run(RunStore(address_of(url)), text=str(number))


def test_a_reader_never_sees_half_a_run(store: RunStore) -> None:
    finish_run(store)
    writers = [FORK.Process(target=publish_some, args=(str(store.root),)) for _ in range(2)]
    for writer in writers:
        writer.start()
    tokens = []
    while any(writer.is_alive() for writer in writers):
        folder = published(store)
        assert folder.verify() == ()
        tokens.append(folder.token)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert tokens == sorted(tokens)
    assert len(set(tokens)) > 3


# --- whole runs -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product file in a folder of its own, with its data."""
    folder = tmp_path_factory.mktemp("products")
    checks = {**PRODUCT["checks"], "eligible_accounts": {"at_least": 50}}
    return write_product(folder, busy_world(5), discover={"events": "all"}, checks=checks)


@pytest.fixture(scope="module")
def nightly_root(s3: str) -> str:
    return f"{s3}/nightly"


@pytest.fixture(scope="module")
def night(product: Path, nightly_root: str, airflow_tables: None) -> RunFolder:
    """One night through Airflow's own tasks, into a bucket."""
    del airflow_tables
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NSM_RUNS", nightly_root)
        patch.setenv("NSM_PRODUCTS", str(product.parent))
        dag = DagBag(REPOSITORY / "dags").dags["nsm_world"]
        run = dag.test(logical_date=AS_OF)
        assert run.state == "success"
        (folder,) = [orchestration.run_store().published("world")]
    assert folder is not None
    return folder


def nsm(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nsm_pipeline", *map(str, arguments)]
    return subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **variables}, capture_output=True, text=True
    )


def test_airflow_tasks_hand_on_the_url_of_the_run_and_nothing_else(
    night: RunFolder, nightly_root: str
) -> None:
    assert str(night.path).startswith(f"{nightly_root}/world/")
    with create_session() as session:
        values = session.scalars(select(XComModel).where(XComModel.dag_id == "nsm_world")).all()
        handed_on = {value.task_id: value.value for value in values}
        (event,) = [e for e in session.scalars(select(AssetEvent)) if e.asset.name == "nsm_world"]
        told, uri = event.extra, event.asset.uri
    assert handed_on == {"extract": str(night.path)}
    assert uri == f"{nightly_root}/world/index.json"
    assert told["run"] == str(night.path)


def test_the_command_line_leaves_the_same_bytes_as_airflow_and_reads_them_back(
    night: RunFolder, product: Path, nightly_root: str
) -> None:
    done = nsm("run", product, "--as-of", night.as_of.isoformat(), NSM_RUNS=nightly_root)
    assert done.returncode == 0, done.stderr
    again = RunStore(address_of(nightly_root)).published("world")
    assert again is not None
    assert again.token > night.token
    assert str(again.path / "report.html") in done.stdout
    files = night.read_json("manifest.json")["files"]
    assert files == again.read_json("manifest.json")["files"]
    assert (night.verify(), again.verify()) == ((), ())

    same = nsm("diff", night.path, "world", "--out", nightly_root, "--json")
    assert json.loads(same.stdout)["same"] is True, same.stderr
    candidate = open_run(str(night.path)).ranking["candidate"][0]
    explained = nsm("explain", night.path, candidate)
    assert explained.returncode == 0, explained.stdout + explained.stderr
    assert str(night.path) in explained.stdout


def test_the_python_door_opens_a_url(night: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_run(str(night.path))
    row = run.ranking.dropna(subset="lift_pp").iloc[0]
    refit = run.refit(row["candidate"], at_least=row["at_least"], within_days=row["within_days"])
    assert refit.lift_pp == pytest.approx(row["lift_pp"], abs=1e-9)
    monkeypatch.setenv("NSM_RUNS", str(night.path.parents[2]))
    assert open_run("world").ranking.equals(run.ranking)


def test_an_airflow_connection_opens_the_store_and_its_name_goes_with_the_url(s3: str) -> None:
    connection = {
        "conn_type": "aws",
        "login": "key-of-the-connection",
        "password": "s3cr3t",
        "extra": {"endpoint_url": os.environ["AWS_ENDPOINT_URL"], "region_name": "us-east-1"},
    }
    script = (
        "from test_run_folder import finish_run\n"
        "from nsm_pipeline.orchestration import run_address, run_store\n"
        "from nsm_pipeline.runs.run_folder import RunFolder\n"
        "folder = finish_run(run_store())\n"
        "assert RunFolder(run_address(str(folder.path))).verify() == ()\n"
        "assert run_store().published('chat') == folder\n"
        "print('RUN', folder.path)"
    )
    nowhere = dict.fromkeys(["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "")
    variables = {
        "AIRFLOW_CONN_RUNS_STORE": json.dumps(connection),
        "NSM_RUNS": s3.replace("s3://", "s3://runs_store@") + "/by_connection",
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **nowhere, **variables},
        capture_output=True,
        text=True,
    )
    url = "s3://runs_store@bucket/by_connection/chat/2026-03-02T020000Z/000001"
    assert done.stdout.splitlines()[-1:] == [f"RUN {url}"], done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr
    by_environment = RunStore(address_of(f"{s3}/by_connection")).published("chat")
    assert by_environment is not None


@pytest.mark.parametrize("ignored", ["IfMatch", "IfNoneMatch"])
def test_a_store_that_ignores_conditions_is_refused(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    ask = s3fs.S3FileSystem._call_s3

    async def careless(fs, method, *arguments, **options):
        options.pop(ignored, None)
        return await ask(fs, method, *arguments, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", careless)
    for _ in range(2):
        with pytest.raises(InvalidInput, match="ignores the conditions"):
            store.start("chat", MONDAY)
    assert store.published("chat") is None


# --- what is in the way is said, and no secret with it --------------------------------------------


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("s3://nobody-made-this/runs", 1, "Check that the bucket exists"),
        ("s3://AKIAKEY:s3cr3t@bucket/runs", 2, "a bucket and a folder, and nothing else"),
        ("s3://bucket/runs?key=s3cr3t", 2, "a bucket and a folder, and nothing else"),
        ("gs://bucket/runs", 2, "in folders and on S3 only"),
        ("memory://runs", 2, "in folders and on S3 only"),
    ],
)
@pytest.mark.usefixtures("s3")
def test_a_place_that_cannot_keep_runs(product: Path, url: str, code: int, told: str) -> None:
    refused = nsm("run", product, "--as-of", AS_OF.isoformat(), "--out", url)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert told in refused.stderr
    assert "s3cr3t" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_credentials_or_without_the_driver(s3: str) -> None:
    missing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    refused = nsm("explain", f"{s3}/runs/world", "x", **missing)
    assert refused.returncode == 1
    assert "credentials" in refused.stderr
    assert "Traceback" not in refused.stderr

    script = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from nsm_pipeline.runs.folder import address_of\n"
        "address_of('s3://bucket/runs')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install 'nsm_pipeline[s3]'" in done.stderr
