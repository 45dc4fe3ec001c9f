"""Common conversion activities: what accounts that returned did, against those that did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nsm_pipeline.stats.leadership import Choice, Contender
from nsm_pipeline.stats.lift import newcombe
from nsm_pipeline.waist.candidate_spec import CandidateSpec

Row = Mapping[str, Any]
HIGH_PP, MEDIUM_PP = 10.0, 5.0
CANNOT_TELL = "cannot tell"
TRACKED = 3


@dataclass(frozen=True)
class Success:
    """Retention of those who reach a behaviour against that of all onboarded accounts.

    Units: counts of eligible accounts; shares 0 to 1; `*_pp` points. `crude` is the plain
    difference; `adjusted` compares accounts alike in what else they did, with the calibrated
    interval, None where none can be given.
    """

    onboarded: int
    retained: int
    share: float
    reached: int
    reached_retained: int
    reached_share: float
    crude_pp: float
    crude_low_pp: float
    crude_high_pp: float
    adjusted_pp: float | None
    adjusted_low_pp: float | None
    adjusted_high_pp: float | None


def impact(row: Row) -> tuple[str, str]:
    """How much a behaviour does for retention, and why nothing can be said where it cannot.

    By the lower end of the calibrated interval, which is what can be counted on: high from 10
    points on, medium from 5, low above zero. Harm where the ranking found harm. "Cannot tell" where
    there is no interval, where it reaches zero, or where the ranking says that effect and keenness
    cannot be told apart.
    """
    if row["verdict"] == "harmful":
        return "harm", str(row["reason"])
    if row["lift_pp"] is None or row["verdict"] == "worth_testing":
        return CANNOT_TELL, str(row["reason"])
    low = row["ci_low_pp"]
    if low is None or low <= 0:
        return CANNOT_TELL, "Its interval reaches zero." if low is not None else str(row["reason"])
    return ("high" if low >= HIGH_PP else "medium" if low >= MEDIUM_PP else "low"), ""


def activities(rows: Sequence[Row], specs: Sequence[CandidateSpec]) -> list[dict[str, Any]]:
    """A record per candidate that is no placebo, in the ranking's order, each at its own k and X.

    Units: `returned_share` and `churned_share` (0 to 1) of the accounts that returned and of those
    that did not; `difference_pp` their difference, `lift_pp` the adjusted lift, in points.
    """
    placebos = {spec.name for spec in specs if spec.placebo}
    return [_activity(row) for row in rows if row["candidate"] not in placebos]


def _activity(row: Row) -> dict[str, Any]:
    names = ("candidate", "at_least", "within_days", "verdict", "lift_pp", "ci_low_pp")
    returned = row["retained_doers"] + row["retained_others"]
    churned = row["accounts"] - returned
    did, left = row["retained_doers"], row["doers"] - row["retained_doers"]
    shares = (did / returned if returned else None, left / churned if churned else None)
    known = None not in shares
    size, why = impact(row)
    return {
        **{name: row[name] for name in (*names, "ci_high_pp")},
        "returned": returned,
        "returned_did": did,
        "returned_share": shares[0],
        "churned": churned,
        "churned_did": left,
        "churned_share": shares[1],
        "difference_pp": 100 * (did / returned - left / churned) if known else None,
        "impact": size,
        "why": why,
    }


def contenders(rows: Sequence[Row], specs: Sequence[CandidateSpec]) -> list[Contender]:
    """Who can lead: every candidate with an estimate that is neither a placebo nor harmful."""
    placebos = {spec.name for spec in specs if spec.placebo}
    return [
        Contender(
            Choice(row["candidate"], row["at_least"], row["within_days"]),
            *(row[name] for name in ("verdict", "lift_pp", "ci_low_pp", "ci_high_pp")),
        )
        for row in rows
        if row["lift_pp"] is not None
        and row["verdict"] != "harmful"
        and row["candidate"] not in placebos
    ]


def top_three(
    leader: Contender | None, able: Sequence[Contender], specs: Sequence[CandidateSpec]
) -> list[Contender]:
    """The leader and the best of the others, of a declared family only one."""
    relatives = {spec.name: set(spec.relatives) for spec in specs}
    chosen = [] if leader is None else [leader]
    for contender in able:
        taken = {each.choice.candidate for each in chosen}
        name = contender.choice.candidate
        if len(chosen) < TRACKED and name not in taken and not relatives[name] & taken:
            chosen.append(contender)
    return chosen


def at_choice(found: pd.DataFrame, rows: Sequence[Row], choice: Choice) -> Contender | None:
    """What a run says of a candidate at any threshold and window that it searched.

    At the ranking's own choice that is the ranking's row. Elsewhere the null centre and the reach
    of the interval, in z, are those of the run; the verdict is the ranking's as long as the
    interval stays above zero.

    Args:
        found: every searched (candidate, k, X).
        rows: the ranking's rows.
        choice: the one asked for; None comes back where it was not searched.
    """
    row = row_at(found, choice)
    ranked = next((each for each in rows if each["candidate"] == choice.candidate), None)
    if row is None or ranked is None:
        return None
    if (ranked["at_least"], ranked["within_days"]) == (choice.at_least, choice.within_days):
        names = ("verdict", "lift_pp", "ci_low_pp", "ci_high_pp")
        return Contender(choice, *(ranked[name] for name in names))
    if row["support"] != "ok":
        return Contender(choice, "not_estimable", None, None, None)
    centre, below, above = _null(rows)
    lift, se, z = (float(row[name]) for name in ("lift_pp", "se_pp", "z"))
    low = None if below is None else se * (z - below)
    high = None if above is None else se * (z + above)
    clear = low is not None and low > 0
    verdict = ranked["verdict"] if clear or low is None else "not_distinguishable"
    return Contender(choice, verdict, lift - centre * se, low, high)


def row_at(found: pd.DataFrame, choice: Choice) -> pd.Series | None:
    """The searched row of a choice."""
    mine = found[
        (found["candidate"] == choice.candidate)
        & np.isclose(found["at_least"], choice.at_least, rtol=1e-12, atol=0)
        & (found["within_days"] == choice.within_days)
    ]
    return None if mine.empty else mine.iloc[0]


def _null(rows: Sequence[Row]) -> tuple[float, float | None, float | None]:
    """Null centre in z, and how far below and above z the run's calibrated intervals reach."""
    for row in rows:
        if row["ci_low_pp"] is not None and row["verdict"] != "harmful" and row["se_pp"]:
            low, high = row["ci_low_pp"] / row["se_pp"], row["ci_high_pp"] / row["se_pp"]
            return float(row["centre_z"]), row["z"] - low, high - row["z"]
    return 0.0, None, None


