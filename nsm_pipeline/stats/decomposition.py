"""A metric's change from one period to the next, taken apart so that the parts add up to it.

A product of inputs is split by the Shapley value: every input's part is its change times the mean,
over all orders in which the inputs could have changed, of what the others were. It is a polynomial,
so nothing is undefined at zero (log-mean weights take logarithms), no order of inputs is preferred,
and parts of segments may be summed.
Source: Shapley (1953), "A value for n-person games"; as a decomposition of change, Sun (1998),
Energy Economics 20; for shares, Marshall and Edgeworth's weights (mean of both periods).
"""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COUNTED = ("units", "days", "value", "new", "returned", "kept")
# What the change consists of: these six, and nothing else, add up to it.
LEAVES = ("activation", "reactivation", "retention", "carried_over", "frequency", "depth")
TOLERANCE = 1e-9
"""Parts and change differ by rounding alone: by less than this share of the larger value."""
EVERYBODY = ""
KEYS = ["segment", "period"]


def product_parts(before: Floats, after: Floats) -> Floats:
    """What each factor's change did to the product of all.

    Args:
        before: the factors earlier, one column each; NaN where a factor is not defined.
        after: the same later. An undefined factor counts as unchanged, so that a product that
            comes from nothing is its first factor's doing.

    Shape: (rows, factors), all three. A row of the answer sums to after's product less before's.
    """
    before, after = _carried(before, after)
    parts: Floats = (after - before) * mean_of_the_others(before, after)
    return parts


def mean_of_the_others(before: Floats, after: Floats) -> Floats:
    """For each factor the mean product of the others, over all orders of change.

    Shape: (rows, factors), as the arguments; Source: Shapley (1953), equation 13.
    """
    factors = before.shape[1]
    means = np.zeros_like(before)
    for factor in range(factors):
        others = [other for other in range(factors) if other != factor]
        for size in range(factors):
            weight = factorial(size) * factorial(factors - 1 - size) / factorial(factors)
            for changed in combinations(others, size):
                kept = [other for other in others if other not in changed]
                means[:, factor] += (
                    weight * after[:, list(changed)].prod(axis=1) * before[:, kept].prod(axis=1)
                )
    return means


