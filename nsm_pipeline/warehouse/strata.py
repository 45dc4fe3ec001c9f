"""The score joined to the counts and cut into strata.

Log-odds are added as integers (millionths): float sums depend on the order of rows, and a last
digit could move an account into the next stratum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.waist.score_model import ScoreModel
from nsm_pipeline.warehouse.active_days import NEVER
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures
from nsm_pipeline.warehouse.ladder import rung

MILLIONTHS = 1_000_000


@dataclass(frozen=True)
class Weights:
    """The coefficients of the score in the engine, in millionths but for the slopes.

    Shape: `events` a row per event: `event_no, slope_<window>`; `last_day` and `active_days` a row
    per window and number of days; `traits` a table per term: `level, weight_<window>`; `cuts` the
    inner edges of each window's strata.
    """

    events: ir.Table
    last_day: ir.Table
    active_days: ir.Table
    traits: tuple[ir.Table, ...]
    cuts: dict[int, tuple[int, ...]]

    @property
    def windows(self) -> tuple[int, ...]:
        """The windows that have a score."""
        return tuple(self.cuts)


def send_weights(engine: Engine, score: ScoreModel, exposures: Exposures) -> Weights:
    """The score's coefficients as small tables."""
    windows = score.windows
    terms = tuple(windows[0].traits) if windows else ()
    numbers = exposures.event_numbers
    return Weights(
        events=engine.small_table(
            "event_weights",
            {
                "event_no": list(numbers.values()),
                **{
                    f"slope_{w.within_days}": [w.events.get(name, 0.0) for name in numbers]
                    for w in windows
                },
            },
            {"event_no": "int16", **{f"slope_{w.within_days}": "float64" for w in windows}},
        ),
        last_day=_day_weights(engine, score, "last_day", first=NEVER),
        active_days=_day_weights(engine, score, "active_days", first=0),
        traits=tuple(_trait_weights(engine, score, term, n) for n, term in enumerate(terms)),
        cuts={w.within_days: tuple(sorted({_millionths(c) for c in w.cuts})) for w in windows},
    )


def _trait_weights(engine: Engine, score: ScoreModel, term: str, number: int) -> ir.Table:
    levels = sorted({level for window in score.windows for level in window.traits[term]})
    columns = {
        f"weight_{w.within_days}": [_millionths(w.traits[term].get(level, 0.0)) for level in levels]
        for w in score.windows
    }
    types = {"level": "string", **dict.fromkeys(columns, "int64")}
    return engine.small_table(f"trait_weights_{number}", {"level": levels, **columns}, types)


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


def event_term(slope: ir.FloatingValue, rows: ir.IntegerValue) -> ir.IntegerValue:
    """What so many rows of an event add to the score."""
    return (slope * (rows + 1).cast("float64").ln() * MILLIONTHS).round().cast("int64")


def day_terms(days: ir.Table, weights: Weights, keys: Sequence[str]) -> ir.Table:
    """What the last active day and the number of active days add: `keys, days_<window>`."""
    found = days
    for w in weights.windows:
        last = weights.last_day.filter(weights.last_day.within_days == w)
        number = weights.active_days.filter(weights.active_days.within_days == w)
        last = last.select(day=last["last_day"], by_last=last.last_day_weight)
        number = number.select(number=number["active_days"], by_number=number.active_days_weight)
        joined = found.join(last, found[f"last_{w}"] == last.day)
        joined = joined.join(number, joined[f"days_{w}"] == number.number)
        term = {f"days_term_{w}": joined.by_last + joined.by_number}
        found = joined.mutate(**term).drop("day", "number", "by_last", "by_number")
    return found.select(*keys, **{f"days_{w}": found[f"days_term_{w}"] for w in weights.windows})


def account_scores(
    engine: Engine, weights: Weights, traits: ir.Table, exposures: Exposures, seen: ir.Table
) -> ir.Table:
    """Score of every eligible account: `account_no, score_<window>`."""
    windows = weights.windows
    counted = exposures.by_event.join(weights.events, "event_no")
    terms = counted.select(
        "account_no",
        **{f"term_{w}": event_term(counted[f"slope_{w}"], counted[f"n_{w}"]) for w in windows},
    )
    events = terms.group_by("account_no").aggregate(
        **{f"events_{w}": terms[f"term_{w}"].sum().cast("int64") for w in windows}
    )
    # Who was never seen weighs as the fit weighs it: last seen on day 0, on no day.
    days = traits.select("account_no").left_join(seen, "account_no").drop("account_no_right")
    days = days.select(
        "account_no",
        **{f"last_{w}": days[f"last_{w}"].fill_null(NEVER) for w in windows},
        **{f"days_{w}": days[f"days_{w}"].fill_null(0) for w in windows},
    )
    rows = traits.join(day_terms(days, weights, ["account_no"]), "account_no")
    rows = rows.left_join(events, "account_no").drop("account_no_right")
    score = {w: rows[f"days_{w}"] + rows[f"events_{w}"].fill_null(0) for w in windows}
    rows = rows.select(
        "account_no",
        *(f"trait_{n}" for n in range(len(weights.traits))),
        **{f"score_{w}": score[w] for w in windows},
    )
    for number, table in enumerate(weights.traits):
        joined = rows.left_join(table, rows[f"trait_{number}"] == table.level)
        added = {
            f"score_{w}": joined[f"score_{w}"] + joined[f"weight_{w}"].fill_null(0) for w in windows
        }
        rows = joined.mutate(**added).drop("level", *(f"weight_{w}" for w in windows))
    scores = rows.select("account_no", *(f"score_{w}" for w in windows))
    return engine.materialise("scores", "score of every account", scores)


def strata_of_accounts(engine: Engine, weights: Weights, scores: ir.Table) -> ir.Table:
    """Row per window and account: `within_days, account_no, stratum`."""
    parts = [
        scores.select(
            "account_no",
            within_days=ibis.literal(w, "int64"),
            stratum=rung(scores[f"score_{w}"], cuts),
        )
        for w, cuts in weights.cuts.items()
    ]
    return engine.materialise("strata", "strata of all accounts", ibis.union(*parts))
