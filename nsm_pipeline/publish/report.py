"""The page a reviewer opens: one offline HTML file made from a run's folder."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from nsm_pipeline.publish import figures, wording
from nsm_pipeline.publish.window_figures import window_figures
from nsm_pipeline.publish.wording import SHORT

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

SHOWN_FIRST = 20
FILTERS = (
    "clipped",
    "count",
    "decimal",
    "fold_names",
    "interval",
    "money",
    "money_interval",
    "moment",
    "observed",
    "points",
    "reach_words",
    "sentence",
    "share",
    "short",
    "small",
    "threshold",
    "visible",
)


def render_report(folder: RunFolder) -> str:
    """The report as HTML; the same run gives the same bytes."""
    ranking = folder.read_json("ranking.json")
    rows = ranking["candidates"]
    checks = folder.read_json("checks.json")
    style, script = _text("report.css"), _text("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
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
            **_figures(folder, rows),
        )
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


@cache
def _text(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(wording, name) for name in FILTERS})
    environment.filters.update(drawing=Markup, sortable=_sortable)
    environment.tests["absent"] = wording.absent
    environment.globals.update(
        verdict=wording.verdict,
        ratio=wording.ratio,
        rules=wording.RULES,
        verdicts=wording.VERDICTS,
        rivals=wording.RIVALS,
    )
    return environment


def _sortable(value: Any) -> str:
    """What the page's script sorts by; nothing for what was not estimated."""
    return "" if wording.absent(value) else f"{float(value):.4g}"


def _policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere; only this very style and script may run."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
