"""The content of `tree.json`: the metric, its inputs with their owners, and what drove it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.metrics import ShareOf
from nsm_pipeline.product.tree import InputKind, Tree, TreeInput
from nsm_pipeline.stats.decomposition import EVERYBODY, LEAVES, TOLERANCE, decompose_ratio
from nsm_pipeline.stats.drivers import Driver, Drivers, find_drivers

Newest = Mapping[str, tuple[float | None, float | None]]

KINDS: tuple[InputKind, ...] = ("breadth", "activation", "retention", "frequency", "depth")
TITLES: Mapping[InputKind, str] = {
    "breadth": "Active {unit}s",
    "activation": "New {unit}s",
    "retention": "Share kept from the {per} before",
    "frequency": "Active days per {unit}",
    "depth": "Counted per active day",
}
SHARE_REACHING = "Share of the active that reaches it"
SHOWN_AS = {"retention": "share", "frequency": "decimal", "depth": "decimal"}
NO_HISTORY = "Fewer than two whole periods are known, so no change can be told."


@dataclass(frozen=True)
class Decomposed:
    """What the tree shows: its metric, whose activity it is, and `decompose_volume` of its counts.

    `kind` is what the value counts: `units`, `events` or a `sum`.
    """

    name: str
    title: str
    kind: str
    unit: str
    per: str
    timezone: str
    table: pd.DataFrame

    def drivers(self, row: Mapping[str, Any]) -> Drivers | None:
        """What drove one row's change, in this metric's words."""
        return find_drivers(row, unit=self.unit, of_units=self.kind == "units")


def tree_document(
    decomposed: Decomposed, config: ProductConfig, series: pd.DataFrame | None
) -> dict[str, Any]:
    """The newest whole period against the one before: values, parts, inputs, segments, sentence.

    Args:
        decomposed: the metric at the top and its counts.
        config: the product.
        series: `metrics.parquet`, for inputs and KPIs that are metrics of their own.
    """
    tree, newest = config.tree or Tree(), newest_values(series)
    everybody = _of_segment(decomposed.table, EVERYBODY)
    known = len(everybody) > 1
    now = everybody[-1] if everybody else None
    before = everybody[-2] if known else None
    return {
        "metric": decomposed.name,
        "title": decomposed.title,
        "unit": decomposed.unit,
        "kind": decomposed.kind,
        "per": decomposed.per,
        "timezone": decomposed.timezone,
        "period": now["period"] if now else None,
        "period_name": period_name(decomposed, now["period"]) if now else None,
        "value": now["value"] if now else None,
        "value_before": before["value"] if before else None,
        "change": now["change"] if now else None,
        "sentence": _sentence(decomposed, now, before),
        "parts": {part: now[part] for part in ("breadth", *LEAVES)} if now and known else {},
        "flow": _flow(now, before),
        "drivers": _drivers(decomposed, now),
        "segments": _segments(decomposed) if known else [],
        "declared": bool(tree.inputs),
        "inputs": [
            *_identity_inputs(decomposed, tree, now, before, newest),
            *_inputs_beside(tree, newest, share_parts(config, series)),
        ],
    }


def period_name(decomposed: Decomposed, start: datetime) -> str:
    """The period in words, by the product's own calendar."""
    local = pd.Timestamp(start).tz_localize("UTC").astimezone(ZoneInfo(decomposed.timezone))
    if decomposed.per == "month":
        return f"{local:%B %Y}"
    day = f"{local.day} {local:%B %Y}"
    return day if decomposed.per == "day" else f"the week of {day}"


def told_change(value: float) -> str:
    """A contribution as it stands in a sentence: signed, without false digits."""
    text = f"{value:+,.0f}" if abs(value) >= 10 else f"{value:+,.1f}"
    return text.replace("-", "\u2212")


def _sentence(decomposed: Decomposed, now: Any, before: Any) -> str:
    if before is None:
        return f"{decomposed.title}: {NO_HISTORY}"
    moved = (
        f"{decomposed.title} moved from {before['value']:,.0f} to {now['value']:,.0f} "
        f"({told_change(now['change'])}) in {period_name(decomposed, now['period'])}"
    )
    found = decomposed.drivers(now)
    if found is None or not found.along:
        return f"{moved}: no input changed what it is."
    along, against = found.named
    held = f", against {_named(against)}" if against and now["change"] != 0 else ""
    return f"{moved}, driven by {_named(along)}{held}."


def _named(drivers: Sequence[Driver]) -> str:
    return " and ".join(f"{d.words} ({told_change(d.contribution)})" for d in drivers)


def _flow(now: Any, before: Any) -> dict[str, float | None]:
    if before is None:
        return {}
    counted = {name: now[name] for name in ("units", "new", "returned", "lost", "kept")}
    return {"units_before": before["units"], **counted}


def _drivers(decomposed: Decomposed, now: Any) -> list[dict[str, Any]]:
    found = decomposed.drivers(now) if now else None
    if found is None:
        return []
    return [
        {"part": d.part, "contribution": d.contribution, "words": d.words}
        for d in (*found.along, *found.against)
    ]


