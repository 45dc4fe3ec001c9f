"""Feature adoption beside the metric: who uses what, and whether growth hides a falling product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from nsm_pipeline.stats.retention import Z, wilson

Floats = NDArray[np.float64]
FEWEST_ACTIVE = 100
LEAST_CHANGE = 0.10
LEVEL = 0.05
RULE = (
    "A feature rises or falls when its adoption differs between the later twelve weeks and the "
    "twelve before, among accounts alike in being new or not, by an interval that holds for all "
    "features together at 95% (Bonferroni) and by a tenth or more of what it was. A blind spot is "
    "a metric that clearly grows while at least one feature falls and no more than one rises."
)
TOO_YOUNG = "nobody had onboarded before the earlier twelve weeks"


@dataclass(frozen=True)
class Growth:
    """The metric's later twelve weeks against its earlier ones, as a ratio with its interval."""

    name: str
    ratio: float | None
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True)
class BlindSpot:
    """The verdict: found, none, not growing or cannot tell; and in one sentence why."""

    verdict: str
    rising: tuple[str, ...]
    falling: tuple[str, ...]
    reason: str


def adoption_table(periods: pd.DataFrame, active: pd.DataFrame) -> pd.DataFrame:
    """A row per event and period of four weeks with activity, by share of the active accounts.

    Args:
        periods: `event, period, adopters, repeaters, judged, stayed`.
        active: `period, accounts, judged, stayed`.

    Shape: `event, period` (0 the latest), `active, adopters, adoption, repeaters, repeat_share,
    stay_adopters, stay_others`: of those observed to the end of the following period, the share
    active in it; crude, keen accounts use more of everything. NaN where there is nobody.
    """
    grid = periods[["event"]].drop_duplicates().merge(active, how="cross")
    whole = grid.merge(periods, how="left", on=["event", "period"], suffixes=("_all", ""))
    counts = ["adopters", "repeaters", "judged", "stayed"]
    whole[counts] = whole[counts].fillna(0).astype("int64")
    others = whole["judged_all"] - whole["judged"]
    return pd.DataFrame(
        {
            "event": whole["event"],
            "period": whole["period"],
            "active": whole["accounts"],
            "adopters": whole["adopters"],
            "adoption": whole["adopters"] / whole["accounts"],
            "repeaters": whole["repeaters"],
            "repeat_share": _share(whole["repeaters"], whole["adopters"]),
            "stay_adopters": _share(whole["stayed"], whole["judged"]),
            "stay_others": _share(whole["stayed_all"] - whole["stayed"], others),
        }
    ).sort_values(["event", "period"], ignore_index=True)


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def adoption_trends(halves: pd.DataFrame, totals: pd.DataFrame, *, begun: bool) -> pd.DataFrame:
    """Adoption in the later twelve weeks against the earlier, a row per event.

    New and older accounts are compared each with their like and then weighed alike: what everybody
    does once, at the beginning, would fall as soon as fewer accounts are new.

    Args:
        halves: `event, half, fresh, adopters`; half 0 is the later one.
        totals: `half, fresh, accounts`, active ones.
        begun: whether the earlier weeks are observed whole.

    Shape: `event, later, earlier` (shares, so weighed), `change, ci_low, ci_high` (their
    difference, the interval for all events together), `trend`: rising, falling, steady or cannot
    tell.
    Source: Newcombe (1998), Statistics in Medicine 17, method 10, for the interval of a
    difference; Zou and Donner (2008), Statistics in Medicine 27, for that of a weighted sum.
    """
    sizes = totals.pivot_table(
        index="fresh", columns="half", values="accounts", aggfunc="sum", fill_value=0
    ).reindex(columns=[0, 1], fill_value=0)
    sizes = sizes[(sizes >= FEWEST_ACTIVE).all(axis=1)]
    events = sorted(halves["event"].unique())
    if not begun or sizes.empty:
        nothing = dict.fromkeys(("later", "earlier", "change", "ci_low", "ci_high"), np.nan)
        named = pd.Series(events, dtype=halves["event"].dtype, name="event").to_frame()
        return named.assign(**nothing, trend="cannot tell")
    wanted = pd.MultiIndex.from_product([events, sizes.index], names=["event", "fresh"])
    adopters = halves.pivot_table(
        index=["event", "fresh"], columns="half", values="adopters", aggfunc="sum", fill_value=0
    ).reindex(index=wanted, columns=[0, 1], fill_value=0)
    shape = len(events), len(sizes), 2  # events, kinds of account, halves
    table = _weighed(adopters.to_numpy(dtype="float64").reshape(shape), sizes.to_numpy(float))
    large = table["change"].abs() >= LEAST_CHANGE * table["earlier"]
    trend = np.where(large & (table["ci_low"] > 0), "rising", "steady")
    trend = np.where(large & (table["ci_high"] < 0), "falling", trend)
    return table.assign(event=events, trend=trend)


