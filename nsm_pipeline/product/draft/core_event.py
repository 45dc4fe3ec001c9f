"""Which event could be the core metric, told by its name and by who comes back to do it again.

Never one that is money, leaving, or something undone or received; one that merely shows somebody
was there, or only prepares, comes last and is said to be so. Of the rest, the event that most
accounts did again a week or more later, because value is what people come back for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nsm_pipeline.product.business_model import BusinessModel
from nsm_pipeline.product.draft.seen import EventFact
from nsm_pipeline.product.event_nature import Nature, nature_by_name

SAID: dict[Nature, str] = {
    "value": "may be the moment of value",
    "transaction": "a transaction",
    "preparing": "prepares, or looks around",
    "trivial": "only shows that somebody was there",
    "once": "done once",
    "money": "money: the result of value, not the value",
    "undoing": "something undone, or gone wrong",
    "passive": "happens to an account",
    "leaving": "leaving",
}
# What may be proposed at all, best first.
POSSIBLE: tuple[Nature, ...] = ("value", "transaction", "preparing", "trivial")
RARELY_AGAIN = 0.05
NEARLY_AS_MANY = 0.95


@dataclass(frozen=True)
class Judged:
    """An event and what it seems to be."""

    fact: EventFact
    nature: Nature


@dataclass(frozen=True)
class CoreChoice:
    """The proposed event, why it was taken, and what else there is."""

    chosen: Judged
    named_by_user: bool
    most_frequent: bool
    others: tuple[Judged, ...]
    passed_over: tuple[Judged, ...]
    passive: tuple[str, ...]
    leaving: tuple[str, ...]


def choose_core(
    facts: Sequence[EventFact], *, named: str | None, model: BusinessModel | None
) -> CoreChoice | None:
    """The core event, or None where no event may be one.

    Args:
        facts: every event name.
        named: the event that the user says it is.
        model: in a marketplace what is used up is transactions, so they count as value.
    """
    judged = [Judged(fact, _nature(fact, model)) for fact in facts]
    possible = _in_order(judged)
    wanted = [event for event in judged if event.fact.name == named]
    if not (wanted or (possible and named is None)):
        return None
    chosen = wanted[0] if wanted else possible[0]
    rest = [event for event in judged if event is not chosen]
    return CoreChoice(
        chosen=chosen,
        named_by_user=named is not None,
        most_frequent=all(event.fact.rows <= chosen.fact.rows for event in judged),
        others=tuple(event for event in possible if event is not chosen),
        passed_over=tuple(event for event in rest if event.nature not in POSSIBLE),
        passive=tuple(event.fact.name for event in rest if event.nature == "passive"),
        leaving=tuple(event.fact.name for event in rest if event.nature == "leaving"),
    )


def _nature(fact: EventFact, model: BusinessModel | None) -> Nature:
    told = nature_by_name(fact.name)
    if told == "transaction" and model == "marketplace":
        told = "value"
    rarely = told in ("value", "transaction") and fact.returned_share < RARELY_AGAIN
    return "once" if rarely else told


def _in_order(judged: Iterable[Judged]) -> list[Judged]:
    """The possible events, best first.

    An act and its lines are done again by the same accounts; the coarser of them is the act.
    """
    possible = [event for event in judged if event.nature in POSSIBLE]
    ordered: list[Judged] = []
    for nature in POSSIBLE:
        left = [event for event in possible if event.nature == nature]
        while left:
            most = max(event.fact.returned for event in left)
            near = [e for e in left if e.fact.returned >= NEARLY_AS_MANY * most]
            first = min(near, key=lambda e: (e.fact.rows / max(e.fact.accounts, 1), e.fact.name))
            ordered.append(first)
            left.remove(first)
    return ordered
