"""Whether the pipeline finds again what is planted in the products of the articles' examples.

`make articles` draws every product of `ARTICLES` with every seed, counts, scores and ranks it, and
compares the leader with `truth.json`. Prints the Markdown tables of `docs/articles.md`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.recovery import searched
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.numbered_products import NUMBERED
from nsm_pipeline.simulation.scenarios import ARTICLES
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world
from nsm_pipeline.stats.ranking import judge_candidates
from nsm_pipeline.stats.score import fit_score
from nsm_pipeline.warehouse.extract import Extract

SEEDS = tuple(range(601, 611))
OTHER_SEEDS = SEEDS[:5]
ACCOUNTS = 5_000


def find_again(job: tuple[str, int, int]) -> dict[str, Any]:
    """One world: what is planted, and what leads the ranking."""
    name, seed, accounts = job
    with tempfile.TemporaryDirectory() as folder:
        path = write_world(draw_world(ARTICLES[name], accounts, seed), Path(folder))
        (planted,) = json.loads((Path(folder) / "truth.json").read_text())["causal"]
        product = load_product(path)
        end = product.config.source.observed_until
        assert end is not None
        extract = Extract.open(product, end)
        found, specs = searched(extract, fit_score(extract.score_input()))
        extract.engine.close()
    judged = judge_candidates(found, specs).frame
    pool = judged[judged["rank"].notna()].sort_values("rank")
    own = judged[judged["candidate"] == planted["candidate"]].iloc[0]
    published = pool[pool["verdict"] == "north_star"]
    step = (planted["at_least"], planted["within_days"])
    return {
        "product": name,
        "seed": seed,
        "accounts": accounts,
        "planted": planted["candidate"],
        "planted_step": step,
        "leader": pool["candidate"].iloc[0],
        "leads": pool["candidate"].iloc[0] == planted["candidate"],
        "step": (int(own["at_least"]), int(own["within_days"])),
        "exact": (int(own["at_least"]), int(own["within_days"])) == step,
        "published": planted["candidate"] in set(published["candidate"]),
        "published_false": int((published["candidate"] != planted["candidate"]).sum()),
        "true_pp": planted["lift_pp"],
        "crude_pp": planted["crude_lift_pp"],
        "lift_pp": own["lift_pp"],
        "inside": own["ci_low_pp"] <= planted["lift_pp"] <= own["ci_high_pp"],
    }


def product_table(rows: pd.DataFrame) -> str:
    """A line per product, over its seeds; estimates are those at the planted k and X."""
    lines = [
        "| product | planted | worlds | leads | leads with its k and X | published | others "
        "published | plain difference | true lift | estimated | interval holds it |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, group in rows.groupby("product", sort=False):
        right = group[group["exact"]]
        lines.append(
            f"| {name} | {group['planted'].iloc[0]} {_words(group['planted_step'].iloc[0])} | "
            f"{len(group)} | {group['leads'].sum()} | {(group['leads'] & group['exact']).sum()} | "
            f"{group['published'].sum()} | {group['published_false'].sum()} | "
            f"{group['crude_pp'].mean():.1f} | {group['true_pp'].mean():.1f} | "
            f"{right['lift_pp'].mean():.1f} | {right['inside'].sum()} of {len(right)} |"
        )
    return "\n".join(lines)


def seed_table(rows: pd.DataFrame) -> str:
    """What each world found: a line per product, a column per seed."""
    seeds = sorted(rows["seed"].unique())
    lines = [
        "| product | planted | " + " | ".join(map(str, seeds)) + " |",
        "|---|---|" + "---|" * len(seeds),
    ]
    for name, group in rows.groupby("product", sort=False):
        cells = [_cell(row) for row in group.sort_values("seed").to_dict("records")]
        cells += [""] * (len(seeds) - len(cells))
        planted = _words(group["planted_step"].iloc[0])
        lines.append(f"| {name} | {planted} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _words(step: tuple[int, int]) -> str:
    return f"{step[0]:,} in {step[1]} d"


def _cell(row: dict[str, Any]) -> str:
    """Bold where it is the planted one; with the leader's name where another leads."""
    found = _words(row["step"])
    found = f"**{found}**" if row["exact"] else found
    return found if row["leads"] else f"{found}, behind {row['leader']}"


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", nargs="*", default=list(ARTICLES))
    parser.add_argument("--seeds", nargs="*", type=int)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="also write a row per world as CSV")
    chosen = parser.parse_args()
    numbered = {scenario.name for scenario in NUMBERED}
    jobs = [
        (name, seed, chosen.accounts)
        for name in chosen.products
        for seed in chosen.seeds or (SEEDS if name in numbered else OTHER_SEEDS)
    ]
    with ProcessPoolExecutor(chosen.processes) as pool:
        rows = pd.DataFrame(list(pool.map(find_again, jobs)))
    if chosen.rows:
        rows.to_csv(chosen.rows, index=False)
    ours = rows["product"].isin(numbered)
    exact = int((rows["leads"] & rows["exact"]).sum())
    print(  # noqa: T201
        f"{len(rows)} worlds of {chosen.accounts:,} sign-ups: the planted behaviour leads in "
        f"{int(rows['leads'].sum())}, with its k and X in {exact}."
    )
    for part in (rows[ours], rows[~ours]):
        if len(part):
            print(f"\n{product_table(part)}\n\n{seed_table(part)}")  # noqa: T201


if __name__ == "__main__":
    main()
