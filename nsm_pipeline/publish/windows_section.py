"""Where the windows come from that the product file leaves to the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.window_figures import window_figures
from nsm_pipeline.runs.run_files import ADVICE

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder


def windows_section(folder: RunFolder) -> Section | None:
    """The windows with what justifies them; None when the file declares all of them."""
    if not folder.exists(ADVICE):
        return None
    advice = folder.read_json(ADVICE)
    used = advice["used"]
    finding = (
        f"The data suggests to look for retention within {used['within']} days from day "
        f"{used['after']} on, and for behaviours within {_listed(used['exposure'])} days."
    )
    body = render("windows.html.j2", advice=advice, window_figures=window_figures(advice))
    return Section("windows", "Where the windows come from", finding, body)


def _listed(days: list[int]) -> str:
    *others, last = (str(day) for day in days)
    return f"{', '.join(others)} or {last}" if others else last
