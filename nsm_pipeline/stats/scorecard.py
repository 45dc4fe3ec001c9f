"""The scorecard as a whole: red flags, the result with its reasons, and the articles' own lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nsm_pipeline.product.business_model import HINT_SOURCE, MODELS, usual_kinds
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.subject import usual_here
from nsm_pipeline.stats.score_evidence import Evidence
from nsm_pipeline.stats.score_line import TESTS, Line, State
from nsm_pipeline.stats.score_lines import RULES

Result = Literal["recommended", "fix this first", "reject"]
# What the articles call a North Star's traits; without these nothing is recommended.
NEEDED = ("value", "leads", "movable", "not_vanity")
# Each article's own list: its name, its source, and our tests that answer each of its points.
LISTS: tuple[tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]], ...] = (
    (
        "Seven-point checklist",
        "Userpilot",
        (
            ("one indicator of progress", ("one_sentence", "can_fall")),
            ("easy to track, measure and communicate", ("one_sentence",)),
            ("in your control", ("movable",)),
            ("no vanity metric", ("not_vanity", "can_fall")),
            ("the customer realises the core value", ("value", "delivered")),
            ("depth and breadth of engagement", ("not_vanity", "gaming")),
            ("connected with revenue", ("leads", "stable")),
        ),
    ),
    (
        "Four questions",
        "Scilla Studio",
        (
            ("the core value moment", ("value",)),
            ("leads revenue rather than lags it", ("leads",)),
            ("the whole company can influence it", ("movable",)),
            ("survives the gaming test", ("gaming",)),
        ),
    ),
    (
        "Three traits",
        "IdeaPlan",
        (
            ("measures delivered value", ("value", "delivered")),
            ("a leading indicator of revenue", ("leads",)),
            ("the product team can influence it", ("movable",)),
        ),
    ),
)


@dataclass(frozen=True)
class Score:
    """One subject's lines, red flags by name, and the result with its reasons in sentences."""

    result: Result
    reasons: tuple[str, ...]
    red_flags: tuple[str, ...]
    lines: tuple[Line, ...]


def score(evidence: Evidence, retention: Mapping[str, Any]) -> Score:
    """Judges every line, then the whole.

    Rejected: revenue itself, or a line that fails. Fix first: a line to fix, another red flag, or
    one of the needed lines not told yet. Recommended: neither, whatever else cannot be told.
    """
    lines = tuple(rule(evidence) for rule in RULES)
    fatal, flags = _red_flags(evidence, lines, retention)
    failed = [f"{line.title}: {line.sentence}" for line in lines if line.state == "fails"]
    to_fix = [f"{line.title}: {line.sentence}" for line in lines if line.state == "fix"]
    unknown = [line for line in lines if line.state == "cannot tell" and line.test in NEEDED]
    untold = [f"{line.title} cannot be told: {line.sentence}" for line in unknown]
    named = (*fatal, *flags)
    if fatal or failed:
        return Score("reject", (*fatal, *failed), named, lines)
    if flags or to_fix or untold:
        reasons = dict.fromkeys((*flags, *to_fix, *untold))
        return Score("fix this first", tuple(reasons), named, lines)
    passed = sum(line.state == "passes" for line in lines)
    return Score("recommended", (f"{passed} of {len(lines)} tests pass, none fails.",), (), lines)


def _red_flags(
    e: Evidence, lines: Sequence[Line], retention: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Those that reject, and those to mend first."""
    states = {line.test: line.state for line in lines}
    fatal = [f"Revenue as the metric: {e.subject.revenue}."] if e.subject.revenue else []
    flags = []
    if states["can_fall"] == "fix":
        flags.append("Cumulative total: it only ever rises.")
    if e.subject.presence:
        flags.append(f"Plain active users: {e.subject.presence}.")
    if retention["verdict"] == "not flattening":
        flags.append("Before product-market fit: retention does not flatten.")
    return fatal, flags


def score_record(evidence: Evidence, found: Score, config: ProductConfig) -> dict[str, Any]:
    """One subject as `scorecard.json` holds it."""
    return {
        "of": evidence.subject.name,
        "kind": "metric" if evidence.subject.is_metric else "candidate",
        "words": evidence.words,
        "result": found.result,
        "reasons": list(found.reasons),
        "red_flags": list(found.red_flags),
        "lines": [
            {"test": line.test, "title": line.title, "state": line.state, "why": line.sentence}
            for line in found.lines
        ],
        "lists": list_records(found.lines),
        "hint": _hint(evidence, config),
        "measured": {
            name: None if part is None else asdict(part)
            for name, part in (
                ("spread", evidence.spread),
                ("falls", evidence.falls),
                ("recount", evidence.recount),
                ("just_reached", evidence.just_reached),
                ("guardrail", evidence.guardrail),
            )
        },
    }


def list_records(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Each article's list with the worst state of the tests that answer each point."""
    states: dict[str, State] = {line.test: line.state for line in lines}
    order: tuple[State, ...] = ("fails", "fix", "cannot tell", "passes")
    return [
        {
            "list": title,
            "source": source,
            "points": [
                {
                    "point": point,
                    "tests": [TESTS[test] for test in tests],
                    "state": min((states[test] for test in tests), key=order.index),
                }
                for point, tests in points
            ],
        }
        for title, source, points in LISTS
    ]


def _hint(evidence: Evidence, config: ProductConfig) -> str | None:
    """What the business model would expect: never part of the result."""
    usual = usual_here(evidence.subject, config)
    if usual is None or config.business_model is None:
        return None
    model = config.business_model
    told = f"For {MODELS[model].title} usual is {usual_kinds(model)}"
    return f"{told}: this is {'such a' if usual else 'another kind of'} metric. ({HINT_SOURCE})"
