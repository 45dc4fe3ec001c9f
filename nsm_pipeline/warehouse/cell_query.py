"""Every candidate's accounts grouped by stratum: the cells, and the revenue of later weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.warehouse.chosen_steps import (
    Candidates,
    ChosenSteps,
    standing_in,
    standing_windows,
)
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.outcomes import MINOR_UNITS

REVENUE_WEEK = ("within_days", "candidate_no", "stratum", "week", "step")


@dataclass(frozen=True)
class CountedCells:
    """The cells in the engine: integers only, so that they add up and subtract exactly.

    Shape: `rows` has a row per `within_days, candidate_no, stratum, label_no, step`, with the sums;
    `labels` a row per `label_no`, with the `cohort` and `segment` that it stands for.
    """

    rows: ir.Table
    labels: ir.Table


def count_cells(
    engine: Engine,
    standings: ir.Table,
    strata: ir.Table,
    accounts: ir.Table,
    candidates: Candidates,
    *,
    apart: Sequence[str] = (),
) -> CountedCells:
    """The cells, counted and not yet fetched.

    Args:
        engine: the open engine.
        standings: of the accounts that touched a candidate, see `build_standings`.
        strata: `within_days, account_no, stratum` of all accounts.
        accounts: `within_days, account_no, cohort, segment, retained, revenue_accounts,
            revenue_minor`.
        candidates: their names and thresholds.
        apart: further columns of the accounts, whose values are counted apart from one another.
    """
    labels, numbered = numbered_labels(engine, accounts)
    everyone = engine.materialise(
        "stratified",
        "strata, labels and outcomes of all accounts",
        strata.join(numbered, ["within_days", "account_no"]),
    )
    parts = _spread_all(engine, everyone, standings, candidates, ("label_no", *apart))
    return CountedCells(_one_by_one(engine, "cells", "the cells", parts), labels)


def fetch_cells(engine: Engine, counted: CountedCells, candidates: Candidates) -> CellTable:
    """The CellTable: candidates by name, steps as thresholds, money in units."""
    rows = counted.rows
    shown = _shown(rows)
    cells = engine.fetch("the cells, fetched", shown)
    labels = engine.fetch("cohorts and segments, fetched", counted.labels)
    cells = cells.merge(labels, on="label_no").assign(reached=_reached(cells, candidates))
    return CellTable.from_frame(_in_units(cells, candidates.names))


def count_revenue_weeks(
    engine: Engine,
    standings: ir.Table,
    strata: ir.Table,
    weeks: ir.Table,
    candidates: Candidates,
    *,
    apart: Sequence[str] = (),
) -> ir.Table:
    """As `query_revenue_weeks`, of every candidate in every window, by each step; not fetched.

    Shape: `within_days, candidate_no, stratum, week, step, accounts, revenue_sum, revenue_squares`;
    and the columns of `weeks` that are counted `apart`.
    """
    everyone = _stratified_weeks(engine, strata, weeks)
    parts = _spread_all(engine, everyone, standings, candidates, ("week", *apart))
    parts = {window: part.drop("retained", "revenue_accounts") for window, part in parts.items()}
    return _one_by_one(engine, "revenue_weeks", "revenue by week and step", parts)


def query_revenue_weeks(
    engine: Engine,
    standings: ir.Table,
    strata: ir.Table,
    weeks: ir.Table,
    chosen: ChosenSteps,
) -> pd.DataFrame:
    """Revenue of the doers and others of chosen behaviours, by week after the exposure window.

    Args:
        engine: the open engine.
        standings: as for the cells.
        strata: as for the cells.
        weeks: `within_days, account_no, week, retained, revenue_accounts, revenue_minor`, a row
            per account and week with revenue.
        chosen: the behaviours.

    Returns:
        A row per window, candidate, stratum, week and `reached` (1 doers, 0 others):
        `revenue_sum` in currency units, `revenue_squares` its squares per account and week.
    """
    everyone = _stratified_weeks(engine, strata, weeks)
    parts = {
        window: _spread(
            everyone,
            chosen.doing(standings, window),
            window,
            (chosen.numbers_in(window), ("week",)),
        )
        for window in chosen.windows
    }
    rows = _one_by_one(engine, "revenue_weeks", "revenue by week", parts)
    return fetch_revenue_weeks(engine, rows, chosen.names)


def _stratified_weeks(engine: Engine, strata: ir.Table, weeks: ir.Table) -> ir.Table:
    return engine.materialise(
        "stratified_weeks",
        "strata of the accounts with revenue",
        strata.join(weeks, ["within_days", "account_no"]),
    )


def fetch_revenue_weeks(engine: Engine, rows: ir.Table, names: Sequence[str]) -> pd.DataFrame:
    """Revenue by week in currency units, from rows whose `step` is 1 for doers and 0 for others."""
    shown = _shown(rows.select(*REVENUE_WEEK, "revenue_sum", "revenue_squares"))
    found = engine.fetch("revenue by week, ordered", shown.order_by(*REVENUE_WEEK))
    found = found.rename(columns={"step": "reached"}).astype({"reached": "float64"})
    return _in_units(found, names)


def numbered_labels(engine: Engine, accounts: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Cohort and segment as one number: grouping by their text would cost three times as much."""
    found = accounts.select("cohort", "segment").distinct()
    order = ibis.row_number().over(order_by=[found.cohort, found.segment])
    labels = engine.materialise(
        "labels", "cohorts and segments", found.mutate(label_no=order.cast("int32"))
    )
    return labels, accounts.join(labels, ["cohort", "segment"]).drop("cohort", "segment")


