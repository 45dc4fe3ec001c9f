"""Lines of YAML with comments; names from the data can never break out of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

DECIDE = "DECIDE"
WIDTH = 100
COMMENT_AT = 36


def decisions(text: str) -> list[tuple[int, str]]:
    """(line, what is to be decided) of everything the draft leaves to a person."""
    marked = enumerate(text.splitlines(), start=1)
    found = [(number, line.partition(f"# {DECIDE}: ")) for number, line in marked]
    return [(number, after) for number, (_, mark, after) in found if mark]


def scalar(value: str) -> str:
    """A text as YAML, on one line whatever it holds; plain where it can be."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./*-]*", value) and yaml.safe_load(value) == value:
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**6)
    return quoted.strip()


def noted(text: str, note: str) -> str:
    """The line with a comment, where comments begin."""
    return f"{text:<{COMMENT_AT - 2}}  # {note}"


def comment(text: str, *, indent: int = 0) -> Iterator[str]:
    """The text as comment lines of at most WIDTH characters."""
    line, begin = "", " " * indent + "#"
    for word in text.split(" "):
        if line and len(begin) + len(line) + 1 + len(word) > WIDTH:
            yield begin + line
            line = ""
        line += f" {word}"
    yield begin + line
