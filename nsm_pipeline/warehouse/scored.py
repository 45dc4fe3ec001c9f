"""An extract with a score: everything that depends on strata."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.waist.score_model import ScoreModel
from nsm_pipeline.warehouse.cell_query import (
    CountedCells,
    count_cells,
    count_revenue_weeks,
    fetch_cells,
    query_revenue_weeks,
)
from nsm_pipeline.warehouse.chosen_steps import Candidates, ChosenSteps
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.series import weekly_reach
from nsm_pipeline.warehouse.standings import build_standings
from nsm_pipeline.warehouse.strata import account_scores, send_weights, strata_of_accounts

# Who is compared, and the counts by event, are asked again by what stands around the ranking.
ONLY_FOR_CELLS = (
    *("own_rows", "own_values", "candidate_values", "days_without", "traits", "scores"),
    *("standings", "strata", "stratified", "stratified_weeks"),
    *("weekly_revenue", "account_outcomes"),
)


@dataclass(frozen=True)
class Scored:
    """An extract with a score: everything that depends on strata."""

    extract: Extract
    score: ScoreModel

    @cached_property
    def _stood(self) -> tuple[ir.Table, ir.Table]:
        x = self.extract
        weights = send_weights(x.engine, self.score, x.exposures)
        scores = account_scores(x.engine, weights, x.traits, x.exposures, x.days.seen)
        x.let_go_of_rows()
        standings = build_standings(x.engine, weights, scores, x.counted)
        return standings, strata_of_accounts(x.engine, weights, scores)

    @property
    def candidates(self) -> Candidates:
        """The candidates as the cells name them."""
        return Candidates.of(self.extract.candidates)

    @property
    def specs(self) -> list[CandidateSpec]:
        """The candidates as the statistics know them."""
        return self.extract.specs

    @cached_property
    def counted_cells(self) -> CountedCells:
        """The cells in the engine."""
        x = self.extract
        return count_cells(x.engine, *self._stood, x.accounts, self.candidates)

    def cells_by(self, sides: ir.Table) -> CountedCells:
        """The cells of these accounts' windows (`account_no, within_days, side`), by side."""
        x, by = self.extract, ("side",)
        accounts = x.accounts.join(sides, ["within_days", "account_no"])
        return count_cells(x.engine, *self._stood, accounts, self.candidates, apart=by)

    @property
    def standings(self) -> ir.Table:
        """Where accounts stand by each candidate that they touched."""
        return self._stood[0]

    @property
    def strata(self) -> ir.Table:
        """Row per window and account: `within_days, account_no, stratum`."""
        return self._stood[1]

    def cells(self) -> CellTable:
        """The waist: everything the statistics get to see of the accounts."""
        x = self.extract
        return fetch_cells(x.engine, self.counted_cells, self.candidates)

    @property
    def _weeks(self) -> ir.Table:
        accounts = self.extract.accounts
        observed = accounts.filter(accounts.revenue_accounts == 1).drop("revenue_minor")
        return self.extract.weekly_revenue.join(observed, ["within_days", "account_no"])

    def revenue_weeks_by_step(self, sides: ir.Table | None = None) -> ir.Table:
        """Revenue by week after the window of every candidate and step, in the engine.

        With `sides` only of these accounts' windows (`account_no, within_days, side`), by side.
        """
        x, weeks = self.extract, self._weeks
        by: tuple[str, ...] = ()
        if sides is not None:
            weeks, by = weeks.join(sides, ["within_days", "account_no"]), ("side",)
        return count_revenue_weeks(x.engine, *self._stood, weeks, self.candidates, apart=by)

    def revenue_weeks(self, chosen: pd.DataFrame) -> pd.DataFrame:
        """Revenue by week after the window, of chosen `candidate, at_least, within_days`."""
        x = self.extract
        steps = ChosenSteps.send(x.engine, chosen, self.candidates)
        return query_revenue_weeks(x.engine, *self._stood, self._weeks, steps)

    def weekly_reach(self, chosen: pd.DataFrame) -> pd.DataFrame:
        """Of the accounts onboarded each week, how many did each chosen behaviour."""
        x = self.extract
        steps = ChosenSteps.send(x.engine, chosen, self.candidates)
        did = steps.doers(self.standings)
        return weekly_reach(x.engine, x.population, did, self.candidates.names)
