"""The North Star in a sentence: core metric, activity, time frame, as a person would say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nsm_pipeline.product.candidate import Behaviour, Part
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.event_words import Activity, activity, column_words, plural
from nsm_pipeline.product.grammar import Condition, Distinct, Measure, Scalar, Sum, Where
from nsm_pipeline.stats.definitions import ordinal
from nsm_pipeline.waist.candidate_spec import as_number

ORDINALS = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)
IDENTIFIERS = {"id", "no", "number", "key", "uuid"}


def star_sentence(
    config: ProductConfig, clauses: Sequence[Behaviour], at_least: float, within_days: int
) -> str:
    """Such as "Schedule the first meeting and send a follow-up within 1 day of it".

    Args:
        config: the product, for its core metric and its words.
        clauses: what the behaviour counts; several parts must all hold.
        at_least: its threshold, where it is not made of parts.
        within_days: the exposure window.
    """
    core, nth = config.core_metric, _in_words(config.onboarding.nth)
    doing = activity(core.event, config.words)
    start = f"{doing.do} {'the' if doing.things else 'for the'} {nth} {doing.single or 'time'}"
    start = f"{start}{_filters(core.where, things=bool(doing.things))}"
    told = behaviour_sentence(config, clauses, at_least)
    frame = f"within {within_days} day{'' if within_days == 1 else 's'} of it"
    included = f", the {nth} one included" if _counts_core(config, clauses) else ""
    plain = len(clauses) == 1 and not clauses[0].where and not core.where
    whole = (
        f"{start} and {told} {frame}{included}"
        if plain
        else f"{start} and, {frame}, {told}{included}"
    )
    return whole[:1].upper() + whole[1:]


def behaviour_sentence(config: ProductConfig, clauses: Sequence[Behaviour], at_least: float) -> str:
    """What one does, such as "purchase items of at least 10 different stock codes"."""
    parts = []
    for clause in clauses:
        least = clause.at_least if isinstance(clause, Part) else at_least
        most = clause.at_most if isinstance(clause, Part) else None
        doing = activity(clause.event, config.words)
        told = _at_most(doing, clause, most) if most is not None else _reach(doing, clause, least)
        parts.append(told)
    return _listed(parts)


def _reach(doing: Activity, clause: Behaviour, at_least: float | None) -> str:
    if not doing.things:
        return _reach_by_doing(doing.do, clause, at_least or 1)
    k, measure = as_number(at_least or 1), clause.measure
    which = _filters(clause.where, things=True)
    one, many = f"{doing.do} {doing.one}{which}", f"{doing.do} {doing.many}{which}"
    if measure == "count" or _counts_itself(doing, measure):
        return one if k == "1" else f"{doing.do} at least {k} {doing.many}{which}"
    if measure == "days":
        return one if k == "1" else f"{many} on at least {k} different days"
    if isinstance(measure, Distinct):
        column = column_words(measure.distinct)
        return f"{many} of at least {k} different {column if k == '1' else plural(column)}"
    if isinstance(measure, Sum):
        return f"{many} with a total {column_words(measure.sum)} of at least {k}"
    return f"{one} with {_with_article(column_words(measure.max))} of at least {k}"


def _reach_by_doing(do: str, clause: Behaviour, at_least: float) -> str:
    """The same of what is done to nothing in particular."""
    k, measure = as_number(at_least), clause.measure
    if measure == "count":
        much = "" if k == "1" else f" at least {k} times"
    elif measure == "days":
        much = "" if k == "1" else f" on at least {k} different days"
    elif isinstance(measure, Distinct):
        column = column_words(measure.distinct)
        much = f" with at least {k} different {column if k == '1' else plural(column)}"
    elif isinstance(measure, Sum):
        much = f" with a total {column_words(measure.sum)} of at least {k}"
    else:
        much = f" with {_with_article(column_words(measure.max))} of at least {k} at once"
    return f"{do}{much}{_filters(clause.where, things=False)}"


def _at_most(doing: Activity, clause: Behaviour, at_most: float) -> str:
    things = bool(doing.things)
    which = _filters(clause.where, things=things)
    if at_most == 0:
        return f"{doing.do} no {doing.many}{which}" if things else f"never {doing.do}{which}"
    # Said of two, because of one thing no number is said.
    told = _reach(doing, clause, max(at_most, 2))
    told = told.replace(f"at least {as_number(max(at_most, 2))}", f"at most {as_number(at_most)}")
    return told if at_most != 1 or not things else told.replace(doing.many, doing.single, 1)


def _counts_itself(doing: Activity, measure: Measure) -> bool:
    """Different order_id of orders are orders."""
    if not isinstance(measure, Distinct):
        return False
    words = column_words(measure.distinct).split()
    return len(words) > 1 and words[-1] in IDENTIFIERS and " ".join(words[:-1]) == doing.single


def _counts_core(config: ProductConfig, clauses: Sequence[Behaviour]) -> bool:
    """Whether the core event that begins the window counts for the behaviour too."""
    core = config.core_metric
    return any(
        ("any" in clause.event or set(clause.event) & set(core.event))
        and (not clause.where or clause.where == core.where)
        and not (isinstance(clause, Part) and clause.at_most is not None)
        for clause in clauses
    )


def _filters(where: Where, *, things: bool) -> str:
    if not where:
        return ""
    told = [
        f"{column_words(column)} {' and '.join(_tests(test, things=things))}"
        for column, test in where.items()
    ]
    return f"{' whose' if things else ', with'} {' and '.join(told)}"


def _tests(test: Condition, *, things: bool) -> Iterator[str]:
    """What holds of a column: `is red` of things, `red` where there are none."""
    verb = "is " if things else ""
    if test.equals is not None:
        yield f"{verb}{_value(test.equals)}"
    if test.in_ is not None:
        values = [_value(value) for value in test.in_]
        yield f"{verb}{' or '.join([', '.join(values[:-1]), values[-1]][len(values) < 2 :])}"
    if test.contains is not None:
        yield f"{'contains' if things else 'containing'} “{test.contains}”"
    if test.null is not None:
        yield f"{verb}{'missing' if test.null else 'known'}"
    bounds = {"at_least": "at least", "at_most": "at most", "over": "over", "under": "under"}
    for key, phrase in bounds.items():
        if getattr(test, key) is not None:
            yield f"{verb}{phrase} {_value(getattr(test, key))}"


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return as_number(value) if isinstance(value, int | float) else str(value)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _with_article(words: str) -> str:
    return f"{'an' if words[:1] in 'aeio' else 'a'} {words}"


def _in_words(n: int) -> str:
    return ORDINALS[n - 1] if n <= len(ORDINALS) else ordinal(n)
