"""The 2x2 counts of the two shipped datasets, worked out by others with exact bounds."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nsm_pipeline.pipeline import run_product
from nsm_pipeline.runs.run_folder import RunFolder

REFERENCE = Path(__file__).parent / "reference"
AFTER_ALL_DATA = datetime(2016, 1, 1, tzinfo=UTC)
CASES = {
    "online_retail/newcomers": "online_retail_newcomers",
    "online_retail/all (left-truncated)": "online_retail_all",
    "oulad_small/content": "oulad_content",
}


@pytest.fixture(scope="module", params=CASES)
def case_and_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    cases = json.loads((REFERENCE / "reference_tables.json").read_text())["cases"]
    [case] = [case for case in cases if case["name"] == request.param]
    product = REFERENCE / "products" / f"{CASES[request.param]}.yaml"
    run = run_product(product, as_of=AFTER_ALL_DATA, out=tmp_path_factory.mktemp("runs"))
    return case, run


def test_population_is_the_published_one(case_and_run: tuple[dict, RunFolder]) -> None:
    case, run = case_and_run
    population = run.read_json("population.json")
    assert population["onboarded"] == case["accounts_with_core"]
    assert population["eligible"] == case["eligible"]
    assert population["retained"] / population["eligible"] == pytest.approx(
        case["retained_H"], abs=1e-12
    )


def test_every_count_of_candidates_csv_is_the_published_one(
    case_and_run: tuple[dict, RunFolder],
) -> None:
    case, run = case_and_run
    with (run.path / "candidates.csv").open(newline="") as file:
        # Names that begin like a formula carry an apostrophe in the CSV.
        found = {row["candidate"].lstrip("'"): row for row in csv.DictReader(file)}
    published = [row for row in case["rows"] if row["window"] == "H"]
    assert len(published) == 10
    for expected in published:
        row = found[expected["behaviour"]]
        doers, accounts = int(row["doers"]), int(row["accounts"])
        kept, others_kept = int(row["retained_doers"]), int(row["retained_others"])
        assert (kept, doers - kept, others_kept, accounts - doers - others_kept) == (
            expected["did_ret"],
            expected["did_not"],
            expected["nodid_ret"],
            expected["nodid_not"],
        ), expected["behaviour"]
        assert float(row["crude_lift_pp"]) == pytest.approx(expected["lift_pp"], abs=1e-8)
        assert float(row["odds_ratio_crude"]) == pytest.approx(expected["odds_ratio"], abs=1e-8)
