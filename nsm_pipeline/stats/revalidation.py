"""Keep, review or replace: what past moments say of a chosen behaviour, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Answer = Literal["yes", "no", "cannot tell"]
Decision = Literal["keep", "review", "replace"]

# Worth testing is neither: effect and keenness cannot be told apart (`conversion.impact` says so).
LIFTS = ("north_star", "supported")
LIFTS_NOT = ("not_distinguishable", "harmful")
FOLLOWS_REVENUE = ("lags", "opposite")
IN_A_ROW = 2


@dataclass(frozen=True)
class Moment:
    """The behaviour as the pipeline judged it with what was known then; None: not estimated.

    `lift_same_pp` is the lift of the k and X chosen now, not calibrated; the others are of the k
    and X that were best then. `leader` would lead by that moment's ranking alone, kept from no run
    before. Units: percentage points, currency per account.
    """

    as_of: str
    lifts: Answer
    leads_revenue: Answer
    verdict: str
    reason: str
    eligible: int | None = None
    rank: int | None = None
    leader: str | None = None
    at_least: float | None = None
    within_days: int | None = None
    lift_pp: float | None = None
    ci_low_pp: float | None = None
    ci_high_pp: float | None = None
    lift_same_pp: float | None = None
    revenue_gap: float | None = None
    revenue_gap_ci_low: float | None = None
    revenue_gap_ci_high: float | None = None
    series: str | None = None
    fading: bool | None = None


@dataclass(frozen=True)
class Verdict:
    """The decision with its reasons in sentences, the deciding one first."""

    decision: Decision
    reasons: tuple[str, ...]


def judged_then(as_of: str, ranking: dict[str, Any], candidate: str, **known: Any) -> Moment:
    """The behaviour's row of that moment's `ranking.json`, with what it says of both questions."""
    row = next((r for r in ranking["candidates"] if r["candidate"] == candidate), None)
    if row is None:
        reason = "It was no candidate of that run."
        return Moment(as_of, "cannot tell", "cannot tell", "absent", reason, **known)
    series = next(
        (s["verdict"] for s in ranking["revenue"]["series"] if s["candidate"] == candidate), None
    )
    named = ("rank", "at_least", "within_days", "lift_pp", "ci_low_pp", "ci_high_pp", "fading")
    gap = ("revenue_gap", "revenue_gap_ci_low", "revenue_gap_ci_high")
    return Moment(
        as_of=as_of,
        lifts=_lifts(row["verdict"]),
        leads_revenue=_leads(row, series),
        verdict=row["verdict"],
        reason=row["reason"],
        series=series,
        **{name: row[name] for name in (*named, *gap)},
        **known,
    )


def decide(moments: Sequence[Moment]) -> Verdict:
    """What to do with the behaviour, given its past, oldest first; the newest counts most."""
    told = [moment for moment in moments if moment.lifts != "cannot tell"]
    newest = moments[-1]
    if newest.lifts == "cannot tell":
        return Verdict("review", (f"Whether it lifts cannot be told now: {newest.reason}",))
    if newest.verdict == "harmful":
        return Verdict("replace", ("It does harm among alike accounts now.",))
    if newest.lifts == "no":
        if len(told) >= IN_A_ROW and told[-IN_A_ROW].lifts == "no":
            return Verdict("replace", ("Its lift is gone at the two newest moments.",))
        return Verdict("review", ("Its lift cannot be told from none now; once is not a trend.",))
    if newest.leads_revenue == "no":
        before = [m for m in moments if m.leads_revenue != "cannot tell"][-IN_A_ROW:]
        if len(before) == IN_A_ROW and all(m.leads_revenue == "no" for m in before):
            return Verdict("replace", ("It lifts, and revenue did not follow it twice in a row.",))
        return Verdict("review", ("It lifts, and revenue does not follow it now.",))
    return _of_a_lift(newest, told)


def _of_a_lift(newest: Moment, told: Sequence[Moment]) -> Verdict:
    earlier = told[:-1]
    lifted = sum(moment.lifts == "yes" for moment in earlier)
    money = (
        "It leads revenue."
        if newest.leads_revenue == "yes"
        else "Whether it leads revenue cannot be told."
    )
    if not earlier:
        return Verdict("review", ("It lifts now, and no earlier moment can be told.", money))
    times = f"It lifts now, and did at {lifted} of {len(earlier)} earlier moments."
    if 2 * lifted < len(earlier):
        return Verdict("review", (times, money))
    if newest.fading:
        return Verdict("review", (f"{times} It fades from earlier cohorts to later ones.", money))
    return Verdict("keep", (times, money))


def _lifts(verdict: str) -> Answer:
    if verdict in LIFTS:
        return "yes"
    return "no" if verdict in LIFTS_NOT else "cannot tell"


def _leads(row: dict[str, Any], series: str | None) -> Answer:
    low, high = row["revenue_gap_ci_low"], row["revenue_gap_ci_high"]
    if series in FOLLOWS_REVENUE or (high is not None and high <= 0):
        return "no"
    return "yes" if low is not None and low > 0 else "cannot tell"
