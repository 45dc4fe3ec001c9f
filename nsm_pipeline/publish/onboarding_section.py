"""How long it takes to get going, and how far accounts come: the onboarding report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.wording import count, share, short, waited
from nsm_pipeline.runs.run_files import JOURNEY, ONBOARDING

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

Row = dict[str, Any]


def onboarding_section(folder: RunFolder) -> Section | None:
    """Time to onboard and the journey's funnel; nothing where neither could be measured."""
    if not folder.exists(ONBOARDING):
        return None
    told = folder.read_json(ONBOARDING)
    steps: list[Row] = []
    if folder.exists(JOURNEY):
        steps = [
            {str(key): value for key, value in row.items()}
            for row in folder.read_frame(JOURNEY).to_dict("records")
        ]
    whole = [row for row in steps if row["split"] == ""]
    body = render(
        "onboarding.html.j2", told=told, whole=whole, splits=_by_label(steps), names=told["steps"]
    )
    return Section("onboarding", "Getting started", _finding(told, whole), body)


def _finding(told: Row, whole: list[Row]) -> str:
    days = told["within_days"]
    if days is None:
        return "Too few accounts have been watched for a day: how they get started cannot be told"
    said = []
    if told["time_to_onboard"]:
        all_ = told["time_to_onboard"][0]
        there = f"half of those who onboard need {waited(all_['median_hours'])} or less, and "
        said.append(
            f"{there if all_['onboarded'] else ''}{share(all_['never_share'])} of "
            f"{count(all_['accounts'])} do not within {days} days of signing up"
        )
    if whole:
        first, last = whole[0], whole[-1]
        way = [f"{share(row['share'])} {short(row['name'], 30)}" for row in whole]
        way[0] = f"{share(first['share'])} reach {short(first['name'], 30)}"
        said.append(f"of {count(first['accounts'])}, within {days} days, {', '.join(way)}")
        if len(whole) > 1 and last["taken"]:
            said[-1] += f" (half of these in {waited(last['median_hours'])} from the step before)"
    return "; ".join(said)


def _by_label(steps: list[Row]) -> list[tuple[str, str, list[Row]]]:
    """Split, label and its steps, cohorts first, in the order of the table."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in steps:
        if row["split"]:
            found.setdefault((row["split"], row["label"]), []).append(row)
    ordered = sorted(found, key=lambda key: (key[0] != "cohort", key))
    return [(split, label, found[split, label]) for split, label in ordered]
