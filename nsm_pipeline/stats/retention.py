"""The retention curve with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Z = 1.959963984540054
Floats = NDArray[np.float64]


def with_intervals(curve: pd.DataFrame) -> pd.DataFrame:
    """Adds `rate, ci_low, ci_high` (0 to 1) to `week, accounts, active`."""
    low, high = wilson(curve["active"].to_numpy(float), curve["accounts"].to_numpy(float))
    return curve.assign(rate=curve["active"] / curve["accounts"], ci_low=low, ci_high=high)


def wilson(successes: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """95 % score interval of a proportion. Source: Wilson (1927), JASA 22."""
    share = successes / trials
    centre = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = Z * np.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2)) / (1 + Z**2 / trials)
    return centre - half, centre + half
