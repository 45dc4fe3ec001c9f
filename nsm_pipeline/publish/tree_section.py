"""The metric tree on the page: what drove the newest change, by input, owner and segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.wording import LEVELS, clipped, count, points
from nsm_pipeline.runs.run_files import TREE

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

MOST_SEGMENTS = 20
IN_WORDS = {
    "activation": "New",
    "reactivation": "Returned",
    "retention": "Share kept",
    "carried_over": "There to be kept",
    "frequency": "Active days",
    "depth": "Depth",
}


def tree_section(folder: RunFolder) -> Section | None:
    """The tree with its parts; None where the product asks for none."""
    if not folder.exists(TREE):
        return None
    tree = folder.read_json(TREE)
    body = render(
        "tree.html.j2",
        tree=tree,
        rows=tree_rows(tree),
        beside=[_row(one, 1) for one in tree["inputs"] if not one["identity"]],
        segments=tree["segments"][:MOST_SEGMENTS],
        words=IN_WORDS,
    )
    return Section("tree", "What moved it", clipped(tree["sentence"], 600), body)


def tree_rows(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """The identity as lines of a tree: every input, and the parts that no input owns."""
    own = {one["kind"]: one for one in tree["inputs"] if one["identity"]}
    parts, flow, unit = tree["parts"], tree["flow"], tree["unit"].capitalize()
    of_units = [_row(own["activation"], 2), _row(own["retention"], 2)]
    if parts:
        returned, there = count(flow["returned"]), count(flow["units_before"])
        of_units += [
            _plain(f"{unit}s that returned", returned, parts["reactivation"]),
            _plain(f"{unit}s there to be kept", there, parts["carried_over"]),
        ]
    return [_row(own["breadth"], 1), *of_units, _row(own["frequency"], 1), _row(own["depth"], 1)]


def _row(one: dict[str, Any], depth: int) -> dict[str, Any]:
    return {
        **one,
        "depth": depth,
        "now": _level(one, one["value"]),
        "before": _level(one, one["value_before"]),
        "part": points(one["contribution"]),
        "moved": _share_parts(one.get("share_parts")),
        "aims": [{**aim, "now": _progress(aim, one)} for aim in one["targets"]],
    }


def _plain(title: str, now: str, contribution: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"owner": None, "omtm": False, "kpis": [], "aims": [], "moved": ""}
    shown = {"now": now, "before": "", "part": points(contribution)}
    return {**nothing, **shown, "title": title, "depth": 2}


def _progress(aim: dict[str, Any], one: dict[str, Any]) -> str:
    return f"{_level(one, one['value'])} of {_level(one, aim['value'])}"


def _level(one: dict[str, Any], value: Any) -> str:
    """What an input stands at, in its own units."""
    return LEVELS[one["shown_as"]](value)


def _share_parts(parts: dict[str, float] | None) -> str:
    """What moved a share, in percentage points."""
    if parts is None:
        return ""
    return (
        f"{points(100 * parts['rate'])} points within segments, "
        f"{points(100 * parts['mix'])} by who they were"
    )
