"""The folded sections of the page, in order.

A reviewer reads what each has found, one line each; whoever doubts one unfolds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from nsm_pipeline.publish.checks_section import checks_section
from nsm_pipeline.publish.evidence_sections import (
    comparison_section,
    maps_section,
    revenue_section,
    stability_section,
)
from nsm_pipeline.publish.health_section import health_section
from nsm_pipeline.publish.measured_words import measured_words
from nsm_pipeline.publish.metrics_section import metrics_section
from nsm_pipeline.publish.onboarding_section import onboarding_section
from nsm_pipeline.publish.reading_sections import reading_section, sources_section
from nsm_pipeline.publish.scorecard_section import scorecard_section
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.star_sections import activities_section, tracked_section
from nsm_pipeline.publish.tree_section import tree_section
from nsm_pipeline.publish.windows_section import windows_section

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

# A section whose files the run did not leave says None and is not shown.
SECTIONS: tuple[Callable[[RunFolder], Section | None], ...] = (
    tracked_section,
    activities_section,
    tree_section,
    metrics_section,
    scorecard_section,
    comparison_section,
    maps_section,
    revenue_section,
    stability_section,
    onboarding_section,
    health_section,
    windows_section,
    checks_section,
    reading_section,
    sources_section,
)


def told_sections(folder: RunFolder) -> list[Section]:
    """The sections that this run has something to say in."""
    measured = measured_words(folder)
    return [
        replace(section, measured=measured.get(section.anchor, ""))
        for told in SECTIONS
        if (section := told(folder)) is not None
    ]