def _segments(decomposed: Decomposed) -> list[dict[str, Any]]:
    """Every segment in the newest period, the largest change first; none where there is one."""
    table = decomposed.table[decomposed.table["segment"] != EVERYBODY]
    rows = [_of_segment(table, name)[-2:] for name in table["segment"].unique()]
    shown = [
        {
            "segment": now["segment"],
            "value": now["value"],
            "value_before": before["value"],
            "change": now["change"],
            "parts": {part: now[part] for part in ("breadth", *LEAVES)},
        }
        for before, now in rows
    ]
    return sorted(shown, key=lambda row: (-abs(row["change"]), row["segment"]))


def newest_values(series: pd.DataFrame | None) -> dict[str, tuple[float | None, float | None]]:
    """Of every metric everybody's values in its newest whole period and in the one before."""
    if series is None:
        return {}
    whole = series[series["whole"] & (series["segment"] == EVERYBODY)]
    found = {}
    for name, rows in whole.groupby("metric", sort=False):
        values = [None if np.isnan(v) else float(v) for v in rows.sort_values("period")["value"]]
        found[str(name)] = ([None, *values][-1], [None, None, *values][-2])
    return found


def _identity_inputs(
    decomposed: Decomposed, tree: Tree, now: Any, before: Any, newest: Newest
) -> list[dict[str, Any]]:
    own = {one.kind: one for one in tree.inputs if one.metric is None}
    words = {"unit": decomposed.unit, "per": decomposed.per}
    titles = {kind: TITLES[kind].format(**words) for kind in KINDS}
    shown_as = dict(SHOWN_AS)
    if decomposed.kind == "units":
        titles["depth"], shown_as["depth"] = SHARE_REACHING, "share"
    return [
        {
            **_declared(own.get(kind), kind, newest, title=titles[kind]),
            "state": _state(tree, kind in own),
            "shown_as": shown_as.get(kind, "count"),
            "value": _level(kind, now, None if before is None else before["units"]),
            "value_before": None if before is None else _level(kind, before, _kept_base(before)),
            "contribution": _contribution(kind, now) if before is not None else None,
        }
        for kind in KINDS
    ]


def _state(tree: Tree, declared: bool) -> str:
    if not tree.inputs:
        return "proposed"
    return "declared" if declared else "not declared"


def share_parts(config: ProductConfig, series: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    """Of every share that has segments, what moved it in its newest whole period: rate and mix.

    None of a share whose segments do not make up everybody: a unit may be in two of them.
    """
    found = {}
    for metric in config.metrics:
        if series is None or not isinstance(metric.value, ShareOf):
            continue
        rows = series[series["whole"] & (series["metric"] == metric.name)]
        named = rows[rows["segment"] != EVERYBODY]
        if named.empty:
            continue
        counted = named.assign(
            numerator=(named["value"] * named["units"]).fillna(0.0), denominator=named["units"]
        )
        last = decompose_ratio(counted).query("segment == @EVERYBODY").iloc[-1]
        value = rows.loc[rows["segment"] == EVERYBODY].sort_values("period")["value"]
        change = value.diff().iloc[-1]
        if abs(last["rate"] + last["mix"] - change) <= TOLERANCE:
            found[metric.name] = {"rate": float(last["rate"]), "mix": float(last["mix"])}
    return found


def _inputs_beside(
    tree: Tree, newest: Newest, shares: Mapping[str, Mapping[str, float]]
) -> list[dict[str, Any]]:
    """Inputs with a series of their own: no part of the identity, so they contribute nothing."""
    found = []
    for one in tree.inputs:
        if one.metric is not None:
            value, before = newest.get(one.metric, (None, None))
            title = one.metric.replace("_", " ").capitalize()
            level: dict[str, Any] = {"value": value, "value_before": before, "contribution": None}
            level["share_parts"] = shares.get(one.metric)
            declared = _declared(one, one.kind, newest, title=title)
            found.append(
                {
                    **declared,
                    "state": "declared",
                    "shown_as": "share" if one.metric in shares else "number",
                    **level,
                }
            )
    return found


def _declared(
    one: TreeInput | None, kind: InputKind, newest: Newest, *, title: str
) -> dict[str, Any]:
    kpis = one.kpis if one else ()
    return {
        "kind": kind,
        "title": (one.title if one else None) or title,
        "metric": one.metric if one else None,
        "identity": one is None or one.metric is None,
        "owner": one.owner if one else None,
        "omtm": bool(one and one.omtm),
        "kpis": [{"name": name, "value": newest.get(name, (None, None))[0]} for name in kpis],
        "targets": [target.model_dump() for target in (one.targets if one else ())],
    }


def _kept_base(before: Any) -> float | None:
    """How many were there to be kept into the period before: those kept and those lost."""
    return None if np.isnan(before["lost"]) else before["kept"] + before["lost"]


def _level(kind: InputKind, row: Any, units_before: float | None) -> float | None:
    if row is None:
        return None
    base = units_before if units_before is not None else 0.0
    levels: Mapping[InputKind, tuple[float, float]] = {
        "breadth": (row["units"], 1.0),
        "activation": (row["new"], 1.0),
        "retention": (row["kept"], base),
        "frequency": (row["days"], row["units"]),
        "depth": (row["value"], row["days"]),
    }
    above, below = levels[kind]
    return above / below if below else None


def _contribution(kind: InputKind, row: Any) -> float | None:
    return None if np.isnan(row[kind]) else float(row[kind])


def _of_segment(table: pd.DataFrame, segment: str) -> list[dict[str, Any]]:
    rows = table[table["segment"] == segment].sort_values("period")
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
