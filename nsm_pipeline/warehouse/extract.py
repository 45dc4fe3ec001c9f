"""The engine's side of a run, in order: population, exposures, score input, cells.

`Extract` holds what is already materialised, so a whole run in one process asks each question
once; a step in a process of its own builds what it needs again, with the same answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.clauses import outcome_events
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.retention import RevenueRetention
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import REVENUE_WEEKS, CellTable
from nsm_pipeline.waist.score_model import ScoreInput, ScoreModel
from nsm_pipeline.warehouse.behaviours import candidate_values, resolve
from nsm_pipeline.warehouse.candidates import Footprint, ResolvedCandidate
from nsm_pipeline.warehouse.cell_query import Candidates, query_cells, query_revenue_weeks
from nsm_pipeline.warehouse.cohort import (
    Population,
    build_population,
    days_after,
    population_counts,
)
from nsm_pipeline.warehouse.connect import Engine, connect
from nsm_pipeline.warehouse.events import SourceTables, open_source
from nsm_pipeline.warehouse.exposures import Exposures, build_exposures
from nsm_pipeline.warehouse.footprints import Footprints, build_footprints
from nsm_pipeline.warehouse.outcomes import DAYS_PER_WEEK, retained, returning, weekly_revenue
from nsm_pipeline.warehouse.score_input import account_traits, fetch_score_input, trait_names
from nsm_pipeline.warehouse.series import (
    doers,
    events_of_payment,
    revenue_at_core,
    revenue_by_week,
    weekly_reach,
)
from nsm_pipeline.warehouse.signup import time_to_onboard
from nsm_pipeline.warehouse.specs import candidate_specs
from nsm_pipeline.warehouse.strata import Strata, build_strata
from nsm_pipeline.warehouse.thresholds import reached, with_thresholds
from nsm_pipeline.warehouse.usage import retention_curve, usage_gaps
from nsm_pipeline.warehouse.where import selects


@dataclass(frozen=True)
class Extract:
    """One product at one moment, in one engine. Every property is asked at most once."""

    product: LoadedProduct
    as_of: datetime
    engine: Engine

    @classmethod
    def open(cls, product: LoadedProduct, as_of: datetime) -> Extract:
        """An extract on a fresh connection; `close` the engine when done."""
        where = product.where("source", "connection")
        engine = connect(product.config.source.connection, base=product.base, where=where)
        return cls(product, as_of, engine)

    @cached_property
    def tables(self) -> SourceTables:
        """The source under standard names."""
        return open_source(self.engine, self.product)

    @cached_property
    def population(self) -> Population:
        """Who is compared."""
        return build_population(self.engine, self.tables, self.product.config, self.as_of)

    @cached_property
    def outcome(self) -> ir.Table:
        """`account_no, retained` of the eligible."""
        expression = retained(self.population, self.tables, self.product.config)
        return self.engine.materialise("outcome", "who was retained", expression)

    @cached_property
    def counts(self) -> dict[str, Any]:
        """What `population.json` holds."""
        counted = population_counts(self.engine, self.population, self.outcome)
        config = self.product.config
        share = revenue_at_core(self.engine, self.tables, self.population, config)
        waited = time_to_onboard(self.engine, self.tables, self.population, config)
        return {**counted, "revenue_at_core": share, "time_to_onboard": waited}

    @cached_property
    def exposures(self) -> Exposures:
        """What the eligible did within the windows."""
        return build_exposures(self.engine, self.population, self.product.config)

    @cached_property
    def _resolved(self) -> tuple[list[ResolvedCandidate], ir.Table]:
        config = self.product.config
        eligible = int(self.counts["eligible"])
        candidates = resolve(self.engine, self.exposures, config, eligible)
        values = candidate_values(self.engine, self.exposures, candidates)
        values = self.engine.materialise("candidate_values", "what each candidate reached", values)
        longest = config.exposure.within[-1]
        return with_thresholds(self.engine, values, candidates, longest), values

    @property
    def candidates(self) -> list[ResolvedCandidate]:
        """Every candidate of the run, in the order of its number."""
        return self._resolved[0]

    @cached_property
    def reached(self) -> ir.Table:
        """The largest threshold each account reached, per window and candidate."""
        candidates, values = self._resolved
        expression = reached(self.engine, values, candidates)
        return self.engine.materialise("reached", "thresholds reached", expression)

    @cached_property
    def specs(self) -> list[CandidateSpec]:
        """The candidates as the statistics know them."""
        names = self.exposures.event_names
        return candidate_specs(self.product.config, self.candidates, names, self.outcome_events)

    @cached_property
    def outcome_events(self) -> Sequence[str]:
        """The events whose doing is the outcome itself, told or found by when revenue is booked."""
        config = self.product.config
        if isinstance(config.retention, RevenueRetention):
            return events_of_payment(self.engine, self.tables, self.population)
        asked = outcome_events(config)
        return config.core_metric.event if asked == ("core",) else asked

    @cached_property
    def numbered(self) -> Candidates:
        """The candidates and their footprints in the engine."""
        return Candidates.number(self.engine, self.candidates, self.footprints[0])

    @cached_property
    def footprints(self) -> tuple[list[Footprint], Footprints]:
        """The distinct footprints, and what accounts did in and besides each."""
        distinct = list(dict.fromkeys(candidate.footprint for candidate in self.candidates))
        passive = [
            number
            for number, name in enumerate(self.exposures.event_names)
            if selects(self.product.config.passive_events, name)
        ]
        return distinct, build_footprints(self.engine, self.exposures, distinct, passive)

    @cached_property
    def score_input(self) -> ScoreInput:
        """The bounded sample for the score."""
        seen = self.footprints[1].seen
        return fetch_score_input(
            self.engine,
            (self.traits, self.outcome, seen),
            self.exposures,
            trait_names(self.product.config),
        )

    @cached_property
    def traits(self) -> ir.Table:
        """Covariates and cohort month of the eligible."""
        expression = account_traits(self.population, self.product.config)
        return self.engine.materialise("traits", "traits of the eligible", expression)

    def scored(self, score: ScoreModel) -> Scored:
        """The accounts with a score joined to them."""
        return Scored(self, score)

    @property
    def returning(self) -> ir.Table:
        """`account, at` of everything that shows an account is still there."""
        return returning(self.population, self.tables, self.product.config)

    @cached_property
    def retention_curve(self) -> pd.DataFrame:
        """Accounts active by week since onboarding, of those observed that long, by part."""
        return retention_curve(self.engine, self.population, self.returning)

    def outcome_curve(self, span_weeks: int) -> pd.DataFrame:
        """As `retention_curve`, for being seen within so many weeks from each week on."""
        return retention_curve(self.engine, self.population, self.returning, span_weeks=span_weeks)

    @cached_property
    def usage_gaps(self) -> pd.DataFrame:
        """Gaps between active days, by length."""
        return usage_gaps(self.engine, self.population, self.returning)

    @cached_property
    def revenue_by_week(self) -> pd.DataFrame:
        """The product's revenue by calendar week."""
        return revenue_by_week(self.engine, self.tables, self.population.observed_until)

    @cached_property
    def accounts(self) -> ir.Table:
        """Labels, outcome and revenue of every eligible account, per window."""
        accounts = self.population.eligible.select(
            "account_no", "cohort", "segment", "t0", "observed_until"
        ).join(self.outcome, "account_no")
        parts = [self._accounts_in(accounts, window) for window in self.exposures.windows]
        return self.engine.materialise(
            "account_outcomes", "outcome and revenue per account", ibis.union(*parts)
        )

    def _accounts_in(self, accounts: ir.Table, window: int) -> ir.Table:
        horizon = window + REVENUE_WEEKS * DAYS_PER_WEEK
        rows = accounts.mutate(within_days=ibis.literal(window, "int64"))
        if self.tables.revenue is None:
            rows = rows.mutate(revenue_accounts=0, revenue_minor=0)
        else:
            weekly = self.weekly_revenue.filter(self.weekly_revenue.within_days == window)
            paid = weekly.group_by("account_no").aggregate(paid=weekly.revenue_minor.sum())
            rows = rows.left_join(paid, "account_no").drop("account_no_right")
            observed = days_after(rows.t0, horizon) <= rows.observed_until
            rows = rows.mutate(
                revenue_accounts=observed.cast("int64"),
                revenue_minor=ibis.ifelse(observed, rows.paid.fill_null(0), 0).cast("int64"),
            )
        return rows.select(
            "within_days",
            "account_no",
            "cohort",
            "segment",
            "retained",
            revenue_accounts=rows.revenue_accounts.cast("int64"),
            revenue_minor=rows.revenue_minor.cast("int64"),
        )

    @cached_property
    def weekly_revenue(self) -> ir.Table:
        """Revenue per eligible account, window and week after the window."""
        expression = weekly_revenue(self.population, self.tables, self.product.config)
        return self.engine.materialise("weekly_revenue", "revenue by account and week", expression)