def success(row: pd.Series, contender: Contender) -> Success:
    """Retention of those who reach a behaviour against all onboarded accounts.

    All onboarded accounts are those who reach it and the others, so the difference to all is the
    difference to the others times the share of the others; so are its interval, given the reach,
    and the adjusted difference. Source of the plain interval: Newcombe (1998), method 10.
    """
    doers, accounts = int(row["doers"]), int(row["accounts"])
    kept, others_kept = int(row["retained_doers"]), int(row["retained_others"])
    rest = (accounts - doers) / accounts
    sizes = (np.array([float(n)]) for n in (kept, doers, others_kept, accounts - doers))
    low, high = newcombe(*sizes)
    plain = kept / doers - (kept + others_kept) / accounts
    scaled = [
        None if value is None else rest * value
        for value in (contender.lift_pp, contender.ci_low_pp, contender.ci_high_pp)
    ]
    return Success(
        onboarded=accounts,
        retained=kept + others_kept,
        share=(kept + others_kept) / accounts,
        reached=doers,
        reached_retained=kept,
        reached_share=kept / doers,
        crude_pp=100 * plain,
        crude_low_pp=100 * rest * float(low[0]),
        crude_high_pp=100 * rest * float(high[0]),
        adjusted_pp=scaled[0],
        adjusted_low_pp=scaled[1],
        adjusted_high_pp=scaled[2],
    )