def _weighed(adopters: Floats, sizes: Floats) -> pd.DataFrame:
    """Later less earlier; accounts in both halves only make the interval wider than need be."""
    z = float(ndtri(1 - LEVEL / (2 * max(len(adopters), 1))))
    share, weight = adopters / sizes, sizes.sum(1) / sizes.sum()
    low, high = wilson(adopters, sizes, z)
    down = (share[..., 0] - low[..., 0]) ** 2 + (high[..., 1] - share[..., 1]) ** 2
    up = (high[..., 0] - share[..., 0]) ** 2 + (share[..., 1] - low[..., 1]) ** 2
    later, earlier = share[..., 0] @ weight, share[..., 1] @ weight
    change = later - earlier
    return pd.DataFrame(
        {
            "later": later,
            "earlier": earlier,
            "change": change,
            "ci_low": change - np.sqrt(down @ weight**2),
            "ci_high": change + np.sqrt(up @ weight**2),
        }
    )


def core_growth(totals: pd.DataFrame, name: str, *, begun: bool) -> Growth:
    """Core events of the later twelve weeks over those of the earlier, accounts as they come.

    Args:
        totals: `half, fresh, core_events, core_squares` (of each account's number).
        name: what the core metric is called.
        begun: whether the earlier weeks are observed whole.
    """
    sums = totals.groupby("half").sum().reindex([0, 1], fill_value=0)
    later, earlier = (float(sums["core_events"][half]) for half in (0, 1))
    if not begun:
        return Growth(name, None, None, None, TOO_YOUNG)
    if min(later, earlier) < FEWEST_ACTIVE:
        note = f"{FEWEST_ACTIVE} core events are needed in either half"
        return Growth(name, None, None, None, note)
    error = np.sqrt((sums["core_squares"] / sums["core_events"].astype(float) ** 2).sum())
    ratio = later / earlier
    return Growth(name, ratio, ratio / float(np.exp(Z * error)), ratio * float(np.exp(Z * error)))


def find_blind_spot(trends: pd.DataFrame, growth: Growth) -> BlindSpot:
    """Whether the metric grows on one feature at most while others fall; see RULE."""
    rising, falling = (
        tuple(trends.loc[trends["trend"] == trend, "event"].astype(str).sort_values())
        for trend in ("rising", "falling")
    )
    if growth.low is None or (trends["trend"] == "cannot tell").any():
        why = growth.note or f"{FEWEST_ACTIVE} active accounts are needed in either half"
        return BlindSpot("cannot tell", rising, falling, why)
    if growth.low <= 1:
        return BlindSpot("not growing", rising, falling, "the metric does not clearly grow")
    if falling and len(rising) <= 1:
        return BlindSpot("found", rising, falling, "the metric grows while features fall in use")
    return BlindSpot("none", rising, falling, "the metric grows and no feature is left behind")


def feature_records(table: pd.DataFrame, trends: pd.DataFrame) -> list[dict[str, Any]]:
    """A record per event: its latest period, how adopters stayed in the one before, its trend."""
    latest = table[table["period"] == 0].drop(columns=["period", "stay_adopters", "stay_others"])
    judged = table[table["period"] == 1][["event", "stay_adopters", "stay_others"]]
    rows = trends.merge(latest, how="left", on="event").merge(judged, how="left", on="event")
    rows[["active", "adopters"]] = rows[["active", "adopters"]].fillna(0).astype("int64")
    rows = rows.sort_values(["adopters", "event"], ascending=[False, True])
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
