"""The nightly state beside runs in a bucket: swapped whole, by one run at a time."""

import secrets
from pathlib import Path

import pytest

from nsm_pipeline.errors import InvalidInput, StorageFailed
from nsm_pipeline.runs.folder import Address, address_of
from nsm_pipeline.runs.kept_state import POINTER, StateObject, keep_state
from nsm_pipeline.runs.object_folder import ObjectFolder


@pytest.fixture
def place(s3: str) -> Address:
    return address_of(f"{s3}/{secrets.token_hex(4)}/runs/chat")


def written(place: Address, content: bytes) -> StateObject:
    """A run that has read the state and written another one, on its own disk so far."""
    kept = keep_state(place)
    assert isinstance(kept, StateObject)
    kept.fetch().write_bytes(content)
    return kept


def read(place: Address) -> bytes:
    kept = keep_state(place)
    try:
        return kept.fetch().read_bytes()
    finally:
        kept.close()


def names(place: Address) -> list[str]:
    return [name for name in ObjectFolder(place).files() if not name.startswith(".")]


def test_the_state_is_what_was_put_back_last_and_nothing_else_stays(place: Address) -> None:
    kept = keep_state(place)
    path = kept.fetch()
    assert not path.exists()
    for content in (b"first", b"second"):
        path.write_bytes(content)
        kept.put_back()
        assert read(place) == content
    state, pointer = names(place)
    assert (state[:6], pointer) == ("state-", POINTER)
    kept.put_back()
    assert names(place) == [state, pointer]  # as it was read, so nothing was put
    kept.close()
    assert not path.parent.exists()


def test_a_night_that_dies_leaves_the_old_state(
    place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(place, b"old").put_back()
    for request in ("put_file", "update"):
        with monkeypatch.context() as patch:
            patch.setattr(ObjectFolder, request, _break)
            with pytest.raises(RuntimeError, match="cut off"):
                written(place, b"new").put_back()
        assert read(place) == b"old"
    written(place, b"newer").put_back()
    assert read(place) == b"newer"
    assert len(names(place)) == 2  # what the dead night had put is gone too


def _break(*_: object) -> None:
    raise RuntimeError("cut off")


@pytest.mark.parametrize("before", [None, b"old"])
def test_of_two_runs_that_overlap_the_second_does_not_undo_the_first(
    place: Address, before: bytes | None
) -> None:
    if before is not None:
        written(place, before).put_back()
    first, second = written(place, b"first"), written(place, b"second")
    first.put_back()
    with pytest.raises(InvalidInput, match="Another run has changed the nightly state"):
        second.put_back()
    assert read(place) == b"first"


def test_one_built_anew_replaces_what_was_there_when_it_began(place: Address) -> None:
    written(place, b"old").put_back()
    kept = keep_state(place)
    kept.anew().write_bytes(b"anew")
    written(place, b"faster").put_back()
    with pytest.raises(InvalidInput):
        kept.put_back()
    kept = keep_state(place)
    kept.anew().write_bytes(b"anew")
    kept.put_back()
    assert read(place) == b"anew"


def test_a_state_that_was_damaged_is_no_state(place: Address) -> None:
    written(place, b"whole").put_back()
    [name, _] = names(place)
    ObjectFolder(place).write(name, b"other")
    with pytest.raises(InvalidInput, match="other bytes than were put there"):
        read(place)
    ObjectFolder(place).remove(name)
    with pytest.raises(InvalidInput, match="is gone"):
        read(place)


def test_without_the_right_to_remove_the_old_ones_stay(
    place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(place, b"old").put_back()
    monkeypatch.setattr(ObjectFolder, "remove", _refuse)
    written(place, b"new").put_back()
    assert read(place) == b"new"
    assert len(names(place)) == 3


def _refuse(*_: object) -> None:
    raise StorageFailed(())


def test_in_a_folder_the_state_is_worked_on_where_it_is(tmp_path: Path) -> None:
    kept = keep_state(tmp_path)
    assert kept.fetch() == kept.anew() == tmp_path / "state.duckdb"
