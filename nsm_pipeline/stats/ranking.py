"""The ranking: every candidate at its chosen k and X, calibrated, judged and ordered.

Source: the project's METHOD, sections 4 to 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from nsm_pipeline.stats.calibration import (
    ALPHA_HARM,
    EVENTS_FOR_CATALOGUE,
    Calibration,
    Evidence,
    calibrate,
)
from nsm_pipeline.stats.keenness import keenness_lost
from nsm_pipeline.stats.lift import LARGEST_SHARE
from nsm_pipeline.stats.search import best_rows
from nsm_pipeline.stats.verdicts import FEWEST_OTHER_EVENTS, judge, unsupported
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.ranking_table import MOST_NORTH_STARS

Floats = NDArray[np.float64]
HARM_EVENTS, HARM_Z = 8, -2.6
POWER_Z = 1.96 + 0.84


@dataclass(frozen=True)
class JudgedCandidates:
    """Every candidate with its verdict, best first, and the calibration behind it.

    Shape of `frame`: a row per candidate: the chosen (k, X) with its counts and
    estimates, `bound, low_z, high_z, p_value, q_value, rank, tier, verdict, reason` and the
    printed `lift_pp, ci_low_pp, ci_high_pp`, all in percentage points.
    """

    frame: pd.DataFrame
    calibration: Calibration


def judge_candidates(
    found: pd.DataFrame, specs: Sequence[CandidateSpec], *, level: float | None = None
) -> JudgedCandidates:
    """Chooses (k, X) by z, calibrates, finds harm, gives verdicts and ranks.

    Args:
        found: the search, a row per (candidate, k, X).
        specs: the candidates, in order.
        level: family-wise level of what is published; each rule's own if left out.
    """
    by_name = {spec.name: spec for spec in specs}
    best = best_rows(found)
    calibration = calibrate(*_evidence(best, by_name), level=level)
    judged = _with_calibration(best, calibration, by_name)
    judged = _with_harm(judged, found, by_name, calibration)
    judged = _printed(judged, calibration)
    judged["keenness_lost"] = keenness_lost(found, judged)
    judged["leads"] = _leaders(judged, by_name, calibration)
    leading = set(judged.loc[judged["leads"], "candidate"])
    judged["relative"] = [
        min(leading & set(by_name[name].relatives), default=None) for name in judged["candidate"]
    ]
    verdicts = [judge(row, by_name[row["candidate"]], calibration) for _, row in judged.iterrows()]
    judged["verdict"] = [v.verdict for v in verdicts]
    judged["reason"] = [v.reason for v in verdicts]
    ordered = _ordered(judged)
    rest = _without_estimate(found, set(judged["candidate"]), specs)
    return JudgedCandidates(pd.concat([ordered, rest], ignore_index=True), calibration)


def _evidence(
    best: pd.DataFrame, by_name: Mapping[str, CandidateSpec]
) -> tuple[Evidence, Evidence]:
    placebo = _placebos(best, by_name)
    gap = (best["crude_lift_pp"] / best["crude_se_pp"] - best["z"]).to_numpy()
    z = best["z"].to_numpy()
    return Evidence(z[~placebo], gap[~placebo]), Evidence(z[placebo], gap[placebo])


def _placebos(best: pd.DataFrame, by_name: Mapping[str, CandidateSpec]) -> NDArray[np.bool_]:
    return np.array([by_name[name].placebo for name in best["candidate"]], dtype=bool)


def _with_calibration(
    best: pd.DataFrame, calibration: Calibration, by_name: Mapping[str, CandidateSpec]
) -> pd.DataFrame:
    """Bound, interval and p-value of the events; of placebos only what any row has."""
    event = ~_placebos(best, by_name)
    judged = best.copy()
    for name, values in {
        "bound": calibration.bound,
        "low_z": calibration.low,
        "high_z": calibration.high,
        "p_value": calibration.p_value,
    }.items():
        judged[name] = np.nan
        judged.loc[judged.index[event], name] = values
    judged["passes"] = False
    judged.loc[judged.index[event], "passes"] = calibration.passes
    judged["harmful"] = False
    return judged


def _with_harm(
    judged: pd.DataFrame,
    found: pd.DataFrame,
    by_name: Mapping[str, CandidateSpec],
    calibration: Calibration,
) -> pd.DataFrame:
    """Second pass by the smallest z: choosing by the largest hides harm.

    Harm that looks good: crude lift above zero, and the mirrored rule holds. A behaviour that is
    crude-negative is never proof, and one that also helps at another threshold is not called so.
    Nor is what nearly everyone does at least once, such as opening the app: more of it at equal
    behaviour means less behaviour each time, and that is not its effect.
    """
    worst = best_rows(found, largest=False)
    events, placebos = _evidence(worst, by_name)
    mirrored = calibrate(
        Evidence(-events.z, -events.gap),
        Evidence(-placebos.z, -placebos.gap),
        level=ALPHA_HARM,
    )
    if calibration.events <= HARM_EVENTS:
        harms = events.z < HARM_Z
    else:
        harms = mirrored.passes & (mirrored.rule != "none")
    rows = worst[~_placebos(worst, by_name)].copy()
    # The null's smallest z are chosen down as its largest are chosen up; a strong harm is neither,
    # so what confounding adds to it may be as much as the two null centres are apart.
    apart = max(calibration.centre + mirrored.centre, 0.0)
    rows["low_z"], rows["high_z"] = -mirrored.high - apart, -mirrored.low
    rows["p_value"], rows["bound"], rows["passes"] = mirrored.p_value, -mirrored.bound, False
    rows["harmful"] = True
    clear = judged.set_index("candidate")["low_z"] > 0
    helps = rows["candidate"].map(clear).fillna(False).to_numpy(dtype=bool)
    universal = rows["candidate"].isin(_done_by_nearly_all(found)).to_numpy()
    rows = rows[harms & (rows["crude_lift_pp"] > 0).to_numpy() & ~helps & ~universal]
    rows["harm_centre"] = -mirrored.centre
    kept = judged[~judged["candidate"].isin(rows["candidate"])]
    return pd.concat([kept, rows]).sort_index()


def _done_by_nearly_all(found: pd.DataFrame) -> set[str]:
    """Candidates whose lowest threshold is reached by too many in the longest window."""
    longest = found[found["within_days"] == found["within_days"].max()]
    lowest = longest.loc[longest.groupby("candidate")["at_least"].idxmin()]
    return set(lowest.loc[lowest["doers"] > LARGEST_SHARE * lowest["accounts"], "candidate"])


def _printed(judged: pd.DataFrame, calibration: Calibration) -> pd.DataFrame:
    """Lift and interval in points: the adjusted estimate less the null centre."""
    printed = judged.rename(columns={"lift_pp": "adjusted_lift_pp"})
    centre = printed.get("harm_centre", pd.Series(np.nan, index=printed.index))
    printed["centre_z"] = centre.fillna(calibration.centre)
    printed["bias_pp"] = printed["centre_z"] * printed["se_pp"]
    printed["lift_pp"] = printed["adjusted_lift_pp"] - printed["bias_pp"]
    printed["ci_low_pp"] = printed["se_pp"] * printed["low_z"]
    printed["ci_high_pp"] = printed["se_pp"] * printed["high_z"]
    p = printed["p_value"].to_numpy()
    known = np.isfinite(p)
    q = np.full(len(p), np.nan)
    if known.any():
        q[known] = stats.false_discovery_control(p[known])
    printed["q_value"] = q
    return printed


def _leaders(
    judged: pd.DataFrame, by_name: Mapping[str, CandidateSpec], calibration: Calibration
) -> pd.Series:
    """The at most three that are published, by bound; of a declared family only the best."""
    specs = [by_name[name] for name in judged["candidate"]]
    publishable = np.array(
        [not s.own_outcome and s.other_events >= FEWEST_OTHER_EVENTS for s in specs], dtype=bool
    ) & ~judged["keenness_lost"].to_numpy(dtype=bool)
    able = judged["passes"].to_numpy(dtype=bool) & publishable & calibration.may_publish
    ordered = judged[able].sort_values(["bound", "candidate"], ascending=[False, True])
    chosen: list[str] = []
    for candidate in ordered["candidate"]:
        if len(chosen) < MOST_NORTH_STARS and not set(by_name[candidate].relatives) & set(chosen):
            chosen.append(candidate)
    return judged["candidate"].isin(chosen)


def _ordered(judged: pd.DataFrame) -> pd.DataFrame:
    """Published first, then by bound; placebos and harm after what could be published."""
    last = judged["harmful"] | judged["bound"].isna()
    order = judged.assign(last=last).sort_values(
        ["leads", "last", "bound", "candidate"], ascending=[False, True, False, True]
    )
    order["rank"] = np.arange(1, len(order) + 1)
    order["tier"] = _tiers(order)
    return order.drop(columns="last")


def _tiers(order: pd.DataFrame) -> list[float]:
    """Those whose interval reaches into the tier leader's share its tier."""
    tiers: list[float] = []
    tier, leader_low = 0, np.inf
    for low, high in zip(order["ci_low_pp"], order["ci_high_pp"], strict=True):
        if np.isnan(low):
            tiers.append(np.nan)
            continue
        if high < leader_low:
            tier, leader_low = tier + 1, low
        tiers.append(tier)
    return tiers


