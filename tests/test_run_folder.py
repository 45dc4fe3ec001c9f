"""The run folder: what a crash, a leftover attempt or a second starter can and cannot do."""

import contextlib
import csv
import io
import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm_pipeline.errors import InvalidInput, NsmError, Superseded
from nsm_pipeline.runs.canonical_bytes import csv_bytes
from nsm_pipeline.runs.run_folder import RunFolder, RunStore

MONDAY = datetime(2026, 3, 2, 2, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
FORK = multiprocessing.get_context("fork")


def finish_run(store: RunStore, as_of: datetime = MONDAY, text: str = "tonight") -> RunFolder:
    folder = store.start("chat", as_of)
    folder.write_text("digest.md", text)
    folder.write_frame("ranking.csv", pd.DataFrame({"candidate": ["a\nb", '"'], "rank": [1, 2]}))
    store.publish(folder, facts={"config_sha256": "c0ffee"})
    return folder


def published(store: RunStore, as_of: datetime | None = None) -> RunFolder:
    folder = store.published("chat", as_of)
    assert folder is not None
    return folder


# --- which run stands -----------------------------------------------------------------------------


def test_a_run_is_found_through_the_index_and_its_manifest_names_every_file(root):
    store = RunStore(root)
    finish_run(store)

    folder = published(store)
    assert folder.path == root / "chat/2026-03-02T020000Z/000001"
    assert (folder.product, folder.as_of, folder.run_id, folder.token) == (
        "chat",
        MONDAY,
        "000001",
        1,
    )
    manifest = folder.read_json("manifest.json")
    assert list(manifest["files"]) == ["digest.md", "ranking.csv"]
    assert manifest["files"]["digest.md"]["size"] == len("tonight")
    assert manifest["files"]["ranking.csv"]["rows"] == 2
    assert manifest["config_sha256"] == "c0ffee"
    assert folder.verify() == ()

    (folder.path / "digest.md").write_text("tomorrow")
    (folder.path / "ranking.csv").unlink()
    assert [(Path(p.where).name, p.what) for p in folder.verify()] == [
        ("digest.md", "The file is not the one that was published."),
        ("ranking.csv", "The file is gone."),
    ]


def test_nothing_is_published_before_publish(root):
    store = RunStore(root)
    assert store.published("chat") is None
    store.start("chat", MONDAY).write_text("digest.md", "half")
    assert store.published("chat") is None
    assert store.history("chat") == []


def test_a_backfill_does_not_move_the_latest_back(root):
    store = RunStore(root)
    finish_run(store, TUESDAY)
    finish_run(store, MONDAY)
    assert published(store).as_of == TUESDAY
    assert published(store, MONDAY).token == 2
    assert store.history("chat") == [(MONDAY, "000002"), (TUESDAY, "000001")]


def test_a_second_run_for_the_same_moment_stands_and_the_first_stays(root):
    store = RunStore(root)
    first = finish_run(store, text="first")
    second = finish_run(store, text="second")
    assert published(store) == second
    assert first.read_text("digest.md") == "first"


def test_a_leftover_attempt_loses(root):
    store = RunStore(root)
    leftover = store.start("chat", MONDAY)
    winner = finish_run(store)
    with pytest.raises(Superseded):
        store.publish(leftover, facts={})
    assert published(store) == winner

    other_day = store.start("chat", TUESDAY)  # a smaller token elsewhere is no obstacle
    finish_run(store)
    store.publish(other_day, facts={})
    assert published(store) == other_day


def test_the_same_moment_in_another_zone_is_the_same_folder(root):
    store = RunStore(root)
    finish_run(store)
    tokyo = MONDAY.astimezone(timezone(timedelta(hours=9)))
    assert published(store, tokyo).token == 1
    finish_run(store, MONDAY + timedelta(microseconds=1))  # not the same moment
    assert [as_of.microsecond for as_of, _ in store.history("chat")] == [0, 1]
    assert published(store).path.parent.name == "2026-03-02T020000.000001Z"


def test_an_index_put_back_from_a_backup_never_hands_out_a_used_folder(root):
    store = RunStore(root)
    finish_run(store)
    backup = (root / "chat/index.json").read_bytes()
    finish_run(store)
    (root / "chat/index.json").write_bytes(backup)
    assert store.start("chat", MONDAY).token == 3


def test_a_torn_index_is_an_error_that_names_it(root):
    store = RunStore(root)
    finish_run(store)
    (root / "chat/index.json").write_text('{"last_token": 1, "publi')
    for attempt in (store.published, store.history, lambda name: store.start(name, MONDAY)):
        with pytest.raises(InvalidInput, match=r"chat/index\.json"):
            attempt("chat")


def test_a_place_that_cannot_be_written_is_the_users_error(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(InvalidInput, match="--out DIR"):
        RunStore(tmp_path / "runs").start("chat", MONDAY)


# --- a finished run keeps its bytes ---------------------------------------------------------------


def test_a_published_folder_accepts_only_the_bytes_it_holds(root):
    store = RunStore(root)
    folder = finish_run(store)
    before = folder.read_text("manifest.json")

    folder.write_text("digest.md", "tonight")  # the step tried again
    store.publish(folder, facts={"config_sha256": "other", "seconds": 9})
    assert folder.read_text("manifest.json") == before
    for name in ("digest.md", "new.txt"):
        with pytest.raises(NsmError, match="finished"):
            folder.write_text(name, "other")
    assert folder.verify() == ()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../index.json", "/etc/passwd"])
def test_only_plain_names_live_in_a_folder(tmp_path, name):
    folder = RunStore(tmp_path).start("chat", MONDAY)
    with pytest.raises(ValueError, match="plain file name"):
        folder.write_text(name, "x")


def test_a_copied_folder_knows_who_it_is_and_another_folder_is_refused(tmp_path):
    folder = finish_run(RunStore(tmp_path / "runs"))
    copy = tmp_path / "mail" / "attachment"
    copy.parent.mkdir()
    folder.path.rename(copy)
    assert (RunFolder(copy).product, RunFolder(copy).as_of) == ("chat", MONDAY)
    with pytest.raises(InvalidInput, match="not the folder of a run"):
        _ = RunFolder(tmp_path / "mail").product


# --- faults ---------------------------------------------------------------------------------------


class Fault:
    """Breaks the k-th file operation; a write is cut off in its middle first."""

    def __init__(self, monkeypatch, k: int, fail) -> None:
        self.left, self.fail = k, fail
        for name in ("fsync", "replace", "mkdir", "open"):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name)))
        open_file = self.counted(io.open)
        monkeypatch.setattr(io, "open", lambda *a, **k: self.torn(open_file(*a, **k)))

    def tick(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.fail()

    def counted(self, function):
        def call(*arguments, **options):
            self.tick()
            return function(*arguments, **options)

        return call

    def torn(self, file):
        if not isinstance(file, io.BufferedWriter):
            return file

        class Torn(io.BufferedWriter):
            def write(torn, content):  # noqa: N805
                io.BufferedWriter.write(torn, content[: len(content) // 2])
                torn.flush()
                self.tick()
                return io.BufferedWriter.write(torn, content[len(content) // 2 :])

        return Torn(file.detach())


def disk_error():
    raise OSError(5, "Input/output error")


def kill():
    os._exit(9)


def attempt_with_fault(store: RunStore, k: int, fail) -> bool:
    """Whether the k-th operation of a run, in a process of its own, was there to be broken."""

    def work():
        with pytest.MonkeyPatch.context() as monkeypatch:
            fault = Fault(monkeypatch, k, fail)
            with contextlib.suppress(OSError):
                finish_run(store, text="new")
            os._exit(0 if fault.left > 0 else 1)

    process = FORK.Process(target=work)
    process.start()
    process.join(30)
    return process.exitcode in (1, 9)


@pytest.mark.parametrize("fail", [disk_error, kill])
def test_a_fault_at_any_file_operation_leaves_a_whole_published_run(tmp_path, fail):
    for k in range(1, 200):
        store = RunStore(tmp_path / str(k))
        finish_run(store, text="old")

        broken = attempt_with_fault(store, k, fail)

        stands = published(store)
        assert stands.read_text("digest.md") == ("new" if stands.token > 1 else "old")
        assert stands.verify() == ()
        assert RunFolder(tmp_path / str(k) / "chat/2026-03-02T020000Z/000001").verify() == ()
        again = finish_run(store, text="again")  # the next night needs no repair
        assert published(store) == again
        if not broken:
            break
    assert 25 < k < 100  # faults were really injected, and the last attempt went through
    assert stands.token == 2


def start_some(root: Path) -> list[int]:
    return [RunStore(root).start("chat", MONDAY).token for _ in range(10)]


def test_starters_in_many_processes_get_tokens_of_their_own(tmp_path):
    # Fresh processes, and no pool that is terminated: workers inherit the signal handlers that
    # Airflow's own tests leave in this one, and then outlive the signal.
    with ProcessPoolExecutor(6, mp_context=multiprocessing.get_context("spawn")) as pool:
        tokens = [t for some in pool.map(start_some, [tmp_path] * 12) for t in some]
    assert sorted(tokens) == list(range(1, 121))


def publish_for_a_while(root: Path, until: float) -> None:
    while time.monotonic() < until:
        finish_run(RunStore(root))


def test_a_reader_never_sees_half_a_run(tmp_path):
    store = RunStore(tmp_path)
    finish_run(store)
    until = time.monotonic() + 1.5
    writers = [FORK.Process(target=publish_for_a_while, args=(tmp_path, until)) for _ in range(3)]
    for writer in writers:
        writer.start()
    tokens = []
    while any(writer.is_alive() for writer in writers):
        folder = published(store)
        assert folder.verify() == ()
        tokens.append(folder.token)
    assert tokens == sorted(tokens)
    assert len(set(tokens)) > 3


# --- bytes ----------------------------------------------------------------------------------------

FRAME = pd.DataFrame(
    {
        "text": ["=1+1", "-x", '"quoted", with\nlines', None, "näh 🎁"],
        "count": pd.array([1, None, -3, 2**53 + 1, 0], dtype="Int64"),
        "value": [0.1 + 0.2, -0.0, np.nan, np.inf, 1e300],
        "flag": [True, False, True, None, False],
        "at": pd.to_datetime(["2026-03-02T02:00:00.0Z", None, *["1999-12-31T23:59:59.5Z"] * 3]),
    },
    index=[5, 4, 3, 2, 1],
)


def test_csv_is_exact():
    assert csv_bytes(FRAME).decode().split("\n", 4) == [
        "text,count,value,flag,at",
        "'=1+1,1,0.3,true,2026-03-02T02:00:00Z",
        "'-x,,0,false,",
        '"""quoted"", with',
        'lines",-3,,true,1999-12-31T23:59:59.500000Z\n'
        ",9007199254740993,,,1999-12-31T23:59:59.500000Z\n"
        "näh 🎁,0,1e+300,false,1999-12-31T23:59:59.500000Z\n",
    ]


@settings(derandomize=True)
@given(st.lists(st.text(), min_size=1))
def test_any_text_survives_csv_and_no_cell_is_a_formula(texts):
    content = csv_bytes(pd.DataFrame({"text": pd.Series(texts, dtype=object), "n": 1})).decode()
    cells = [row[0] for row in csv.reader(StringIO(content, newline=""))][1:]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in cells)
    assert [cell.removeprefix("'") for cell in cells] == [text.removeprefix("'") for text in texts]


def test_the_same_table_has_the_same_bytes_and_comes_back_with_its_types(tmp_path):
    folder = RunStore(tmp_path).start("chat", MONDAY)
    folder.write_frame("one.parquet", FRAME)
    other = FRAME.reset_index(drop=True)
    other.attrs = {"note": "not data"}
    folder.write_frame("two.parquet", other)
    assert (folder.path / "one.parquet").read_bytes() == (folder.path / "two.parquet").read_bytes()
    back = folder.read_frame("one.parquet")
    pd.testing.assert_frame_equal(back, FRAME.reset_index(drop=True))


def test_json_takes_what_statistics_and_pandas_hand_over(tmp_path):
    folder = RunStore(tmp_path).start("chat", MONDAY)
    value = {
        "missing": [np.nan, -np.inf, pd.NA, pd.NaT, None, np.float64("nan"), np.datetime64("NaT")],
        "numbers": (np.int64(3), np.float32(0.5), np.bool_(True), 2**60, np.arange(2)),
        "moments": [MONDAY, pd.Timestamp(MONDAY), date(2026, 3, 2), datetime(2026, 3, 2, 2)],
        "text": "</script> é 🎁",
    }
    folder.write_json("x.json", value)
    text = folder.read_text("x.json")
    assert "é 🎁" in text
    assert json.loads(text) == {
        "missing": [None] * 7,
        "numbers": [3, 0.5, True, 2**60, [0, 1]],
        "moments": ["2026-03-02T02:00:00Z"] * 2 + ["2026-03-02", "2026-03-02T02:00:00Z"],
        "text": "</script> é 🎁",
    }
    with pytest.raises(TypeError, match="no JSON form"):
        folder.write_json("y.json", {1, 2})
    assert not folder.exists("y.json")
