"""The `measure` step: everything a product is steered by that the ranking does not hold itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nsm_pipeline.practice.health import health
from nsm_pipeline.practice.measured import Measuring, tell_measuring
from nsm_pipeline.practice.metric_series import measure_metrics
from nsm_pipeline.practice.onboarding import onboarding
from nsm_pipeline.practice.scorecard import scorecard
from nsm_pipeline.practice.star import star
from nsm_pipeline.practice.tree import measure_tree
from nsm_pipeline.runs.run_files import MEASURED

if TYPE_CHECKING:
    from nsm_pipeline.steps import RunContext

# In this order: a later part may read what an earlier one left in the run folder.
PARTS: tuple[Callable[[RunContext], None], ...] = (
    onboarding,
    measure_metrics,
    measure_tree,
    health,
)


def measure(context: RunContext) -> None:
    """Lets every part leave its files; one that the product does not declare leaves none.

    What follows from the ranking is of tonight on every night. In a week that is measured already
    the parts' files are carried, and of the first three behaviours only those that are new among
    them are counted, of the rows that the state keeps.
    """
    measuring = Measuring.of(context)
    star(context, measuring.week)
    if measuring.week is not None:
        measuring.week.carry_files(context.run)
    else:
        for part in PARTS:
            part(context)
    scored = scorecard(context, measuring.week)
    told = tell_measuring(context, measuring, scored)
    if told is not None:
        context.run.write_json(MEASURED, told)
