"""What the waist needs of accounts, as sums in the engine: integers that add up and subtract.

Four tables: `cells` (cohort and segment as one number), `revenue_weeks` (by step reached, because
which one is chosen may differ the next night), `reach_weeks` (accounts by week of onboarding and
step reached) and `strata`; and `labels`, the cohort and segment of each number.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    def of(cls, extract: Extract, model: ScoreModel) -> Sums:
        """The sums over an extract's accounts; those of the next extract replace them."""
        engine, scored = extract.engine, Scored(extract, model)
        by_stratum = scored.strata.group_by("within_days", "stratum")
        by_stratum = by_stratum.aggregate(accounts=scored.strata.count())
        counted = scored.counted_cells
        found = {
            # They are counted window by window, each into a table of its own.
            "cells": engine.materialise("cells", "the cells together", counted.rows),
            "strata": engine.materialise("strata_sums", "accounts by stratum", by_stratum),
        }
        if extract.tables.revenue is not None:
            paid = scored.counted_revenue_weeks
            found["revenue_weeks"] = engine.materialise("revenue_weeks", "revenue together", paid)
            weeks = _reach_weeks(extract, scored.standings)
            found["reach_weeks"] = engine.materialise("reach_weeks", "reach by week", weeks)
        return cls(found, counted.labels)

    @classmethod
    def counted_in(cls, engine: Engine, names: Collection[str]) -> Sums:
        """What `of` has left in the engine."""
        places = {name: "strata_sums" if name == "strata" else name for name in names}
        table = engine.backend.table
        return cls({name: table(place) for name, place in places.items()}, table("labels"))

    def kept_as(self, engine: Engine, prefix: str) -> Sums:
        """A copy that the next extract leaves alone."""
        tables = {
            name: engine.materialise(f"{prefix}_{name}", f"{name} to be taken out", rows)
            for name, rows in self.tables.items()
        }
        labels = engine.materialise(f"{prefix}_labels", "labels of these cells", self.labels)
        return Sums(tables, labels)

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


def net_changes(engine: Engine, given: Sums, taken: Sums) -> dict[str, ir.Table]:
    """Per table what is to be added to its rows, which may be less than nothing."""
    found = {}
    for name, rows in given.tables.items():
        change = _added_up([rows, _negative(taken.tables[name])])
        differing = ibis.or_(*(change[column] != 0 for column in ADDED if column in change.columns))
        found[name] = engine.materialise(
            f"change_{name}", f"changes of {name}", change.filter(differing)
        )
    return found


def create_sums(store: StateStore, sums: Sums) -> None:
    """The sums as those of a new state."""
    store.create("labels", sums.labels)
    for name, rows in sums.tables.items():
        store.create(name, in_order(rows))


def in_order(rows: ir.Table) -> ir.Table:
    """The rows as a state keeps them."""
    return rows.order_by([name for name in ORDER if name in rows.columns])


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


def summed(rows: ir.Table) -> ir.Table:
    """Rows with equal keys added up, without those of no account."""
    together = _added_up([rows])
    return together.filter(together.accounts != 0)


def _added_up(parts: Sequence[ir.Table]) -> ir.Table:
    rows = joined(parts)
    columns = rows.columns
    keys = [name for name in columns if name not in ADDED]
    sums = {name: rows[name].sum().cast(rows[name].type()) for name in columns if name in ADDED}
    return rows.group_by(*keys).aggregate(**sums)


def read_strata(store: StateStore) -> pd.DataFrame:
    """Accounts compared by window and stratum: `within_days, stratum, accounts`."""
    rows = store.table("strata").order_by("within_days", "stratum")
    return store.engine.fetch("accounts by stratum", rows)
