"""The score joined to the counts and cut into strata, whole and without each footprint.

Log-odds are added as integers (millionths): float sums depend on the order of rows, and a last
digit could move an account into the next stratum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.waist.score_model import ScoreModel, WindowScore
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures
from nsm_pipeline.warehouse.footprints import Footprints

MILLIONTHS = 1_000_000
LOWEST, HIGHEST = -(2**62), 2**62


@dataclass(frozen=True)
class Strata:
    """Where every account stands by its score.

    Shape: `total` a row per window and account: `within_days, account_no, stratum`;
    `without` a row per window, footprint and account that touched it, with the stratum of the
    score that leaves the footprint out.
    """

    total: ir.Table
    without: ir.Table


def build_strata(
    engine: Engine,
    score: ScoreModel,
    traits: ir.Table,
    exposures: Exposures,
    footprints: Footprints,
) -> Strata:
    """Every eligible account's stratum, whole and without each footprint that it touched."""
    weights = _weight_tables(engine, score, exposures)
    total = engine.materialise(
        "scores", "score of every account", _total(traits, exposures, footprints.seen, weights)
    )
    without = engine.materialise(
        "scores_without",
        "score of every account without each footprint",
        _without(total, exposures, footprints, weights),
    )
    cuts = _cuts(engine, score)
    return Strata(
        engine.materialise("strata", "strata of all accounts", _cut(total, cuts, ["account_no"])),
        engine.materialise(
            "strata_without",
            "strata without each footprint",
            _cut(without, cuts, ["footprint_no", "account_no"]),
        ),
    )


@dataclass(frozen=True)
class _Weights:
    traits: ir.Table
    events: ir.Table
    last_day: ir.Table
    active_days: ir.Table
    trait_order: tuple[str, ...]


def _weight_tables(engine: Engine, score: ScoreModel, exposures: Exposures) -> _Weights:
    order = tuple(score.windows[0].traits) if score.windows else ()
    trait_rows = [
        (w.within_days, order.index(term), level, _millionths(weight))
        for w in score.windows
        for term, levels in w.traits.items()
        for level, weight in levels.items()
    ]
    event_rows = [
        (w.within_days, number, w.events[name])
        for w in score.windows
        for number, name in enumerate(exposures.event_names)
        if name in w.events
    ]
    key = {"within_days": "int64"}
    return _Weights(
        engine.small_table(
            "trait_weights",
            _columns(("within_days", "term", "level", "weight"), trait_rows),
            {**key, "term": "int64", "level": "string", "weight": "int64"},
        ),
        engine.small_table(
            "event_weights",
            _columns(("within_days", "event_no", "slope"), event_rows),
            {**key, "event_no": "int64", "slope": "float64"},
        ),
        _day_weights(engine, score, "last_day", first=-1),
        _day_weights(engine, score, "active_days", first=0),
        order,
    )


def _day_weights(engine: Engine, score: ScoreModel, name: str, *, first: int) -> ir.Table:
    """Weight by number of days; -1 (never seen otherwise) weighs as day 0."""
    rows = []
    for window in score.windows:
        weights: tuple[float, ...] = getattr(window, name)
        padded = (weights[0], *weights) if first == -1 else weights
        rows += [
            (window.within_days, day, _millionths(weight))
            for day, weight in enumerate(padded, start=first)
        ]
    return engine.small_table(
        f"{name}_weights",
        _columns(("within_days", name, f"{name}_weight"), rows),
        {"within_days": "int64", name: "int64", f"{name}_weight": "int64"},
    )


def _columns(names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name: [row[n] for row in rows] for n, name in enumerate(names)}


def _millionths(value: float) -> int:
    return round(value * MILLIONTHS)


def _event_term(slope: ir.FloatingValue, rows: ir.IntegerValue) -> ir.IntegerValue:
    return (slope * (rows + 1).cast("float64").ln() * MILLIONTHS).round().cast("int64")


def _total(traits: ir.Table, exposures: Exposures, seen: ir.Table, weights: _Weights) -> ir.Table:
    terms = [_trait_terms(traits, weights, n) for n in range(len(weights.trait_order))]
    counted = exposures.counts.join(weights.events, ["within_days", "event_no"])
    terms.append(
        counted.select("within_days", "account_no", term=_event_term(counted.slope, counted.n))
    )
    terms.append(_day_terms(seen, weights).select("within_days", "account_no", term="days_term"))
    everything = ibis.union(*terms)
    return everything.group_by("within_days", "account_no").aggregate(
        score=everything.term.sum().cast("int64")
    )


def _trait_terms(traits: ir.Table, weights: _Weights, number: int) -> ir.Table:
    rows = weights.traits.filter(weights.traits.term == number)
    windows = weights.last_day.select("within_days").distinct()
    accounts = traits.select("account_no", level=traits[f"trait_{number}"]).cross_join(windows)
    joined = accounts.left_join(rows, ["within_days", "level"])
    return joined.select("within_days", "account_no", term=joined.weight.fill_null(0))


def _day_terms(days: ir.Table, weights: _Weights) -> ir.Table:
    joined = days.join(weights.last_day, ["within_days", "last_day"])
    joined = joined.join(weights.active_days, ["within_days", "active_days"])
    return joined.mutate(days_term=joined.last_day_weight + joined.active_days_weight)


def _without(
    total: ir.Table, exposures: Exposures, footprints: Footprints, weights: _Weights
) -> ir.Table:
    """Score minus what the footprint put into it: event terms, last day, active days."""
    own = footprints.own_rows.join(exposures.counts, ["within_days", "account_no", "event_no"])
    own = own.left_join(weights.events, ["within_days", "event_no"])
    slope = own.slope.fill_null(0.0)
    change = _event_term(slope, own.n - own.own_n) - _event_term(slope, own.n)
    events = own.select("within_days", "footprint_no", "account_no", change=change)
    touched = events.group_by("within_days", "footprint_no", "account_no").aggregate(
        change=events.change.sum().cast("int64")
    )
    keys = ["within_days", "account_no"]
    before = _day_terms(footprints.seen, weights).select(*keys, before="days_term")
    after = _day_terms(footprints.other_days, weights)
    moved = after.join(before, keys)
    moved = moved.select(*keys, "footprint_no", days_change=moved.days_term - moved.before)
    joined = touched.left_join(moved, [*keys, "footprint_no"])
    joined = joined.drop("within_days_right", "account_no_right", "footprint_no_right")
    joined = joined.join(total, keys)
    score = joined.score + joined.change + joined.days_change.fill_null(0)
    return joined.select("within_days", "footprint_no", "account_no", score=score)


def _cuts(engine: Engine, score: ScoreModel) -> ir.Table:
    rows = [
        (window.within_days, stratum, low, high)
        for window in score.windows
        for stratum, (low, high) in enumerate(_edges(window))
    ]
    return engine.small_table(
        "stratum_cuts",
        _columns(("cut_window", "stratum", "low", "high"), rows),
        {"cut_window": "int64", "stratum": "int64", "low": "int64", "high": "int64"},
    )


def _edges(window: WindowScore) -> list[tuple[int, int]]:
    inner = sorted({_millionths(cut) for cut in window.cuts})
    return list(zip([LOWEST, *inner], [*inner, HIGHEST], strict=True))


def _cut(scores: ir.Table, cuts: ir.Table, keys: Sequence[str]) -> ir.Table:
    joined = scores.join(
        cuts,
        [
            scores.within_days == cuts.cut_window,
            scores.score >= cuts.low,
            scores.score < cuts.high,
        ],
    )
    return joined.select("within_days", *keys, "stratum")
