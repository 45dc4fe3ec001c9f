"""Rules about what is compared: candidates, their thresholds, relatives and negative controls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nsm_pipeline.product.candidate import CompositeCandidate, Part, SimpleCandidate
from nsm_pipeline.product.clauses import (
    clauses,
    counting_clauses,
    counts_whole,
    events_named,
    outcome_events,
)
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.model_findings import did_you_mean
from nsm_pipeline.product.yaml_tree import Finding, Keys, short


def _something_to_rank(config: ProductConfig) -> Iterator[Finding]:
    if not config.candidates and config.discover is None:
        yield Finding(
            ("candidates",),
            "There is no behaviour to compare.",
            "List `candidates`, or add `discover: {events: all}`.",
        )


def _names_unique(config: ProductConfig) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, candidate in enumerate(config.candidates):
        earlier = first.setdefault(candidate.name, index)
        if earlier != index:
            yield Finding(
                ("candidates", index, "name"),
                f'candidates[{earlier}] is named "{short(candidate.name)}" already.',
                "Give each candidate a name of its own.",
            )


def _not_named_as_another_event(config: ProductConfig) -> Iterator[Finding]:
    events = events_named(config)
    for index, candidate in enumerate(config.candidates):
        own = candidate.event if isinstance(candidate, SimpleCandidate) else ()
        if candidate.name in events and candidate.name not in own:
            yield Finding(
                ("candidates", index, "name"),
                f'"{short(candidate.name)}" is an event that this candidate does not count.',
                "Name the candidate after what the account does.",
            )


def _thresholds(config: ProductConfig) -> Iterator[Finding]:
    for keys, clause in clauses(config):
        given = clause.at_least if isinstance(clause, SimpleCandidate | Part) else None
        listed = given if isinstance(given, tuple) else () if given is None else (given,)
        whole, done = counts_whole(clause), f'"{short(clause.event[0])}"'
        for index, k in enumerate(listed):
            place = (*keys, "at_least", index)
            yield from _threshold(place, k, whole=whole, done=f"having done {done}")
    for index, k in enumerate(config.discover.at_least if config.discover else ()):
        place = ("discover", "at_least", index)
        yield from _threshold(place, k, whole=True, done="having done every event")


def _threshold(keys: Keys, k: float, *, whole: bool, done: str) -> Iterator[Finding]:
    if k <= 0:
        yield Finding(
            keys,
            f"{k:g} would count every account as {done}.",
            f"Give {'1 or more' if whole else 'more than 0'}, or leave it out to search the"
            " thresholds.",
        )
    elif whole and k != int(k):
        yield Finding(keys, f"{k:g} is no number of times or days.", "Give a whole number.")


def _parts(config: ProductConfig) -> Iterator[Finding]:
    for keys, part in counting_clauses(config):
        if not isinstance(part, Part):
            continue
        if (part.at_least is None) == (part.at_most is None):
            what = "neither" if part.at_least is None else "both"
            yield Finding(
                keys,
                f"A part needs one of `at_least` and `at_most`; this one has {what}.",
                "Give `at_least: 1` for done, or `at_most: 0` for never done.",
            )
        elif part.at_most is not None and counts_whole(part):
            yield from _upper_limit((*keys, "at_most"), part.at_most)


def _upper_limit(keys: Keys, k: float) -> Iterator[Finding]:
    if k < 0 or k != int(k):
        what = f"{k:g} is no number of times or days."
        yield Finding(keys, what, "Give 0 or a whole number above it.")


def _something_done(config: ProductConfig) -> Iterator[Finding]:
    for index, candidate in enumerate(config.candidates):
        if isinstance(candidate, CompositeCandidate) and all(
            part.at_most is not None for part in candidate.all_of
        ):
            yield Finding(
                ("candidates", index, "all_of"),
                "Nothing has to be done here, so accounts that do nothing would count.",
                "Give at least one part an `at_least`.",
            )


def _families(config: ProductConfig) -> Iterator[Finding]:
    known = {candidate.name for candidate in config.candidates} | events_named(config)
    for index, family in enumerate(config.families):
        if len(set(family)) < 2:
            yield Finding(
                ("families", index),
                "A family of one says nothing.",
                "List the relatives too, or take it out.",
            )
        yield from _unknown(("families", index), family, known, config)


def _placebos(config: ProductConfig) -> Iterator[Finding]:
    names = {candidate.name for candidate in config.candidates}
    yield from _unknown(("placebos",), config.placebos, names, config)
    for index, name in enumerate(config.placebos):
        if name in config.core_metric.event or name in outcome_events(config):
            yield Finding(
                ("placebos", index),
                f'"{short(name)}" is the core metric or retention itself, not a negative control.',
                "List only what cannot bring an account back.",
            )


def _excluded_events(config: ProductConfig) -> Iterator[Finding]:
    for keys, clause in clauses(config):
        for name in clause.event:
            if name in config.exclude.events:
                yield Finding(
                    (*keys, "event"),
                    f'"{short(name)}" is left out by `exclude.events`, so nobody could do it.',
                    "Take it out of one of the two.",
                )


def _unknown(
    keys: Keys, names: Iterable[str], known: Iterable[str], config: ProductConfig
) -> Iterator[Finding]:
    """With discovery any event may be meant: `check_source` asks the data."""
    for index, name in enumerate(names):
        if config.discover is None and name not in known:
            yield Finding(
                (*keys, index),
                f'There is no candidate or event "{short(name)}" in this file.',
                did_you_mean(name, known, kind="names"),
            )


def _discovered_and_excepted(config: ProductConfig) -> Iterator[Finding]:
    if config.discover and config.discover.events != "all":
        for index, name in enumerate(config.discover.except_):
            if name in config.discover.events:
                yield Finding(
                    ("discover", "except", index),
                    f'"{short(name)}" is listed in `events` as well.',
                    "Take it out of one of the two.",
                )


CANDIDATE_RULES = (
    _something_to_rank,
    _names_unique,
    _not_named_as_another_event,
    _thresholds,
    _parts,
    _something_done,
    _discovered_and_excepted,
    _excluded_events,
    _placebos,
    _families,
)
