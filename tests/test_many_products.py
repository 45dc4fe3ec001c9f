"""Many product files: what they share is read once, and each is told all of its problems."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from worlds import busy_world, write_product

from nsm_pipeline.command_line import commands
from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.pipeline import check_product, check_products
from nsm_pipeline.warehouse import source_answers
from nsm_pipeline.warehouse.connect import Engine

REPOSITORY = Path(__file__).resolve().parents[1]
FILES = 6
TABLES = 3


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often the real engine is opened, shown files, asked and closed."""
    counted = dict.fromkeys(("connect", "read_files", "fetch", "close"), 0)

    def count(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: object, **options: object) -> object:
            counted[name] += 1
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, call)

    count(source_answers, "connect")
    for name in ("read_files", "fetch", "close"):
        count(Engine, name)
    return counted


def write_products(folder: Path, *, own_data: bool) -> list[Path]:
    """The same product under different names, on one set of Parquet files or each on its own."""
    tables, files = busy_world(1, accounts=40), []
    for number in range(FILES):
        home = folder / (str(number) if own_data else "shared")
        home.mkdir(exist_ok=True)
        candidates = [{"name": "shares", "event": "share"}]
        file = write_product(home, tables, product=f"p{number}", candidates=candidates)
        files.append(file.rename(home / f"p{number}.yaml"))
    return files


def test_products_that_share_their_files_read_them_once(
    tmp_path: Path, calls: dict[str, int]
) -> None:
    checked = check_products(write_products(tmp_path, own_data=False))
    assert [product.config.product for product in checked] == [f"p{n}" for n in range(FILES)]
    assert calls == {"connect": 1, "read_files": TABLES, "fetch": 0, "close": 1}


def test_products_in_one_folder_share_their_engine_whatever_they_read(
    tmp_path: Path, calls: dict[str, int]
) -> None:
    files = write_products(tmp_path, own_data=True)
    here = []
    for file in files:
        text = file.read_text().replace("files: ", f"files: {file.parent.name}/")
        here.append(tmp_path / file.name)
        here[-1].write_text(text)
    others = pd.read_parquet(tmp_path / "1" / "accounts.parquet").rename(columns={"plan": "tariff"})
    others.to_parquet(tmp_path / "1" / "accounts.parquet")
    assert [product.config.product for product in check_products(here)]
    # The columns of three tables and of the one that differs.
    assert calls == {"connect": 1, "read_files": TABLES + 1, "fetch": 0, "close": 1}


def test_a_column_is_missing_only_where_it_is(tmp_path: Path) -> None:
    files = write_products(tmp_path, own_data=True)
    for file in files:
        file.write_text(file.read_text() + "segments: [plan]\n")
    kept = pd.read_parquet(tmp_path / "2" / "accounts.parquet")
    kept.rename(columns={"plan": "tariff"}).to_parquet(tmp_path / "2" / "accounts.parquet")
    told = [
        str(found) if isinstance(found, InvalidInput) else "" for found in check_products(files)
    ]
    assert [bool(words) for words in told] == [number == 2 for number in range(FILES)]
    assert "plan" in told[2]


def test_together_each_file_is_told_what_it_is_told_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_products(tmp_path, own_data=False)
    for file, before, after in (
        (files[1], "at: at", "at: when"),  # a column that is not there
        (files[2], "  event: start", "  event: strat"),  # nor this event
        (files[3], "title: ", "titel: "),
        (files[4], "files: events.parquet", "files: gone.parquet"),
    ):
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def alone(file: Path) -> str:
        try:
            check_product(file)
        except InvalidInput as problems:
            return str(problems)
        return "ok"

    told = [alone(file) for file in files]
    assert [words == "ok" for words in told] == [True, False, False, False, False, True]
    assert [str(found) for found in check_products(files)][1:5] == told[1:5]

    assert commands.check(files, as_json=False) == 2
    shown = capsys.readouterr()
    assert shown.out.count(": ok, product p") == 2
    assert shown.err.strip() == "\n\n".join(told[1:5])


def test_reading_the_dags_opens_each_product_file_once(tmp_path: Path) -> None:
    write_products(tmp_path, own_data=False)
    script = (
        "import runpy, sys\n"
        "opened = []\n"
        "def note(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).startswith(sys.argv[1]):\n"
        "        opened.append(str(arguments[0]))\n"
        "sys.addaudithook(note)\n"
        "dags = runpy.run_path('dags/nsm_products.py')\n"
        "ids = [name for name in dags if name.startswith('nsm_p')]\n"
        "print('READ', len(ids), *opened)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "NSM_PRODUCTS": str(tmp_path / "shared")},
        capture_output=True,
        text=True,
        check=True,
    )
    count, *opened = done.stdout.rpartition("READ ")[2].split()
    assert int(count) == FILES
    assert [Path(name).name for name in opened] == [f"p{number}.yaml" for number in range(FILES)]
