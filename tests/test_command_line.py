"""`nsm` as a user or a script meets it: real processes, exit codes, what is on which stream."""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nsm_pipeline

REPOSITORY = Path(__file__).resolve().parents[1]
PRODUCT = REPOSITORY / "config" / "products" / "online_retail.yaml"
NSM = [sys.executable, "-m", "nsm_pipeline"]


def nsm(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **variables}
    command = [*NSM, *map(str, arguments)]
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=600
    )


def costs_less_than(seconds: float, *arguments: object) -> bool:
    """In CPU, in one of three runs: other processes on the machine only ever add."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        nsm(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    return any(once() < seconds for _ in range(3))


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """A runs folder with one night of the shipped product and one of a changed file."""
    folder = tmp_path_factory.mktemp("nsm")
    text = PRODUCT.read_text().split("\npublish:")[0]  # the shipped one writes into a database
    product, changed = folder / "product.yaml", folder / "changed.yaml"
    product.write_text(text)
    first = nsm("run", product, "--out", folder / "runs")
    assert first.returncode == 0, first.stderr
    lines = [line for line in text.splitlines() if "name: bought_a_bag" not in line]
    assert len(lines) == len(text.splitlines()) - 1
    changed.write_text("# a comment is no change\n" + "\n".join(lines))
    second = nsm(
        "run", changed, "--out", folder / "runs", "--as-of", "2011-12-09T12:00:00Z", "--json"
    )
    assert second.returncode == 0, second.stderr
    (folder / "first.txt").write_text(first.stdout + "\n---\n" + first.stderr)
    (folder / "second.json").write_text(second.stdout)
    return folder / "runs"


# --- start-up, streams ----------------------------------------------------------------------------


def test_help_names_every_command_and_starts_at_once():
    shown = nsm("--help")
    assert shown.returncode == 0
    for command in ("check", "run", "sql", "explain", "diff", "schema"):
        assert re.search(rf"^  {command} ", shown.stdout, re.MULTILINE)
    assert costs_less_than(0.5, "--help")


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("ibis", "sklearn", "airflow", "pandas", "numpy", "duckdb", "pydantic", "scipy")
    script = (
        "import sys, nsm_pipeline\n"
        "assert 'open_run' in dir(nsm_pipeline)\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
        "nsm_pipeline.open_run\n"
        "print([name for name in ('ibis', 'sklearn', 'airflow') if name in sys.modules])\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.splitlines() == ["[]", "[]"]
    with pytest.raises(AttributeError, match="no attribute 'openrun'"):
        _ = nsm_pipeline.openrun


def test_a_reader_that_leaves_early_causes_no_traceback():
    pipe = subprocess.run(
        f"{' '.join(NSM)} schema | head -1",
        shell=True,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert (pipe.stdout, pipe.stderr) == ("{\n", "")


def test_usage_errors_exit_with_two_and_leave_stdout_empty():
    for wrong in (
        ["check"],
        ["run"],
        ["diff", "only_one"],
        ["frobnicate"],
        ["run", "x", "--as_of"],
    ):
        refused = nsm(*wrong)
        assert (refused.returncode, refused.stdout) == (2, ""), wrong
        assert "Traceback" not in refused.stderr


def test_schema_is_json_schema():
    schema = json.loads(nsm("schema").stdout)
    assert schema["properties"]["product"]


# --- check ----------------------------------------------------------------------------------------


def test_check_of_the_shipped_products_is_quick():
    checked = nsm("check", PRODUCT.parent, "--json")
    assert checked.returncode == 0, checked.stderr
    report = json.loads(checked.stdout)
    assert report["ok"] is True
    assert [Path(file["file"]).name for file in report["files"]] == [
        "online_retail.yaml",
        "oulad_small.yaml",
    ]
    assert costs_less_than(1.5, "check", PRODUCT)


def test_check_tells_the_problems_of_all_files(tmp_path):
    typo, missing = tmp_path / "typo.yaml", tmp_path / "missing.yaml"
    typo.write_text(PRODUCT.read_text().replace("\nretention:", "\nretension:"))
    checked = nsm("check", typo, PRODUCT, missing)
    assert checked.returncode == 2
    assert "online_retail.yaml: ok" in checked.stdout
    assert re.search(r"typo\.yaml:\d+:\d+", checked.stderr)
    assert "missing.yaml" in checked.stderr
    assert "Traceback" not in checked.stderr

    for_machine = nsm("check", typo, PRODUCT, missing, "--json")
    assert for_machine.returncode == 2
    files = json.loads(for_machine.stdout)["files"]
    assert [file["ok"] for file in files] == [False, True, False]
    assert all(set(p) == {"where", "what", "mend"} for file in files for p in file["problems"])


def test_nothing_to_check_is_not_a_success(tmp_path):
    for nothing in (tmp_path, tmp_path / "*.yaml"):
        checked = nsm("check", nothing)
        assert (checked.returncode, checked.stdout) == (2, "")
        assert str(tmp_path) in checked.stderr


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(PRODUCT.read_text() + '\n"\\e]0;owned\\a\\u202E": 1\n')
    checked = nsm("check", file)
    assert checked.returncode == 2
    assert not set("\x1b\x07\u202e") & set(checked.stderr + checked.stdout)


# --- run ------------------------------------------------------------------------------------------


def test_run_ends_with_the_ranking_and_its_paths(out):
    stdout, stderr = (out.parent / "first.txt").read_text().split("\n---\n")
    folder = nsm_pipeline.open_run(out / "online_retail/2011-12-09T125000Z/000001").folder
    leader = folder.read_frame("ranking.parquet")["candidate"].iloc[0]
    assert leader in stdout
    assert str(folder.path / "report.html") in stdout
    assert str(folder.path / "ranking.csv") in stdout
    assert [line[:3] for line in stderr.splitlines()] == [f"{n}/7" for n in range(1, 8)]
    assert "\x1b" not in stdout + stderr
    assert folder.verify() == ()


def test_run_for_a_machine_is_json(out):
    run = json.loads((out.parent / "second.json").read_text())
    assert (run["ok"], run["product"], run["as_of"]) == (
        True,
        "online_retail",
        "2011-12-09T12:00:00Z",
    )
    assert Path(run["report"]).is_file()
    assert run["candidates"][0]["rank"] == 1


@pytest.mark.parametrize("moment", ["yesterday", "2011-13-01", "9999-12-31T23:59-12:00", ""])
def test_a_moment_that_is_none_is_refused_and_nothing_is_written(tmp_path, moment):
    refused = nsm("run", PRODUCT, "--as-of", moment, "--out", tmp_path / "runs", "--json")
    assert refused.returncode == 2
    assert "This is not a date or a time." in refused.stderr
    assert json.loads(refused.stdout)["problems"][0]["what"] == "This is not a date or a time."
    assert not (tmp_path / "runs").exists()


def test_a_runs_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "runs").write_text("a file")
    refused = nsm("run", PRODUCT, "--out", tmp_path / "runs")
    assert refused.returncode == 2
    assert "--out DIR" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(("variables", "plain"), [({}, False), ({"NO_COLOR": "1"}, True)])
def test_a_terminal_gets_a_moving_line_unless_it_wants_plain_text(tmp_path, variables, plain):
    too_early = ("--as-of", "2011-03-02", "--out", str(tmp_path / "runs"))
    ours, theirs = os.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", **variables}
    process = subprocess.Popen(
        [*NSM, "run", str(PRODUCT), *too_early],
        cwd=REPOSITORY,
        env=environment,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal's end is told on Linux
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert process.wait(60) == 2
    assert b"1/7 Reading the events" in shown
    assert b"online_retail.yaml:" in shown
    assert (b"\x1b" not in shown) is plain
    assert not (tmp_path / "runs").exists()


def test_sql_prints_every_query_under_its_title():
    printed = nsm("sql", PRODUCT)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.startswith("-- ")
    assert printed.stdout.count("SELECT") > 3


# --- runs by name ---------------------------------------------------------------------------------


def test_a_run_goes_by_folder_product_or_moment(out):
    newest = out / "online_retail/2011-12-09T125000Z/000001"
    older = out / "online_retail/2011-12-09T120000Z/000002"
    names = {
        str(newest): newest,
        "online_retail": newest,
        "online_retail@2011-12-09T12:50Z": newest,
        "online_retail@2011-12-09T120000Z": older,
        "online_retail@2011-12-09T12:00": older,  # in the product's zone, which is London
    }
    for name, meant in names.items():
        found = json.loads(nsm("diff", name, newest, "--out", out, "--json").stdout)
        assert found["before"] == str(meant)
        assert found["same"] is (meant == newest)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "no published run of 'nowhere'"),
        ("online_retail@2011-12-08", "newest first): 2011-12-09T125000Z, 2011-12-09T120000Z"),
        ("online_retail@soon", "not a date or a time"),
        ("../..", "not a finished run"),
        ("", "no published run"),
    ],
)
def test_a_run_that_is_none_is_refused(out, name, told):
    refused = nsm("explain", name, "variety", "--out", out)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert told in refused.stderr


# --- explain and refit ----------------------------------------------------------------------------


def test_explain_reproduces_the_numbers_of_every_estimated_row(out):
    ranking = nsm_pipeline.open_run(out / "online_retail/2011-12-09T125000Z/000001").ranking
    for candidate in ranking["candidate"][:3]:
        shown = nsm("explain", "online_retail", candidate, "--out", out, "--json")
        assert shown.returncode == 0, shown.stdout + shown.stderr
        facts = {fact["number"]: fact for fact in json.loads(shown.stdout)["facts"]}
        row = ranking.set_index("candidate").loc[candidate]
        for number in ("doers", "retained_others", "crude_lift_pp", "lift_pp", "odds_ratio"):
            assert facts[number]["value"] == row[number]
            assert facts[number]["recomputed"] == pytest.approx(row[number], rel=1e-9)
            assert facts[number]["holds"] is True


def test_explain_finds_a_forged_number(out, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(out / "online_retail/2011-12-09T125000Z/000001", copy)
    ranking = pd.read_parquet(copy / "ranking.parquet")
    ranking.loc[0, "odds_ratio"] += 1e-6
    ranking.to_parquet(copy / "ranking.parquet")
    shown = nsm("explain", copy, ranking["candidate"][0])
    assert shown.returncode == 1
    assert shown.stdout.count("GIVES ANOTHER VALUE") == 1


def test_a_misspelt_candidate_is_met_with_the_nearest(out):
    refused = nsm("explain", "online_retail", "varety", "--out", out)
    assert refused.returncode == 2
    assert "Did you mean 'variety'?" in refused.stderr


def test_refit_gives_the_published_lifts_from_the_cells_alone(out, tmp_path):
    source = out / "online_retail/2011-12-09T125000Z/000001"
    for name in ("manifest.json", "ranking.json", "cells.parquet"):  # no other file may be needed
        shutil.copy(source / name, tmp_path)
    for name in ("ranking.parquet", "candidates.parquet"):
        shutil.copy(source / name, tmp_path)
    run = nsm_pipeline.open_run(tmp_path)
    published = run.ranking.dropna(subset=["lift_pp"])
    assert len(published) > 10
    for row in published.itertuples():
        again = run.refit(row.candidate, at_least=row.at_least, within_days=row.within_days)
        assert again.lift_pp == pytest.approx(row.lift_pp, abs=1e-9)
        assert (again.doers, again.retained_doers) == (row.doers, row.retained_doers)


def test_refit_of_every_searched_choice_is_the_row_of_candidates(out):
    run = nsm_pipeline.open_run(out / "online_retail/2011-12-09T125000Z/000001")
    for row in run.candidates.iloc[::7].itertuples():
        again = run.refit(row.candidate, at_least=row.at_least, within_days=row.within_days)
        assert (again.doers, again.retained_others, again.support) == (
            row.doers,
            row.retained_others,
            row.support,
        )
        assert np.isnan(again.adjusted_lift_pp) == np.isnan(row.lift_pp)
        if row.support == "ok":
            assert again.adjusted_lift_pp == pytest.approx(row.lift_pp, abs=1e-9)


def test_refit_refuses_what_the_cells_cannot_tell(out):
    run = nsm_pipeline.open_run(out / "online_retail/2011-12-09T125000Z/000001")
    with pytest.raises(nsm_pipeline.errors.InvalidInput, match="was not searched"):
        run.refit("variety", at_least=15, within_days=28)
    with pytest.raises(nsm_pipeline.errors.InvalidInput, match="no such candidate"):
        run.refit("varety", at_least=20, within_days=28)


# --- diff -----------------------------------------------------------------------------------------


def test_diff_says_what_changed_and_why(out):
    older, newest = "online_retail@2011-12-09T12:00Z", "online_retail"
    found = json.loads(nsm("diff", newest, older, "--out", out, "--json").stdout)
    assert found["same"] is False
    config = [change["what"] for change in found["causes"]["config"]]
    assert config
    assert all(what.startswith("candidates.bought_a_bag") for what in config)
    assert "as_of" in [change["what"] for change in found["causes"]["data"]]
    assert found["causes"]["method"] == []
    went = [change["candidate"] for change in found["candidates"] if change["kind"] == "went"]
    assert went == ["bought_a_bag"]

    text = nsm("diff", older, newest, "--out", out)
    assert text.returncode == 0
    assert "bought_a_bag: came" in text.stdout
    assert "bought_a_mug" not in text.stdout  # it lost a rank to the newcomer, nothing else
    assert "method: the same" in text.stdout


def test_the_leader_of_a_backfill_knows_nothing_of_later_runs(out):
    newest, backfill = sorted((out / "online_retail").glob("*/*/star.json"), reverse=True)
    for file in (newest, backfill):  # the newest moment was run first
        told = json.loads(file.read_text())
        assert told["changes"]["sentence"].startswith("First run")
        assert told["leader"]["verdict"] != "north_star"
        assert told["leader"]["sentence"].startswith("Place the first order and ")
        assert next(row for row in told["activities"] if row["candidate"] == "variety")["churned"]


def test_a_run_does_not_differ_from_itself(out):
    same = nsm("diff", "online_retail", "online_retail", "--out", out)
    assert same.stdout == "Nothing changed: same results from the same inputs.\n"
