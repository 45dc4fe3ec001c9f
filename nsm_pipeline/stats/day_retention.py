"""Day-N retention with its interval, beside the bands that are published for its audience."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from nsm_pipeline.stats.retention import with_shares

DAYS = (1, 7, 14, 90)
DEFINITION = (
    "Day N is the 24 hours that begin N times 24 hours after onboarding: active on that day, not "
    "on or after it; of the accounts observed to its end."
)
Audience = Literal["b2b", "consumer"]


@dataclass(frozen=True)
class Band:
    """Lowest and highest usual share (0 to 1), and whose figures they are."""

    low: float
    high: float
    source: str


# The table of article 001 ("North Star Metric", benchmarks), with the sources it names.
BANDS: dict[Audience, dict[int, Band]] = {
    "b2b": {
        1: Band(0.50, 0.70, "Pendo, Amplitude"),
        7: Band(0.40, 0.60, "Pendo, Userpilot"),
        14: Band(0.35, 0.55, "Amplitude, Mixpanel"),
        90: Band(0.25, 0.35, "Pendo Product Benchmarks"),
    },
    "consumer": {
        1: Band(0.20, 0.30, "Adjust, Statista"),
        7: Band(0.08, 0.15, "AppsFlyer, Amplitude"),
        14: Band(0.04, 0.08, "Mixpanel, Amplitude"),
        90: Band(0.01, 0.04, "AppsFlyer, Adjust"),
    },
}


def beside_bands(
    active: pd.DataFrame, returned: pd.DataFrame, audience: Audience
) -> list[dict[str, Any]]:
    """A record per day: both shares with their intervals, the band, and where the first stands.

    Args:
        active: `day, accounts, active`, active by anything an account does itself.
        returned: the same for what the product's retention asks for.
        audience: whose bands.
    """
    shares, strict = with_shares(active), with_shares(returned)
    return [
        _record(row, again, BANDS[audience].get(int(row["day"])))
        for row, again in zip(shares.to_dict("records"), strict.to_dict("records"), strict=True)
    ]


def _record(row: dict[Any, Any], again: dict[Any, Any], band: Band | None) -> dict[str, Any]:
    return {
        "day": int(row["day"]),
        "accounts": int(row["accounts"]),
        "active": int(row["active"]),
        "rate": row["rate"],
        "ci_low": row["ci_low"],
        "ci_high": row["ci_high"],
        "returned": int(again["active"]),
        "returned_rate": again["rate"],
        "returned_ci_low": again["ci_low"],
        "returned_ci_high": again["ci_high"],
        "band_low": band.low if band else None,
        "band_high": band.high if band else None,
        "band_source": band.source if band else "",
        "against_band": _against(row, band),
    }


def _against(row: dict[Any, Any], band: Band | None) -> str:
    """Below, inside or above only where the whole interval is."""
    if not row["accounts"] or band is None:
        return "cannot tell"
    if row["ci_high"] < band.low:
        return "below"
    if row["ci_low"] > band.high:
        return "above"
    if band.low <= row["ci_low"] and row["ci_high"] <= band.high:
        return "inside"
    return "at the edge"
