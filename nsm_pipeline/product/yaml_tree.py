"""YAML text as plain values that remember where in the file each of them stands.

Everything that makes PyYAML crash, explode or keep quiet is refused here, before a model is built:
the C loader overflows its stack at some 40,000 nested brackets and takes the process with it, an
alias bomb loads at once and explodes later, and of two equal keys the last wins in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.constructor import SafeConstructor

from nsm_pipeline.errors import InvalidInput, Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_NODES = 20_000
OPENING = {yaml.MappingStartEvent, yaml.SequenceStartEvent}
CLOSING = {yaml.MappingEndEvent, yaml.SequenceEndEvent}

Keys = tuple[str | int, ...]
PLAIN_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
PLAIN_SCALARS = {
    f"tag:yaml.org,2002:{kind}" for kind in ["str", "int", "float", "bool", "null", "timestamp"]
}


class Position(NamedTuple):
    """Line and column, both from 1, of a value and of the key in front of it."""

    line: int
    column: int
    key_line: int
    key_column: int


Positions = Mapping[Keys, Position]


class Finding(NamedTuple):
    """Something wrong at a key path: what, and how to mend it."""

    keys: Keys
    what: str
    mend: str
    at_key: bool = False
    at: Position | None = None


@dataclass(frozen=True)
class YamlTree:
    """The values of a file; the text of each scalar as written; what could not be read."""

    value: Any
    positions: dict[Keys, Position] = field(default_factory=dict)
    written: dict[Keys, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unreadable: set[Keys] = field(default_factory=set)

    def move(self, old: Keys, new: Keys) -> None:
        """Gives the positions below one key path to another."""
        for place in [place for place in self.positions if place[: len(old)] == old]:
            moved = (*new, *place[len(old) :])
            self.positions[moved] = self.positions[place]
            if place in self.written:
                self.written[moved] = self.written[place]


def dotted(keys: Keys) -> str:
    """`candidates[2].at_least` for ("candidates", 2, "at_least")."""
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return path.removeprefix(".")


def position(positions: Positions, keys: Keys, *, at_key: bool = False) -> Position:
    """Where the value at a key path stands; for one that is missing, the key it belongs under."""
    for length in range(len(keys), 0, -1):
        found = positions.get(keys[:length])
        if found and (at_key or length < len(keys)):
            return found._replace(line=found.key_line, column=found.key_column)
        if found:
            return found
    return Position(1, 1, 1, 1)


def located(finding: Finding, positions: Positions) -> Position:
    """Where a finding stands: findings sort by it into file order."""
    return finding.at or position(positions, finding.keys, at_key=finding.at_key)


def place(label: str, positions: Positions, finding: Finding) -> str:
    """`config/products/chat.yaml:14:17  candidates[2].at_least` for a finding."""
    keys = finding.keys
    # A lone value may stand for a list of one: then its index is not in the file.
    while keys and isinstance(keys[-1], int) and keys not in positions:
        keys = keys[:-1]
    at = located(finding, positions)
    return f"{label}:{at.line}:{at.column}  {dotted(keys)}".rstrip()


def problems(label: str, positions: Positions, findings: Iterable[Finding]) -> tuple[Problem, ...]:
    """Findings as problems, in file order."""
    in_order = sorted(findings, key=lambda finding: located(finding, positions))
    return tuple(Problem(place(label, positions, f), f.what, f.mend) for f in in_order)


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
    try:
        _guard(text, label)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as failure:
        raise InvalidInput(_syntax_problem(failure, text, label)) from failure
    if not isinstance(root, yaml.MappingNode):
        found = "a list" if isinstance(root, yaml.SequenceNode) else "no keys at all"
        raise InvalidInput(
            Problem(
                f"{label}:1:1",
                f"A product file is made of `key: value` lines; here is {found}.",
                "Start from one of the files in config/products/.",
            )
        )
    tree = YamlTree({})
    tree.value.update(_read_mapping(root, (), tree))
    return tree


def _guard(text: str, label: str) -> None:
    """Reads the events only, which needs no stack, and stops at the first that is too much."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        kind = type(event)
        depth += (kind in OPENING) - (kind in CLOSING)
        nodes += isinstance(event, yaml.NodeEvent)
        if getattr(event, "anchor", None) is not None:
            what = "Anchors (&) and aliases (*) are not used here."
            mend = "Write it out, or put it in quotes if the name itself begins with & or *."
        elif depth > MAX_DEPTH:
            what, mend = f"More than {MAX_DEPTH} levels of nesting.", "Close the brackets."
        elif nodes > MAX_NODES:
            what, mend = f"More than {MAX_NODES:,} values.", "Describe one product per file."
        else:
            continue
        mark = event.start_mark
        where = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
        raise InvalidInput(Problem(where, what, mend))


