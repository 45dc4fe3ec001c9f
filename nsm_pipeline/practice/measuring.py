"""The `measure` step: everything a product is steered by that the ranking does not hold itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nsm_pipeline.practice.health import health
from nsm_pipeline.practice.metric_series import measure_metrics
from nsm_pipeline.practice.onboarding import onboarding
from nsm_pipeline.practice.scorecard import scorecard
from nsm_pipeline.practice.star import star
from nsm_pipeline.practice.tree import measure_tree

if TYPE_CHECKING:
    from nsm_pipeline.steps import RunContext

# In this order: a later part may read what an earlier one left in the run folder.
PARTS: tuple[Callable[[RunContext], None], ...] = (
    star,
    onboarding,
    measure_metrics,
    measure_tree,
    health,
    scorecard,
)


def measure(context: RunContext) -> None:
    """Lets every part leave its files; one that the product does not declare leaves none."""
    for part in PARTS:
        part(context)
