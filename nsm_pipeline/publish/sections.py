"""The folded sections of the page, in order: each says its finding in one line, the rest below it.

A reviewer reads the lines; whoever doubts one unfolds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

    from nsm_pipeline.runs.run_folder import RunFolder


@dataclass(frozen=True)
class Section:
    """One part of the page: its anchor, its title, its finding in a sentence, and the details."""

    anchor: str
    title: str
    finding: str
    body: Markup


# A section whose files the run did not leave says None and is not shown.
SECTIONS: tuple[Callable[[RunFolder], Section | None], ...] = ()


def told_sections(folder: RunFolder) -> list[Section]:
    """The sections that this run has something to say in."""
    return [section for told in SECTIONS if (section := told(folder)) is not None]
