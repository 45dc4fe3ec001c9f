"""What the data says of a candidate or metric, before any test is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nsm_pipeline.product.subject import Subject
from nsm_pipeline.stats.gaming import JustReached, Recount
from nsm_pipeline.stats.movement import Beside, Falls, Spread


@dataclass(frozen=True)
class Evidence:
    """Everything that is measured of one subject; None where it could not be.

    `row` is a candidate's row of `ranking.json`, `series` its test of `series.json`, or the same
    test on a metric's own series; `not_recounted` says why there is no `recount`.
    """

    subject: Subject
    words: str
    promise: str | None
    has_revenue: bool
    row: Mapping[str, Any] | None
    series: Mapping[str, Any] | None
    spread: Spread | None
    falls: Falls | None
    recount: Recount | None
    not_recounted: str
    just_reached: JustReached | None
    guardrail: Beside | None
