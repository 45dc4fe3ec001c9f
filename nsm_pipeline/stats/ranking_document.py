"""The ranking as it is published: the table of `ranking.csv` and the document `ranking.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.stats.backtest import CHOICE
from nsm_pipeline.stats.calibration import Calibration
from nsm_pipeline.stats.definitions import definitions, outcome_verb
from nsm_pipeline.stats.lift import newcombe
from nsm_pipeline.stats.ranking import (
    JudgedCandidates,
    accounts_per_arm,
    calibration_note,
    e_value_of_bound,
)
from nsm_pipeline.stats.stability import by_cohort, by_segment, fading, holdout
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import CellTable
from nsm_pipeline.waist.ranking_table import RANKING_COLUMNS

DETAIL_COLUMNS = ("behaviour", "adjusted_lift_pp", "se_pp", "centre_z")
MOSTLY = 0.5
CURVE_COLUMNS = (
    "at_least",
    "within_days",
    "doers",
    "crude_lift_pp",
    "lift_pp",
    "z",
    "support",
)


@dataclass(frozen=True)
class RankingInput:
    """What the last statistics step brings together: search, cells, backtest and product."""

    config: ProductConfig
    as_of: datetime
    population: Mapping[str, Any]
    found: pd.DataFrame
    cells: CellTable
    specs: Sequence[CandidateSpec]
    judged: JudgedCandidates
    gaps: pd.DataFrame
    series: Sequence[Mapping[str, Any]]
    retention: Mapping[str, Any]
    rivals: Mapping[str, Mapping[str, Any]]
    """By candidate, what others would say of it (`stats.rivals`); empty unless asked for."""


def ranking_table(given: RankingInput) -> pd.DataFrame:
    """A row per candidate with every published column, best first, and what the document adds."""
    frame = given.judged.frame.copy()
    by_name = {spec.name: spec for spec in given.specs}
    frame["product"] = given.config.product
    frame["as_of"] = given.as_of.isoformat().replace("+00:00", "Z")
    frame["reach"] = frame["doers"] / frame["accounts"]
    frame["odds_ratio"] = np.exp(frame["theta"])
    frame["e_value"] = e_value_of_bound(
        frame["base"].to_numpy(float), frame["ci_low_pp"].to_numpy(float)
    )
    crude = frame["crude_lift_pp"]
    frame["kept_share"] = (frame["lift_pp"] / crude).where(crude > 0)
    estimated = frame[frame["support"] == "ok"]
    bias = estimated.set_index("candidate")["bias_pp"]
    later = frame["candidate"].map(holdout(given.cells, given.specs))
    # Harm is shown at the smallest z; what was held out and backtested is the largest.
    later = later.where(frame["verdict"] != "harmful")
    frame["holdout_lift_pp"] = (later - frame["candidate"].map(bias)).astype(float)
    frame["fading"] = frame["candidate"].map(fading(given.cells, estimated)).astype("boolean")
    gaps = given.gaps.set_index(list(CHOICE)).reindex(pd.MultiIndex.from_frame(frame[[*CHOICE]]))
    for column in ("revenue_gap", "revenue_gap_ci_low", "revenue_gap_ci_high"):
        frame[column] = gaps[column].to_numpy(dtype=float)
    frame["revenue_lead_weeks"] = gaps["revenue_lead_weeks"].astype("Int64").array
    frame["behaviour"] = [
        by_name[candidate].in_words(at_least)
        for candidate, at_least in zip(frame["candidate"], frame["at_least"], strict=True)
    ]
    frame["statement"] = [
        f"{given.config.core_metric.name} by accounts with {behaviour}, "
        f"within {days} day{'' if days == 1 else 's'} of onboarding"
        for behaviour, days in zip(frame["behaviour"], frame["within_days"], strict=True)
    ]
    return frame.astype({"rank": "Int64", "tier": "Int64"})


def ranking_document(given: RankingInput, table: pd.DataFrame) -> dict[str, Any]:
    """The content of `ranking.json`: the answer in one sentence, then everything behind it."""
    config, calibration = given.config, given.judged.calibration
    calibrated = calibration.rule != "none"
    return {
        "product": config.product,
        "title": config.title,
        "owner": config.owner,
        "audience": config.audience,
        "as_of": given.as_of.isoformat().replace("+00:00", "Z"),
        "headline": _headline(table, calibration, outcome_verb(config)),
        "core_metric": {"name": config.core_metric.name, "promise": config.core_metric.promise},
        "sentences": definitions(config),
        "retention": dict(given.retention),
        "calibration": {
            "rule": calibration.rule,
            "events": calibration.events,
            "placebos": calibration.placebos,
            "centre_z": calibration.centre,
            "scale_z": calibration.scale if calibrated else None,
            "note": calibration_note(calibration),
        },
        "revenue": _revenue(given),
        "candidates": _candidates(given, table),
    }


def _candidates(given: RankingInput, table: pd.DataFrame) -> list[dict[str, Any]]:
    estimated = table[table["support"] == "ok"]
    bias = estimated.set_index("candidate")["bias_pp"]
    cohorts = by_cohort(given.cells, estimated, bias)
    segments = by_segment(given.cells, estimated, bias)
    curves = dict(list(given.found.groupby("candidate", sort=False)))
    kept, doers, others_kept, accounts = (
        table[column].to_numpy(float)
        for column in ("retained_doers", "doers", "retained_others", "accounts")
    )
    crude_low, crude_high = newcombe(kept, doers, others_kept, accounts - doers)
    rows: list[dict[Any, Any]] = table.to_dict("records")
    return [
        {
            **{column: _plain(row[column]) for column in (*RANKING_COLUMNS, *DETAIL_COLUMNS)},
            "bound_z": _plain(row["bound"]),
            "crude_low_pp": 100 * low,
            "crude_high_pp": 100 * high,
            "overlap": row["overlap"] if row["support"] == "ok" else None,
            # Ten points more reach move a tenth of 1,000 accounts by the lift.
            "extra_retained_per_1000": _plain(row["lift_pp"]),
            "attributable_retained": _plain(row["doers"] * row["lift_pp"] / 100),
            "experiment_accounts_per_arm": accounts_per_arm(
                (row["retained_doers"] + row["retained_others"]) / row["accounts"], row["lift_pp"]
            ),
            "cohorts": cohorts.get(row["candidate"], []),
            "segments": segments.get(row["candidate"], []),
            "curve": curves[row["candidate"]][list(CURVE_COLUMNS)].to_dict("records"),
            **({"rivals": given.rivals[row["candidate"]]} if given.rivals else {}),
        }
        for row, low, high in zip(rows, crude_low, crude_high, strict=True)
    ]


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value


def _revenue(given: RankingInput) -> dict[str, Any]:
    source = given.config.source.revenue
    if source is None:
        note = "No revenue is declared, so whether a behaviour leads revenue cannot be told."
        return {"currency": None, "weeks": 0, "note": note, "series": []}
    notes = []
    if not given.gaps["revenue_gap"].notna().any():
        notes.append("No account has been observed long enough after its exposure window.")
    elif given.gaps["revenue_gap_ci_low"].isna().all():
        notes.append("Too few behaviours to know how large a gap is without any effect.")
    if given.population["revenue_at_core"] >= MOSTLY:
        notes.append(
            "Most revenue is booked at the very moment of a core event, so agreement with it is "
            "partly arithmetic."
        )
    return {
        "currency": source.currency,
        "weeks": max((test["weeks"] for test in given.series), default=0),
        "note": " ".join(notes),
        "series": list(given.series),
    }


def _headline(table: pd.DataFrame, calibration: Calibration, verb: str) -> str:
    stars = table[table["verdict"] == "north_star"]
    if len(stars):
        first = stars.iloc[0]
        others = f" {len(stars) - 1} more pass the same test." if len(stars) > 1 else ""
        return (
            f"{first['statement']}: they {verb} {first['lift_pp']:.1f} points more often than "
            f"accounts alike ({first['ci_low_pp']:.1f} to {first['ci_high_pp']:.1f}).{others}"
        )
    if not calibration.may_publish:
        return f"No North Star can be told from this data: {calibration_note(calibration)}"
    hints = table[table["verdict"].isin(["supported", "worth_testing"])]
    if hints.empty:
        return (
            f"No North Star tonight: none of {calibration.events} behaviours beats what keenness "
            "explains."
        )
    first = hints.iloc[0]
    return (
        f"No North Star tonight. Closest of {calibration.events} behaviours: {first['behaviour']}, "
        f"within {first['within_days']} days. {first['reason']}"
    )