def _syntax_problem(failure: yaml.YAMLError, text: str, label: str) -> Problem:
    mark = getattr(failure, "problem_mark", None)
    where = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
    reason = getattr(failure, "problem", None) or getattr(failure, "reason", None) or "unreadable"
    if "single document" in str(failure):
        return Problem(where, "A second document begins here (`---`).", "Give each product a file.")
    mend = "Check the indentation, the colons and the quotes here and on the line before."
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        mend = "Indent with spaces, not with tabs."
    begun = getattr(failure, "context_mark", None)
    since = f" (in what begins on line {begun.line + 1})" if begun else ""
    return Problem(where, f"This is not valid YAML: {reason}{since}.", mend)


def _read(node: yaml.Node, keys: Keys, tree: YamlTree) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _read_mapping(node, keys, tree)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            tree.positions[(*keys, index)] = _position(item, item)
        return [_read(item, (*keys, index), tree) for index, item in enumerate(node.value)]
    return _read_scalar(node, keys, tree)


def _read_mapping(node: yaml.MappingNode, keys: Keys, tree: YamlTree) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            at = _position(key, key)
            tree.findings.append(
                Finding(keys, "A key must be a plain name.", "Write `name: value`.", at=at)
            )
            continue
        name, at = key.value, _position(item, key)
        path = (*keys, name)
        if name in values:
            first = tree.positions[path].key_line
            again = at._replace(line=at.key_line, column=at.key_column)
            what = f"`{short(name)}` stands here a second time; the first is on line {first}."
            tree.findings.append(Finding(path, what, "Keep one of the two.", at=again))
            continue
        tree.positions[path] = at
        values[name] = _read(item, path, tree)
    return values


def _position(item: yaml.Node, key: yaml.Node) -> Position:
    """Of a block that begins on a line of its own, the key in front of it is what is looked for."""
    in_block = isinstance(item, yaml.CollectionNode) and not item.flow_style
    value, name = (key if in_block else item).start_mark, key.start_mark
    return Position(value.line + 1, value.column + 1, name.line + 1, name.column + 1)


def _read_scalar(node: yaml.Node, keys: Keys, tree: YamlTree) -> Any:
    tree.written[keys] = node.value

    def note(what: str, mend: str) -> None:
        tree.findings.append(Finding(keys, what, mend))
        tree.unreadable.add(keys)

    shown = short(node.value)
    if node.tag not in PLAIN_SCALARS:
        note(f"The tag {node.tag} is not read.", "Write a plain value, without `!`.")
        return None
    kind = node.tag.rpartition(":")[2]
    if kind == "str":
        return node.value
    if kind == "int" and not PLAIN_INTEGER.fullmatch(node.value):
        note(
            f"YAML 1.1 reads {shown} as another number (octal, base 60 or with underscores).",
            f'Write it as a plain decimal, or as text: "{shown}".',
        )
        return None
    try:
        return SafeConstructor().construct_object(node)
    except (ValueError, OverflowError, yaml.YAMLError):
        named = {"timestamp": "date or time that exists", "int": "number"}.get(kind, "value")
        note(f"{shown} is no {named}.", "Correct it, or put it in quotes if it is text.")
        return None


def short(text: str) -> str:
    """The text, cut to what fits on a line of a message."""
    return text if len(text) <= 60 else f"{text[:57]}..."
