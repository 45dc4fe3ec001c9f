"""Does a count survive somebody who only wants it to rise? Four measures, none of them a proof.

The four look for what is easy to do: repeat within the same minute, do it all on one day, do
nothing else, and stop exactly where it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from nsm_pipeline.stats.calibration import CONFIDENCE_Z
from nsm_pipeline.stats.lift import estimate_lifts
from nsm_pipeline.stats.search import chosen_counts
from nsm_pipeline.waist.cells import CellTable

FEWEST_AT_K = 20


@dataclass(frozen=True)
class Heap:
    """Accounts exactly at k, one below and one above.

    `p_value`: how rarely as many of the three would be at k if counts were Poisson with their
    mode exactly there, which is the most that any Poisson can put on k beside its neighbours.
    """

    at_k: int
    below: int
    above: int
    p_value: float


@dataclass(frozen=True)
class Recount:
    """What is left of a count when the easy ways are taken out.

    `doers` reached k; `by_days` still do when each day counts once, `spaced` when what follows
    within a minute does not count. `lopsided_share` (0 to 1) of all occurrences are by accounts
    for whom they are at least five times the part of their activity that they are for everybody,
    and ten or more; `top_share` by the tenth of the doers who did it most.
    """

    doers: int
    by_days: int
    spaced: int
    occurrences: int
    lopsided_share: float
    top_share: float
    heap: Heap | None


@dataclass(frozen=True)
class JustReached:
    """Adjusted lift of the accounts that stopped between k and the next searched threshold.

    Against accounts that stopped below k. Units: points; the interval is calibrated as the
    ranking's.
    """

    upto: float | None
    accounts: int
    lift_pp: float
    ci_low_pp: float
    ci_high_pp: float


def read_recount(content: Mapping[str, Any] | None) -> Recount | None:
    """The recount of which a run has left the fields."""
    if content is None:
        return None
    heap = content["heap"]
    return Recount(**{**content, "heap": None if heap is None else Heap(**heap)})


def recount(histogram: pd.DataFrame, lopsided: Mapping[str, int], at_least: float) -> Recount:
    """The measures from what the engine counted.

    Args:
        histogram: `times, by_days, spaced, accounts`: accounts by how often they did it in the
            window, and whether they still reach k by days and spaced.
        lopsided: `occurrences`, and of them `lopsided` and `top`, over the longest window.
        at_least: k.
    """
    did = histogram["times"] >= at_least
    accounts = histogram["accounts"]
    total = max(lopsided["occurrences"], 1)
    return Recount(
        doers=int(accounts[did].sum()),
        by_days=int(accounts[did & histogram["by_days"]].sum()),
        spaced=int(accounts[did & histogram["spaced"]].sum()),
        occurrences=lopsided["occurrences"],
        lopsided_share=lopsided["lopsided"] / total,
        top_share=lopsided["top"] / total,
        heap=_heap(histogram.groupby("times")["accounts"].sum(), int(at_least)),
    )


def _heap(by_times: pd.Series, k: int) -> Heap | None:
    """None at k = 1, where below are those who never did it, or with too few accounts to tell.

    With its mode at k a Poisson count puts (k + 1) / (3k + 2) of the three on k.
    """
    below, at_k, above = (int(by_times.get(times, 0)) for times in (k - 1, k, k + 1))
    if k < 2 or at_k < FEWEST_AT_K:
        return None
    most = (k + 1) / (3 * k + 2)
    found = stats.binomtest(at_k, below + at_k + above, most, alternative="greater")
    return Heap(at_k, below, above, float(found.pvalue))


def just_reached(
    cells: CellTable, row: Mapping[str, Any], calibration: Mapping[str, Any]
) -> JustReached | None:
    """Whether those who only just reach k stay more often; None where that cannot be estimated.

    Args:
        cells: the cells.
        row: the candidate's row of `ranking.json`: `candidate, at_least, within_days, centre_z`.
        calibration: `scale_z` of `ranking.json`; without one nothing says how wide to be.
    """
    scale = calibration["scale_z"]
    mine = cells.of(row["candidate"], row["within_days"])
    low = CellTable(mine[mine["reached"] <= row["at_least"]])
    if scale is None or mine.empty:
        return None
    chosen = pd.DataFrame({name: [row[name]] for name in ("candidate", "at_least", "within_days")})
    lifts = estimate_lifts(chosen_counts(low, chosen), gate=0.5)
    lift, se = float(lifts.lift[0]), float(lifts.se[0])
    if not np.isfinite(lift) or not np.isfinite(se):
        return None
    centre = 100 * (lift - se * (row["centre_z"] or 0.0))
    half = 100 * CONFIDENCE_Z * max(scale, 1.0) * se
    higher = mine.loc[mine["reached"] > row["at_least"], "reached"]
    return JustReached(
        upto=float(higher.min()) if len(higher) else None,
        accounts=int(lifts.doers[0]),
        lift_pp=centre,
        ci_low_pp=centre - half,
        ci_high_pp=centre + half,
    )
