"""What the data checks found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.runs.run_files import CHECKS, MEASURED, STATE

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder


def checks_section(folder: RunFolder) -> Section:
    """Every check, failed ones first."""
    checks = folder.read_json(CHECKS)["checks"]
    failed = [check for check in checks if not check["ok"]]
    body = render(
        "checks.html.j2",
        checks=sorted(checks, key=_failed_first),
        sentences=[
            folder.read_json(name)["sentence"] for name in (STATE, MEASURED) if folder.exists(name)
        ],
    )
    finding = f"{len(checks) - len(failed)} of {len(checks)} checks passed."
    return Section("checks", "Data checks", finding, body)


def _failed_first(check: dict[str, Any]) -> tuple[bool, bool]:
    return check["ok"], check["severity"] != "critical"
