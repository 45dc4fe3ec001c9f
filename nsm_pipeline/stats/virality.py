"""The K-factor: how many accounts an account brings in by its invitations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from nsm_pipeline.stats.parts import Estimate, ratio_of_sums

FEWEST_ACCOUNTS = 100
FEWEST_ACCEPTED = 10
NO_LINK = (
    "nothing declares which acceptance came by which invitation: give `accepted` with `inviter`, "
    "or `sent.invitee`"
)


def k_factor(parts: pd.DataFrame, cycle: pd.DataFrame, *, linked: bool) -> dict[str, Any]:
    """K = invitations per account x acceptance rate, each with its interval.

    K is then the accepted invitations per account, within the declared spans; it leaves out what
    the accounts that came in bring in turn.

    Args:
        parts: `part, accounts, inviters, invitations, accepted`, of accounts observed to the end
            of both spans.
        cycle: `days, accepted`, whole days from invitation to acceptance.
        linked: whether acceptances can be told apart by invitation at all.
    """
    sums = {name: int(parts[name].sum()) for name in parts.columns if name != "part"}
    accounts, sent, accepted = (
        parts[name].to_numpy(dtype="float64") for name in ("accounts", "invitations", "accepted")
    )
    unknown = _why_not(sums, linked=linked)
    too_few = sums["accounts"] < FEWEST_ACCOUNTS
    per_account = _too_few(sums) if too_few else ratio_of_sums(sent, accounts)
    acceptance = Estimate(None, note=unknown) if unknown else ratio_of_sums(accepted, sent)
    k = Estimate(None, note=unknown) if unknown else ratio_of_sums(accepted, accounts)
    return {
        **sums,
        "invitations_per_account": asdict(per_account),
        "acceptance": asdict(acceptance),
        "k": asdict(k),
        "cycle_days": None if unknown else _quartiles(cycle),
    }


def _why_not(sums: dict[str, int], *, linked: bool) -> str:
    if sums["accounts"] < FEWEST_ACCOUNTS:
        return _too_few(sums).note
    if not linked:
        return NO_LINK
    if sums["accepted"] < FEWEST_ACCEPTED:
        return (
            f"{sums['accepted']} of {sums['invitations']} invitations were accepted in time, and "
            f"{FEWEST_ACCEPTED} are needed"
        )
    return ""


def _too_few(sums: dict[str, int]) -> Estimate:
    note = (
        f"{sums['accounts']} accounts are observed to the end of both spans, and "
        f"{FEWEST_ACCOUNTS} are needed"
    )
    return Estimate(None, note=note)


def _quartiles(cycle: pd.DataFrame) -> dict[str, int]:
    """Lower quartile, median and upper quartile, in whole days."""
    ordered = cycle.sort_values("days")
    reached = ordered["accepted"].cumsum() / ordered["accepted"].sum()
    at = {"first_quartile": 0.25, "median": 0.5, "third_quartile": 0.75}
    return {name: int(ordered["days"][reached >= share].iloc[0]) for name, share in at.items()}
