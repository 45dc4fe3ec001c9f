"""Cells by which windows are told apart: each on the strata of the longest one.

The strata of a longer window say more of an account, so a z on each window's own strata would
compare models of different bases, and the windows of one behaviour with them.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from nsm_pipeline.warehouse.cell_query import CountedCells, numbered_labels, spread_all
from nsm_pipeline.warehouse.chosen_steps import Candidates, standing_windows
from nsm_pipeline.warehouse.connect import Engine


def count_choice_cells(
    engine: Engine,
    standings: ir.Table,
    strata: ir.Table,
    accounts: ir.Table,
    candidates: Candidates,
) -> CountedCells:
    """Cells of every window by the strata of the longest, by cohort alone and without revenue.

    They tell windows apart on one base. The arguments are those of `count_cells`.
    """
    windows = standing_windows(standings)
    longest = max(windows)
    plain = accounts.filter(accounts.within_days == longest).mutate(
        segment=ibis.literal(""),
        revenue_accounts=ibis.literal(0, "int64"),
        revenue_minor=ibis.literal(0, "int64"),
    )
    labels, numbered = numbered_labels(engine, plain, "choice_labels")
    everyone = engine.materialise(
        "stratified_longest",
        "strata of the longest window, cohorts and outcomes of all accounts",
        strata.join(numbered, ["within_days", "account_no"]).drop("within_days"),
    )
    touched = standings.filter(standings[f"stratum_{longest}"].notnull())
    parts = {
        window: (
            everyone,
            touched.select(
                "account_no",
                "candidate_no",
                own_stratum=touched[f"stratum_{longest}"],
                step=touched[f"step_{window}"].fill_null(0),
            ),
        )
        for window in windows
    }
    spread = spread_all(engine, parts, candidates, "label_no")
    rows = engine.materialise(
        "choice_cells", "the choice cells", spread.filter(spread.accounts > 0)
    )
    return CountedCells(rows, labels)
