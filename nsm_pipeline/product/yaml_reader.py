"""YAML text as a tree of plain values with their positions.

Everything that makes PyYAML crash, explode or keep quiet is refused here, before a model is built:
the C loader overflows its stack at some 40,000 nested brackets and takes the process with it, an
alias bomb loads at once and explodes later, and of two equal keys the last wins in silence.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.yaml_tree import Finding, Keys, Position, YamlTree, short

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_NODES = 20_000
OPENING = {yaml.MappingStartEvent, yaml.SequenceStartEvent}
CLOSING = {yaml.MappingEndEvent, yaml.SequenceEndEvent}

Events = Iterator[yaml.Event]
PLAIN_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
PLAIN_SCALARS = {
    f"tag:yaml.org,2002:{kind}" for kind in ["str", "int", "float", "bool", "null", "timestamp"]
}
RESOLVER: Any = Resolver()


def read_text(path: Path) -> str:
    """The text of a product file.

    Raises:
        InvalidInput: it is missing, not a file, too large, empty or not UTF-8.
    """

    def refuse(what: str, mend: str) -> InvalidInput:
        return InvalidInput(Problem(str(path), what, mend))

    try:
        if not path.exists():
            raise refuse(
                "There is no such file.", "Check the path; products live in config/products/."
            )
        if not path.is_file():
            raise refuse("This is not a file.", "Give the path of one product's .yaml file.")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "strerror", None) or "the path itself is not valid"
        raise refuse(
            f"The file cannot be read: {reason}.", "Check the path and its rights."
        ) from failure
    if len(raw) > MAX_BYTES:
        raise refuse("The file is larger than 256 kB.", "Describe one product per file.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = raw.count(b"\n", 0, failure.start) + 1
        raise refuse(f"Line {line} is not UTF-8 text.", "Save the file as UTF-8.") from failure
    if not text.strip():
        raise refuse("The file is empty.", "Start from one of the files in config/products/.")
    return text


def read_tree(text: str, label: str) -> YamlTree:
    """The values of one YAML document with their positions.

    Raises:
        InvalidInput: the text is no YAML, or not the plain kind that a product file is.
    """
    tree = YamlTree({})
    events = _guarded(text, label)
    try:
        root = next((event for event in events if isinstance(event, yaml.NodeEvent)), None)
        if isinstance(root, yaml.MappingStartEvent):
            tree.value.update(_read_mapping(events, (), tree))
        deque(events, maxlen=0)  # to its end: what comes last may be wrong as well
    except yaml.YAMLError as failure:
        raise InvalidInput(_syntax_problem(failure, text, label)) from failure
    if not isinstance(root, yaml.MappingStartEvent):
        found = "a list" if isinstance(root, yaml.SequenceStartEvent) else "no keys at all"
        raise InvalidInput(
            Problem(
                f"{label}:1:1",
                f"A product file is made of `key: value` lines; here is {found}.",
                "Start from one of the files in config/products/.",
            )
        )
    return tree


def _guarded(text: str, label: str) -> Events:
    """The events of the text, read without a stack, as far as the first that is too much.

    The tree is built from them as they come: PyYAML's own nodes would cost a second reading and
    more time than all else that is done with a product file.
    """
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        kind = type(event)
        depth += (kind in OPENING) - (kind in CLOSING)
        nodes += isinstance(event, yaml.NodeEvent)
        documents += kind is yaml.DocumentStartEvent
        if getattr(event, "anchor", None) is not None:
            what = "Anchors (&) and aliases (*) are not used here."
            mend = "Write it out, or put it in quotes if the name itself begins with & or *."
        elif depth > MAX_DEPTH:
            what, mend = f"More than {MAX_DEPTH} levels of nesting.", "Close the brackets."
        elif nodes > MAX_NODES:
            what, mend = f"More than {MAX_NODES:,} values.", "Describe one product per file."
        elif documents > 1:
            what, mend = "A second document begins here (`---`).", "Give each product a file."
        else:
            yield event
            continue
        mark = event.start_mark
        where = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
        raise InvalidInput(Problem(where, what, mend))


def _syntax_problem(failure: yaml.YAMLError, text: str, label: str) -> Problem:
    mark = getattr(failure, "problem_mark", None)
    where = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
    reason = getattr(failure, "problem", None) or getattr(failure, "reason", None) or "unreadable"
    mend = "Check the indentation, the colons and the quotes here and on the line before."
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        mend = "Indent with spaces, not with tabs."
    begun = getattr(failure, "context_mark", None)
    since = f" (in what begins on line {begun.line + 1})" if begun else ""
    return Problem(where, f"This is not valid YAML: {reason}{since}.", mend)


def _read(event: yaml.Event, events: Events, keys: Keys, tree: YamlTree) -> Any:
    """The value that begins with this event; what follows it is left in `events`."""
    if isinstance(event, yaml.ScalarEvent):
        return _read_scalar(event, keys, tree)
    if isinstance(event, yaml.MappingStartEvent):
        return _read_mapping(events, keys, tree)
    values: list[Any] = []
    while not isinstance(item := next(events), yaml.SequenceEndEvent):
        path = (*keys, len(values))
        tree.positions[path] = _position(item, item)
        values.append(_read(item, events, path, tree))
    return values


def _read_mapping(events: Events, keys: Keys, tree: YamlTree) -> dict[str, Any]:
    values: dict[str, Any] = {}
    while not isinstance(key := next(events), yaml.MappingEndEvent):
        if not isinstance(key, yaml.ScalarEvent):
            at = _position(key, key)
            _read(key, events, (), YamlTree(None))
            _read(next(events), events, (), YamlTree(None))
            tree.findings.append(
                Finding(keys, "A key must be a plain name.", "Write `name: value`.", at=at)
            )
            continue
        name, item = key.value, next(events)
        path, at = (*keys, name), _position(item, key)
        if name in values:
            _read(item, events, path, YamlTree(None))
            first = tree.positions[path].key_line
            again = at._replace(line=at.key_line, column=at.key_column)
            what = f"`{short(name)}` stands here a second time; the first is on line {first}."
            tree.findings.append(Finding(path, what, "Keep one of the two.", at=again))
            continue
        tree.positions[path] = at
        values[name] = _read(item, events, path, tree)
    return values


def _position(item: yaml.Event, key: yaml.Event) -> Position:
    """Of a block that begins on a line of its own, the key in front of it is what is looked for."""
    in_block = isinstance(item, yaml.CollectionStartEvent) and not item.flow_style
    value, name = (key if in_block else item).start_mark, key.start_mark
    assert value is not None and name is not None
    return Position(value.line + 1, value.column + 1, name.line + 1, name.column + 1)


def _read_scalar(event: yaml.ScalarEvent, keys: Keys, tree: YamlTree) -> Any:
    text = tree.written[keys] = event.value
    tag = event.tag
    if tag in (None, "!"):
        tag = RESOLVER.resolve(yaml.ScalarNode, text, event.implicit)

    def note(what: str, mend: str) -> None:
        tree.findings.append(Finding(keys, what, mend))
        tree.unreadable.add(keys)

    if tag not in PLAIN_SCALARS:
        note(f"The tag {tag} is not read.", "Write a plain value, without `!`.")
        return None
    kind = tag.rpartition(":")[2]
    if kind == "str":
        return text
    if kind == "int" and not PLAIN_INTEGER.fullmatch(text):
        note(
            f"YAML 1.1 reads {short(text)} as another number (octal, base 60 or with underscores).",
            f'Write it as a plain decimal, or as text: "{short(text)}".',
        )
        return None
    try:
        return SafeConstructor().construct_object(yaml.ScalarNode(tag, text))
    except (ValueError, OverflowError, yaml.YAMLError):
        named = {"timestamp": "date or time that exists", "int": "number"}.get(kind, "value")
        note(f"{short(text)} is no {named}.", "Correct it, or put it in quotes if it is text.")
        return None
