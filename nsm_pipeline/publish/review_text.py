"""The pages of a weekly review as Markdown, to read in a chat or an editor; names are inert."""

from __future__ import annotations

from typing import Any

from nsm_pipeline.publish.digest import escape
from nsm_pipeline.publish.wording import (
    LEVELS,
    absent,
    count,
    points,
    short,
    threshold,
)

QUESTIONS = (
    "For the team: what did you ship that should show here, is it to be seen, and what is in the "
    "way?"
)


def page_text(page: dict[str, Any]) -> str:
    """The Markdown of one page of a review."""
    pages = {"monday": _monday, "owner": _owner, "friday": _friday}
    lines = pages[page["page"]](page)
    if page["measured_on"] is not None:
        lines += ["", f"Measured on {page['measured_on']}."]
    return "\n".join(lines).rstrip() + "\n"


def _monday(page: dict[str, Any]) -> list[str]:
    flagged = page["flagged"]
    many = f"{len(flagged)} change{'' if len(flagged) == 1 else 's'} beyond noise"
    lines = [
        f"# {_name(page['title'])}: Monday {page['monday']}",
        "",
        _moved(page["star"]),
        "",
        f"## {many if flagged else 'Nothing beyond what noise explains'}",
        *([""] if flagged else []),
    ]
    lines += [f"- {_flag(one)}" for one in flagged]
    if page["as_usual"]:
        usual = ", ".join(f"{_name(one['title'])} {_value(one)}" for one in page["as_usual"])
        lines += ["", f"As usual: {usual}."]
    for one in page["cannot_tell"]:
        lines += ["", f"Cannot tell: {_name(one['title'])}. {escape(one['note'])}"]
    return [*lines, "", _looked_back(page["looked_back"]), "", page["rule"]]


def _looked_back(found: dict[str, Any]) -> str:
    due = " A year is over: run `nsm revalidate`." if found["due"] else ""
    if found["as_of"] is None:
        return "The chosen behaviour was never validated again: run `nsm revalidate`."
    return (
        f"Last validated again as of {found['as_of'][:10]}: {found['decision']} "
        f"{_name(found['candidate'])}.{due}"
    )


def _owner(page: dict[str, Any]) -> list[str]:
    lines = [
        f"# {_name(page['title'])}: {_name(page['owner'])}, week of {page['week']}",
        "",
        _sentence(page["star"]),
        "",
    ]
    for one in page["inputs"]:
        lines += [f"## {_name(one['title'])}{' (OMTM)' if one['omtm'] else ''}", ""]
        lines += [*_input(one), ""]
    lines += [f"- {_name(one['title'])}: {_flagged_or_usual(one)}" for one in page["metrics"]]
    return [*lines, "", QUESTIONS]


def _input(one: dict[str, Any]) -> list[str]:
    lines = []
    if one["judged"] is not None:
        lines.append(f"- {_flagged_or_usual(one['judged'])}")
        recent = ", ".join(_written(value, one["judged"]) for value in one["judged"]["recent"])
        lines.append(f"- Last weeks: {recent}")
    if not absent(one["contribution"]):
        lines.append(f"- Its part of the change: {points(one['contribution'])}")
    for kpi in one["kpis"]:
        value = "" if absent(kpi["value"]) else f": {threshold(kpi['value'])}"
        lines.append(f"- KPI {_name(kpi['name'])}{value}")
    for aim in one["targets"]:
        now = "unknown" if one["judged"] is None else _value(one["judged"])
        goal = (
            threshold(aim["value"])
            if one["judged"] is None
            else _written(aim["value"], one["judged"])
        )
        lines.append(f"- {_name(aim['name'])}: {goal} by {aim['by']}, now {now}")
    return lines


def _friday(page: dict[str, Any]) -> list[str]:
    also = page["also_flagged"]
    named = f" Also beyond noise: {', '.join(map(_name, also))}." if also else ""
    return [f"**{_name(page['title'])}.** {_moved(page['star'])}{named}"]


def _moved(star: dict[str, Any]) -> str:
    told = _sentence(star)
    if absent(star["expected"]):
        return f"{told} Whether that is noise cannot be told: {escape(star['note'])}"
    within = "beyond" if star["verdict"] == "flagged" else "within"
    return f"{told} That is {within} week-to-week noise ({_range(star, count)} was to be expected)."


def _sentence(star: dict[str, Any]) -> str:
    """The tree's sentence; only the metric's name in it is not ours."""
    return f"{_name(star['title'])}{star['sentence'].removeprefix(star['title'])}"


def _flag(one: dict[str, Any]) -> str:
    return f"**{_name(one['title'])}** ({_name(one['owner'])}): {_flagged_or_usual(one)}"


def _flagged_or_usual(one: dict[str, Any]) -> str:
    moved = f"{_written(one['before'], one)} → {_value(one)}"
    if one["verdict"] == "cannot tell":
        return f"{moved}; cannot tell from noise: {escape(one['note'])}"
    return f"{moved}; {_range(one, lambda value: _written(value, one))} expected" + (
        ", **beyond noise**" if one["verdict"] == "flagged" else ", as usual"
    )


def _range(one: dict[str, Any], written: Any) -> str:
    return f"{written(one['low'])} to {written(one['high'])}"


def _value(one: dict[str, Any]) -> str:
    return _written(one["value"], one)


def _written(value: Any, one: dict[str, Any]) -> str:
    return LEVELS[one["shown_as"]](value)


def _name(name: str) -> str:
    return escape(short(name, 80))
