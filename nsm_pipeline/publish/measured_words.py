"""As of when the sections of the page were measured, where that was on an earlier night."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nsm_pipeline.publish.wording import day, sentence, short
from nsm_pipeline.runs.run_files import MEASURED, METRICS

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

Row = dict[str, Any]
WHOLE_SECTIONS = ("tree", "metrics", "onboarding", "health")


def measured_words(folder: RunFolder) -> dict[str, str]:
    """A sentence by the anchor of each section that was carried; nothing of a run that measured."""
    told = _carried(folder)
    if told is None:
        return {}
    measured = day(told["as_of"], told["timezone"])
    words = dict.fromkeys(WHOLE_SECTIONS, f"Measured on {measured}.")
    tracked = _by_day(told["tracked"], told["timezone"])
    if tracked:
        words["tracked"] = f"Weeks counted on {tracked}."
    again = _by_day((row for row in told["recounted"] if row["recount"]), told["timezone"])
    scored = [f"repeats counted on {again}"] if again else []
    if METRICS in told["files"]:
        scored.append(f"metrics measured on {measured}")
    if scored:
        words["scorecard"] = sentence("; ".join(scored))
    return words


def measured_day(folder: RunFolder) -> str | None:
    """The day on which the run's week was measured; None where the run has measured itself."""
    told = _carried(folder)
    return None if told is None else day(told["as_of"], told["timezone"])


def _carried(folder: RunFolder) -> Row | None:
    told: Row | None = folder.read_json(MEASURED) if folder.exists(MEASURED) else None
    return told if told and told["kind"] == "carried" else None


def _by_day(rows: Iterable[Row], timezone: str) -> str:
    """The days on which behaviours were counted, each with their names where there are several."""
    names: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: str(row["as_of"])):
        names.setdefault(day(row["as_of"], timezone), []).append(short(row["candidate"]))
    if len(names) < 2:
        return "".join(names)
    return ", ".join(f"{on} ({', '.join(told)})" for on, told in names.items())
