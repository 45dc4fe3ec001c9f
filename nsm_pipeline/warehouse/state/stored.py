"""What a state answers in place of an extract: the same figures, from its sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import ibis
import pandas as pd

from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.waist.score_model import ScoreModel
from nsm_pipeline.warehouse.cell_query import (
    CountedCells,
    fetch_cells,
    fetch_revenue_weeks,
)
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.chosen_steps import Candidates, ChosenSteps
from nsm_pipeline.warehouse.cohort import Population, counts_with_outcome
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.series import (
    fetch_cohort_weeks,
    onboarding_weeks,
    reach_by_week,
    revenue_by_week,
    whole_weeks,
)
from nsm_pipeline.warehouse.state.clock import population_at
from nsm_pipeline.warehouse.state.everybody import everybody
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.sums import read_strata, summed
from nsm_pipeline.warehouse.usage import curve_by_week, weeks_lived


@dataclass(frozen=True)
class StoredCounts:
    """A state as of its last night. Named as the properties of `Extract` and `Scored` are."""

    store: StateStore
    product: LoadedProduct
    tables: SourceTables
    facts: Mapping[str, Any]

    @cached_property
    def version(self) -> ScoreVersion:
        """The frozen score."""
        return ScoreVersion.from_json(dict(self.facts["version"]))

    @property
    def strata_before(self) -> pd.DataFrame:
        """Accounts compared when the score was fitted: `within_days, stratum, accounts`."""
        return pd.DataFrame(self.facts["strata"])

    @property
    def strata_since(self) -> pd.DataFrame:
        """The same of those compared since; corrections of older ones may leave a count below 0."""
        keys = ["within_days", "stratum"]
        now = read_strata(self.store).set_index(keys)["accounts"]
        before = self.strata_before.set_index(keys)["accounts"]
        return now.sub(before, fill_value=0).astype("int64").rename("accounts").reset_index()

    @property
    def score(self) -> ScoreModel:
        """As of `Scored`."""
        return self.version.model

    @cached_property
    def population(self) -> Population:
        """Who is compared, from the clock."""
        end = datetime.fromisoformat(self.facts["end"])
        clock, events = self.store.table("clock"), self.store.table("events")
        return population_at(clock, events, self.product.config, end)

    @cached_property
    def rows(self) -> Extract:
        """An extract of the kept rows of everybody, for what no sums are kept of."""
        last, end = (datetime.fromisoformat(self.facts[name]) for name in ("as_of", "end"))
        part = everybody(self.store, self.product.config, (last, end))
        return Extract(self.product, last, self.store.engine, part=part)

    @cached_property
    def counts(self) -> dict[str, Any]:
        """As of an extract."""
        people = self.population
        # The clock says of nobody but the eligible that they are retained.
        found = counts_with_outcome(self.store.engine, people.onboarded, people.observed_until)
        return dict(found)

    @property
    def revenue_at_core(self) -> float:
        """As of an extract."""
        found = self.facts["at_core"]
        return float(found["at_core"] / found["payments"]) if found["payments"] else 0.0

    @cached_property
    def retention_curve(self) -> pd.DataFrame:
        """As of an extract."""
        active = self.store.table("active_sums").order_by("week", "part")
        found = self.store.engine.fetch("active accounts by week since onboarding", active)
        return curve_by_week(weeks_lived(self.store.engine, self.population), found)

    @cached_property
    def revenue_by_week(self) -> pd.DataFrame:
        """As of an extract."""
        until = self.population.observed_until
        if self.tables.revenue is None:
            return revenue_by_week(self.store.engine, self.tables, until)
        return whole_weeks(self.store.engine, self.store.table("weekly_sums"), until)

    @cached_property
    def specs(self) -> list[CandidateSpec]:
        """The candidates as the statistics know them."""
        return self.version.choices.specs(self.product.config)

    @cached_property
    def candidates(self) -> Candidates:
        """As of `Scored`."""
        return Candidates.of(self.version.choices.candidates(self.product.config))

    def cells(self) -> CellTable:
        """The waist."""
        counted = CountedCells(self.store.table("cells"), self.store.table("labels"))
        return fetch_cells(self.store.engine, counted, self.candidates)

    def revenue_weeks(self, chosen: pd.DataFrame) -> pd.DataFrame:
        """As of `Scored`: steps reached become doers (1) and others (0) of what is chosen."""
        engine, stored = self.store.engine, self.store.table("revenue_weeks")
        steps = ChosenSteps.send(engine, chosen, self.candidates)
        rows = stored.join(steps.table, ["candidate_no", "within_days"])
        did = ibis.ifelse(rows.step >= rows.chosen_step, 1, 0).cast("int16")
        counted = summed(rows.mutate(step=did).select(*stored.columns))
        return fetch_revenue_weeks(engine, counted, self.candidates.names)

    def weekly_reach(self, chosen: pd.DataFrame) -> pd.DataFrame:
        """As of `Scored`."""
        engine, stored = self.store.engine, self.store.table("reach_weeks")
        steps = ChosenSteps.send(engine, chosen, self.candidates)
        rows = stored.join(steps.table, ["candidate_no", "within_days"])
        rows = rows.filter(rows.step >= rows.chosen_step)
        counted = rows.group_by("candidate_no", "week").aggregate(
            doers=rows.accounts.sum().cast("int64")
        )
        found = engine.fetch(
            "doers by week of onboarding", counted.order_by("candidate_no", "week")
        )
        size = fetch_cohort_weeks(engine, onboarding_weeks(self.population))
        return reach_by_week(size, found, self.candidates.names)
