"""The engine's side of a run, in order: population, exposures, score input, cells.

`Extract` holds what is already materialised, so a whole run in one process asks each question
once; a step in a process of its own builds what it needs again, with the same answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.clauses import outcome_events
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.retention import RevenueRetention
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.score_model import ScoreInput
from nsm_pipeline.warehouse.account_outcomes import account_outcomes
from nsm_pipeline.warehouse.active_days import ActiveDays, build_active_days
from nsm_pipeline.warehouse.behaviours import candidate_values, frequent_values
from nsm_pipeline.warehouse.candidates import (
    Footprint,
    PropertyValue,
    ResolvedCandidate,
    resolve_candidates,
)
from nsm_pipeline.warehouse.choices import Choices, chosen_thresholds
from nsm_pipeline.warehouse.cohort import (
    Population,
    build_population,
    population_counts,
)
from nsm_pipeline.warehouse.connect import Engine, connect
from nsm_pipeline.warehouse.events import SourceTables, files_by_table, open_source
from nsm_pipeline.warehouse.exposures import (
    Exposures,
    NearEvents,
    build_exposures,
    find_near_events,
)
from nsm_pipeline.warehouse.footprints import own_rows, own_values
from nsm_pipeline.warehouse.labels import read_labels
from nsm_pipeline.warehouse.outcomes import (
    paying,
    retained,
    returning,
    weekly_revenue,
)
from nsm_pipeline.warehouse.score_input import account_traits, fetch_score_input, trait_names
from nsm_pipeline.warehouse.series import (
    events_of_payment,
    revenue_at_core,
    revenue_by_week,
)
from nsm_pipeline.warehouse.standings import Counted, counted_by_rows
from nsm_pipeline.warehouse.thresholds import with_thresholds
from nsm_pipeline.warehouse.usage import retention_curve, usage_gaps
from nsm_pipeline.warehouse.where import selects


@dataclass(frozen=True)
class Part:
    """Some of the accounts, already known, with the rows of the source that are theirs."""

    tables: SourceTables
    population: Population


@dataclass(frozen=True)
class Extract:
    """One product at one moment, in one engine. Every property is asked at most once.

    With `frozen` choices nothing is read off the data that they hold, and with `part` only those
    accounts are counted: under the same choices the cells of disjoint parts add up. With `only`,
    of the candidates none but those of these names are counted, numbered among themselves.
    """

    product: LoadedProduct
    as_of: datetime
    engine: Engine
    frozen: Choices | None = None
    part: Part | None = None
    only: frozenset[str] | None = None

    @classmethod
    def open(cls, product: LoadedProduct, as_of: datetime) -> Extract:
        """An extract on a fresh connection; `close` the engine when done."""
        where = product.where("source", "connection")
        engine = connect(product.config.source.connection, base=product.base, where=where)
        return cls(product, as_of, engine)

    @cached_property
    def tables(self) -> SourceTables:
        """The source under standard names."""
        if self.part is not None:
            return self.part.tables
        return open_source(self.engine, self.product, self.files)

    @cached_property
    def files(self) -> dict[str, list[Path]]:
        """The source's files, as found when first asked for."""
        return files_by_table(self.product)

    @cached_property
    def population(self) -> Population:
        """Who is compared."""
        if self.part is not None:
            return self.part.population
        labels = self.frozen.labels if self.frozen else None
        config = self.product.config
        return build_population(self.engine, self.tables, config, self.as_of, labels=labels)

    @property
    def _known(self) -> Sequence[str]:
        return self.frozen.events if self.frozen else ()

    @cached_property
    def near(self) -> NearEvents:
        """The events of the exposure and outcome windows."""
        return find_near_events(self.engine, self.population, self.product.config, self._known)

    @cached_property
    def outcome(self) -> ir.Table:
        """`account_no, retained` of the eligible."""
        config = self.product.config
        if isinstance(config.retention, RevenueRetention):
            kept = paying(self.population, self.tables, config.retention)
        else:
            kept = self.near.returned
        expression = retained(self.population, kept)
        return self.engine.materialise("outcome", "who was retained", expression)

    @cached_property
    def counts(self) -> dict[str, Any]:
        """Accounts of every status, whole and by cohort."""
        return dict(population_counts(self.engine, self.population, self.outcome))

    @cached_property
    def revenue_at_core(self) -> float:
        """Share of payments booked at the very moment of a core event."""
        config = self.product.config
        return revenue_at_core(self.engine, self.tables, self.population, config)

    @cached_property
    def exposures(self) -> Exposures:
        """What the eligible did within the windows."""
        windows = self.product.config.exposure.within
        return build_exposures(self.engine, self.near, windows, self._known)

    @cached_property
    def _frequent(self) -> list[PropertyValue]:
        if self.frozen:
            return list(self.frozen.values)
        eligible = int(self.counts["eligible"])
        return frequent_values(self.engine, self.exposures, self.product.config, eligible)

    @cached_property
    def _resolved(self) -> tuple[list[ResolvedCandidate], ir.Table]:
        config = self.product.config
        if self.frozen:
            candidates = self.frozen.candidates(config)
        else:
            names = list(self.exposures.event_names)
            candidates = resolve_candidates(config, names, self._frequent)
        if self.only is not None:
            candidates = [candidate for candidate in candidates if candidate.name in self.only]
        others = [(no, c) for no, c in enumerate(candidates) if not counted_by_rows(c)]
        values = candidate_values(self.engine, self.exposures, others)
        longest = config.exposure.within[-1]
        return with_thresholds(self.engine, values, candidates, longest), values

    @property
    def candidates(self) -> list[ResolvedCandidate]:
        """Every candidate of the run, in the order of its number."""
        return self._resolved[0]

    @cached_property
    def specs(self) -> list[CandidateSpec]:
        """The candidates as the statistics know them."""
        return self.choices.specs(self.product.config)

    @cached_property
    def choices(self) -> Choices:
        """What this run read off the data before it counted, for others to count alike."""
        if self.frozen:
            return self.frozen
        return Choices(
            labels=read_labels(self.engine, self.population.onboarded, self.product.config),
            events=self.exposures.event_names,
            values=tuple(self._frequent),
            thresholds=chosen_thresholds(self.candidates),
            outcome_events=tuple(self.outcome_events),
        )

    @cached_property
    def outcome_events(self) -> Sequence[str]:
        """The events whose doing is the outcome itself, told or found by when revenue is booked."""
        config = self.product.config
        if isinstance(config.retention, RevenueRetention):
            return events_of_payment(self.engine, self.tables, self.population)
        asked = outcome_events(config)
        return config.core_metric.event if asked == ("core",) else asked

    @cached_property
    def days(self) -> ActiveDays:
        """When accounts were active, with and without each footprint."""
        passive = [
            number
            for name, number in self.exposures.event_numbers.items()
            if selects(self.product.config.passive_events, name)
        ]
        return build_active_days(self.engine, self.exposures, self._footprints, passive)

    @cached_property
    def _footprints(self) -> list[Footprint]:
        return list(dict.fromkeys(candidate.footprint for candidate in self.candidates))

    @cached_property
    def counted(self) -> Counted:
        """All that the engine counts before there is a score."""
        candidates, values = self._resolved
        numbered = list(enumerate(self._footprints))
        wanted = {c.footprint for c in candidates if not counted_by_rows(c)}
        others = [(no, f) for no, f in numbered if f in wanted]
        return Counted(
            self.exposures,
            candidates,
            self._footprints,
            values=values,
            own_rows=own_rows(self.engine, self.exposures, others),
            own_values=own_values(self.engine, self.exposures, numbered),
            days=self.days,
        )

    def let_go_of_rows(self) -> None:
        """Drops the single events, when all that is asked of them has been counted."""
        _ = self.counted, self.outcome
        self.engine.let_go("near_events")

    def score_input(self) -> ScoreInput:
        """The bounded sample for the score, asked anew each time: it is large, and needed once."""
        return fetch_score_input(
            self.engine,
            (self.traits, self.outcome, self.days.seen),
            self.exposures,
            trait_names(self.product.config),
        )

    @cached_property
    def traits(self) -> ir.Table:
        """Covariates and cohort month of the eligible."""
        expression = account_traits(self.population, self.product.config)
        return self.engine.materialise("traits", "traits of the eligible", expression)

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
        weekly = self.weekly_revenue if self.tables.revenue is not None else None
        expression = account_outcomes(
            self.population, self.outcome, weekly, self.product.config.exposure.within
        )
        return self.engine.materialise(
            "account_outcomes", "outcome and revenue per account", expression
        )

    @cached_property
    def weekly_revenue(self) -> ir.Table:
        """Revenue per eligible account, window and week after the window."""
        expression = weekly_revenue(self.engine, self.population, self.tables, self.product.config)
        return self.engine.materialise("weekly_revenue", "revenue by account and week", expression)
