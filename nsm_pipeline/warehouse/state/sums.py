"""What the waist needs of accounts, as sums in the engine: integers that add up and subtract.

Four tables: `cells` (cohort and segment as one number), `revenue_weeks` (by step reached, because
which one is chosen may differ the next night), `reach_weeks` (accounts by week of onboarding and
step reached) and `strata`; and `labels`, the cohort and segment of each number.
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
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.scored import Scored
from nsm_pipeline.warehouse.series import onboarding_weeks
from nsm_pipeline.warehouse.state.store import StateStore

BY_CANDIDATE = ("cells", "revenue_weeks", "reach_weeks")
SUMS = (*BY_CANDIDATE, "strata")
ADDED = (*SUM_TYPES,)
LABEL = ("cohort", "segment")
BY_WINDOW = ("within_days", "account_no")
# The sides of a night: accounts as they stood, as they stand, and those that have not changed but
# for revenue that is known now.
THEN, NOW, PAID = 0, 1, 2
# A night's accounts are of few cohorts and windows: in this order they touch few stored blocks.
ORDER = ("label_no", "within_days", "week", "candidate_no", "stratum", "step")


@dataclass(frozen=True)
class Sums:
    """The tables; `revenue_weeks` and `reach_weeks` only where revenue is declared.

    Shape: `labels` are `cohort, segment, label_no`; the numbers in `cells` are these alone.
    """

    tables: dict[str, ir.Table]
    labels: ir.Table

    @classmethod
    def of(cls, extract: Extract, model: ScoreModel, sides: ir.Table | None = None) -> Sums:
        """The sums over an extract's accounts; those of the next extract replace them.

        With `sides` (`account_no, within_days, side`) every table has the column `side`, and only
        these accounts' windows are counted.
        """
        scored = Scored(extract, model)
        cells = scored.counted_cells if sides is None else scored.cells_by(sides)
        strata = scored.strata if sides is None else scored.strata.join(sides, BY_WINDOW)
        keys = [column for column in strata.columns if column != "account_no"]
        found = {
            "cells": cells.rows,
            "strata": strata.group_by(*keys).aggregate(accounts=strata.count()),
        }
        if extract.tables.revenue is not None:
            found["revenue_weeks"] = scored.revenue_weeks_by_step(sides)
            found["reach_weeks"] = _reach_weeks(extract, scored.standings, sides)
        return cls(found, cells.labels)

    def labelled_by(self, store: StateStore) -> Sums:
        """The same with the state's numbers of labels; those that it has not met get one."""
        stored = store.table("labels")
        new = self.labels.anti_join(stored, LABEL)
        number = ibis.row_number().over(order_by=[new[name] for name in LABEL])
        number = (number + stored.count().as_scalar()).cast("int32")
        store.append("labels", new.select(*LABEL, label_no=number))
        numbers = self.labels.join(store.table("labels"), LABEL, rname="stored_{name}")
        cells = self.tables["cells"]
        rows = cells.join(numbers.select("label_no", "stored_label_no"), "label_no")
        rows = rows.mutate(label_no=rows.stored_label_no).select(*cells.columns)
        return Sums({**self.tables, "cells": rows}, store.table("labels"))


def net_changes(engine: Engine, sums: Sums) -> dict[str, ir.Table]:
    """Per table what is to be added to its rows, where that is not nothing."""
    found = {}
    for name, rows in sums.tables.items():
        added = [column for column in ADDED if column in rows.columns]
        signed = {
            column: (rows[column] * _sign(rows.side, name, column)).cast(rows[column].type())
            for column in added
        }
        change = _added_up(rows.mutate(**signed).drop("side"))
        differing = ibis.or_(*(change[column] != 0 for column in added))
        found[name] = engine.materialise(
            f"change_{name}", f"changes of {name}", change.filter(differing)
        )
    return found


def _sign(side: ir.IntegerColumn, name: str, column: str) -> ir.IntegerColumn:
    """What NOW has is added and what THEN has taken out; PAID adds revenue to accounts counted."""
    of_revenue = name == "revenue_weeks" or column.startswith("revenue")
    return ibis.cases((side == THEN, -1), (side == NOW, 1), else_=1 if of_revenue else 0)


def create_sums(store: StateStore, sums: Sums) -> None:
    """The sums as those of a new state."""
    store.create("labels", sums.labels)
    for name, rows in sums.tables.items():
        store.create(name, in_order(rows))


def in_order(rows: ir.Table) -> ir.Table:
    """The rows as a state keeps them."""
    return rows.order_by([name for name in ORDER if name in rows.columns])


def _reach_weeks(extract: Extract, standings: ir.Table, sides: ir.Table | None) -> ir.Table:
    weeks = onboarding_weeks(extract.population)
    weeks = weeks.mutate(week=weeks.week.cast("timestamp(6)"))
    parts = []
    for window in standing_windows(standings):
        rows = standing_in(standings, window)
        rows, by = rows.filter(rows.step > 0).join(weeks, "account_no"), ["candidate_no", "week"]
        if sides is not None:
            here = sides.filter(sides.within_days == window).drop("within_days")
            rows, by = rows.join(here, "account_no"), [*by, "side"]
        counted = rows.group_by(*by, "step").aggregate(accounts=rows.count())
        parts.append(counted.mutate(within_days=ibis.literal(window, "int64")))
    return ibis.union(*parts)


def joined(parts: Sequence[ir.Table]) -> ir.Table:
    """Rows of several tables, their columns in the order of the first."""
    columns = parts[0].columns
    return ibis.union(parts[0], *(part.select(*columns) for part in parts[1:]))


def summed(rows: ir.Table) -> ir.Table:
    """Rows with equal keys added up, without those of no account."""
    together = _added_up(rows)
    return together.filter(together.accounts != 0)


def _added_up(rows: ir.Table) -> ir.Table:
    columns = rows.columns
    keys = [name for name in columns if name not in ADDED]
    sums = {name: rows[name].sum().cast(rows[name].type()) for name in columns if name in ADDED}
    return rows.group_by(*keys).aggregate(**sums)


def read_strata(store: StateStore) -> pd.DataFrame:
    """Accounts compared by window and stratum: `within_days, stratum, accounts`."""
    rows = store.table("strata").order_by("within_days", "stratum")
    return store.engine.fetch("accounts by stratum", rows)
