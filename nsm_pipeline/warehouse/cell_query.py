"""Every candidate's accounts grouped by stratum: the cells, and the revenue of later weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.warehouse.candidates import Footprint, ResolvedCandidate
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.outcomes import MINOR_UNITS
from nsm_pipeline.warehouse.strata import Strata


@dataclass(frozen=True)
class Candidates:
    """Names in the order of `candidate_no`, and `candidate_no, footprint_no` in the engine."""

    names: tuple[str, ...]
    footprint_of: ir.Table

    @classmethod
    def number(
        cls,
        engine: Engine,
        candidates: Sequence[ResolvedCandidate],
        footprints: Sequence[Footprint],
    ) -> Candidates:
        """The candidates with the number of their footprint."""
        table = engine.small_table(
            "candidate_footprints",
            {
                "candidate_no": list(range(len(candidates))),
                "footprint_no": [footprints.index(c.footprint) for c in candidates],
            },
            {"candidate_no": "int64", "footprint_no": "int64"},
        )
        return cls(tuple(candidate.name for candidate in candidates), table)


def query_cells(
    engine: Engine, strata: Strata, reached: ir.Table, accounts: ir.Table, candidates: Candidates
) -> CellTable:
    """The CellTable.

    Args:
        engine: the open engine.
        strata: of all accounts.
        reached: `within_days, candidate_no, account_no, reached`.
        accounts: `within_days, account_no, cohort, segment, retained, revenue_accounts,
            revenue_minor`.
        candidates: names and footprints.
    """
    expression = _spread(strata, reached, accounts, candidates.footprint_of, ("cohort", "segment"))
    rows = engine.materialise("cells", "the cells", expression.filter(expression.accounts > 0))
    cells = engine.fetch("the cells, ordered", rows.order_by(*rows.columns[:6]))
    return CellTable.from_frame(_in_units(cells, candidates.names))


def query_revenue_weeks(
    engine: Engine, strata: Strata, reached: ir.Table, weeks: ir.Table, candidates: Candidates
) -> pd.DataFrame:
    """Revenue of every candidate's doers and others, by week after the exposure window.

    Args:
        engine: the open engine.
        strata: of all accounts.
        reached: as for the cells, of the chosen window and threshold only, `reached` 1.
        weeks: `within_days, account_no, week, retained, revenue_accounts, revenue_minor`, a row
            per account and week with revenue.
        candidates: names and footprints.

    Returns:
        A row per window, candidate, stratum, week and `reached` (1 doers, 0 others):
        `revenue_sum` in currency units, `revenue_squares` its squares per account and week.
    """
    expression = _spread(strata, reached, weeks, candidates.footprint_of, ("week",))
    rows = engine.materialise("revenue_weeks", "revenue by week", expression)
    found = engine.fetch("revenue by week, ordered", rows.order_by(*rows.columns[:5]))
    return _in_units(found, candidates.names).drop(
        columns=["accounts", "retained", "revenue_accounts"]
    )


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
        "retained": rows.retained.cast("int64").sum(),
        "revenue_accounts": rows.revenue_accounts.sum(),
        "revenue_sum": rows.revenue_minor.sum(),
        "revenue_squares": (minor * minor).sum(),
    }
    return {name: (value * sign).cast(_TYPES[name]) for name, value in sums.items()}


def _spread(
    strata: Strata,
    reached: ir.Table,
    rows: ir.Table,
    footprint_of: ir.Table,
    labels: tuple[str, ...],
) -> ir.Table:
    """Rows of accounts summed by window, candidate, stratum, labels and threshold reached.

    An account that never touched a footprint has the same stratum for every candidate of it, so
    those are summed once: all rows, less those of the touched at their whole stratum, plus those
    of the touched at the stratum that leaves the footprint out.
    """
    keys = ["within_days", "account_no"]
    everyone = strata.total.join(rows, keys)
    groups = ["within_days", "stratum", *labels]
    total = everyone.group_by(groups).aggregate(**_sums(everyone))
    total = total.cross_join(footprint_of.select("candidate_no")).mutate(reached=0.0)

    leaving = everyone.join(strata.without.select(*keys, "footprint_no"), keys)
    removed = leaving.group_by(*groups, "footprint_no").aggregate(**_sums(leaving, -1))
    removed = removed.join(footprint_of, "footprint_no").mutate(reached=0.0)

    joining = strata.without.join(footprint_of, "footprint_no").join(rows, keys)
    joining = joining.left_join(reached, [*keys, "candidate_no"])
    joining = joining.mutate(level=joining.reached.fill_null(0.0)).drop("reached")
    joining = joining.rename(reached="level")
    added = joining.group_by(*groups, "candidate_no", "reached").aggregate(**_sums(joining))

    order = ("within_days", "candidate_no", "stratum", *labels, "reached")
    parts = ibis.union(*(part.select(*order, *_TYPES) for part in (total, removed, added)))
    return parts.group_by(*order).aggregate(
        **{name: parts[name].sum().cast(dtype) for name, dtype in _TYPES.items()}
    )


def _in_units(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Candidates by name and money in units instead of hundredths."""
    frame = rows.assign(
        candidate=[names[number] for number in rows["candidate_no"]],
        revenue_sum=rows["revenue_sum"].astype("float64") / MINOR_UNITS,
        revenue_squares=rows["revenue_squares"].astype("float64") / MINOR_UNITS**2,
    )
    return frame.drop(columns="candidate_no")
