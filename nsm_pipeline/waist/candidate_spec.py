"""CandidateSpec: what the statistics and the report must know of a candidate besides its counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CandidateSpec:
    """One candidate behaviour, as the warehouse resolved it.

    `event` is the event (or events) it counts; `thresholds` are the k that were searched,
    ascending; `before` and `after` put it in words around k ("order_placed at least ", " times").
    `placebo` marks a negative control, `own_outcome` a behaviour of the very event that retention
    asks for, `other_events` how many event types are left to tell keen accounts from others.
    `relatives` are the other candidates of its declared families.
    """

    name: str
    event: str
    thresholds: tuple[float, ...]
    before: str
    after: str
    placebo: bool
    own_outcome: bool
    other_events: int
    relatives: tuple[str, ...] = ()

    def in_words(self, at_least: float) -> str:
        """The behaviour at one threshold, such as "order_placed at least 2 times"."""
        if not self.after:
            return self.before
        words = f"{self.before}{as_number(at_least)}{self.after}"
        return (
            words.removesuffix("s")
            if at_least == 1 and words.endswith(("times", "days"))
            else words
        )

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> CandidateSpec:
        """The candidate that `as_json` wrote."""
        lists = ("thresholds", "relatives")
        return cls(**{**content, **{name: tuple(content[name]) for name in lists}})

    def as_json(self) -> dict[str, Any]:
        """What `score.json` holds of the candidate."""
        return asdict(self)


def read_specs(content: Iterable[dict[str, Any]]) -> list[CandidateSpec]:
    """All candidates of a run from its `score.json`."""
    return [CandidateSpec.from_json(item) for item in content]


def as_number(value: float) -> str:
    """A threshold as people write it: 3, not 3.0."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,g}"
