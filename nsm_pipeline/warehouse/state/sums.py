"""What the waist needs of accounts, as sums in the engine: integers that add up and subtract.

Four tables: `cells`, `revenue_weeks` (by step reached, because which one is chosen may differ
the next night), `reach_weeks` (accounts by week of onboarding and step reached) and `strata`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.waist.score_model import ScoreModel
from nsm_pipeline.warehouse.cell_query import SUM_TYPES
from nsm_pipeline.warehouse.chosen_steps import standing_in, standing_windows
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.scored import Scored
from nsm_pipeline.warehouse.series import onboarding_weeks
from nsm_pipeline.warehouse.state.store import StateStore

BY_CANDIDATE = ("cells", "revenue_weeks", "reach_weeks")
SUMS = (*BY_CANDIDATE, "strata")
ADDED = (*SUM_TYPES,)


@dataclass(frozen=True)
class Sums:
    """The tables; `revenue_weeks` and `reach_weeks` only where revenue is declared."""

    tables: dict[str, ir.Table]

    @classmethod
    def of(cls, extract: Extract, model: ScoreModel, kept_as: str) -> Sums:
        """The sums over an extract's accounts, materialised under names of their own."""
        scored = Scored(extract, model)
        # The numbers of labels are those of this extract alone.
        counted = scored.counted_cells
        cells = counted.rows.join(counted.labels, "label_no").drop("label_no")
        strata = scored.strata.group_by("within_days", "stratum")
        found = {"cells": cells, "strata": strata.aggregate(accounts=scored.strata.count())}
        if extract.tables.revenue is not None:
            found["revenue_weeks"] = scored.counted_revenue_weeks
            found["reach_weeks"] = _reach_weeks(extract, scored.standings)
        engine = extract.engine
        # An extract's temporary tables are overwritten by the next one on the same engine.
        return cls(
            {
                name: engine.materialise(f"{kept_as}_{name}", f"{name} to be added", rows)
                for name, rows in found.items()
            }
        )

    def plus(self, *others: Sums, minus: Sums | None = None) -> Sums:
        """The sums over all these accounts together, without rows of no account."""
        tables = {}
        for name, rows in self.tables.items():
            parts = [rows, *(other.tables[name] for other in others)]
            if minus is not None:
                parts.append(_negative(minus.tables[name]))
            tables[name] = summed(parts)
        return Sums(tables)


def _reach_weeks(extract: Extract, standings: ir.Table) -> ir.Table:
    weeks = onboarding_weeks(extract.population)
    parts = []
    for window in standing_windows(standings):
        rows = standing_in(standings, window)
        rows = rows.filter(rows.step > 0).join(weeks, "account_no")
        counted = rows.group_by("candidate_no", "week", "step").aggregate(accounts=rows.count())
        parts.append(counted.mutate(within_days=ibis.literal(window, "int64")))
    return ibis.union(*parts)


def _negative(rows: ir.Table) -> ir.Table:
    return rows.mutate(
        **{name: (-rows[name]).cast(rows[name].type()) for name in ADDED if name in rows.columns}
    )


def joined(parts: Sequence[ir.Table]) -> ir.Table:
    """Rows of several tables, their columns in the order of the first."""
    columns = parts[0].columns
    return ibis.union(parts[0], *(part.select(*columns) for part in parts[1:]))


def summed(parts: Sequence[ir.Table]) -> ir.Table:
    """Rows with equal keys added up, without those of no account."""
    rows = joined(parts)
    columns = rows.columns
    keys = [name for name in columns if name not in ADDED]
    sums = {name: rows[name].sum().cast(rows[name].type()) for name in columns if name in ADDED}
    together = rows.group_by(*keys).aggregate(**sums)
    return together.filter(together.accounts != 0)


def read_strata(store: StateStore) -> pd.DataFrame:
    """Accounts compared by window and stratum: `within_days, stratum, accounts`."""
    rows = store.table("strata").order_by("within_days", "stratum")
    return store.engine.fetch("accounts by stratum", rows)