SUM_TYPES = {
    "accounts": "int64",
    "retained": "int64",
    "revenue_accounts": "int64",
    "revenue_sum": "int64",
    "revenue_squares": "decimal(38, 0)",
}


def _sums(rows: ir.Table, sign: int = 1) -> dict[str, ir.Value]:
    minor = rows.revenue_minor.cast("decimal(19, 0)")
    sums = {
        "accounts": rows.count(),
        "retained": rows.count(where=rows.retained),
        "revenue_accounts": rows.revenue_accounts.sum(),
        "revenue_sum": rows.revenue_minor.sum(),
        "revenue_squares": (minor * minor).sum(),
    }
    return {name: (value * sign).cast(SUM_TYPES[name]) for name, value in sums.items()}


def _spread_all(
    engine: Engine,
    everyone: ir.Table,
    standings: ir.Table,
    candidates: Candidates,
    labels: tuple[str, ...],
) -> dict[int, ir.Table]:
    """`_spread` of every candidate, by window."""
    numbers = engine.small_table(
        "candidate_numbers",
        {"candidate_no": list(range(len(candidates.names)))},
        {"candidate_no": "int32"},
    )
    return {
        window: _spread(everyone, standing_in(standings, window), window, (numbers, labels))
        for window in standing_windows(standings)
    }


def _one_by_one(engine: Engine, name: str, title: str, parts: Mapping[int, ir.Table]) -> ir.Table:
    """The parts by window, counted one after the other: all at once would not fit in memory."""
    counted = [
        engine.materialise(
            f"{name}_{window}", f"{title} within {window} days", part.filter(part.accounts > 0)
        )
        for window, part in parts.items()
    ]
    return ibis.union(*counted)


def _spread(
    everyone: ir.Table, standing: ir.Table, window: int, by: tuple[ir.Table, tuple[str, ...]]
) -> ir.Table:
    """Accounts of a window summed by candidate, stratum, labels and threshold reached.

    An account that never touched a candidate has the same stratum for each of these, so those are
    summed once: all accounts, less the touched at their whole stratum, plus the touched at the
    stratum that leaves the candidate out. `by` has the numbers of the candidates, and the labels.
    """
    numbers, labels = by
    rows = everyone.filter(everyone.within_days == window).drop("within_days")
    total = rows.group_by("stratum", *labels).aggregate(**_sums(rows))
    total = total.cross_join(numbers).mutate(step=ibis.literal(0, "int16"))

    touched = standing.join(rows, "account_no")
    removed = touched.group_by("candidate_no", "stratum", *labels).aggregate(**_sums(touched, -1))
    removed = removed.mutate(step=ibis.literal(0, "int16"))
    added = touched.group_by("candidate_no", *labels, "step", stratum=touched.own_stratum)
    added = added.aggregate(**_sums(touched))

    order = ("candidate_no", "stratum", *labels, "step")
    parts = ibis.union(*(part.select(*order, *SUM_TYPES) for part in (total, removed, added)))
    summed = parts.group_by(*order).aggregate(
        **{name: parts[name].sum().cast(dtype) for name, dtype in SUM_TYPES.items()}
    )
    return summed.select(
        within_days=ibis.literal(window, "int64"),
        **{name: summed[name] for name in (*order, *SUM_TYPES)},
    )


def _shown(rows: ir.Table) -> ir.Table:
    """In the types of the cells; decimals would come as a Python object each."""
    return rows.mutate(
        stratum=rows.stratum.cast("int64"), revenue_squares=rows.revenue_squares.cast("float64")
    )


def _reached(cells: pd.DataFrame, candidates: Candidates) -> np.ndarray:
    """The threshold of each row's step."""
    most = max((len(found) for found in candidates.thresholds), default=0)
    grid = np.zeros((len(candidates.thresholds), most + 1))
    for number, found in enumerate(candidates.thresholds):
        grid[number, 1 : len(found) + 1] = found
    return grid[cells["candidate_no"], cells["step"]]


def _in_units(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Candidates by name and money in units instead of hundredths."""
    frame = rows.assign(
        candidate=np.asarray(names, dtype=object)[rows["candidate_no"]],
        revenue_sum=rows["revenue_sum"].astype("float64") / MINOR_UNITS,
        revenue_squares=rows["revenue_squares"] / MINOR_UNITS**2,
    )
    return frame.drop(columns="candidate_no")
