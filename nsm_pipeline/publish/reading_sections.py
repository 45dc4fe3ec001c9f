"""What the page's words mean, and which file holds each of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.runs.run_files import RANKING

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder


def reading_section(folder: RunFolder) -> Section:
    """Lifts, tiers, the bar and the verdicts in words."""
    body = render("reading.html.j2", ranking=folder.read_json(RANKING))
    finding = "Lifts, tiers, the bar for a North Star and each verdict, in words."
    return Section("reading", "How to read it", finding, body)


def sources_section(folder: RunFolder) -> Section:
    """The files of the run."""
    body = render("sources.html.j2", ranking=folder.read_json(RANKING))
    finding = "Each number stands in a file beside this page."
    return Section("sources", "Where every number comes from", finding, body)
