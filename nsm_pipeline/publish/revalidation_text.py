"""The look back as Markdown: the decision, its reasons, and a row per past moment."""

from __future__ import annotations

from typing import Any

from nsm_pipeline.publish.digest import escape
from nsm_pipeline.publish.wording import (
    MISSING,
    absent,
    count,
    interval,
    points,
    reach_words,
    short,
    verdict,
)

HEADER = ("As of", "Eligible", "At its best then", "Lift, points", "Same k and X", "Verdict")
MONEY = ("Revenue gap", "Leads revenue", "Leader then")


def revalidation_text(found: dict[str, Any]) -> str:
    """Everything that a person needs to decide; names are inert."""
    chosen = found["chosen"]
    rows = [_cells(one) for one in found["moments"]]
    header = (*HEADER, *MONEY)
    lines = [
        f"# {_name(found['title'])}: {found['decision']} {_name(chosen['candidate'])}, "
        f"{reach_words(chosen)}",
        "",
        *(f"- {escape(reason)}" for reason in found["reasons"]),
        "",
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(f"| {' | '.join(cells)} |" for cells in rows),
        "",
        "Each moment was run again with what was known then, and its leader is that of its own "
        "ranking; later moments hold the accounts of earlier ones, so neighbours are alike by "
        "construction.",
    ]
    return "\n".join(lines) + "\n"


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    when = (one["as_of"][:10], count(one["eligible"]))
    if absent(one["lift_pp"]):
        said = f"{one['verdict'].replace('_', ' ')}: {escape(short(one['reason'], 120))}"
        return (*when, MISSING, MISSING, MISSING, said, MISSING, MISSING, _name(one["leader"]))
    return (
        *when,
        reach_words(one),
        f"{points(one['lift_pp'])} ({interval(one['ci_low_pp'], one['ci_high_pp'])})",
        points(one["lift_same_pp"]),
        verdict(one["verdict"]).word,
        points(one["revenue_gap"], 2),
        one["leads_revenue"],
        _name(one["leader"]),
    )


def _name(name: str | None) -> str:
    return MISSING if name is None else escape(short(name, 60))
