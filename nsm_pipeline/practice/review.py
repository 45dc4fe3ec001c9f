"""The weekly review: what Monday flags, what each owner sees, and Friday's paragraph.

Everything is read from one published run. Which pages are due follows from the run's own moment, so
the first run after a week is over writes Monday's, whichever night that is.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.practice.weekly_series import OwnedSeries, weekly_series
from nsm_pipeline.runs.review_folder import (
    OWNERS,
    REVALIDATION,
    newest_revalidation,
    review_folder,
)
from nsm_pipeline.runs.run_files import TREE

if TYPE_CHECKING:
    from nsm_pipeline.product.config import ProductConfig
    from nsm_pipeline.runs.review_folder import ReviewFolder
    from nsm_pipeline.runs.run_folder import RunFolder, RunStore

MIDWEEK = timedelta(days=2)
FRIDAY = timedelta(days=4)
A_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Review:
    """What one run says of the week that ended before this Monday, page by page."""

    monday: date
    pages: dict[str, dict[str, Any]]


def write_review(
    store: RunStore, run: RunFolder, config: ProductConfig
) -> tuple[ReviewFolder, list[str]]:
    """Writes the pages that are due and not yet written, as JSON and Markdown; their names.

    Raises:
        InvalidInput: the run has no weekly tree, or its weeks are too few.
    """
    from nsm_pipeline.publish.review_text import page_text

    looked_back = newest_revalidation(store.root, run.product)
    found = None if looked_back is None else json.loads(looked_back.read(REVALIDATION))
    review = review_of(run, config, looked_back=found)
    folder = review_folder(store.root, run.product, review.monday)
    written = []
    for name, page in review.pages.items():
        # The text last: it is what tells that a page is whole.
        if not folder.has(f"{name}.md"):
            folder.write_once(f"{name}.json", page)
            folder.write_once(f"{name}.md", page_text(page))
            written.append(name)
    return folder, written


def review_of(
    run: RunFolder, config: ProductConfig, *, looked_back: dict[str, Any] | None = None
) -> Review:
    """The pages that are due at the run's moment; `looked_back` is the newest `nsm revalidate`.

    Raises:
        InvalidInput: the run has no weekly tree, or its weeks are too few.
    """
    from nsm_pipeline.publish.measured_words import measured_day

    tree = _weekly_tree(run, config)
    zone = ZoneInfo(config.timezone)
    week = datetime.fromisoformat(tree["period"]).astimezone(zone).date()
    monday, today = week + timedelta(days=7), run.as_of.astimezone(zone).date()
    judged = _judged(run, config, tree)
    head = {
        "product": config.product,
        "title": config.title,
        "monday": monday.isoformat(),
        "week": week.isoformat(),
        "as_of": run.as_of,
        "run_id": run.run_id,
        "measured_on": measured_day(run),
    }
    pages = {
        "monday": {
            **head,
            "page": "monday",
            **_monday(tree, judged),
            "looked_back": _looked_back(looked_back, run.as_of),
        }
    }
    if today >= monday + MIDWEEK:
        for owner in _owners(judged):
            page = {**head, "page": "owner", **_owners_page(owner, tree, judged)}
            pages[f"{OWNERS}/{_file_name(owner)}"] = page
    if today >= monday + FRIDAY:
        pages["friday"] = {**head, "page": "friday", **_friday(tree, judged)}
    return Review(monday, pages)


def _weekly_tree(run: RunFolder, config: ProductConfig) -> dict[str, Any]:
    where = f"{config.product}: {TREE}"
    if not run.exists(TREE):
        what, mend = "This run has no metric tree.", "Declare `tree: {}` and run again."
        raise InvalidInput(Problem(where, what, mend))
    tree: dict[str, Any] = run.read_json(TREE)
    if tree["per"] != "week":
        what = f"The tree is counted by the {tree['per']}, and the review is of weeks."
        raise InvalidInput(Problem(where, what, "Count the tree's metric by the week."))
    if tree["value_before"] is None:
        what = "Fewer than two whole weeks are known."
        raise InvalidInput(Problem(where, what, "Review when two weeks are over."))
    return tree


def _judged(run: RunFolder, config: ProductConfig, tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Every weekly metric with its owner and what its newest week is judged; the star first."""
    from nsm_pipeline.stats.weekly_flags import judge_week

    owned: list[OwnedSeries] = weekly_series(run, config, tree)
    found = judge_week([one.series for one in owned])
    return [
        {**asdict(week), "owner": one.owner, "shown_as": one.shown_as, "recent": one.recent}
        for one, week in zip(owned, found, strict=True)
    ]


def _monday(tree: dict[str, Any], judged: list[dict[str, Any]]) -> dict[str, Any]:
    from nsm_pipeline.stats.weekly_flags import RULE

    flagged = sorted(
        (one for one in judged if one["verdict"] == "flagged"), key=lambda one: one["p_value"]
    )
    return {
        "star": {**_moved(tree), **_noise(judged[0])},
        "flagged": flagged,
        "as_usual": [one for one in judged if one["verdict"] == "as usual"],
        "cannot_tell": [one for one in judged if one["verdict"] == "cannot tell"],
        "rule": RULE,
    }


def _looked_back(found: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """What the newest look back decided, and whether a year is over since, or there was none."""
    if found is None:
        return {"as_of": None, "decision": None, "candidate": None, "due": True}
    then = datetime.fromisoformat(found["as_of"])
    return {
        "as_of": found["as_of"],
        "decision": found["decision"],
        "candidate": found["chosen"]["candidate"],
        "due": now - then >= A_YEAR,
    }


def _owners_page(owner: str, tree: dict[str, Any], judged: list[dict[str, Any]]) -> dict[str, Any]:
    by_name = {one["name"]: one for one in judged}
    inputs = [
        {**one, "judged": by_name.get(one["metric"] or one["kind"])}
        for one in tree["inputs"]
        if one["owner"] == owner
    ]
    told = {one["metric"] or one["kind"] for one in inputs}
    others = [one for one in judged if one["owner"] == owner and one["name"] not in told]
    return {"owner": owner, "star": _moved(tree), "inputs": inputs, "metrics": others}


def _friday(tree: dict[str, Any], judged: list[dict[str, Any]]) -> dict[str, Any]:
    others = [one["title"] for one in judged[1:] if one["verdict"] == "flagged"]
    return {"star": {**_moved(tree), **_noise(judged[0])}, "also_flagged": others}


def _moved(tree: dict[str, Any]) -> dict[str, Any]:
    names = ("title", "period_name", "value", "value_before", "change", "sentence", "drivers")
    return {name: tree[name] for name in names}


def _noise(judged: dict[str, Any]) -> dict[str, Any]:
    return {name: judged[name] for name in ("verdict", "expected", "low", "high", "note")}


def _owners(judged: list[dict[str, Any]]) -> list[str]:
    return sorted({one["owner"] for one in judged})


def _file_name(owner: str) -> str:
    """The owner as a file's name; what is left out is told apart by where it was."""
    plain = re.sub(r"[^a-z0-9]+", "-", owner.lower()).strip("-")[:60]
    if plain == owner:
        return plain
    from hashlib import sha256

    return f"{plain or 'owner'}-{sha256(owner.encode()).hexdigest()[:6]}"
