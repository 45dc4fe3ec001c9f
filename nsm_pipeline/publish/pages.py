"""The reviewers' pages: every product's newest run, and all published runs of one product.

They are made from the run folders alone. Every link is relative, so the pages work under any
prefix; a page addresses a product by its DAG's id, because that is what access is granted on.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from nsm_pipeline.errors import NsmError
from nsm_pipeline.publish.wording import moment, visible
from nsm_pipeline.runs.run_files import RANKING, RANKING_CSV, REPORT
from nsm_pipeline.runs.run_index import as_of_name

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder, RunStore

SERVED = {REPORT: "text/html; charset=utf-8", RANKING_CSV: "text/csv; charset=utf-8"}
READERS = 16  # a bucket takes tens of milliseconds to answer, and many questions at a time
# The report says itself which script may run. The sandbox gives it an origin of its own: even a
# script that got into it could not read the cookies of the site that serves it.
FILE_POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


def products_page(store: RunStore, links: Mapping[str, str]) -> str:
    """The newest run of every product in `links`, which gives the address of its own page."""

    def newest(product: str) -> dict[str, str | None] | None:
        folder = store.published(product)
        return None if folder is None else _run(folder, href=links[product], report=None)

    with ThreadPoolExecutor(READERS) as readers:
        runs = [run for run in readers.map(newest, sorted(links)) if run is not None]
    return _render(title="Products", runs=runs, nights=[], up=False)


def runs_page(store: RunStore, product: str) -> str:
    """All published runs of a product, newest first."""
    history = store.history(product)[::-1]
    nights = [
        {"as_of": moment(as_of.isoformat()), "folder": as_of_name(as_of), "run_id": run_id}
        for as_of, run_id in history
    ]
    newest = store.published(product)
    runs = []
    if newest is not None:
        runs = [_run(newest, href="", report=f"{as_of_name(newest.as_of)}/report.html")]
    title = str(runs[0]["title"]) if runs else product
    return _render(title=title, runs=runs, nights=nights, up=True)


def published_file(store: RunStore, product: str, as_of: str, name: str) -> bytes | None:
    """A file of the run that stands for `as_of`, if it is one that is shown and is there.

    Nothing of the address becomes a path: it only has to equal a name that the index holds.
    """
    moments = {as_of_name(known): known for known, _ in store.history(product)}
    folder = store.published(product, moments[as_of]) if as_of in moments else None
    if folder is None or name not in SERVED or not folder.exists(name):
        return None
    return folder.read_bytes(name)


def page_policy() -> str:
    """Nothing but our own style."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )


def _run(folder: RunFolder, *, href: str, report: str | None) -> dict[str, str | None]:
    as_of = moment(folder.as_of.isoformat())
    shown = {"href": href, "report": report, "as_of": as_of}
    try:
        ranking = folder.read_json(RANKING)
    except NsmError as gone:
        return {**shown, "title": folder.product, "headline": str(gone), "report": None}
    return {**shown, "title": visible(ranking["title"]), "headline": visible(ranking["headline"])}


def _render(*, title: str, runs: Iterable[object], nights: Iterable[object], up: bool) -> str:
    template = _environment().get_template("pages.html.j2")
    return template.render(
        title=title, runs=list(runs), nights=list(nights), up=up, style=Markup(_style())
    )


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("nsm_pipeline.publish"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )


@cache
def _style() -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), "report.css")[0]
