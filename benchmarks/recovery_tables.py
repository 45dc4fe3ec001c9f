"""The tables of `docs/recovery.md`, from a row per world and method."""

from __future__ import annotations

import pandas as pd

from benchmarks.against_truth import OURS
from benchmarks.power import LEVELS, PER_EVENT

WEAK = ("weak_effects", "rare_effects", "segment_only")
UNPUBLISHED = ("small_catalogue_5", "small_catalogue_8")


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


def power_table(rows: pd.DataFrame) -> str:
    """A line per rule: what it publishes, true and false, by kind of world.

    Of worlds with an effect whose catalogue allows publishing at all; the small ones apart.
    """
    ours = rows[rows["method"] == OURS]
    ours = ours[~ours["scenario"].isin(UNPUBLISHED)]
    small = ours["accounts"] < ours["accounts"].max()
    effect = ours["planted"] > 0
    weak = ours["scenario"].isin(WEAK)
    groups = {
        "weak, rare or segment effects": ours[weak & ~small],
        "other effects": ours[effect & ~weak & ~small],
        "small worlds with effects": ours[effect & small],
        "no effect, both sizes": ours[~effect],
    }
    names = [f"{name} ({len(group)} worlds)" for name, group in groups.items()]
    lines = [
        f"| rule | {' | '.join(f'{name}: causal, false' for name in names)} |",
        f"|---|{'---|' * len(groups)}",
    ]
    for rule in (*(f"level {level:.2f}" for level in LEVELS), PER_EVENT):
        counts = [
            f"{group[f'{rule}: true'].sum():.0f}, {group[f'{rule}: false'].sum():.0f}"
            for group in groups.values()
        ]
        lines.append(f"| {rule} | {' | '.join(counts)} |")
    return "\n".join(lines)
