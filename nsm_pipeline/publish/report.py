"""The page a reviewer opens: one offline HTML file made from a run's folder."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from markupsafe import Markup

from nsm_pipeline.publish import figures
from nsm_pipeline.publish.page_templates import render, template_text
from nsm_pipeline.publish.sections import told_sections
from nsm_pipeline.publish.star_sections import declared_star, star_name, star_told
from nsm_pipeline.publish.wording import SHORT
from nsm_pipeline.runs.run_files import CHECKS, POPULATION, RANKING

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

SHOWN_FIRST = 10


def render_report(folder: RunFolder) -> str:
    """The report as HTML; the same run gives the same bytes."""
    ranking = folder.read_json(RANKING)
    rows = ranking["candidates"]
    checks = folder.read_json(CHECKS)
    star = star_told(folder)
    style, script = template_text("report.css"), template_text("report.js")
    return render(
        "report.html.j2",
        ranking=ranking,
        rows=rows,
        names=[row["candidate"] for row in rows if len(row["candidate"]) > SHORT],
        stars=[row for row in rows if row["verdict"] == "north_star"],
        lead=next(iter(figures.estimated(rows)), None),
        star=star,
        declared=declared_star(folder),
        star_name=star_name(star) if star and star["leader"] else "",
        population=folder.read_json(POPULATION),
        warned=[check for check in checks["checks"] if not check["ok"]],
        shown_first=SHOWN_FIRST,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        sections=told_sections(folder),
    )


def _policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere; only this very style and script may run."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
