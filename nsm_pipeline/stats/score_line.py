"""One line of a scorecard: a test, how it came out, and why in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["passes", "fix", "fails", "cannot tell"]
TESTS = {
    "value": "Value to the customer",
    "leads": "Leads revenue",
    "movable": "The team can move it",
    "can_fall": "Can fall",
    "not_vanity": "Not vanity",
    "gaming": "Survives the gaming test",
    "one_sentence": "One sentence",
    "delivered": "Delivered value, not mere engagement",
    "stable": "Stable over time",
}


@dataclass(frozen=True)
class Line:
    """How one test came out."""

    test: str
    state: State
    sentence: str

    @property
    def title(self) -> str:
        """The test's name."""
        return TESTS[self.test]
