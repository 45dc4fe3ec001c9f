"""How much memory DuckDB takes, where it spills, and that the connection's own settings win."""

from pathlib import Path

import ibis
import pytest

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.warehouse.connect import Engine, connect

NUMBERS = 20_000_000  # 160 MB of them


def opened(url: str, base: Path) -> Engine:
    return connect(url, base=base, where="here")


def setting(engine: Engine, name: str) -> str:
    return str(engine.backend.raw_sql(f"SELECT current_setting('{name}')").fetchone()[0])


def allowed(engine: Engine) -> int:
    """Bytes, as DuckDB shows them: rounded to a tenth of a unit."""
    shown = "parse_formatted_bytes(current_setting('memory_limit'))"
    return int(engine.backend.raw_sql(f"SELECT {shown}").fetchone()[0])


@pytest.mark.parametrize(("url", "most"), [("duckdb://?threads=1", 5e8), ("duckdb://", 1e12)])
def test_each_thread_has_half_a_gigabyte(tmp_path: Path, url: str, most: float) -> None:
    engine = opened(url, tmp_path)
    threads = int(setting(engine, "threads"))
    assert 0 < allowed(engine) <= min(most, threads * 5e8)
    engine.close()


def test_what_the_connection_says_wins_and_what_is_beyond_it_spills(tmp_path: Path) -> None:
    aside = tmp_path / "a side's"
    settings = f"memory_limit=100MB&threads=1&temp_directory={aside}"
    engine = opened(f"duckdb:///{tmp_path}/shop.duckdb?{settings}", tmp_path)
    assert allowed(engine) == pytest.approx(1e8, rel=1e-3)
    assert (setting(engine, "threads"), setting(engine, "temp_directory")) == ("1", str(aside))

    rows = ibis.range(NUMBERS).unnest().name("n").as_table()
    kept = engine.materialise("numbers", "numbers", rows)
    assert sum(file.stat().st_size for file in aside.iterdir()) > 0
    total = engine.fetch("their sum", kept.aggregate(total=kept.n.sum()))["total"][0]
    assert int(total) == NUMBERS * (NUMBERS - 1) // 2

    beside = opened(f"duckdb:///{tmp_path}/shop.duckdb", tmp_path)  # as publishing into it does
    assert setting(beside, "temp_directory") == str(aside)
    beside.close()
    engine.close()
    assert not list(aside.glob("*"))


def test_no_other_setting_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSM_TEST_WAREHOUSE", "duckdb://?motherduck_token=s3cr3t")
    with pytest.raises(InvalidInput, match="memory_limit, temp_directory, threads") as caught:
        opened("${NSM_TEST_WAREHOUSE}", tmp_path)
    assert "s3cr3t" not in str(caught.value)
