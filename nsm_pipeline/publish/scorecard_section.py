"""The scorecard on the page: a result and nine lines for each candidate and metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.wording import MISSING, clipped, short
from nsm_pipeline.runs.run_files import SCORECARD

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

MARKS = {"passes": "●", "fix": "◐", "fails": "○", "cannot tell": MISSING}
SHOWN = {"fix": "fix this"}
MOST_SCORED = 12


def scorecard_section(folder: RunFolder) -> Section | None:
    """Every score, the first of them open; None where nothing was scored."""
    if not folder.exists(SCORECARD):
        return None
    card = folder.read_json(SCORECARD)
    scores = card["scores"]
    body = render(
        "scorecard.html.j2",
        card=card,
        scores=scores[:MOST_SCORED],
        left_out=len(scores) - MOST_SCORED,
        lists=[
            {
                "list": points["list"],
                "source": points["source"],
                "points": [
                    {
                        **point,
                        "states": [score["lists"][n]["points"][m]["state"] for score in scores],
                    }
                    for m, point in enumerate(points["points"])
                ],
            }
            for n, points in enumerate(scores[0]["lists"])
        ],
        marks=MARKS,
        shown=SHOWN,
    )
    return Section("scorecard", "Scorecard", _finding(scores), body)


def _finding(scores: list[dict[str, Any]]) -> str:
    """The first's result with its first reason; how the others came out."""
    first, *others = scores
    told = f"{short(first['of'], 60)}: {first['result']}. {first['reasons'][0]}"
    results = [score["result"] for score in others]
    counted = [f"{results.count(name)} {name}" for name in dict.fromkeys(results)]
    beside = f" Of {len(others)} others: {', '.join(counted)}." if others else ""
    return f"{clipped(told, 400)}{beside}"
