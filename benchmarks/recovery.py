"""Recovery of planted truth: this method against what others rank by, on the same worlds.

`make recovery` draws worlds of every scenario, runs extract, score and ranking on each, computes
the rivals' scores on the very same counts, and compares all of them with the world's
`truth.json`. Prints the two Markdown tables of `docs/recovery.md`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

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

OURS = "this method"
SIGNIFICANT = 1.96
PUBLISHED = 3
SEEDS = (101, 102, 103, 104)
ACCOUNTS = 10_000


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
    found, specs = _searched(extract, fit_score(extract.score_input))
    judged = judge_candidates(found, specs).frame
    seconds = time.process_time() - begun
    compared = Comparison(truth, specs)
    rows = [compared.ours(judged, seconds)]
    eligible = found[found["candidate"].isin(compared.pool)]
    for name, score in rival_scores(eligible).items():
        best = best_by(eligible, score)
        claimed = best["crude_lift_pp"] / best["crude_se_pp"] > SIGNIFICANT
        rows.append(compared.rival(name, best, claimed))
    plain, _ = _searched(extract, covariates_only(extract.score_input))
    plain = plain[plain["candidate"].isin(compared.pool)]
    best = best_by(plain, plain["z"])
    rows.append(compared.rival("declared covariates only", best, best["z"] > SIGNIFICANT))
    extract.engine.close()
    return [{**world, **row} for row in rows]


def _searched(extract: Extract, score: ScoreModel) -> tuple[pd.DataFrame, list[CandidateSpec]]:
    return search(extract.scored(score).cells(), extract.specs), extract.specs


class Comparison:
    """A world's truth, held against rankings of the candidates that could be published."""

    def __init__(self, truth: dict[str, Any], specs: Sequence[CandidateSpec]) -> None:
        self.causal = {row["candidate"]: row for row in truth["causal"]}
        self.lifts = {
            (row["candidate"], row["at_least"], row["within_days"]): row["lift_pp"]
            for row in truth["lifts"]
        }
        self.pool = {spec.name for spec in specs if not spec.placebo and not spec.own_outcome}

    def helpful(self, candidate: str) -> bool:
        """Whether the candidate brings accounts back."""
        row = self.causal.get(candidate)
        return row is not None and row["lift_pp"] > 0

    def ours(self, judged: pd.DataFrame, seconds: float) -> dict[str, Any]:
        """The row of this method: claims are what it publishes."""
        pool = judged[judged["candidate"].isin(self.pool) & judged["rank"].notna()]
        row = self._row(OURS, pool, pool["verdict"] == "north_star")
        supported = pool[pool["verdict"] == "supported"]
        harmful = pool[pool["verdict"] == "harmful"]["candidate"]
        truths = [self._truth(*key) for key in _keys(pool)]
        known = pool["ci_low_pp"].notna().to_numpy()
        inside = (pool["ci_low_pp"] <= truths) & (truths <= pool["ci_high_pp"])
        causal = pool["candidate"].isin(self.causal).to_numpy()
        return {
            **row,
            "seconds": seconds,
            "supported": len(supported),
            "supported_false": self._false(supported["candidate"]),
            "harm_false": int((~harmful.isin(self._harmful())).sum()),
            "harm_found": int(harmful.isin(self._harmful()).sum()),
            "harm_planted": len(self._harmful()),
            "covered_causal": int(inside[causal & known].sum()),
            "of_causal": int((causal & known).sum()),
            "covered_null": int(inside[~causal & known].sum()),
            "of_null": int((~causal & known).sum()),
        }

    def rival(self, name: str, best: pd.DataFrame, claimed: pd.Series) -> dict[str, Any]:
        """The row of a rival: it claims what its test calls, and publishes the first three."""
        return self._row(name, best[best["candidate"].isin(self.pool)], claimed)

    def _row(self, name: str, ranked: pd.DataFrame, claimed: pd.Series) -> dict[str, Any]:
        claims = ranked[claimed.reindex(ranked.index).fillna(False).astype(bool)]
        published = claims["candidate"].head(PUBLISHED)
        top = [self.helpful(name) for name in ranked["candidate"].head(PUBLISHED)]
        planted = [row for row in self.causal.values() if self.helpful(row["candidate"])]
        steps = {row["candidate"]: row for row in planted if row["kind"] == "threshold"}
        chosen = ranked[ranked["candidate"].isin(steps)]
        exact = [
            (k, days) == (steps[c]["at_least"], steps[c]["within_days"])
            for c, k, days in _keys(chosen)
        ]
        effects = ranked[ranked["candidate"].isin(row["candidate"] for row in planted)]
        bias = effects["lift_pp" if name == OURS else "crude_lift_pp"]
        if name == "declared covariates only":
            bias = effects["lift_pp"]
        return {
            "method": name,
            "planted": len(planted),
            "top1": bool(top and top[0]),
            "causal_in_top3": sum(top),
            "claimed_false": self._false(claims["candidate"]),
            "published": len(published),
            "published_false": self._false(published),
            "exact": int(sum(exact)),
            "of_exact": len(exact),
            "bias": float(np.sum(bias.to_numpy() - [self._truth(*key) for key in _keys(effects)])),
            "of_bias": len(effects),
        }

    def _false(self, candidates: Iterable[str]) -> int:
        return sum(not self.helpful(name) for name in candidates)

    def _truth(self, candidate: str, at_least: float, within_days: int) -> float:
        return float(self.lifts.get((candidate, int(at_least), int(within_days)), 0.0))

    def _harmful(self) -> set[str]:
        return {name for name, row in self.causal.items() if row["lift_pp"] < 0}


