"""Unit economics: revenue per account, what an account is worth, and what it costs to win.

Source: value as margin times retention, added up over time: Fader and Hardie (2010), Marketing
Science 29; here without discount, and without anything beyond the weeks observed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from nsm_pipeline.stats.parts import Estimate, ratio_of_sums, with_interval

MINOR_UNITS = 100
FEWEST_ACCOUNTS = 100
FEWEST_WEEKS = 4
WEEKS_PER_MONTH = 365.25 / 12 / 7
HIGH_RATIO = 5.0
FORMULA = (
    "Sum over the weeks since onboarding of net revenue per account observed through the week, "
    "which is the retention curve times the revenue of an active account in that week; times the "
    "gross margin; no discount, and nothing beyond the last week shown."
)
NO_MARGIN = "no gross margin is declared (health.costs.gross_margin)"
NO_COSTS = "no acquisition cost is declared (health.costs.acquisition)"
UNDER_INVESTED = (
    "A ratio above {mark:g} (this page's own mark) may say that too little is spent on growth, not "
    "only that the accounts are good: ask what the next account would cost."
)
AT_A_LOSS = "An account costs more to win than it brings in within the weeks observed."


@dataclass(frozen=True)
class AcquisitionCost:
    """What winning an account costs, and how that is known; `amount` is None where it is not."""

    amount: float | None
    note: str
    spent: float | None = None
    accounts: int | None = None
    months: tuple[str, ...] = ()


def value_curve(weeks: pd.DataFrame, *, margin: float | None, most_weeks: int) -> pd.DataFrame:
    """What an account has brought in by the end of each week since onboarding.

    Args:
        weeks: `week, part, accounts, revenue_minor`.
        margin: the share of revenue that is left; None leaves revenue as it is.
        most_weeks: the declared horizon.

    Shape: a row per week that 100 accounts are observed through: `week, accounts, revenue` (of the
    week, per account), `value, ci_low, ci_high` (added up, times the margin). Units: currency.
    """
    sizes, sums = (
        weeks.pivot_table(
            index="part", columns="week", values=name, aggfunc="sum", fill_value=0
        ).to_numpy(dtype="float64")
        for name in ("accounts", "revenue_minor")
    )
    total = sizes.sum(0)
    known = int((total >= FEWEST_ACCOUNTS).cumprod()[:most_weeks].sum())
    total, sizes, sums = total[:known], sizes[:, :known], sums[:, :known] / MINOR_UNITS
    revenue = sums.sum(0) / total
    influences = ((sums - revenue * sizes) / total).cumsum(1) * (margin or 1.0)
    value = revenue.cumsum() * (margin or 1.0)
    bounds = [with_interval(float(value[w]), influences[:, w]) for w in range(known)]
    return pd.DataFrame(
        {
            "week": np.arange(known, dtype="int64"),
            "accounts": total.astype("int64"),
            "revenue": revenue,
            "value": value,
            "ci_low": np.array([b.low for b in bounds], dtype="float64"),
            "ci_high": np.array([b.high for b in bounds], dtype="float64"),
        }
    )


def revenue_per_payer(months: pd.DataFrame) -> Estimate:
    """ARPA: net revenue per paying account and month; `months` is by month and part."""
    parts = months.groupby("part")[["revenue_minor", "payers"]].sum()
    if parts["payers"].sum() < FEWEST_ACCOUNTS:
        paid = int(parts["payers"].sum())
        note = f"{paid} payments by account and month, and {FEWEST_ACCOUNTS} are needed"
        return Estimate(None, note=note)
    found = ratio_of_sums(
        parts["revenue_minor"].to_numpy(dtype="float64"), parts["payers"].to_numpy(dtype="float64")
    )
    return found.times(1 / MINOR_UNITS)


def monthly_revenue(months: pd.DataFrame, names: Sequence[str]) -> list[dict[str, Any]]:
    """A record per month with payments: `month, revenue, payers, arpa`, from the first one on."""
    sums = months.groupby("month_no", as_index=False)[["revenue_minor", "payers"]].sum()
    table = pd.DataFrame(
        {
            "month": [names[number] for number in sums["month_no"]],
            "revenue": sums["revenue_minor"] / MINOR_UNITS,
            "payers": sums["payers"],
            "arpa": sums["revenue_minor"] / MINOR_UNITS / sums["payers"].where(sums["payers"] > 0),
        }
    )
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def declared_cost(amount: float | None) -> AcquisitionCost:
    """The cost of winning an account as the product file gives it."""
    return AcquisitionCost(amount, NO_COSTS if amount is None else "as declared")


def spent_per_account(spent: Mapping[str, float], accounts: int) -> AcquisitionCost:
    """What was spent in whole months by the accounts that onboarded in them."""
    if not spent or not accounts:
        return AcquisitionCost(None, "no month with a declared cost has onboarded accounts whole")
    total = sum(spent.values())
    note = f"spent by accounts onboarded, {len(spent)} whole months"
    return AcquisitionCost(total / accounts, note, total, accounts, tuple(sorted(spent)))


def unit_economics(
    curve: pd.DataFrame, arpa: Estimate, cost: AcquisitionCost, *, margin: float | None
) -> dict[str, Any]:
    """LTV, LTV:CAC and payback from the curve of `value_curve`, with the reason where unknown."""
    ltv = _lifetime_value(curve)
    ratio = _against_cost(ltv, cost, margin)
    return {
        "arpa": asdict(arpa),
        "gross_margin": margin,
        "ltv": {**asdict(ltv), "weeks": len(curve)},
        "formula": FORMULA,
        "cac": asdict(cost),
        "ltv_to_cac": asdict(ratio),
        "payback": _payback(curve, ratio, cost),
        "remark": _remark(ratio),
    }


def _lifetime_value(curve: pd.DataFrame) -> Estimate:
    if len(curve) < FEWEST_WEEKS:
        note = (
            f"{len(curve)} weeks are observed for {FEWEST_ACCOUNTS} accounts, and "
            f"{FEWEST_WEEKS} are needed"
        )
        return Estimate(None, note=note)
    last = curve.iloc[-1]
    low, high = (None if np.isnan(x) else float(x) for x in (last["ci_low"], last["ci_high"]))
    return Estimate(float(last["value"]), low, high)


def _against_cost(ltv: Estimate, cost: AcquisitionCost, margin: float | None) -> Estimate:
    reasons = [
        *([ltv.note] if ltv.value is None else []),
        *([NO_MARGIN] if margin is None else []),
        *([cost.note] if cost.amount is None else []),
    ]
    if reasons or not cost.amount:
        return Estimate(None, note="; ".join(reasons))
    return ltv.times(1 / cost.amount)


def _payback(curve: pd.DataFrame, ratio: Estimate, cost: AcquisitionCost) -> dict[str, Any]:
    """Months until the value reaches the cost; None where it does not within the curve."""
    if ratio.value is None or cost.amount is None:
        return {"months": None, "low": None, "high": None, "note": ratio.note}
    amount = cost.amount
    reached = {
        name: _months_until(curve[column], amount)
        for name, column in (("months", "value"), ("low", "ci_high"), ("high", "ci_low"))
    }
    late = f"not within the {len(curve) / WEEKS_PER_MONTH:.1f} months observed"
    note = late if reached["months"] is None else ""
    return {**reached, "note": note}


def _months_until(value: pd.Series, amount: float) -> float | None:
    weeks = np.flatnonzero(value.to_numpy() >= amount)
    return float((weeks[0] + 1) / WEEKS_PER_MONTH) if len(weeks) else None


def _remark(ratio: Estimate) -> str:
    if ratio.low is not None and ratio.low > HIGH_RATIO:
        return UNDER_INVESTED.format(mark=HIGH_RATIO)
    if ratio.high is not None and ratio.high < 1:
        return AT_A_LOSS
    return ""
