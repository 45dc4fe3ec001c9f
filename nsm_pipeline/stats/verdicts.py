"""Verdict and reason of every candidate: what its numbers allow to be said."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from nsm_pipeline.stats.calibration import (
    EVENTS_FOR_CATALOGUE,
    EVENTS_FOR_SCALE,
    PLACEBOS_FOR_BOUND,
    Calibration,
)
from nsm_pipeline.stats.lift import LARGEST_SHARE, SMALLEST_CELL
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import FEWEST_DOERS, SMALLEST_SHARE
from nsm_pipeline.waist.ranking_table import MOST_NORTH_STARS

FEWEST_OTHER_EVENTS = 3
SUPPORT_REASONS = {
    "too_rare": f"Fewer than {FEWEST_DOERS} accounts, or than {SMALLEST_SHARE:.0%} of them, did it "
    "at any threshold searched.",
    "too_common": f"More than {LARGEST_SHARE:.0%} of accounts did it at every threshold searched.",
    "small_cell": f"One of the four groups (did or not, stayed or not) has under {SMALLEST_CELL} "
    "accounts.",
    "not_estimable": "Doers and others are never alike enough to compare.",
}


@dataclass(frozen=True)
class Verdict:
    """`verdict` is one of the contract's words, `reason` the sentence that goes with it."""

    verdict: str
    reason: str


def unsupported(support: str) -> Verdict:
    """For a candidate without an estimate."""
    verdict = "not_estimable" if support == "small_cell" else support
    return Verdict(verdict, SUPPORT_REASONS[support])


def judge(row: pd.Series, spec: CandidateSpec, calibration: Calibration) -> Verdict:
    """For a candidate with an estimate.

    Args:
        row: its `bound, passes, leads, relative, low_z, z, harmful, keenness_lost`.
        spec: the candidate.
        calibration: of the run.
    """
    if spec.placebo:
        return Verdict("not_distinguishable", "Declared a placebo: it is part of the null.")
    if row["harmful"]:
        return Verdict(
            "harmful",
            "Doers stay more often in the plain counts, but less often than accounts alike.",
        )
    above = row["bound"] > 0 if calibration.rule == "none" else row["low_z"] > 0
    if not above and not row["passes"]:
        return Verdict("not_distinguishable", _why_not(calibration))
    cap = _cap(spec, calibration, keenness_lost=row["keenness_lost"])
    if cap is not None:
        return Verdict("worth_testing", cap)
    if row["leads"]:
        return Verdict(
            "north_star",
            f"Beats what keenness explains in all {calibration.events} behaviours searched "
            f"(rule {calibration.rule}).",
        )
    if row["passes"] and isinstance(row["relative"], str):
        return Verdict(
            "supported", f"Passes too, but {row['relative']} stands for its declared family."
        )
    if row["passes"]:
        return Verdict(
            "supported",
            f"Passes too, but {MOST_NORTH_STARS} at most are published and it is behind.",
        )
    return Verdict(
        "supported",
        f"Its interval is above zero, but among {calibration.events} behaviours one would be by "
        "chance.",
    )


def _why_not(calibration: Calibration) -> str:
    if calibration.rule == "none":
        return "Its lift is within what a search over thresholds finds by chance."
    return "Its lift is within what behaviours without any effect reach in this data."


def _cap(spec: CandidateSpec, calibration: Calibration, *, keenness_lost: bool) -> str | None:
    """Why the candidate cannot be more than worth an experiment, or None."""
    if spec.own_outcome:
        return "It counts the event that retention itself asks for: agreement is partly arithmetic."
    if spec.other_events < FEWEST_OTHER_EVENTS:
        return (
            f"Only {spec.other_events} other event types are left to tell keen accounts from "
            "others."
        )
    if keenness_lost:
        return (
            "Without its own rows, what else accounts do tells less than half as well who will "
            "stay: effect cannot be told from keenness."
        )
    if calibration.rule == "none":
        return (
            f"{calibration.events} behaviours and {calibration.placebos} placebos are too few to "
            f"calibrate; {EVENTS_FOR_CATALOGUE} behaviours, or {EVENTS_FOR_SCALE} with "
            f"{PLACEBOS_FOR_BOUND} placebos, are needed."
        )
    if not calibration.may_publish:
        return (
            f"{calibration.events} behaviours are too few to publish from; "
            f"{EVENTS_FOR_CATALOGUE} are needed."
        )
    return None
