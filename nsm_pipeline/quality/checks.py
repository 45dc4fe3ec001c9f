"""Great Expectations over small frames: what the source shows before the fit, the ranking after.

The engine counts (`warehouse/profile.py`), `observations.py` says what the counts mean, and here
each number meets its expectation: critical failures stop the run, warnings are published with a
flag. GX 1.24 has no usage reporting left to switch off; a test watches that no connection is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.core import (  # type: ignore[attr-defined]
    ExpectColumnPairValuesAToBeGreaterThanB,
    ExpectColumnValuesToBeBetween,
    ExpectColumnValuesToBeInSet,
    ExpectColumnValuesToBeUnique,
    ExpectColumnValuesToNotBeNull,
    ExpectTableColumnsToMatchOrderedList,
    ExpectTableRowCountToBeBetween,
)
from great_expectations.expectations.expectation import Expectation

from nsm_pipeline.errors import ChecksFailed, Problem
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.quality.observations import MENDS, SHOWN, Observation, observe, quoted
from nsm_pipeline.waist.ranking_table import (
    MOST_NORTH_STARS,
    RANKING_COLUMNS,
    VERDICTS,
    with_relations,
)

RANKING_MEND = "The fault is in the pipeline, not in the data: report it with the run folder."

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class CheckResult:
    """One check on one table, as in checks.json."""

    name: str
    table: str
    severity: Severity
    ok: bool
    what: str
    observed: float | None
    expected: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckReport:
    """Every check that was looked at, in the order of the report."""

    checks: tuple[CheckResult, ...]

    @property
    def critical(self) -> tuple[CheckResult, ...]:
        """The failures that stop a run."""
        return tuple(c for c in self.checks if not c.ok and c.severity == "critical")

    def as_json(self) -> dict[str, Any]:
        """The content of checks.json."""
        failed = sum(not check.ok for check in self.checks)
        return {
            "ok": not self.critical,
            "critical_failed": len(self.critical),
            "warnings": failed - len(self.critical),
            "checks": [{**vars(check), "examples": list(check.examples)} for check in self.checks],
        }

    def raise_if_critical(self) -> None:
        """Stop the run.

        Raises:
            ChecksFailed: with one problem per critical failure.
        """
        if self.critical:
            raise ChecksFailed(_problem(check) for check in self.critical)


def check_source_quality(
    profile: Mapping[str, Any],
    config: ProductConfig,
    *,
    population: Mapping[str, Any] | None = None,
) -> CheckReport:
    """The report on the source as the engine profiled it.

    Args:
        profile: the content of profile.json.
        config: the product; its `checks` give bounds and severities, `off` is not looked at.
        population: the content of population.json; without it nobody counts eligible accounts.
    """
    observations = [
        seen
        for seen in observe(profile, config.checks, population)
        if getattr(config.checks, seen.check).severity != "off"
    ]
    columns = {f"{seen.check} {seen.table}": seen for seen in observations}
    frame = pd.DataFrame([{c: seen.observed for c, seen in columns.items()}], dtype="float64")
    outcomes = validate_frame(frame, {c: _bounds(c, seen) for c, seen in columns.items()})
    severities = [getattr(config.checks, seen.check).severity for seen in observations]
    results = zip(observations, severities, outcomes.values(), strict=True)
    return CheckReport(tuple(_result(*result) for result in results))


def check_ranking(ranking: pd.DataFrame) -> CheckReport:
    """The report on a ranking that is about to be published; every check is critical."""
    shape: dict[str, list[Expectation]] = {
        "columns": [ExpectTableColumnsToMatchOrderedList(column_list=list(RANKING_COLUMNS))],
        # Expectations about values hold for no rows at all.
        "rows": [ExpectTableRowCountToBeBetween(min_value=1)],
    }
    outcomes = validate_frame(ranking, shape)
    whats = {
        "columns": "The columns are those of the contract, in its order.",
        "rows": f"The ranking has {len(ranking):,} rows.",
    }
    if all(outcome.ok for outcome in outcomes.values()):
        rules = _ranking_rules()
        wanted = {check: expectations for check, (_, expectations) in rules.items()}
        outcomes |= validate_frame(with_relations(ranking), wanted)
        whats |= {check: what for check, (what, _) in rules.items()}
    names = ranking["candidate"] if "candidate" in ranking.columns else pd.Series(dtype=object)
    return CheckReport(tuple(_ranking_result(c, whats[c], o, names) for c, o in outcomes.items()))


@dataclass(frozen=True)
class Outcome:
    """What Great Expectations made of one check; `raised` says why it could not be evaluated."""

    ok: bool
    raised: str | None
    rows: tuple[int, ...]


def validate_frame(
    frame: pd.DataFrame, expectations: Mapping[str, Sequence[Expectation]]
) -> dict[str, Outcome]:
    """The outcome of every check, from one validation of the frame."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name="suite")
    for check, wanted in expectations.items():
        for expectation in wanted:
            expectation.meta = {"check": check}
            suite.add_expectation(expectation)
    results = batch.validate(suite, result_format="COMPLETE").results
    return {
        check: _outcome([r for r in results if _check_of(r) == check], len(wanted))
        for check, wanted in expectations.items()
    }


