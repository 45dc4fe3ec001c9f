"""Every candidate's accounts grouped by stratum: the cells, and the revenue of later weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.warehouse.candidates import ResolvedCandidate
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.outcomes import MINOR_UNITS


@dataclass(frozen=True)
class Candidates:
    """Names and thresholds in the order of `candidate_no`."""

    names: tuple[str, ...]
    thresholds: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, candidates: Sequence[ResolvedCandidate]) -> Candidates:
        """The resolved candidates, in their order."""
        return cls(
            tuple(candidate.name for candidate in candidates),
            tuple(candidate.thresholds or () for candidate in candidates),
        )


def query_cells(
    engine: Engine,
    standings: ir.Table,
    strata: ir.Table,
    accounts: ir.Table,
    candidates: Candidates,
) -> CellTable:
    """The CellTable.

    Args:
        engine: the open engine.
        standings: of the accounts that touched a candidate, see `build_standings`.
        strata: `within_days, account_no, stratum` of all accounts.
        accounts: `within_days, account_no, cohort, segment, retained, revenue_accounts,
            revenue_minor`.
        candidates: their names and thresholds.
    """
    labels, numbered = _numbered_labels(engine, accounts)
    everyone = engine.materialise(
        "stratified",
        "strata, labels and outcomes of all accounts",
        strata.join(numbered, ["within_days", "account_no"]),
    )
    numbers = engine.small_table(
        "candidate_numbers",
        {"candidate_no": list(range(len(candidates.names)))},
        {"candidate_no": "int32"},
    )
    windows = _windows(standings)
    spread = ibis.union(
        *(_spread(everyone, standing_in(standings, w), w, (numbers, "label_no")) for w in windows)
    )
    rows = engine.materialise("cells", "the cells", spread.filter(spread.accounts > 0))
    shown = rows.mutate(revenue_squares=rows.revenue_squares.cast("float64"))
    cells = engine.fetch("the cells, fetched", shown)
    cells = cells.merge(labels, on="label_no").assign(reached=_reached(cells, candidates))
    return CellTable.from_frame(_in_units(cells, candidates.names))


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
    everyone = engine.materialise(
        "stratified_weeks",
        "strata of the accounts with revenue",
        strata.join(weeks, ["within_days", "account_no"]),
    )
    spread = ibis.union(
        *(
            _spread(
                everyone,
                chosen.doing(standings, window),
                window,
                (chosen.numbers_in(window), "week"),
            )
            for window in chosen.windows
        )
    )
    rows = engine.materialise("revenue_weeks", "revenue by week", spread)
    shown = rows.mutate(revenue_squares=rows.revenue_squares.cast("float64"))
    found = engine.fetch("revenue by week, ordered", shown.order_by(*shown.columns[:5]))
    found = found.rename(columns={"step": "reached"}).astype({"reached": "float64"})
    return _in_units(found, chosen.names).drop(columns=["accounts", "retained", "revenue_accounts"])


@dataclass(frozen=True)
class ChosenSteps:
    """One threshold and window of some candidates.

    Shape: `table` a row per choice: `candidate_no, within_days, chosen_step`.
    """

    table: ir.Table
    windows: tuple[int, ...]
    names: tuple[str, ...]

    @classmethod
    def send(cls, engine: Engine, chosen: pd.DataFrame, candidates: Candidates) -> ChosenSteps:
        """The choices (`candidate, at_least, within_days`) as a small table of the engine."""
        numbers = [candidates.names.index(name) for name in chosen["candidate"]]
        steps = [
            candidates.thresholds[number].index(at_least) + 1
            for number, at_least in zip(numbers, chosen["at_least"], strict=True)
        ]
        table = engine.small_table(
            "chosen",
            {
                "candidate_no": numbers,
                "within_days": chosen["within_days"].tolist(),
                "chosen_step": steps,
            },
            {"candidate_no": "int32", "within_days": "int64", "chosen_step": "int16"},
        )
        windows = tuple(sorted({int(window) for window in chosen["within_days"]}))
        return cls(table, windows, candidates.names)

    def numbers_in(self, window: int) -> ir.Table:
        """`candidate_no` of the choices in a window."""
        return self.table.filter(self.table.within_days == window).select("candidate_no")

    def doing(self, standings: ir.Table, window: int) -> ir.Table:
        """As `standing_in`, of the choices in a window, `step` being 1 for those who did it."""
        here = self.table.filter(self.table.within_days == window).drop("within_days")
        rows = standing_in(standings, window).join(here, "candidate_no")
        did = ibis.ifelse(rows.step >= rows.chosen_step, 1, 0).cast("int16")
        return rows.mutate(step=did).drop("chosen_step")

    def doers(self, standings: ir.Table) -> ir.Table:
        """`account_no, candidate_no` of everyone who did what was chosen."""
        parts = [self.doing(standings, window) for window in self.windows]
        rows = ibis.union(*parts)
        return rows.filter(rows.step == 1).select("account_no", "candidate_no")


def standing_in(standings: ir.Table, window: int) -> ir.Table:
    """`account_no, candidate_no, own_stratum, step` of those who touched a candidate by then."""
    rows = standings.select(
        "account_no",
        "candidate_no",
        own_stratum=standings[f"stratum_{window}"],
        step=standings[f"step_{window}"],
    )
    return rows.filter(rows.own_stratum.notnull())


def _windows(standings: ir.Table) -> list[int]:
    named = [column.removeprefix("step_") for column in standings.columns if "step_" in column]
    return [int(window) for window in named]


def _numbered_labels(engine: Engine, accounts: ir.Table) -> tuple[pd.DataFrame, ir.Table]:
    """Cohort and segment as one number: grouping by their text would cost three times as much."""
    found = engine.fetch("cohorts and segments", accounts.select("cohort", "segment").distinct())
    labels = found.sort_values(["cohort", "segment"], ignore_index=True)
    labels["label_no"] = np.arange(len(labels))
    columns = {name: labels[name].tolist() for name in labels.columns}
    types = {"cohort": "string", "segment": "string", "label_no": "int32"}
    table = engine.small_table("labels", columns, types)
    return labels, accounts.join(table, ["cohort", "segment"]).drop("cohort", "segment")


_TYPES = {
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
    return {name: (value * sign).cast(_TYPES[name]) for name, value in sums.items()}


def _spread(
    everyone: ir.Table, standing: ir.Table, window: int, by: tuple[ir.Table, str]
) -> ir.Table:
    """Accounts of a window summed by candidate, stratum, label and threshold reached.

    An account that never touched a candidate has the same stratum for each of these, so those are
    summed once: all accounts, less the touched at their whole stratum, plus the touched at the
    stratum that leaves the candidate out. `by` has the numbers of the candidates, and the label.
    """
    numbers, label = by
    rows = everyone.filter(everyone.within_days == window).drop("within_days")
    total = rows.group_by("stratum", label).aggregate(**_sums(rows))
    total = total.cross_join(numbers).mutate(step=ibis.literal(0, "int16"))

    touched = standing.join(rows, "account_no")
    removed = touched.group_by("candidate_no", "stratum", label).aggregate(**_sums(touched, -1))
    removed = removed.mutate(step=ibis.literal(0, "int16"))
    added = touched.group_by("candidate_no", label, "step", stratum=touched.own_stratum)
    added = added.aggregate(**_sums(touched))

    order = ("candidate_no", "stratum", label, "step")
    parts = ibis.union(*(part.select(*order, *_TYPES) for part in (total, removed, added)))
    summed = parts.group_by(*order).aggregate(
        **{name: parts[name].sum().cast(dtype) for name, dtype in _TYPES.items()}
    )
    return summed.select(
        *order[:0],
        within_days=ibis.literal(window, "int64"),
        **{name: summed[name] for name in (*order, *_TYPES)},
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
