"""What power costs: what would be published at other levels, and by a rule that knows no search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.against_truth import PUBLISHED
from nsm_pipeline.stats.calibration import EVENTS_FOR_SCALE, PLACEBOS_FOR_BOUND, catalogue_null
from nsm_pipeline.stats.ranking import judge_candidates
from nsm_pipeline.stats.search import best_rows
from nsm_pipeline.waist.candidate_spec import CandidateSpec

LEVELS = (0.05, 0.10, 0.20, 0.30)
PER_EVENT = "per event, on lifts"
CONFIDENCE = 0.95


def published_at(
    found: pd.DataFrame, specs: Sequence[CandidateSpec], helpful: Callable[[str], bool]
) -> dict[str, int]:
    """Of each rule, `<rule>: true` and `<rule>: false`: how many it publishes, at most three.

    The rules are ours at other family-wise levels, A and N alike, and the per-event rule.
    """
    published = {
        f"level {level:.2f}": judged[judged["verdict"] == "north_star"]["candidate"]
        for level in LEVELS
        for judged in [judge_candidates(found, specs, level=level).frame]
    }
    published[PER_EVENT] = _per_event(best_rows(found), specs)
    return {
        f"{rule}: {kind}": sum(helpful(name) is (kind == "true") for name in names)
        for rule, names in published.items()
        for kind in ("true", "false")
    }


def _per_event(best: pd.DataFrame, specs: Sequence[CandidateSpec]) -> pd.Series:
    """Each behaviour alone: its adjusted lift beyond what a new placebo's lift would reach.

    Without placebos the lower half of the behaviours' own lifts is the null.
    """
    placebo = best["candidate"].isin(s.name for s in specs if s.placebo)
    own = best["candidate"].isin(s.name for s in specs if s.own_outcome)
    pool = best[~placebo & ~own]
    null = best.loc[placebo, "lift_pp"]
    if len(null) >= PLACEBOS_FOR_BOUND:
        centre, spread, free = null.mean(), null.std(ddof=1), len(null) - 1
        reach = stats.t.ppf((1 + CONFIDENCE) / 2, free) * spread * np.sqrt(1 + 1 / len(null))
    elif len(pool) >= EVENTS_FOR_SCALE:
        centre, spread = catalogue_null(pool["lift_pp"].to_numpy())
        reach = stats.norm.ppf((1 + CONFIDENCE) / 2) * spread
    else:
        return pool["candidate"].head(0)
    beyond = (pool["lift_pp"] - centre - reach).sort_values(ascending=False, kind="stable")
    return pool.loc[beyond[beyond > 0].index[:PUBLISHED], "candidate"]
