"""SQL for engines that are not run here: every question compiles, and the written ones stay."""

import pytest
from golden_sql import DIALECTS, GOLDEN, WRITTEN, compiled, golden_path


@pytest.fixture(scope="module")
def sql() -> dict[str, dict[str, str]]:
    return compiled()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_compiled_sql_is_the_one_kept(sql: dict[str, dict[str, str]], dialect: str) -> None:
    kept = set((GOLDEN / dialect).glob("*.sql"))
    assert kept == {golden_path(dialect, title) for title in WRITTEN}
    for title in WRITTEN:
        told = f"-- {title}\n{sql[dialect][title]}\n"
        assert golden_path(dialect, title).read_text(encoding="utf-8") == told, "make golden"


def test_every_dialect_has_every_question(sql: dict[str, dict[str, str]]) -> None:
    assert len({frozenset(questions) for questions in sql.values()}) == 1
    assert len(sql["trino"]) > len(WRITTEN)
