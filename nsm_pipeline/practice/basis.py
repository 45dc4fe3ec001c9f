"""What a measuring follows from besides the rows: who has the same may carry it on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from nsm_pipeline.runs.program import program_digest
from nsm_pipeline.runs.run_facts import LIBRARIES
from nsm_pipeline.runs.run_files import POPULATION
from nsm_pipeline.stating import recorded_state

if TYPE_CHECKING:
    from nsm_pipeline.steps import RunContext

# What nothing that is measured depends on; the scorecard is judged by every run.
LEFT_OUT = ("title", "schedule", "start_date", "checks", "publish", "state", "scorecard")


@dataclass(frozen=True)
class Basis:
    """`monday` begins the week in which observation ends, by the product's clocks.

    That week and not the calendar's: a week is whole, and can be measured, once the data has gone
    past its end. `fitted` tells one nightly state from another; None where there is none to go by.
    `digests` are hashes of the product's sections and of the program.
    """

    monday: str
    fitted: str | None
    digests: Mapping[str, str]

    @classmethod
    def of(cls, context: RunContext) -> Basis:
        """That of a run under way."""
        run, config = context.run, context.product.config
        told = recorded_state(run, "night") or recorded_state(run, "rebuild")
        end = datetime.fromisoformat(run.read_json(POPULATION)["observed_until"])
        sections = config.model_dump(mode="json", by_alias=True, exclude=set(LEFT_OUT))
        program = [program_digest(), {name: version(name) for name in LIBRARIES}]
        digests = {name: _digest(said) for name, said in (*sections.items(), ("program", program))}
        monday = week_of(end, config.timezone).isoformat()
        return cls(monday, None if told is None else told.get("fitted"), digests)

    def differs(self, then: Mapping[str, Any]) -> str | None:
        """Why nothing measured on the other basis holds here, as the end of a sentence.

        `then` is what a run has left of its basis; another version of the program may have.
        """
        if self.fitted != then.get("fitted"):
            return "the nightly state is another one"
        if self.monday != then.get("monday"):
            return "a new week has begun"
        before = then.get("digests", {})
        names = [*self.digests, *(name for name in before if name not in self.digests)]
        changed = [name for name in names if self.digests.get(name) != before.get(name)]
        return f"what decides it has changed: {', '.join(changed)}" if changed else None


def week_of(at: datetime, timezone: str) -> date:
    """The Monday of the week that a moment lies in, by these clocks."""
    day = at.astimezone(ZoneInfo(timezone)).date()
    return day - timedelta(days=day.weekday())


def _digest(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
