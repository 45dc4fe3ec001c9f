"""Thresholds k to search: declared ones, the counting grid, or quantiles of a sum or maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import floor, log10

import ibis
import ibis.expr.types as ir

from nsm_pipeline.warehouse.candidates import ResolvedCandidate
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.ladder import rung

QUANTILES = (0.25, 0.5, 0.75, 0.9)


def with_thresholds(
    engine: Engine, values: ir.Table, candidates: Sequence[ResolvedCandidate], window: int
) -> list[ResolvedCandidate]:
    """The candidates with every threshold known.

    A sum or maximum without declared thresholds gets the quantiles of its positive values in the
    longest window, by rank (engines agree on ranks), rounded to two digits a person can say.
    """
    open_ones = [no for no, c in enumerate(candidates) if c.thresholds is None]
    if not open_ones:
        return list(candidates)
    rows = values.select("candidate_no", value=values[f"value_{window}"])
    rows = rows.filter(rows.candidate_no.isin(open_ones), rows.value > 0)
    position = ibis.row_number().over(group_by=rows.candidate_no, order_by=rows.value)
    total = rows.value.count().over(group_by=rows.candidate_no)
    ranked = rows.mutate(position=position, total=total)
    picks = [ranked.position == (ranked.total * q).floor().cast("int64") for q in QUANTILES]
    chosen = ranked.filter(picks[0] | picks[1] | picks[2] | picks[3])
    fetched = engine.fetch(
        "quantiles of sums and maxima",
        chosen.select("candidate_no", "value").distinct().order_by("candidate_no", "value"),
    )
    found = {
        no: tuple(sorted({round_to_two_digits(v) for v in group}))
        for no, group in fetched.groupby("candidate_no")["value"]
    }
    return [
        replace(c, thresholds=found.get(no, (1.0,))) if c.thresholds is None else c
        for no, c in enumerate(candidates)
    ]


def round_to_two_digits(value: float) -> float:
    """The value with two significant digits: 487.3 gives 490."""
    return float(round(value, 1 - floor(log10(abs(value))))) if value else 0.0


def threshold_ladders(
    candidates: Sequence[ResolvedCandidate],
) -> tuple[list[tuple[float, ...]], list[int]]:
    """The different lists of thresholds, and which of them each candidate has."""
    ladders = list(dict.fromkeys(c.thresholds or () for c in candidates))
    return ladders, [ladders.index(c.thresholds or ()) for c in candidates]


def steps_reached(
    value: ir.Value, ladder_no: ir.IntegerValue, ladders: Sequence[Sequence[float]]
) -> ir.IntegerValue:
    """How many of its thresholds the value reaches: the place of the largest, 0 for none.

    Capping here keeps the cells few: nothing is lost, because only thresholds are ever compared.
    """
    if len(ladders) < 2:
        return rung(value, ladders[0] if ladders else ())
    branches = [(ladder_no == no, rung(value, ladder)) for no, ladder in enumerate(ladders)]
    return ibis.cases(*branches, else_=ibis.literal(0, "int16"))
