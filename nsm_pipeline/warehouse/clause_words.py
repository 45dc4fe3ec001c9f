"""A clause of the product file in words: which events, how measured, how much of it."""

from __future__ import annotations

from nsm_pipeline.product.candidate import Behaviour, Part
from nsm_pipeline.product.grammar import Condition, Distinct, Max, Sum
from nsm_pipeline.waist.candidate_spec import as_number


def measure_words(clause: Behaviour) -> tuple[str, str]:
    """What stands before and after the threshold."""
    rows = row_words(clause)
    measure = clause.measure
    if isinstance(measure, Distinct):
        return f"{rows} with at least ", f" different {measure.distinct}"
    if isinstance(measure, Sum):
        return f"{rows} with {measure.sum} adding up to at least ", " in all"
    if isinstance(measure, Max):
        return f"{rows} with {measure.max} of at least ", " at once"
    return (
        (f"{rows} on at least ", " days") if measure == "days" else (f"{rows} at least ", " times")
    )


def part_words(part: Part) -> str:
    """A clause with its limits; `no chart_run` for one that must not be done."""
    before, after = measure_words(part)
    if part.at_most == 0:
        return f"no {row_words(part)}"
    words = []
    if part.at_least is not None:
        words.append(f"{before}{as_number(part.at_least)}{after}")
    if part.at_most is not None:
        words.append(f"{before.replace('at least', 'at most')}{as_number(part.at_most)}{after}")
    return " and ".join(words)


def row_words(clause: Behaviour) -> str:
    """Which events: their names and their conditions."""
    events = "any event" if "any" in clause.event else " or ".join(clause.event)
    if not clause.where:
        return events
    return f"{events} where " + " and ".join(
        f"{column} {_condition_words(condition)}" for column, condition in clause.where.items()
    )


def _condition_words(condition: Condition) -> str:
    words = []
    if condition.equals is not None:
        words.append(f"is {condition.equals}")
    if condition.in_ is not None:
        words.append(f"is one of {', '.join(map(str, condition.in_))}")
    if condition.contains is not None:
        words.append(f'contains "{condition.contains}"')
    if condition.null is not None:
        words.append("is missing" if condition.null else "is known")
    named = {
        "at_least": "is at least",
        "at_most": "is at most",
        "over": "is over",
        "under": "is under",
    }
    words += [
        f"{phrase} {getattr(condition, key)}"
        for key, phrase in named.items()
        if getattr(condition, key) is not None
    ]
    return " and ".join(words)