def _check_of(result: Any) -> str:
    """Results come in an order of their own: those that raised are first."""
    return str(result.expectation_config.meta["check"])


def _outcome(results: Sequence[Any], wanted: int) -> Outcome:
    if not wanted or len(results) != wanted:
        return Outcome(False, f"{len(results)} of {wanted} expectations answered", ())
    raised = next((text for r in results if (text := _raised(r.exception_info))), None)
    rows = {row for r in results for row in (r.result or {}).get("unexpected_index_list") or ()}
    return Outcome(all(r.success is True for r in results), raised, tuple(sorted(rows)))


def _raised(info: Mapping[str, Any]) -> str | None:
    """The exception's message; for metrics that raised it lies one level down, by metric."""
    entries = [info] if "raised_exception" in info else list(info.values())
    messages = [str(e.get("exception_message")) for e in entries if e.get("raised_exception")]
    return messages[0] if messages else None


def _bounds(column: str, seen: Observation) -> list[Expectation]:
    # A missing value lies between any bounds, so it is asked for by itself.
    return [_between(column, seen.lowest, seen.highest), *_given(column)]


def _result(observation: Observation, severity: Severity, outcome: Outcome) -> CheckResult:
    broken = outcome.raised is not None
    return CheckResult(
        observation.check,
        observation.table,
        "critical" if broken else severity,
        outcome.ok and not broken,
        f"The check could not be evaluated: {outcome.raised}" if broken else observation.what,
        observation.observed,
        observation.expected,
        observation.examples,
    )


def _problem(check: CheckResult) -> Problem:
    shown = f" For example: {'; '.join(check.examples)}." if check.examples else ""
    mend = RANKING_MEND if check.table == "ranking" else MENDS[check.name]
    return Problem(f"checks.{check.name}  {check.table}", check.what + shown, mend)


def _ranking_rules() -> dict[str, tuple[str, list[Expectation]]]:
    """What must hold for every row, in words and as expectations."""
    return {
        "identity": (
            "Every row names its product, moment, candidate, verdict and statement.",
            _given("product", "as_of", "candidate", "verdict", "statement"),
        ),
        "candidates": (
            "Every candidate has one row.",
            [ExpectColumnValuesToBeUnique(column="candidate")],
        ),
        "numbers": ("Every figure is a number.", [_between("not_numbers", 0, 0)]),
        "ranks": ("Ranked rows come first, numbered from 1.", [_between("place", 0, 0)]),
        "verdicts": (
            "Every verdict is one of the contract's.",
            [ExpectColumnValuesToBeInSet(column="verdict", value_set=list(VERDICTS))],
        ),
        "reasons": (
            "A row without an estimate gives its reason.",
            [_between("unexplained", 0, 0)],
        ),
        "counts": (
            "Retained doers are doers, and doers are accounts.",
            [
                *_given("accounts", "doers", "retained_doers", "retained_others"),
                _between("retained_doers", 0),
                _between("retained_others", 0),
                _at_least("accounts", "doers"),
                _at_least("doers", "retained_doers"),
                _at_least("others", "retained_others"),
            ],
        ),
        "reach": (
            "The reach is doers by accounts, 0 to 1.",
            [_between("reach", 0, 1), _between("reach_off", 0, 1e-6)],
        ),
        "interval": (
            "The lift lies within its interval, in points.",
            [
                _between("lift_pp", -100, 100),
                _between("crude_lift_pp", -100, 100),
                _between("half_interval", 0, 0),
                _at_least("lift_pp", "ci_low_pp"),
                _at_least("ci_high_pp", "lift_pp"),
                _at_least("ci_high_pp", "ci_low_pp"),
            ],
        ),
        "statistics": (
            "The q-value is 0 to 1, the odds ratio not negative, the E-value 1 or more.",
            [_between("q_value", 0, 1), _between("odds_ratio", 0), _between("e_value", 1)],
        ),
        "revenue": (
            "The revenue gap lies within its interval.",
            [
                _at_least("revenue_gap", "revenue_gap_ci_low"),
                _at_least("revenue_gap_ci_high", "revenue_gap"),
            ],
        ),
        "north_stars": (
            f"At most {MOST_NORTH_STARS} North Stars, each with its interval above zero.",
            [_between("stars", 0, MOST_NORTH_STARS), _between("weak_star", 0, 0)],
        ),
    }


def _given(*columns: str) -> list[Expectation]:
    return [ExpectColumnValuesToNotBeNull(column=column) for column in columns]


def _between(column: str, low: float | None, high: float | None = None) -> Expectation:
    return ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high)


def _at_least(larger: str, smaller: str) -> Expectation:
    return ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=larger, column_B=smaller, or_equal=True, ignore_row_if="either_value_is_missing"
    )


def _ranking_result(name: str, what: str, outcome: Outcome, candidates: pd.Series) -> CheckResult:
    rows = outcome.rows
    ok = outcome.ok and outcome.raised is None
    if outcome.raised is not None:
        what = f"The check could not be evaluated: {outcome.raised}"
    elif not ok:
        what = f"Not so in {len(rows):,} rows: {what}" if rows else f"Not so: {what}"
    shown = tuple(quoted(str(candidates.iloc[row])) for row in rows[:SHOWN])
    return CheckResult(name, "ranking", "critical", ok, what, float(len(rows)), "at most 0", shown)
