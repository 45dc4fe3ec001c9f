"""Recovery of planted truth: this method against what others rank by, on the same worlds.

`make recovery` draws worlds of every scenario, runs extract, score and ranking on each, computes
the rivals' scores on the very same counts, and compares all of them with the world's
`truth.json`. Prints the Markdown tables of `docs/recovery.md`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.against_truth import COVARIATES, Comparison
from benchmarks.power import published_at
from benchmarks.recovery_tables import method_table, power_table, scenario_table
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.scenarios import SCENARIOS
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world
from nsm_pipeline.stats.ranking import judge_candidates
from nsm_pipeline.stats.rivals import mutual_information, with_rivals
from nsm_pipeline.stats.score import fit_score
from nsm_pipeline.stats.search import search
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.score_model import ScoreInput, ScoreModel
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.scored import Scored

SIGNIFICANT = 1.96
SEEDS = (501, 502, 503, 504)
ACCOUNTS = 10_000
SMALL_SEEDS, SMALL_ACCOUNTS = (505, 506), 2_500
RIVALS = {
    "naive lift": "crude_lift_pp",
    "Matthews correlation": "phi",
    "odds ratio +1": "odds_ratio_plus_1",
    "mutual information": "mutual_information",
}


def rival_scores(found: pd.DataFrame) -> dict[str, pd.Series]:
    """What rivals rank (k, X) and candidates by, from the 2x2 counts alone."""
    scored = with_rivals(found)
    # Information knows no direction; what goes with staying comes first.
    scored["mutual_information"] = np.sign(scored["phi"]) * mutual_information(found)
    return {name: scored[column] for name, column in RIVALS.items()}


def covariates_only(sample: ScoreInput) -> ScoreModel:
    """The score of a model that knows the declared covariates and nothing of behaviour."""
    nobody = sample.counts.iloc[:0]
    still = sample.seen.assign(last_day=0, active_days=1)
    model = fit_score(replace(sample, counts=nobody, seen=still, event_names=()))
    windows = tuple(
        replace(
            window,
            last_day=(0.0,) * len(window.last_day),
            active_days=(0.0,) * len(window.active_days),
        )
        for window in model.windows
    )
    return ScoreModel(model.accounts, windows)


def best_by(found: pd.DataFrame, score: pd.Series) -> pd.DataFrame:
    """Per candidate its best row by a rival's own score, best first, of rows with support."""
    able = found.assign(score=score)[found["support"] == "ok"]
    ordered = able.sort_values(["score", "candidate"], ascending=[False, True], kind="stable")
    return ordered.drop_duplicates("candidate")


def recover(job: tuple[str, int, int]) -> list[dict[str, Any]]:
    """One world: a row per method with what it ranked, claimed and published against the truth."""
    scenario, seed, accounts = job
    with tempfile.TemporaryDirectory() as folder:
        path = write_world(draw_world(SCENARIOS[scenario], accounts, seed), Path(folder))
        truth = json.loads((Path(folder) / "truth.json").read_text())
        return _compare(path, truth, {"scenario": scenario, "seed": seed, "accounts": accounts})


def _compare(path: Path, truth: dict[str, Any], world: dict[str, Any]) -> list[dict[str, Any]]:
    product = load_product(path)
    end = product.config.source.observed_until
    assert end is not None
    begun = time.process_time()
    extract = Extract.open(product, end)
    found, specs = searched(extract, fit_score(extract.score_input()))
    judged = judge_candidates(found, specs).frame
    seconds = time.process_time() - begun
    compared = Comparison(truth, specs)
    levels = published_at(found, specs, compared.helpful)
    rows = [{**compared.ours(judged, seconds), **levels}]
    eligible = found[found["candidate"].isin(compared.pool)]
    for name, score in rival_scores(eligible).items():
        best = best_by(eligible, score)
        claimed = best["crude_lift_pp"] / best["crude_se_pp"] > SIGNIFICANT
        rows.append(compared.rival(name, best, claimed))
    plain, _ = searched(extract, covariates_only(extract.score_input()))
    plain = plain[plain["candidate"].isin(compared.pool)]
    best = best_by(plain, plain["z"])
    rows.append(compared.rival(COVARIATES, best, best["z"] > SIGNIFICANT))
    extract.engine.close()
    return [{**world, **row} for row in rows]


def searched(extract: Extract, score: ScoreModel) -> tuple[pd.DataFrame, list[CandidateSpec]]:
    """Every candidate's every k and X with its estimate, and the candidates."""
    return search(Scored(extract, score).cells(), extract.specs), extract.specs


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--small-seeds", nargs="*", type=int, default=list(SMALL_SEEDS))
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="also write a row per world and method as CSV")
    chosen = parser.parse_args()
    jobs = [(s, seed, chosen.accounts) for s in chosen.scenarios for seed in chosen.seeds]
    small = [(s, seed, SMALL_ACCOUNTS) for s in chosen.scenarios for seed in chosen.small_seeds]
    with ProcessPoolExecutor(chosen.processes) as pool:
        rows = pd.DataFrame([row for world in pool.map(recover, jobs + small) for row in world])
    if chosen.rows:
        rows.to_csv(chosen.rows, index=False)
    main_worlds = rows[rows["accounts"] == chosen.accounts]
    print(  # noqa: T201
        f"{len(jobs)} worlds of {chosen.accounts:,} sign-ups, {len(small)} of {SMALL_ACCOUNTS:,}"
        f"\n\n{method_table(main_worlds)}\n\n{scenario_table(main_worlds)}\n\n{power_table(rows)}"
    )


if __name__ == "__main__":
    main()
