"""Whether what else accounts do tells who will stay, once a candidate's own rows are left out.

Comparing alike accounts takes keenness away only as far as the strata hold it. Where nearly all
that accounts do is the candidate itself (the purchase in a log of purchases), its strata hold
nothing, and the adjusted lift is the crude one with a narrow interval.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_KEPT = 0.5
# Below it hardly anything tells who will stay, whatever is left out: nothing was there to be lost.
LEAST_TOLD = 0.02


def told_share(accounts: Floats, retained: Floats) -> Floats:
    """Share of the outcome's variance that lies between strata, less what chance puts there.

    Shape: both (comparisons, strata) of counts; the answer one per comparison, at most 1, NaN where
    all or none stay.
    Source: epsilon squared, Kelley (1935), "An unbiased correlation ratio measure".
    """
    whole, kept = accounts.sum(axis=1), retained.sum(axis=1)
    filled = accounts > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = kept / whole
        rates = np.where(filled, retained / np.where(filled, accounts, 1), 0.0)
        between = (accounts * (rates - mean[:, None]) ** 2).sum(axis=1)
        within = (accounts * rates * (1 - rates)).sum(axis=1)
        strata = filled.sum(axis=1)
        by_chance = (strata - 1) * within / (whole - strata)
        told: Floats = (between - by_chance) / (between + within)
    return told


def keenness_lost(found: pd.DataFrame, best: pd.DataFrame) -> NDArray[np.bool_]:
    """For each row of `best`, whether its strata tell less than half of what others' strata tell.

    Args:
        found: the search, with `candidate, within_days, told_share`.
        best: rows of it. "Others" are all candidates of the same window, by their median.
    """
    per_window = found.drop_duplicates(["candidate", "within_days"])
    usual = best["within_days"].map(per_window.groupby("within_days")["told_share"].median())
    lost = (usual >= LEAST_TOLD) & (best["told_share"] < LEAST_KEPT * usual)
    return lost.to_numpy(dtype=bool)