def _keys(frame: pd.DataFrame) -> list[tuple[str, float, int]]:
    columns = (frame["candidate"], frame["at_least"], frame["within_days"])
    return list(zip(*columns, strict=True))


def method_table(rows: pd.DataFrame) -> str:
    """A line per method, over all worlds."""
    lines = [
        "| ranked by | first is causal | causal in top 3 (of 3) | false claims a world | "
        "published a world | false among published | exact k and X | bias, points |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method, group in rows.groupby("method", sort=False):
        effect = group[group["planted"] > 0]
        three = group[group["planted"] == 3]
        lines.append(
            f"| {method} | {effect['top1'].mean():.2f} | {three['causal_in_top3'].mean():.2f} | "
            f"{group['claimed_false'].mean():.2f} | {group['published'].mean():.2f} | "
            f"{_share(group, 'published_false', 'published')} | "
            f"{_share(group, 'exact', 'of_exact')} | "
            f"{effect['bias'].sum() / max(effect['of_bias'].sum(), 1):+.1f} |"
        )
    return "\n".join(lines)


MEANS = (
    "planted",
    "causal_in_top3",
    "published",
    "published_false",
    "supported",
    "supported_false",
    "harm_false",
)


def scenario_table(rows: pd.DataFrame) -> str:
    """A line per scenario, this method alone."""
    ours = rows[rows["method"] == OURS]
    lines = [
        "| scenario | causal planted | in top 3 | published | of these false | supported | "
        "of these false | harm called falsely | interval holds truth, causal | and null | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups = [*ours.groupby("scenario", sort=False), ("**all**", ours)]
    for scenario, group in groups:
        means = " | ".join(f"{group[name].mean():.2f}" for name in MEANS)
        lines.append(
            f"| {scenario} | {means} | {_share(group, 'covered_causal', 'of_causal')} | "
            f"{_share(group, 'covered_null', 'of_null')} | {group['seconds'].mean():.1f} |"
        )
    return "\n".join(lines)


def _share(group: pd.DataFrame, part: str, whole: str) -> str:
    total = group[whole].sum()
    return f"{100 * group[part].sum() / total:.0f} %" if total else "-"


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="also write a row per world and method as CSV")
    chosen = parser.parse_args()
    jobs = [(s, seed, chosen.accounts) for s in chosen.scenarios for seed in chosen.seeds]
    with ProcessPoolExecutor(chosen.processes) as pool:
        rows = pd.DataFrame([row for world in pool.map(recover, jobs) for row in world])
    if chosen.rows:
        rows.to_csv(chosen.rows, index=False)
    print(  # noqa: T201
        f"{len(jobs)} worlds of {chosen.accounts:,} sign-ups\n\n"
        f"{method_table(rows)}\n\n{scenario_table(rows)}"
    )


if __name__ == "__main__":
    main()
