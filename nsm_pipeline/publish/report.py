"""The page a reviewer opens: one offline HTML file made from a run's folder."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from nsm_pipeline.publish import figures
from nsm_pipeline.publish.page_templates import render, template_text
from nsm_pipeline.publish.sections import told_sections
from nsm_pipeline.publish.window_figures import window_figures
from nsm_pipeline.publish.wording import SHORT

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

SHOWN_FIRST = 20


def render_report(folder: RunFolder) -> str:
    """The report as HTML; the same run gives the same bytes."""
    ranking = folder.read_json("ranking.json")
    rows = ranking["candidates"]
    checks = folder.read_json("checks.json")
    style, script = template_text("report.css"), template_text("report.js")
    return render(
        "report.html.j2",
        ranking=ranking,
        rows=rows,
        names=[row["candidate"] for row in rows if len(row["candidate"]) > SHORT],
        stars=[row for row in rows if row["verdict"] == "north_star"],
        lead=next(iter(figures.estimated(rows)), None),
        population=folder.read_json("population.json"),
        series=figures.series_lines(ranking["revenue"]["series"], rows),
        checks=sorted(checks["checks"], key=_failed_first),
        warned=[check for check in checks["checks"] if not check["ok"]],
        shown_first=SHOWN_FIRST,
        style=Markup(style),
        script=Markup(script),
        state=folder.read_json("state.json") if folder.exists("state.json") else None,
        policy=_policy(style, script),
        advice=folder.read_json("advice.json") if folder.exists("advice.json") else None,
        sections=told_sections(folder),
        **_figures(folder, rows),
    )


def _figures(folder: RunFolder, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "comparison": figures.lift_comparison(rows),
        "maps": figures.lift_maps(rows),
        "curves": figures.revenue_curves(rows, folder.read_frame("backtest.parquet")),
        "cohort_lifts": figures.cohort_lifts(rows),
        "retention": figures.retention_curve(folder.read_frame("retention.parquet")),
        "window_figures": window_figures(folder.read_json("advice.json"))
        if folder.exists("advice.json")
        else [],
    }


def _failed_first(check: dict[str, Any]) -> tuple[bool, bool]:
    return check["ok"], check["severity"] != "critical"


def _policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere; only this very style and script may run."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