def _carried(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Each period's undefined factors as they are in the other one; zero when in neither."""
    return (
        np.nan_to_num(np.where(np.isnan(before), after, before)),
        np.nan_to_num(np.where(np.isnan(after), before, after)),
    )


def decompose_volume(counts: pd.DataFrame) -> pd.DataFrame:
    """Every change of a count or sum, by segment and input.

    The value is units (breadth) x active days per unit (frequency) x value per active day (depth).
    Units are those `new`, those `returned` and those `kept` from the period before; the kept are
    the units of that period times the share that stayed. So breadth's part is the sum of four:
    more or fewer new units (activation), more or fewer that returned (reactivation), another share
    kept (retention), and more or fewer there to be kept (carried_over).

    Args:
        counts: `period, segment` and COUNTED, a row per segment and period in which it has any;
            periods that nobody was active in are given as rows of zeros for one segment at least.

    Shape: a row per segment and period, EVERYBODY first: what was counted, `lost`, `change`,
    `breadth`, and the six LEAVES, which sum to `change`. EVERYBODY's parts are the sums of those of
    all segments, so the table adds up both ways; what moves between segments of unlike intensity
    is breadth. NaN in the first period of all, and for the parts that ask what was new or kept the
    period before in the second one: in the first, everybody is new.
    Units: those of the value.
    """
    grid = _every_segment(counts, COUNTED)
    by_segment = grid.groupby("segment", sort=False)
    before, earlier = by_segment[list(COUNTED)].shift(1), by_segment["units"].shift(2)
    parts = _volume_parts(before, grid, earlier)
    parts["change"] = grid["value"] - before["value"]
    parts["lost"] = before["units"] - grid["kept"]
    table = pd.concat([grid[[*KEYS, *COUNTED]], parts], axis=1)
    return _with_everybody(table)


def _every_segment(counts: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """A row for every segment and period, zero where nothing was counted."""
    named = counts["segment"].unique()
    segments = sorted(named[named != EVERYBODY]) if len(named) > 1 else list(named)
    grid = pd.MultiIndex.from_product([segments, sorted(counts["period"].unique())], names=KEYS)
    filled = counts.set_index(KEYS)[list(columns)].reindex(grid)
    return filled.fillna(0.0).astype("float64").reset_index()


def _volume_parts(before: pd.DataFrame, now: pd.DataFrame, earlier: pd.Series) -> pd.DataFrame:
    first, second = before["units"].isna().to_numpy(), earlier.isna().to_numpy()
    then, later = _carried(_factors(before), _factors(now))
    per_factor = (later - then) * mean_of_the_others(then, later)
    worth = mean_of_the_others(then, later)[:, 0]  # of one unit more
    kept = product_parts(
        _kept_factors(before["kept"], earlier), _kept_factors(now["kept"], before["units"])
    )
    parts = {
        "breadth": per_factor[:, 0],
        "activation": worth * (now["new"] - before["new"]),
        "reactivation": worth * (now["returned"] - before["returned"]),
        "retention": worth * kept[:, 0],
        "carried_over": worth * kept[:, 1],
        "frequency": per_factor[:, 1],
        "depth": per_factor[:, 2],
    }
    of_units = {"activation", "reactivation", "retention", "carried_over"}
    return pd.DataFrame(
        {
            name: np.where(second if name in of_units else first, np.nan, np.asarray(part))
            for name, part in parts.items()
        }
    )


def _factors(counted: pd.DataFrame) -> Floats:
    units, days, value = (counted[name].to_numpy(float) for name in ("units", "days", "value"))
    return np.column_stack([units, _per(days, units), _per(value, days)])


def _kept_factors(kept: pd.Series, units_before: pd.Series) -> Floats:
    """The share kept, and the units it is a share of."""
    units = units_before.to_numpy(float)
    return np.column_stack([_per(kept.to_numpy(float), units), units])


def _per(amount: Floats, of: Floats) -> Floats:
    """The ratio; not defined where there is nothing to divide by."""
    return np.divide(amount, of, out=np.full_like(amount, np.nan), where=of != 0)


def _with_everybody(table: pd.DataFrame) -> pd.DataFrame:
    """Adds the sums over segments as EVERYBODY's rows; NaN where a segment has NaN."""
    if list(table["segment"].unique()) == [EVERYBODY]:
        return table
    numbers = table.drop(columns="segment")
    summed = numbers.groupby("period").sum(min_count=1)
    unknown = numbers.drop(columns="period").isna().groupby(numbers["period"]).any()
    whole = summed.mask(unknown).reset_index()
    return pd.concat([whole.assign(segment=EVERYBODY), table], ignore_index=True)[table.columns]


def decompose_ratio(counts: pd.DataFrame) -> pd.DataFrame:
    """Every change of a share or mean, by what changed within segments and by who they were.

    Args:
        counts: `period, segment, numerator, denominator`, a row per segment and period.

    Shape: a row per segment and period, EVERYBODY first: `numerator, denominator, value, change,
    rate, mix`. EVERYBODY's `rate` and `mix` are the sums over segments and sum to `change`. A
    segment's `rate` is the change of its own value at its mean weight; its `mix` the change of its
    weight times how far its value lies from everybody's, both as means of the two periods. A
    segment's `change` is that of its own value. NaN in the first period, and where nobody is
    counted in one of the two.
    Units: those of the value.
    """
    grid = _every_segment(counts, ("numerator", "denominator"))
    now = _rates_and_weights(grid)
    before = now.groupby("segment", sort=False)[["value", "weight", "overall"]].shift(1)
    rate_before, rate = (
        frame["value"].where(frame["overall"].notna()).to_numpy(float) for frame in (before, now)
    )
    rates = np.column_stack([rate_before, rate])
    filled = np.column_stack(_carried(rates[:, :1], rates[:, 1:]))
    weights = np.column_stack([before["weight"], now["weight"]]).astype(float)
    centre = (before["overall"] + now["overall"]).to_numpy(float) / 2
    known = np.isfinite(centre)
    within = weights.mean(axis=1) * (filled[:, 1] - filled[:, 0])
    mix = (weights[:, 1] - weights[:, 0]) * (filled.mean(axis=1) - centre)
    parts = now.assign(
        change=now["value"] - before["value"],
        rate=np.where(known, within, np.nan),
        mix=np.where(known, mix, np.nan),
    )
    return _with_everybodys_ratio(parts.drop(columns=["weight"]))


def _rates_and_weights(grid: pd.DataFrame) -> pd.DataFrame:
    sums = grid.groupby("period")[["numerator", "denominator"]].transform("sum")
    numerator, denominator, whole, base = (
        column.to_numpy(float)
        for column in (
            grid["numerator"],
            grid["denominator"],
            sums["numerator"],
            sums["denominator"],
        )
    )
    return grid.assign(
        value=_per(numerator, denominator),
        weight=_per(denominator, base),
        overall=_per(whole, base),
    )


def _with_everybodys_ratio(parts: pd.DataFrame) -> pd.DataFrame:
    columns = [*KEYS, "numerator", "denominator", "value", "change", "rate", "mix"]
    by_period = parts.groupby("period")
    summed = by_period[["numerator", "denominator"]].sum()
    # A segment without a part leaves the whole without one: it would not add up.
    unknown = parts[["rate", "mix"]].isna().groupby(parts["period"]).any()
    summed[["rate", "mix"]] = by_period[["rate", "mix"]].sum().mask(unknown)
    summed["value"] = by_period["overall"].first()
    whole = summed.assign(change=summed["value"].diff(), segment=EVERYBODY).reset_index()
    named = parts[parts["segment"] != EVERYBODY]
    return pd.concat([whole, named], ignore_index=True)[columns]