@dataclass(frozen=True)
class Scored:
    """An extract with a score: everything that depends on strata."""

    extract: Extract
    score: ScoreModel

    @cached_property
    def strata(self) -> Strata:
        """The stratum of every account, whole and without each footprint."""
        x = self.extract
        return build_strata(x.engine, self.score, x.traits, x.exposures, x.footprints[1])

    def cells(self) -> CellTable:
        """The waist: everything the statistics get to see of the accounts."""
        x = self.extract
        return query_cells(x.engine, self.strata, x.reached, x.accounts, x.numbered)

    def revenue_weeks(self, chosen: pd.DataFrame) -> pd.DataFrame:
        """Revenue by week after the window, of chosen `candidate, at_least, within_days`."""
        x = self.extract
        observed = x.accounts.filter(x.accounts.revenue_accounts == 1).drop("revenue_minor")
        weeks = x.weekly_revenue.join(observed, ["within_days", "account_no"])
        did = doers(x.engine, x.reached, chosen, x.numbered.names)
        return query_revenue_weeks(x.engine, self.strata, did, weeks, x.numbered)

    def weekly_reach(self, chosen: pd.DataFrame) -> pd.DataFrame:
        """Of the accounts onboarded each week, how many did each chosen behaviour."""
        x = self.extract
        did = doers(x.engine, x.reached, chosen, x.numbered.names)
        return weekly_reach(x.engine, x.population, did, x.numbered.names)
