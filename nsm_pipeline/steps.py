"""What each step of a run does with what earlier steps left in the run folder.

Heavy libraries are imported inside the steps, so that listing them costs nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm_pipeline.advising import Given, ask_for_windows, settled
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.refusing import (
    check_against_source,
    require_comparable,
    require_replaceable_tables,
)
from nsm_pipeline.runs import run_files
from nsm_pipeline.runs.kept_state import KeptState, keep_state
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.stating import build_due_state, recorded_state, reopen_state, tell_state

if TYPE_CHECKING:
    from nsm_pipeline.waist.candidate_spec import CandidateSpec
    from nsm_pipeline.waist.cells import CellTable
    from nsm_pipeline.warehouse.extract import Extract
    from nsm_pipeline.warehouse.scored import Scored
    from nsm_pipeline.warehouse.state.stored import StoredCounts

SECONDS = ".seconds.json"


@dataclass
class RunContext:
    """One run under way: its product, its moment, its folder, and the engine once it is needed."""

    product: LoadedProduct
    as_of: datetime
    store: RunStore
    folder: RunFolder | None = None
    with_rivals: bool = False
    rebuild: bool = False

    @cached_property
    def extract(self) -> Extract:
        """The open engine with everything it has answered so far."""
        from nsm_pipeline.warehouse.extract import Extract

        return Extract.open(self.product, self.as_of)

    @property
    def run(self) -> RunFolder:
        """The run folder; made by `begin`, once the input is known to be usable."""
        if self.folder is None:
            raise RuntimeError("the run has not begun")
        return self.folder

    def begin(self) -> None:
        """Checks the source, then makes the run folder. A refused input leaves nothing behind.

        Raises:
            InvalidInput: columns are missing, nobody is eligible, or all share one outcome.
        """
        from nsm_pipeline.warehouse.source_answers import SourceAnswers

        require_replaceable_tables(self.product)
        told, self.stored = tell_state(self.extract, self.kept_state, rebuild=self.rebuild)
        if self.stored is None:
            check_against_source(self.product, SourceAnswers(self.extract.engine))
            advice = self.settle_windows()
            require_comparable(self.product, self.extract.counts)
        else:
            self.product, advice = self.stored.product, self.stored.facts["advice"]
            require_comparable(self.product, self.stored.counts)
            # What is not in the state is asked of the source, with the windows that are settled.
            self.extract = replace(self.extract, product=self.product)
        self.folder = self.store.start(self.product.config.product, self.as_of)
        self.folder.write_text(run_files.PRODUCT, self.product.text)
        if advice is not None:
            self.folder.write_json(run_files.ADVICE, advice)
        if told is not None:
            self.folder.write_json(run_files.STATE, told)

    @cached_property
    def kept_state(self) -> KeptState:
        """Where the nightly state is, if the product keeps one: beside its runs."""
        return keep_state(self.store.root / self.product.config.product)

    @cached_property
    def stored(self) -> StoredCounts | None:
        """The nightly state, where this run is answered from it; None where it counts whole."""
        told = recorded_state(self.folder, "night")
        return None if told is None else reopen_state(self.extract, self.kept_state, told)

    @property
    def counted(self) -> Extract | StoredCounts:
        """What answers for the counts: the state, or the engine."""
        return self.extract if self.stored is None else self.stored

    def settle_windows(self) -> dict[str, Any] | None:
        """Asks the data for the windows that the file leaves open; None when it leaves none.

        Raises:
            InvalidInput: the data cannot tell.
        """
        if not self.product.config.asks_the_data:
            return None
        given = Given.of(self.product.config)
        advice = ask_for_windows(self.product, self.as_of, self.extract.engine, given)
        self.product = settled(self.product, advice)
        self.extract = replace(self.extract, product=self.product)
        return advice

    @property
    def cells(self) -> CellTable:
        """The waist, as the score step left it."""
        from nsm_pipeline.waist.cells import CellTable

        return CellTable(self.run.read_frame(run_files.CELLS))

    @property
    def specs(self) -> list[CandidateSpec]:
        """The candidates, as the score step left them."""
        from nsm_pipeline.waist.candidate_spec import read_specs

        return read_specs(self.run.read_json(run_files.SCORE)["candidates"])

    def took(self, step: str, seconds: float) -> None:
        """Notes how long a step took, for the manifest; the note itself is not published."""
        self.run.write_json(SECONDS, {**self.seconds, step: round(seconds, 3)})

    @property
    def seconds(self) -> dict[str, float]:
        """What `took` noted so far."""
        noted: dict[str, float] = self.run.read_json(SECONDS) if self.run.exists(SECONDS) else {}
        return noted

    def close(self) -> None:
        """Lets go of the engines that were opened."""
        if (stored := self.__dict__.get("stored")) is not None:
            stored.store.close()
        if "extract" in self.__dict__:
            self.extract.engine.close()
        self.kept_state.close()


def extract(context: RunContext) -> None:
    """Who is compared, what the raw data looks like, and the series over weeks."""
    from nsm_pipeline.stats.retention import judge_curve, with_intervals
    from nsm_pipeline.warehouse.profile import profile_source

    counted, run = context.counted, context.run
    told = {**counted.counts, "revenue_at_core": counted.revenue_at_core}
    run.write_json(run_files.POPULATION, told)
    if context.stored is not None:
        profile = context.stored.facts["profile"]
    else:
        profile = profile_source(
            context.extract.tables,
            config=context.product.config,
            as_of=context.as_of,
            fetch=context.extract.engine.fetch,
        )
    run.write_json(run_files.PROFILE, profile)
    run.write_frame(run_files.RETENTION_CURVE, with_intervals(counted.retention_curve))
    run.write_json(run_files.RETENTION, asdict(judge_curve(counted.retention_curve)))
    run.write_frame(run_files.REVENUE_BY_WEEK, counted.revenue_by_week)


def validate(context: RunContext) -> None:
    """Great Expectations on the profile; a critical failure ends the run before anything is fitted.

    Raises:
        ChecksFailed: what was published last night stays.
    """
    from nsm_pipeline.quality.checks import check_source_quality

    run = context.run
    report = check_source_quality(
        run.read_json(run_files.PROFILE),
        context.product.config,
        population=run.read_json(run_files.POPULATION),
    )
    run.write_json(run_files.CHECKS, report.as_json())
    report.raise_if_critical()


def score(context: RunContext) -> None:
    """Fits the score on its sample, lets the engine count the cells, and searches them.

    A state has its score and its cells already. One that is due is built here: the checks have
    passed, and everything that it keeps is counted.
    """
    from nsm_pipeline.stats.rivals import with_rivals
    from nsm_pipeline.stats.search import CANDIDATE_COLUMNS, best_rows, search
    from nsm_pipeline.warehouse.scored import ONLY_FOR_CELLS

    run, scored = context.run, context.stored or _fitted(context.extract)
    model, cells = scored.score, scored.cells()
    found = search(cells, scored.specs)
    specs = [spec.as_json() for spec in scored.specs]
    run.write_json(run_files.SCORE, {"model": model.as_json(), "candidates": specs})
    run.write_frame(run_files.CELLS, cells.frame)
    run.write_frame(run_files.SEARCH, found)
    candidates = found[list(CANDIDATE_COLUMNS)]
    run.write_frame(run_files.CANDIDATES, candidates)
    shown = with_rivals(candidates) if context.with_rivals else candidates
    run.write_frame(run_files.CANDIDATES_CSV, shown)
    chosen = best_rows(found)
    if context.product.config.source.revenue is not None and len(chosen):
        run.write_frame(run_files.REVENUE_WEEKS, scored.revenue_weeks(chosen))
        run.write_frame(run_files.WEEKLY_REACH, scored.weekly_reach(chosen))
    build_due_state(run, context.extract, model, context.kept_state)
    context.extract.engine.let_go(*ONLY_FOR_CELLS)


def _fitted(extract: Extract) -> Scored:
    from nsm_pipeline.stats.score import fit_score
    from nsm_pipeline.warehouse.scored import Scored

    return Scored(extract, fit_score(extract.score_input()))


def backtest(context: RunContext) -> None:
    """Revenue after each behaviour, by account and as a series; empty without revenue."""
    from nsm_pipeline.stats.backtest import backtest as backtested
    from nsm_pipeline.stats.search import best_rows

    run = context.run
    chosen = best_rows(run.read_frame(run_files.SEARCH))
    placebos = frozenset(spec.name for spec in context.specs if spec.placebo)
    names = (run_files.REVENUE_WEEKS, run_files.WEEKLY_REACH, run_files.REVENUE_BY_WEEK)
    frames = {Path(name).stem: run.read_frame(name) for name in names if run.exists(name)}
    revenue = context.product.config.source.revenue
    kind = revenue.kind if revenue is not None else "transactions"
    found = backtested(context.cells, chosen, placebos, frames, kind)
    run.write_frame(run_files.BACKTEST, found.curve)
    run.write_frame(run_files.REVENUE_GAPS, found.gaps)
    run.write_json(run_files.SERIES, [asdict(test) for test in found.series])


def rank(context: RunContext) -> None:
    """Calibrates, judges and orders the candidates, and checks the result before it is shown.

    Raises:
        ChecksFailed: the ranking contradicts itself.
    """
    from nsm_pipeline.quality.checks import check_ranking
    from nsm_pipeline.stats.ranking import judge_candidates
    from nsm_pipeline.stats.ranking_document import (
        RankingInput,
        ranking_document,
        ranking_table,
    )
    from nsm_pipeline.stats.rivals import rivals_view
    from nsm_pipeline.waist.ranking_table import RANKING_COLUMNS

    run = context.run
    found, specs = run.read_frame(run_files.SEARCH), context.specs
    judged = judge_candidates(found, specs)
    given = RankingInput(
        config=context.product.config,
        as_of=context.as_of,
        population=run.read_json(run_files.POPULATION),
        found=found,
        cells=context.cells,
        specs=specs,
        judged=judged,
        gaps=run.read_frame(run_files.REVENUE_GAPS),
        series=run.read_json(run_files.SERIES),
        retention=run.read_json(run_files.RETENTION),
        rivals=rivals_view(found, judged.frame) if context.with_rivals else {},
    )
    table = ranking_table(given)
    published = table[list(RANKING_COLUMNS)]
    for name in (run_files.RANKING_TABLE, run_files.RANKING_CSV):
        run.write_frame(name, published)
    run.write_json(run_files.RANKING, ranking_document(given, table))
    check_ranking(published).raise_if_critical()


def publish(context: RunContext) -> None:
    """Report, digest, warehouse tables, and last the manifest and the index."""
    from nsm_pipeline.publish.digest import render_digest
    from nsm_pipeline.publish.report import render_report
    from nsm_pipeline.runs.run_facts import run_facts
    from nsm_pipeline.warehouse.published_tables import publish_tables

    run = context.run
    run.write_text(run_files.REPORT, render_report(run))
    run.write_text(run_files.DIGEST, render_digest(run))
    publish_tables(context.product, run)
    names = (run_files.STATE, run_files.MEASURED)
    told = {Path(name).stem: run.read_json(name)["sentence"] for name in names if run.exists(name)}
    context.store.publish(run, facts=run_facts(context.product, context.seconds, told))
