"""One folded part of the page: its finding in a line, the rest below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """Its anchor, its title, its finding in one sentence, and the details.

    `measured` says as of when, where that was on an earlier night.
    """

    anchor: str
    title: str
    finding: str
    body: Markup
    measured: str = ""
