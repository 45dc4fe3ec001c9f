"""Which windows the data itself suggests, and why: X, Y and W where the product file says `auto`.

Source: the project's METHOD, section 8. Kaplan and Meier (1958), JASA 53, for gaps that have not
ended yet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

DAYS_PER_WEEK = 7
FEWEST_GAPS = 100
FEWEST_AT_RISK = 30
FEWEST_ACCOUNTS = 100
MOST_BACK = 0.9
SETTLED_WEEKS = range(8, 13)
LEAST_LOSS = 0.01
WINDOWS = (1, 3, 7, 10, 14)
DAILY, WEEKLY = 2, 10


class NotEnoughData(Exception):
    """A window cannot be read off the data; the message says what is missing."""


@dataclass(frozen=True)
class Usage:
    """How long accounts stay away between two active days, of those that come back.

    Shape: `back` has `days` and `share`, the share (0 to 1) of gaps that ended within so many days.
    """

    kind: str
    median_days: int
    most_days: int
    ended: int
    never_share: float
    back: pd.DataFrame


@dataclass(frozen=True)
class Choice:
    """A window in days, and why it is the one."""

    days: int
    reason: str


@dataclass(frozen=True)
class WeeklyLoss:
    """Shape: `weeks` has `week, accounts, active, rate, loss`; `settled` the loss to stay below."""

    weeks: pd.DataFrame
    settled: float


def usage_interval(gaps: pd.DataFrame) -> Usage:
    """Median and 90 % quantile of the gap between active days.

    A gap that has not ended counts for as long as it is known. Accounts that never return would
    hold the quantiles up for ever, so they are those of the gaps that end: the curve is divided
    by the share it reaches while thirty gaps are still open.

    Args:
        gaps: `days, ended, gaps`, as the engine counts them.

    Raises:
        NotEnoughData: fewer than 100 gaps have ended.
    """
    counted = gaps.pivot_table(index="days", columns="ended", values="gaps", aggfunc="sum")
    counted = counted.reindex(columns=[False, True]).fillna(0).sort_index()
    ended = counted[True].to_numpy(float)
    if ended.sum() < FEWEST_GAPS:
        what = f"Only {ended.sum():,.0f} returns to activity are known; {FEWEST_GAPS} are needed"
        raise NotEnoughData(f"{what} to tell how often accounts use the product.")
    at_risk = counted.to_numpy(float).sum(1)[::-1].cumsum()[::-1]
    open_yet = np.cumprod(1 - ended / at_risk)
    known = at_risk >= min(FEWEST_AT_RISK, at_risk[0])
    back = 1 - open_yet[known]
    days = counted.index.to_numpy(dtype=np.int64)[known]
    share = back / back[-1]
    median, most = (int(days[np.searchsorted(share, q - 1e-12)]) for q in (0.5, MOST_BACK))
    kind = "daily" if median <= DAILY else "weekly" if median <= WEEKLY else "monthly"
    curve = pd.DataFrame({"days": days, "share": share})
    return Usage(kind, median, most, int(ended.sum()), float(1 - back[-1]), curve)


def advise_within(usage: Usage) -> Choice:
    """W: whole weeks that hold nine in ten of the gaps that end."""
    days = DAYS_PER_WEEK * math.ceil(usage.most_days / DAYS_PER_WEEK)
    reason = (
        f"Of {usage.ended:,} gaps between active days that ended, half did within "
        f"{_days(usage.median_days)} and nine in ten within {_days(usage.most_days)}; in whole "
        f"weeks {_days(days)}."
    )
    return Choice(days, reason)


def weekly_loss(curve: pd.DataFrame) -> WeeklyLoss:
    """The share lost from each week to the next, and twice its median of weeks 8 to 12.

    Args:
        curve: `week, accounts, active`, summed over parts.

    Raises:
        NotEnoughData: weeks 8 to 12 are not observed for 100 accounts.
    """
    weeks = curve.groupby("week", as_index=False)[["accounts", "active"]].sum()
    weeks["rate"] = weeks["active"] / weeks["accounts"]
    before = weeks["rate"].shift()
    weeks["loss"] = ((before - weeks["rate"]) / before).where(before > 0)
    settled = weeks[weeks["week"].isin(SETTLED_WEEKS) & (weeks["accounts"] >= FEWEST_ACCOUNTS)]
    if len(settled) < len(SETTLED_WEEKS) or settled["loss"].isna().any():
        raise NotEnoughData(
            f"The outcome is not observed from week {SETTLED_WEEKS[-1]} on for {FEWEST_ACCOUNTS} "
            "accounts, so it cannot be told when early losses end."
        )
    return WeeklyLoss(weeks, max(2 * float(settled["loss"].median()), LEAST_LOSS))


def advise_after(loss: WeeklyLoss, *, at_least: int, because: str) -> Choice:
    """Y: the first week with a loss below twice what is lost later, and never below a minimum.

    Args:
        loss: from `weekly_loss`.
        at_least: days that Y may not fall below.
        because: what these days are, such as `the trial`.
    """
    weeks = loss.weeks[loss.weeks["week"] >= 1]
    calm = weeks[weeks["loss"] < loss.settled].iloc[0]
    week = int(calm["week"])
    reason = (
        f"Week {week} is the first that loses less ({max(calm['loss'], 0):.1%}) than twice the "
        f"median of weeks 8 to 12 ({loss.settled:.1%}): day {week * DAYS_PER_WEEK}."
    )
    if week * DAYS_PER_WEEK >= at_least:
        return Choice(week * DAYS_PER_WEEK, reason)
    return Choice(at_least, f"{reason} Not before {because} ends: day {at_least}.")


def advise_exposure(after: int) -> tuple[int, ...]:
    """X: windows from a day to a fortnight, none past the day on which retention counts."""
    return tuple(days for days in WINDOWS if days <= after) or (after,)


def usage_record(usage: Usage) -> dict[str, Any]:
    """The usage interval as `advice.json` holds it."""
    return {
        "kind": usage.kind,
        "median_days": usage.median_days,
        "most_days": usage.most_days,
        "gaps": usage.ended,
        "never_share": usage.never_share,
        "back": usage.back.to_dict("records"),
    }


def loss_record(loss: WeeklyLoss) -> dict[str, Any]:
    """The weekly losses as `advice.json` holds them."""
    return {"below": loss.settled, "weeks": loss.weeks.to_dict("records")}


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"
