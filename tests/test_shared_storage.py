"""Runs in a bucket: what a lost request, a rival or a missing right can and cannot do."""

import asyncio
import contextlib
import multiprocessing
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
import s3fs
from test_run_folder import MONDAY, finish_run, published

from nsm_pipeline.errors import StorageFailed, Superseded
from nsm_pipeline.runs.folder import address_of
from nsm_pipeline.runs.run_folder import RunStore

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
