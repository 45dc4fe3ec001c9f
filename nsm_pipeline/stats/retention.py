"""The retention curve with its interval, and whether it flattens: is there anything to keep?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Z = 1.959963984540054
FLAT_ABOVE = 0.10
SINKING_BELOW = 0.20
LATE_LOSS = 0.01
FEWEST_WEEKS = 8
FEWEST_ACCOUNTS = 100
FEWEST_ACTIVE = 100
RESAMPLES = 400
SEED = 20_240_101
# Half-lives from a fortnight's tenth to some twelve years, in weeks.
RATES = np.geomspace(0.001, 5.0, 240)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RetentionVerdict:
    """Whether the curve flattens; numbers are None where too few weeks or accounts are known.

    `floor` is the share (0 to 1) of those active in the first week who stay for good, with its
    95 % bootstrap interval; `late_loss` the share lost per week in the second half of the curve.
    """

    verdict: str
    weeks: int
    floor: float | None
    floor_low: float | None
    floor_high: float | None
    late_loss: float | None
    sentence: str


def with_intervals(parts: pd.DataFrame) -> pd.DataFrame:
    """The curve over all parts: `week, accounts, active, rate, ci_low, ci_high` (0 to 1)."""
    return with_shares(parts.groupby("week", as_index=False)[["accounts", "active"]].sum())


def with_shares(counted: pd.DataFrame) -> pd.DataFrame:
    """Adds `rate, ci_low, ci_high` (0 to 1) of active among accounts; NaN where there are none."""
    active, accounts = (counted[name].to_numpy(float) for name in ("active", "accounts"))
    accounts = np.where(accounts > 0, accounts, np.nan)
    low, high = wilson(active, accounts)
    return counted.assign(rate=active / accounts, ci_low=low, ci_high=high)


def wilson(successes: Floats, trials: Floats, z: float = Z) -> tuple[Floats, Floats]:
    """Score interval of a proportion, of 95 % by default. Source: Wilson (1927), JASA 22."""
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return centre - half, centre + half


def judge_curve(parts: pd.DataFrame) -> RetentionVerdict:
    """Flattening, not flattening, or too early to say.

    Args:
        parts: `week, part, accounts, active`; parts are random groups of accounts. They are
            resampled whole, because the same accounts make up every week of the curve.

    Source: the project's METHOD, section 8.
    """
    sizes, active = (
        parts.pivot_table(index="part", columns="week", values=name, aggfunc="sum", fill_value=0)
        for name in ("accounts", "active")
    )
    enough = sizes.sum() >= FEWEST_ACCOUNTS
    weeks = int(enough.cumprod().sum())
    size, seen = (frame.to_numpy(float)[:, :weeks] for frame in (sizes, active))
    if weeks < FEWEST_WEEKS or seen.sum() < FEWEST_ACTIVE:
        return _too_few(weeks)
    picks = np.random.default_rng(SEED).multinomial(
        len(size), np.full(len(size), 1 / len(size)), RESAMPLES
    )
    picks = np.vstack([np.ones(len(size), dtype=np.int64), picks])
    accounts, rates = picks @ size, picks @ seen / np.maximum(picks @ size, 1)
    floors = fit_floor(rates, accounts)
    low, high = np.quantile(floors[1:], [0.025, 0.975])
    loss = late_loss(rates[0], accounts[0])
    return _verdict(weeks, (float(floors[0]), float(low), float(high)), loss)


def fit_floor(rates: Floats, accounts: Floats) -> Floats:
    """The floor f of A(f + (1 - f)exp(-lt)) by weighted least squares, one per row of rates.

    Given l the curve is linear in Af and A(1 - f), so l alone is searched, over a grid: no start
    value, no failure to converge. Neither part may be negative.

    Shape: `rates` and `accounts` (curves, weeks), week 0 first; the answer (curves,).
    """
    decay = np.exp(-RATES[:, None] * np.arange(rates.shape[1]))  # (rates, weeks)
    total = accounts.sum(1, keepdims=True)
    y, yy = (accounts * rates).sum(1, keepdims=True), (accounts * rates**2).sum(1, keepdims=True)
    e, ee, ye = accounts @ decay.T, accounts @ (decay**2).T, (accounts * rates) @ decay.T
    determinant = total * ee - e**2
    with np.errstate(divide="ignore", invalid="ignore"):
        level = (ee * y - e * ye) / determinant
        fading = (total * ye - e * y) / determinant
        level, fading = (
            np.where(fading < 0, y / total, np.where(level < 0, 0.0, level)),
            np.where(fading < 0, 0.0, np.where(level < 0, ye / ee, fading)),
        )
    misfit = (
        yy
        - 2 * (level * y + fading * ye)
        + level**2 * total
        + 2 * level * fading * e
        + fading**2 * ee
    )
    best = np.nanargmin(misfit, axis=1)
    at = np.arange(len(rates)), best
    whole = level[at] + fading[at]
    return np.where(whole > 0, level[at] / np.where(whole > 0, whole, 1.0), 0.0)


def late_loss(rates: Floats, accounts: Floats) -> float:
    """Share of the active lost per week over the second half of the weeks, by weighted slope."""
    half = len(rates) // 2
    late, weight = rates[half:], accounts[half:]
    week = np.arange(len(late), dtype=np.float64)
    mean, centre = np.average(late, weights=weight), np.average(week, weights=weight)
    slope = (weight * (week - centre) * (late - mean)).sum() / (weight * (week - centre) ** 2).sum()
    return float(-slope / mean) if mean > 0 else 1.0


def _verdict(weeks: int, floor: tuple[float, float, float], loss: float) -> RetentionVerdict:
    found, low, high = floor
    measured = (
        f"after {weeks} weeks the curve's floor is {found:.0%} of its start ({low:.0%} to "
        f"{high:.0%}), and {max(loss, 0.0):.1%} of the active are lost per week of its later half"
    )
    if low > FLAT_ABOVE:
        verdict, sentence = "flattening", f"Retention flattens: {measured}."
    elif high < SINKING_BELOW and loss > LATE_LOSS:
        verdict = "not flattening"
        sentence = (
            f"Retention does not flatten: {measured}. As long as everybody leaves in the end "
            "there may be no North Star yet, whatever is ranked below."
        )
    else:
        verdict = "too early to say"
        sentence = f"Whether retention flattens cannot be said yet: {measured}."
    return RetentionVerdict(verdict, weeks, found, low, high, loss, sentence)


def _too_few(weeks: int) -> RetentionVerdict:
    sentence = (
        f"Whether retention flattens cannot be said yet: {weeks} weeks are observed for "
        f"{FEWEST_ACCOUNTS} accounts or more, or hardly anybody is active; {FEWEST_WEEKS} weeks "
        f"and {FEWEST_ACTIVE} active are needed."
    )
    return RetentionVerdict("too early to say", weeks, None, None, None, None, sentence)
