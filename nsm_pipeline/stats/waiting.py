"""How many take each step of a way, and how long it takes them, without the lately begun.

Who began yesterday has not failed to do what takes a week. So one number of days is chosen, only
accounts watched for that long are counted, and only what they did within it: all were given the
same time. The number comes from how long accounts are watched, never from what they did.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nsm_pipeline.stats.retention import wilson

LADDER_DAYS = (1, 7, 14, 28, 56, 90, 180, 365)
WATCHED_SHARE = 0.5
QUARTILES = {"first_quartile_hours": 0.25, "median_hours": 0.5, "third_quartile_hours": 0.75}


def time_given(watched: pd.DataFrame) -> int | None:
    """The longest of LADDER_DAYS for which at least half of the accounts are watched, if any.

    Args:
        watched: `days, accounts`.
    """
    everyone = int(watched["accounts"].sum())
    able = [
        days
        for days in LADDER_DAYS
        if everyone
        and watched.loc[watched["days"] >= days, "accounts"].sum() >= WATCHED_SHARE * everyone
    ]
    return max(able, default=None)


def step_summaries(waits: pd.DataFrame) -> pd.DataFrame:
    """Row per split, label and step: how many took it, and after how long.

    Shape: `split, label, step, accounts` (who began), `taken`, `share` of those who began with its
    95 % interval `share_low, share_high`, `share_of_previous` (of those who took the step before),
    and the quartiles of the wait since the step before, of those who took it.
    Units: shares 0 to 1; hours, whole; NaN where nobody took the step.

    Args:
        waits: `split, label, step, hours` (null: not taken), `accounts`.
    """
    keys = ("split", "label", "step")
    rows = [
        {**dict(zip(keys, group, strict=True)), **_summary(part)}
        for group, part in waits.groupby(list(keys), sort=True)
        if isinstance(group, tuple)
    ]
    columns = (*keys, "accounts", "taken", *QUARTILES)
    found = pd.DataFrame(rows, columns=list(columns))
    accounts, taken = (found[name].to_numpy(float) for name in ("accounts", "taken"))
    low, high = wilson(taken, accounts)
    before = found.groupby(["split", "label"])["taken"].shift(1).fillna(found["accounts"])
    found = found.assign(
        share=taken / accounts,
        share_low=low,
        share_high=high,
        share_of_previous=found["taken"] / before.where(before > 0),
    )
    return found.astype(dict.fromkeys(QUARTILES, "float64"))


def _summary(part: pd.DataFrame) -> dict[str, float]:
    there = part[part["hours"].notna()].sort_values("hours")
    taken, so_far = int(there["accounts"].sum()), there["accounts"].cumsum()
    return {
        "accounts": int(part["accounts"].sum()),
        "taken": taken,
        **{
            name: float(there.loc[so_far >= share * taken, "hours"].iloc[0]) if taken else np.nan
            for name, share in QUARTILES.items()
        },
    }
