"""Each test of a scorecard: the rule, its threshold, and the sentence. See docs/scorecard.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nsm_pipeline.stats.gaming import JustReached, Recount
from nsm_pipeline.stats.score_evidence import Evidence
from nsm_pipeline.stats.score_line import Line, State

ALPHA = 0.05
HEAP_ALPHA = 0.01
FEWEST_CHANGES = 12
EVERYBODY, HARDLY_ANYBODY = 0.9, 0.05
LOPSIDED, TOP_TENTH_HOLDS = 0.25, 0.5
MOST_SPACED_OUT = 0.5
MOST_CLAUSES = 3


def value(e: Evidence) -> Line:
    """Declared: a sentence on what a customer has got, beside the promise."""
    said = e.subject.declared.value if e.subject.declared else None
    if said is None:
        return Line("value", "cannot tell", "Nobody has said what a customer has got by then.")
    promise = f" The promise: {e.promise}." if e.promise else " No promise is declared beside it."
    return Line("value", "passes" if e.promise else "cannot tell", f"Declared: {said}.{promise}")


def leads(e: Evidence) -> Line:
    """The backtest in both directions: revenue after it, and not it after revenue."""
    if not e.has_revenue:
        return Line("leads", "cannot tell", "No revenue is declared.")
    verdict = e.series["verdict"] if e.series else None
    low, high = _gap(e)
    if verdict in ("lags", "opposite"):
        return Line("leads", "fails", e.series["note"] if e.series else "")
    if high is not None and high < 0:
        return Line(
            "leads", "fails", f"Those who did it brought in less afterwards{_gap_words(e)}."
        )
    over_weeks = f" Over weeks: {e.series['note']}" if e.series else ""
    if low is not None and low > 0:
        after = f"Those who did it brought in more afterwards{_gap_words(e)}."
        return Line("leads", "passes", after + over_weeks)
    if verdict == "leads":
        return Line("leads", "passes", over_weeks.strip())
    unknown = "No account's revenue is known to differ by it." if e.row else ""
    return Line(
        "leads", "cannot tell", (unknown + over_weeks).strip() or "No series is long enough."
    )


def _gap(e: Evidence) -> tuple[float | None, float | None]:
    return (e.row["revenue_gap_ci_low"], e.row["revenue_gap_ci_high"]) if e.row else (None, None)


def _gap_words(e: Evidence) -> str:
    low, high = _gap(e)
    if e.row is None or low is None or high is None:
        return ""
    return f", {e.row['revenue_gap']:,.2f} each ({low:,.2f} to {high:,.2f})"


def movable(e: Evidence) -> Line:
    """An owner is declared, and cohorts differ by more than counting noise."""
    owner = e.subject.declared.owner if e.subject.declared else None
    told = f"Owner: {owner}." if owner else "No owner is declared."
    if e.spread is None:
        return Line("movable", "cannot tell", f"{told} No cohorts show whether it moves by itself.")
    s = e.spread
    span = f"over {s.cohorts} cohorts it was {s.lowest:.0%} to {s.highest:.0%}"
    if s.p_value >= ALPHA:
        known = f"{told} It has not moved beyond chance: {span}."
        return Line("movable", "cannot tell", known)
    moved = f"{told} It moves: {span}, {s.sd_pp:.1f} points apart beyond chance."
    return Line("movable", "passes" if owner else "cannot tell", moved)


def can_fall(e: Evidence) -> Line:
    """Some period was below the one before it."""
    if e.falls is None:
        return Line("can_fall", "cannot tell", "There is no series of it.")
    changes, falls = e.falls.changes, e.falls.falls
    if falls:
        return Line("can_fall", "passes", f"It fell in {falls} of {changes} periods.")
    if changes < FEWEST_CHANGES:
        told = f"It has not fallen yet, in {changes} periods; {FEWEST_CHANGES} are needed."
        return Line("can_fall", "cannot tell", told)
    told = (
        f"It has not fallen in any of {changes} periods: a running total, or growth without a bad"
        " one. Count what happens in each period instead."
    )
    return Line("can_fall", "fix", told)


def not_vanity(e: Evidence) -> Line:
    """Reached by some and not by all, and those who reach it stay more often."""
    if e.subject.presence:
        return Line("not_vanity", "fix", f"Presence, not value: {e.subject.presence}.")
    if e.row is None:
        told = "Whether those it counts stay more often is only estimated for behaviours."
        return Line("not_vanity", "cannot tell", told)
    reach, verdict = e.row["reach"], e.row["verdict"]
    told = f"{reach:.0%} of accounts reach it; {e.row['reason']}"
    if verdict == "harmful":
        return Line("not_vanity", "fails", told)
    if reach > EVERYBODY:
        return Line("not_vanity", "fix", f"Nearly everybody reaches it. {told}")
    if reach < HARDLY_ANYBODY:
        return Line("not_vanity", "fix", f"Hardly anybody reaches it. {told}")
    known = verdict in ("north_star", "supported")
    return Line("not_vanity", "passes" if known else "cannot tell", told)


def gaming(e: Evidence) -> Line:
    """The laziest way is named, and none of the measures shows somebody taking one."""
    lazy = e.subject.declared.laziest_way if e.subject.declared else None
    told = f"The laziest way: {lazy}." if lazy else "Nobody has named the laziest way."
    caught = [*(_caught(e.recount) if e.recount else ()), *_barely(e)]
    if caught:
        return Line("gaming", "fix", f"{told} {' '.join(caught)}")
    if e.recount is None:
        return Line("gaming", "cannot tell", f"{told} {e.not_recounted}")
    r = e.recount
    seen = (
        f"Of {r.doers:,} who did it, {r.spaced:,} still do without repeats within a minute and"
        f" {r.by_days:,} when each day counts once; a tenth of them hold {r.top_share:.0%} of it,"
        f" and {r.lopsided_share:.0%} is by accounts that hardly do anything else."
    )
    return Line("gaming", "passes" if lazy else "cannot tell", f"{told} {seen}")


def _caught(r: Recount) -> Iterator[str]:
    if r.lopsided_share > LOPSIDED:
        yield (
            f"{r.lopsided_share:.0%} of it is done by accounts for whom it is five times the part"
            " of their activity that it is for everybody."
        )
    if r.top_share > TOP_TENTH_HOLDS:
        yield f"A tenth of those who do it hold {r.top_share:.0%} of it: the count moves with them."
    if r.doers and r.spaced < MOST_SPACED_OUT * r.doers:
        yield (
            f"Only {r.spaced:,} of {r.doers:,} who reach it still do without repeats within a"
            " minute."
        )
    if r.heap and r.heap.p_value < HEAP_ALPHA:
        h = r.heap
        yield (
            f"{h.at_k:,} accounts stop exactly there, with {h.below:,} one below and {h.above:,}"
            " one above: more than counts by themselves would."
        )


def _barely(e: Evidence) -> Iterator[str]:
    """Those who only just reach it, where they are known to stay less than half as much more."""
    j, whole = e.just_reached, e.row["lift_pp"] if e.row else None
    if j is not None and whole is not None and whole > 0 and j.ci_high_pp < whole / 2:
        yield f"Those who only just reach it{_upto(j)} stay hardly more often: {_points(j)}."


def _upto(j: JustReached) -> str:
    return f" (fewer than {j.upto:g})" if j.upto is not None else ""


def _points(j: JustReached) -> str:
    return f"{j.lift_pp:.1f} points ({j.ci_low_pp:.1f} to {j.ci_high_pp:.1f})"


def one_sentence(e: Evidence) -> Line:
    """Few enough things to remember: events, conditions, further parts."""
    count = e.subject.clauses
    if count == 0:
        return Line("one_sentence", "cannot tell", "A ratio: explain both of its metrics.")
    things = f"{count} thing{'' if count == 1 else 's'} to remember"
    if count > MOST_CLAUSES:
        told = f"{things}: keep {MOST_CLAUSES} at most. {e.words}"
        return Line("one_sentence", "fix", told)
    return Line("one_sentence", "passes", f"{things}: {e.words}")


def delivered(e: Evidence) -> Line:
    """Declared what more of it means, and its guardrail does not rise with it."""
    declared = e.subject.declared
    name = declared.guardrail if declared else None
    if e.guardrail is not None and e.guardrail.correlation > 0 and e.guardrail.p_value < ALPHA:
        told = f"{name} rises with it (rank correlation {e.guardrail.correlation:.2f})."
        return Line("delivered", "fix", told)
    if declared is None or declared.more_is is None:
        return Line("delivered", "cannot tell", "Nobody has said whether more of it is more value.")
    watched = f" {name} does not rise with it." if e.guardrail is not None else ""
    unseen = (
        f" Too few periods to see whether {name} rises with it." if name and not watched else ""
    )
    if declared.more_is == "value":
        return Line("delivered", "passes", f"Declared: more of it is more value.{watched}{unseen}")
    if name is None:
        told = "Declared: more of it is more engagement. Name a guardrail that must not rise."
        return Line("delivered", "fix", told)
    state: State = "passes" if watched else "cannot tell"
    return Line("delivered", state, f"Declared: more of it is engagement.{watched}{unseen}")


def stable(e: Evidence) -> Line:
    """Later cohorts show it too, and it is not fading."""
    if e.row is None:
        return Line("stable", "cannot tell", "Only behaviours are held against later cohorts.")
    later, whole = e.row["holdout_lift_pp"], e.row["lift_pp"]
    if e.row["fading"]:
        return Line("stable", "fix", "Its effect is fading: later cohorts show less of it.")
    if later is None or whole is None:
        return Line("stable", "cannot tell", "No later cohorts are large enough to look again.")
    told = f"Later cohorts: {later:.1f} points, all: {whole:.1f}."
    return Line("stable", "passes" if later > 0 else "fix", told)


RULES: tuple[Callable[[Evidence], Line], ...] = (
    value,
    leads,
    movable,
    can_fall,
    not_vanity,
    gaming,
    one_sentence,
    delivered,
    stable,
)
