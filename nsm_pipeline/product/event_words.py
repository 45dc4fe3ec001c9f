"""Events in words: what one does, to what. Declared, or read off a name such as order_placed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import Field

from nsm_pipeline.product.grammar import Model, Name

# Only these are taken for verbs: a wrong guess would read worse than the name in quotes.
VERBS = frozenset(
    """
    abandon accept achieve activate add answer apply approve archive ask assign attach
    attend book browse call cancel change chat check click clone close collect comment
    complete configure confirm connect contact copy create customise customize deactivate
    delete deliver deploy design develop download duplicate earn edit email embed enable
    enrol enter execute explore export favourite fetch filter finish fix follow format
    generate host import improve index install integrate invite join label launch learn like
    link list listen load log map mark match merge message move name note notify open order
    organise organize pass pause perform pin place plan play post prepare preview print
    process publish pull purchase push query rate reach read receive record redeem refer
    refresh register remove rename renew rent repeat reply report request reserve resolve
    respond restore resume return review run save scan schedule score search select share
    ship skip solve sort start stop store stream submit subscribe suggest switch sync tag
    test touch track train transfer translate trigger try type unlock update upgrade upload
    use validate verify view visit vote watch wish work
    """.split()  # noqa: SIM905 -- a list of literals would take four times the room
)
DOUBLED = {
    *("cancel", "chat", "enrol", "format", "label", "log", "map", "pin", "plan", "refer", "scan"),
    *("ship", "skip", "stop", "submit", "tag", "transfer"),
}
IRREGULAR = {
    **{"begun": "begin", "bought": "buy", "built": "build", "canceled": "cancel", "done": "do"},
    **{"drawn": "draw", "found": "find", "given": "give", "heard": "hear", "held": "hold"},
    **{"kept": "keep", "left": "leave", "made": "make", "met": "meet", "paid": "pay"},
    **{"read": "read", "seen": "see", "sent": "send", "sold": "sell"},
    **{"spent": "spend", "taken": "take", "told": "tell", "won": "win", "written": "write"},
}
# First in a name these are as often the thing: message_count, order_page.
NOUNS_TOO = {
    *("answer", "book", "call", "change", "chat", "check", "click", "comment", "contact", "copy"),
    *("design", "email", "embed", "export", "favourite", "filter", "format", "host", "import"),
    *("label", "launch", "like", "link", "list", "load", "log", "map", "mark", "match", "message"),
    *("name", "note", "order", "pass", "pause", "pin", "place", "plan", "play", "post", "preview"),
    *("print", "process", "purchase", "query", "rate", "record", "release", "report", "request"),
    *("reserve", "return", "review", "run", "score", "search", "share", "ship", "sort", "start"),
    *("stop", "store", "stream", "switch", "tag", "test", "touch", "track", "train", "transfer"),
    *("trigger", "type", "update", "upgrade", "use", "view", "visit", "vote", "watch", "work"),
}
WHOLE = {
    **{"login": "log in", "log_in": "log in", "signin": "sign in", "sign_in": "sign in"},
    **{"signup": "sign up", "sign_up": "sign up", "checkout": "check out"},
}
TOKEN = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.\- ]*")


class EventWords(Model):
    """One event as people say it: place, an order, orders. Without a thing it is done in times."""

    do: Name = Field(examples=["place"])
    one: Name | None = Field(None, examples=["an order"])
    many: Name | None = Field(None, examples=["orders"])


@dataclass(frozen=True)
class Activity:
    """What one does, to which things (singular without its article, and plural), if to any."""

    do: str
    things: tuple[tuple[str, str], ...] = ()

    @property
    def one(self) -> str:
        """One thing with its article."""
        return " or ".join(f"{_article(single)} {single}" for single, _ in self.things)

    @property
    def single(self) -> str:
        """One thing, after a number or an article."""
        return " or ".join(single for single, _ in self.things)

    @property
    def many(self) -> str:
        """Several of the things."""
        return " or ".join(many for _, many in self.things)


def activity(selector: Iterable[str], declared: dict[str, EventWords]) -> Activity:
    """What accounts with one of these events do."""
    events = tuple(selector)
    if "any" in events:
        return Activity("be active")
    told = [_one_activity(event, declared) for event in events]
    if len(told) == 1:
        return told[0]
    if len({each.do for each in told}) == 1 and all(each.things for each in told):
        return Activity(told[0].do, tuple(thing for each in told for thing in each.things))
    whole = [f"{each.do} {each.one}".rstrip() for each in told]
    if all(text.startswith("do “") for text in whole):
        whole[1:] = [text.removeprefix("do ") for text in whole[1:]]
    return Activity(" or ".join(whole))


def column_words(column: str) -> str:
    """A column as people say it: stock_code as stock code."""
    return " ".join(_tokens(column)) or f"“{column}”"


def plural(words: str) -> str:
    """The plural of a noun, by the rules that most nouns follow."""
    if re.search(r"[^aeiou]y$", words):
        return f"{words[:-1]}ies"
    return f"{words}es" if re.search(r"(s|x|z|ch|sh)$", words) else f"{words}s"


def _one_activity(event: str, declared: dict[str, EventWords]) -> Activity:
    said = declared.get(event)
    if said is not None:
        if said.one is None or said.many is None:
            return Activity(said.do)
        return Activity(said.do, ((re.sub(r"^(an?|the) ", "", said.one), said.many),))
    if "*" in event:
        return Activity(f"do anything named “{event}”")
    tokens = _tokens(event)
    if "_".join(tokens) in WHOLE:
        return Activity(WHOLE["_".join(tokens)])
    done = {_participle(verb): verb for verb in VERBS} | IRREGULAR
    if tokens and tokens[-1] in done:
        return _doing(done[tokens[-1]], tokens[:-1])
    if tokens and tokens[0] in done:
        return _doing(done[tokens[0]], tokens[1:])
    if tokens and tokens[0] in VERBS and (len(tokens) == 1 or tokens[0] not in NOUNS_TOO):
        return _doing(tokens[0], tokens[1:])
    return Activity(f"do “{event}”")


def _doing(verb: str, thing: Sequence[str]) -> Activity:
    words = " ".join(thing)
    if not words:
        return Activity(verb)
    if re.search(r"[^sui]s$", words):  # docs_read: the thing stands in the plural already
        return Activity(verb, ((words[:-1], words),))
    return Activity(verb, ((words, plural(words)),))


def _participle(verb: str) -> str:
    if verb in DOUBLED:
        return f"{verb}{verb[-1]}ed"
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ied"
    return f"{verb}d" if verb.endswith("e") else f"{verb}ed"


def _tokens(name: str) -> list[str]:
    """The words of a name in small letters; none where it is not made of plain ones."""
    return [token.lower() for token in TOKEN.findall(name)] if PLAIN.fullmatch(name) else []


def _article(noun: str) -> str:
    vowel = re.match(r"[aeiou]", noun, re.IGNORECASE) and not re.match(r"(uni|use|eu|one)", noun)
    return "an" if vowel or noun.startswith("hour") else "a"