def _without_estimate(
    found: pd.DataFrame, estimated: set[str], specs: Sequence[CandidateSpec]
) -> pd.DataFrame:
    """The rest, at the threshold and window that most accounts reached, with the reason."""
    rest = found[~found["candidate"].isin(estimated)]
    largest = rest.sort_values(
        ["doers", "within_days", "at_least"], ascending=[False, True, True], kind="stable"
    ).drop_duplicates("candidate")
    order = {spec.name: n for n, spec in enumerate(specs)}
    rows = largest.sort_values("candidate", key=lambda names: names.map(order)).copy()
    verdicts = [unsupported(support) for support in rows["support"]]
    rows["verdict"] = [v.verdict for v in verdicts]
    rows["reason"] = [v.reason for v in verdicts]
    return rows.drop(columns="lift_pp")


def e_value(risk_ratio: float) -> float:
    """Strength a hidden trait would need to explain a risk ratio away.

    Source: VanderWeele and Ding (2017), Annals of Internal Medicine 167(4): RR + sqrt(RR(RR - 1)),
    of the inverse below 1.
    """
    ratio = risk_ratio if risk_ratio >= 1 else 1 / risk_ratio
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def e_value_of_bound(base: Floats, low_pp: Floats) -> Floats:
    """E-value of the calibrated lower bound; 1 where the interval reaches zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.minimum(base + low_pp / 100, 1.0) / base
    values = [
        np.nan if not np.isfinite(r) else e_value(r) if low > 0 else 1.0
        for r, low in zip(ratio, low_pp, strict=True)
    ]
    return np.array(values)


def accounts_per_arm(share: float, lift_pp: float) -> int | None:
    """Accounts in each arm of an experiment that confirms half the lift (5 %, power 80 %)."""
    difference = lift_pp / 200
    if not difference > 0:
        return None
    return int(np.ceil(POWER_Z**2 * 2 * share * (1 - share) / difference**2))


def calibration_note(calibration: Calibration) -> str:
    """One sentence on how sure the ranking can be of itself."""
    m, n = calibration.events, calibration.placebos
    if calibration.rule == "none":
        return (
            f"{m} behaviours and {n} placebos are too few to know how much keenness alone lifts; "
            "nothing can be published from them."
        )
    null = f"{m} behaviours" + (f" and {n} placebos" if n else "")
    text = f"Rule {calibration.rule}: {null} tell how large a lift is without any effect."
    if m < EVENTS_FOR_CATALOGUE:
        text += " They are too few for a North Star; at most an experiment is worth it."
    return text
