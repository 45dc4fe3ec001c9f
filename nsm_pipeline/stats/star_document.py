"""The content of `star.json`: who leads, what success is, and what has changed since, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from nsm_pipeline.stats.conversion import HIGH_PP, MEDIUM_PP, Success
from nsm_pipeline.stats.leadership import (
    RUNS_TO_WIN,
    Choice,
    Contender,
    Leadership,
    Standing,
)

RULE = (
    "The leader stays until one and the same challenger has beaten it on "
    f"{RUNS_TO_WIN} runs in a row, each with more data than the one before: by an interval that "
    "lies above the leader's lift as a whole, or by being a North Star when the leader is none."
)
IMPACT = (
    "By the lower end of the calibrated interval, in points of retention: high from "
    f"{HIGH_PP:g} on, medium from {MEDIUM_PP:g}, low above zero; cannot tell where there is no "
    "interval, where it reaches zero, or where effect and keenness cannot be told apart."
)


@dataclass(frozen=True)
class Told:
    """A behaviour of the top three: its numbers, its place in this run's ranking, its sentence."""

    contender: Contender
    rank: int
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """One record."""
        numbers = asdict(self.contender)
        return {**numbers.pop("choice"), **numbers, "rank": self.rank, "sentence": self.sentence}


def standing_json(standing: Standing) -> dict[str, Any]:
    """What the next run needs to know."""
    return {**asdict(standing), "rule_runs": RUNS_TO_WIN}


def read_standing(content: Mapping[str, Any]) -> Standing:
    """The standing that `standing_json` wrote."""
    leader = content["leader"]
    return Standing(
        leader=None if leader is None else Choice(**leader),
        since=content["since"],
        challenger=content["challenger"],
        wins=content["wins"],
        seen_until=datetime.fromisoformat(content["seen_until"]),
    )


def success_sentence(found: Success, contender: Contender) -> str:
    """The comparison that defines success, crude and adjusted."""
    plain = (
        f"{found.reached_share:.1%} of the {found.reached:,} accounts that reach it stay, against "
        f"{found.share:.1%} of all {found.onboarded:,} onboarded: {found.crude_pp:+.1f} points as "
        f"counted ({found.crude_low_pp:.1f} to {found.crude_high_pp:.1f})"
    )
    if found.adjusted_pp is None:
        return f"{plain}; adjusted for keenness it cannot be told."
    if found.adjusted_low_pp is None or found.adjusted_high_pp is None:
        return (
            f"{plain}, {found.adjusted_pp:+.1f} against accounts alike, with an interval that "
            "cannot be told."
        )
    doubt = {
        "worth_testing": "; effect and keenness cannot be told apart here",
        "not_distinguishable": "; that may be nothing",
    }.get(contender.verdict, "")
    return (
        f"{plain}, {found.adjusted_pp:+.1f} against accounts alike in all else "
        f"({found.adjusted_low_pp:.1f} to {found.adjusted_high_pp:.1f}){doubt}."
    )


def kept_sentence(leadership: Leadership, first: str | None) -> str:
    """How the leader came to lead, or why it stays though this ranking has another `first`."""
    standing, before = leadership.standing, leadership.before
    name = None if standing.leader is None else standing.leader.candidate
    old = None if before is None else before.candidate
    if name is None:
        gone = "" if old is None else f"{old} is no longer among the candidates. "
        return f"{gone}No candidate has an estimate, so none leads."
    if leadership.outcome == "replaced" and name == old:
        return (
            f"{name} leads at another threshold or window, better on {RUNS_TO_WIN} runs in a row."
        )
    told = {
        "first": f"{name} leads because it is the first of this ranking.",
        "replaced": f"{name} has taken the lead: it beat {old} on {RUNS_TO_WIN} runs in a row.",
        "gone": f"{name} leads, because {old} is no longer among the candidates.",
        "moved": f"{name} leads on, at another threshold or window: the former was not searched.",
        "challenged": f"{name} leads on; {standing.challenger} has beaten it on {standing.wins} of "
        f"the {RUNS_TO_WIN} runs in a row that it takes.",
        "kept": f"{name} leads on: {_unbeaten(name, first)}.",
    }
    lost = leadership.leader is None or leadership.leader.lift_pp is None
    return told[leadership.outcome] + (" This run has no estimate for it." if lost else "")


def _unbeaten(name: str, first: str | None) -> str:
    if first is None or first == name:
        return "nothing has beaten it"
    return f"{first} ranks before it, but by no more than noise"


def changes(
    causes: Mapping[str, Sequence[Any]], top: Sequence[str], top_before: Sequence[str]
) -> dict[str, Any]:
    """What differs from the run before: the top three, and the causes by kind.

    Args:
        causes: by kind (`config`, `data`, `method`) the values that changed, each with `what`,
            `before` and `after`.
        top: the names of the top three.
        top_before: those of the run before.
    """
    return {
        "came": [name for name in top if name not in top_before],
        "went": [name for name in top_before if name not in top],
        "causes": {kind: [asdict(change) for change in found] for kind, found in causes.items()},
    }


def changes_sentence(since: datetime, found: Mapping[str, Any]) -> str:
    """What differs from the run before and which of data, configuration and method changed."""
    told = [f"{name} came into the top three" for name in found["came"]]
    told += [f"{name} left it" for name in found["went"]]
    moved = f"{_and(told)}. " if told else ""
    return f"Since the run of {since.day} {since:%B %Y}: {moved}{_why(found['causes'])}"


def _why(causes: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    data = {change["what"]: change for change in causes["data"] if change["what"] != "as_of"}
    told = []
    if "eligible" in data:
        more = (data["eligible"]["after"] or 0) - (data["eligible"]["before"] or 0)
        told.append(f"data ({abs(more):,} {'more' if more > 0 else 'fewer'} eligible accounts)")
    elif data:
        told.append("data")
    for kind in ("config", "method"):
        whats = [change["what"] for change in causes[kind]]
        if whats:
            others = f" and {len(whats) - 2} more" if len(whats) > 2 else ""
            told.append(f"{kind} ({', '.join(whats[:2])}{others})")
    return f"Changed: {', '.join(told)}." if told else "Data, config and method are the same."


def _and(told: Sequence[str]) -> str:
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
