"""Revenue backtest: do those who did it bring in more afterwards than alike accounts, and when?

Source: the project's METHOD, section 7. Standardised over the same strata as the lift, calibrated
on the same nulls, net of refunds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from nsm_pipeline.stats.calibration import (
    CONFIDENCE_Z,
    EVENTS_FOR_SCALE,
    catalogue_null,
    rule_for,
)
from nsm_pipeline.stats.leading import LeadTest, RevenueKind, lead_test
from nsm_pipeline.waist.cells import REVENUE_WEEKS, CellTable
from nsm_pipeline.waist.score_model import STRATA

Floats = NDArray[np.float64]
CHOICE = ("candidate", "at_least", "within_days")
FEWEST_PER_ARM = 2
PLATEAU_WEEKS = 6
CLEARLY = 2.0
_NO_WEEKS = pd.DataFrame(
    columns=[
        "candidate",
        "within_days",
        "stratum",
        "week",
        "reached",
        "revenue_sum",
        "revenue_squares",
    ]
)


@dataclass(frozen=True)
class RevenueArms:
    """Shape: (comparisons, strata). Accounts with complete revenue weeks, and their sums."""

    doers: Floats
    doers_sum: Floats
    doers_squares: Floats
    others: Floats
    others_sum: Floats
    others_squares: Floats


@dataclass(frozen=True)
class Backtest:
    """Both views of the revenue that follows; all empty without revenue.

    Shape: `gaps` a row per chosen behaviour (see `revenue_gaps`) with `revenue_lead_weeks`;
    `curve` a row per behaviour and week (see `weekly_gaps`); `series` a test per behaviour.
    """

    gaps: pd.DataFrame
    curve: pd.DataFrame
    series: tuple[LeadTest, ...]


def backtest(
    cells: CellTable,
    chosen: pd.DataFrame,
    placebos: frozenset[str],
    frames: Mapping[str, pd.DataFrame],
    kind: RevenueKind,
) -> Backtest:
    """Both views of whether the chosen behaviours lead revenue.

    Args:
        cells: the cells.
        chosen: `candidate, at_least, within_days`.
        placebos: names of the negative controls.
        frames: `revenue_weeks`, `weekly_reach` and `revenue_by_week`, as the engine gave them;
            the first two are absent without revenue.
        kind: how the product is paid for; subscriptions move slowly, so their series is longer.
    """
    if "revenue_weeks" not in frames or chosen.empty:
        nothing = chosen.iloc[:0]
        gaps = revenue_gaps(cells, nothing, placebos).assign(
            revenue_lead_weeks=pd.array([], "Int64")
        )
        return Backtest(gaps, weekly_gaps(cells, _NO_WEEKS, nothing, placebos), ())
    gaps = revenue_gaps(cells, chosen, placebos)
    curve = weekly_gaps(cells, frames["revenue_weeks"], chosen, placebos)
    leads = lead_weeks(curve, gaps)
    revenue = frames["revenue_by_week"].set_index("week")["revenue"]
    series = []
    for candidate, rows in frames["weekly_reach"].groupby("candidate", sort=True):
        weekly = rows.set_index("week")
        reach = weekly["doers"] / weekly["accounts"]
        series.append(lead_test(str(candidate), reach, revenue, kind=kind))
    lead_column = pd.array([leads[name] for name in gaps["candidate"]], "Int64")
    return Backtest(gaps.assign(revenue_lead_weeks=lead_column), curve, tuple(series))


def revenue_gaps(cells: CellTable, chosen: pd.DataFrame, placebos: frozenset[str]) -> pd.DataFrame:
    """Extra revenue per doer over the weeks after the window, one row per chosen behaviour.

    Shape: `candidate, at_least, within_days, revenue_gap, revenue_gap_ci_low,
    revenue_gap_ci_high, revenue_se, revenue_z`. Units: currency per account. Centre and scale of
    the interval come from the catalogue's own z; where these are too few for any rule of the
    calibration, there is no interval.
    """
    gap, se = standardised_gap(_arms(cells, chosen))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = gap / se
    centre, scale = revenue_null(z, chosen["candidate"].isin(placebos).to_numpy())
    return pd.DataFrame(
        {
            **{name: chosen[name].to_numpy() for name in CHOICE},
            "revenue_gap": se * (z - centre),
            "revenue_gap_ci_low": se * (z - centre - CONFIDENCE_Z * scale),
            "revenue_gap_ci_high": se * (z - centre + CONFIDENCE_Z * scale),
            "revenue_se": se,
            "revenue_z": z,
        }
    )


def revenue_null(z: Floats, placebo: NDArray[np.bool_]) -> tuple[float, float]:
    """Centre and scale of z where nothing is caused; scale NaN when it cannot be known."""
    known = np.isfinite(z)
    events = z[known & ~placebo]
    controls = z[known & placebo]
    if rule_for(len(events), len(controls)) == "none":
        return 0.0, float("nan")
    centre, scale = catalogue_null(events)
    if len(controls) >= EVENTS_FOR_SCALE:
        centre, scale = float(controls.mean()), max(scale, float(controls.std(ddof=1)))
    return centre, max(scale, 1.0)


def standardised_gap(arms: RevenueArms) -> tuple[Floats, Floats]:
    """Difference of mean revenue over strata that hold both arms, and its standard error.

    Strata are weighted by their accounts; the variance is each arm's own (Welch), because paying
    accounts are few and large. NaN where no stratum holds both.
    """
    both = (arms.doers >= FEWEST_PER_ARM) & (arms.others >= FEWEST_PER_ARM)
    weight = np.where(both, arms.doers + arms.others, 0.0)
    total = weight.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight / total
        mean1, mean0 = arms.doers_sum / arms.doers, arms.others_sum / arms.others
        variance1 = _variance(arms.doers, mean1, arms.doers_squares)
        variance0 = _variance(arms.others, mean0, arms.others_squares)
        gap = np.where(both, share * (mean1 - mean0), 0.0).sum(1)
        spread = variance1 / arms.doers + variance0 / arms.others
        variance = np.where(both, share**2 * spread, 0.0).sum(1)
    known = (total[:, 0] > 0) & (variance > 0)
    return np.where(known, gap, np.nan), np.where(known, np.sqrt(variance), np.nan)


def _variance(accounts: Floats, mean: Floats, squares: Floats) -> Floats:
    return np.maximum(squares - accounts * mean**2, 0.0) / np.maximum(accounts - 1, 1)


def _arms(cells: CellTable, chosen: pd.DataFrame) -> RevenueArms:
    shape = (len(chosen), STRATA)
    arrays = {name: np.zeros(shape) for name in RevenueArms.__dataclass_fields__}
    split = dict(list(cells.frame.groupby(["candidate", "within_days"])))
    for n, choice in enumerate(chosen.itertuples()):
        rows = split[(choice.candidate, choice.within_days)]
        did = (rows["reached"] >= choice.at_least).to_numpy()
        for arm, mask in (("doers", did), ("others", ~did)):
            part = rows[mask]
            for column, name in (
                ("revenue_accounts", arm),
                ("revenue_sum", f"{arm}_sum"),
                ("revenue_squares", f"{arm}_squares"),
            ):
                arrays[name][n] = np.bincount(part["stratum"], part[column], minlength=STRATA)
    return RevenueArms(**arrays)


def weekly_gaps(
    cells: CellTable, weeks: pd.DataFrame, chosen: pd.DataFrame, placebos: frozenset[str]
) -> pd.DataFrame:
    """The gap week by week after the window, with its band: `backtest.parquet`.

    Shape: `candidate, at_least, within_days, week, accounts, gap, ci_low, ci_high`; units:
    currency per account and week. Each week is calibrated on the same week of all behaviours.
    """
    whole = _arms(cells, chosen)
    keys = ["candidate", "within_days"]
    mine = weeks.merge(chosen[keys], on=keys)
    number = {name: n for n, name in enumerate(chosen["candidate"])}
    placebo = chosen["candidate"].isin(placebos).to_numpy()
    parts = []
    for week in range(1, REVENUE_WEEKS + 1):
        sums = mine[mine["week"] == week]
        gap, se = standardised_gap(_week_arms(whole, sums, number))
        with np.errstate(divide="ignore", invalid="ignore"):
            z = gap / se
        centre, scale = revenue_null(z, placebo)
        parts.append(
            chosen[["candidate", "at_least", "within_days"]].assign(
                week=week,
                accounts=(whole.doers + whole.others).sum(1).astype("int64"),
                gap=se * (z - centre),
                ci_low=se * (z - centre - CONFIDENCE_Z * scale),
                ci_high=se * (z - centre + CONFIDENCE_Z * scale),
            )
        )
    curve = pd.concat(parts, ignore_index=True)
    order = curve["candidate"].map(number)
    return (
        curve.assign(order=order)
        .sort_values(["order", "week"], ignore_index=True)
        .drop(columns="order")
    )


def _week_arms(whole: RevenueArms, sums: pd.DataFrame, number: dict[str, int]) -> RevenueArms:
    shape = whole.doers.shape
    at = np.ravel_multi_index(
        (
            sums["candidate"].map(number).to_numpy(dtype=np.int64),
            sums["stratum"].to_numpy(dtype=np.int64),
        ),
        shape,
    )
    did = (sums["reached"] > 0).to_numpy()

    def spread(column: str, mask: NDArray[np.bool_]) -> Floats:
        values = sums[column].to_numpy(dtype=np.float64)[mask]
        summed = np.zeros(shape)
        np.add.at(summed.reshape(-1), at[mask], values)
        return summed

    return RevenueArms(
        doers=whole.doers,
        doers_sum=spread("revenue_sum", did),
        doers_squares=spread("revenue_squares", did),
        others=whole.others,
        others_sum=spread("revenue_sum", ~did),
        others_squares=spread("revenue_squares", ~did),
    )


def lead_weeks(curve: pd.DataFrame, gaps: pd.DataFrame) -> dict[str, int | None]:
    """Per candidate the first week at half of its plateau, of the best rising curve.

    The plateau is the mean of the last six of the thirteen weeks. Fitting a curve that only rises
    keeps one lucky early week from being the lead. None unless the gap as a whole is above zero
    and the plateau twice as far from zero as its interval reaches: a week cannot be told otherwise.
    """
    clear = gaps.set_index("candidate")["revenue_gap_ci_low"] > 0
    return {
        str(candidate): _lead(rows.sort_values("week")) if clear.get(candidate, False) else None
        for candidate, rows in curve.groupby("candidate", sort=False)
    }


def _lead(weeks: pd.DataFrame) -> int | None:
    gap = weeks["gap"].to_numpy(float)
    reach = ((weeks["ci_high"] - weeks["ci_low"]) / 2).to_numpy(float)
    known = np.isfinite(gap) & np.isfinite(reach) & (reach > 0)
    if not known.all():
        return None
    late = slice(len(gap) - PLATEAU_WEEKS, None)
    if gap[late].mean() < CLEARLY * reach[late].mean() / np.sqrt(PLATEAU_WEEKS):
        return None
    rising = isotonic_regression(gap, weights=1 / reach**2).x
    first = int(np.argmax(rising >= rising[late].mean() / 2))
    return int(weeks["week"].iloc[first])
