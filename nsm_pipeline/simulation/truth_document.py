"""`truth.json`: everything that is true in a world and that a method should find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from nsm_pipeline.simulation.accounts import DAY, LEVELS, Flags, Floats
from nsm_pipeline.simulation.occurrences import rate_per_visit
from nsm_pipeline.simulation.revenue import lead_weeks
from nsm_pipeline.simulation.scenario import (
    SEGMENT,
    Behaviour,
    DoseResponse,
    Threshold,
)
from nsm_pipeline.simulation.truth import exposure, true_lifts
from nsm_pipeline.simulation.world import World

ESTIMAND = (
    "Mean over eligible accounts of the chance of being retained with the behaviour done at least"
    " k times within X days, less the chance with it done fewer than k times, all else equal; where"
    " that leaves the number open, as accounts like it in all else have it. Percentage points."
)


def truth_document(world: World) -> dict[str, Any]:
    """The document; `lifts` has a row for every candidate, k and X of the product file."""
    scenario, accounts = world.scenario, world.accounts
    eligible = counted_accounts(world)
    effects = {b.name: _lifts_of(world, b, eligible) for b in scenario.causal}
    return {
        "scenario": scenario.name,
        "seed": world.seed,
        "accounts": accounts.size,
        "estimand": ESTIMAND,
        "eligible": int(eligible.sum()),
        "retained_share": _rounded(_mean(world.outcome.retained[eligible])),
        "causal": [_causal(world, b, effects[b.name], eligible) for b in scenario.causal],
        "null_events": [
            b.name for b in scenario.behaviours if b.effect is None and b.role != "placebo"
        ],
        "placebos": [b.name for b in scenario.behaviours if b.role == "placebo"],
        "placebos_declared": scenario.declared_placebos,
        "roles": {b.name: b.role for b in scenario.behaviours},
        "parents": {b.name: b.parent for b in scenario.behaviours if b.parent},
        "revenue": _revenue(world),
        "lifts": list(_lift_rows(world, effects)),
    }


def onboarding_from(world: World) -> pd.Timestamp | None:
    """The day before which accounts may be older than the log."""
    older = world.scenario.older_days
    return world.scenario.begins + pd.Timedelta(days=older) if older else None


def counted_accounts(world: World) -> Flags:
    """Who is compared, by the rules that the product file declares."""
    return world.accounts.eligible & (world.accounts.t0 >= world.scenario.older_days * DAY)


def _lifts_of(world: World, behaviour: Behaviour, eligible: Flags) -> dict[int, Floats]:
    """By window X, accounts by thresholds, of the eligible alone."""
    rate = rate_per_visit(behaviour, world.accounts)
    found = {}
    for window in world.scenario.windows:
        given = exposure(behaviour, world.accounts, rate, world.outcome, window)
        found[window] = true_lifts(given.of(eligible), behaviour.grid)
    return found


def _lift_rows(world: World, effects: dict[str, dict[int, Floats]]) -> Iterator[dict[str, Any]]:
    for behaviour in world.scenario.behaviours:
        for window in world.scenario.windows:
            lifts = np.zeros(len(behaviour.grid))
            if behaviour.name in effects:
                lifts = np.array([_mean(own) for own in effects[behaviour.name][window].T])
            for k, lift in zip(behaviour.grid, lifts, strict=True):
                yield {
                    "candidate": behaviour.name,
                    "event": behaviour.event_name,
                    "at_least": k,
                    "within_days": window,
                    "lift_pp": _rounded(100 * lift),
                }


def _causal(
    world: World, behaviour: Behaviour, lifts: dict[int, Floats], eligible: Flags
) -> dict[str, Any]:
    """One causal behaviour; a dose-response has no k of its own, so it is shown at its middle."""
    effect = behaviour.effect
    assert effect is not None
    match effect.shape:
        case Threshold(at_least=k, within_days=window):
            shown = k
        case DoseResponse(most=most, within_days=window):
            shown = max(k for k in behaviour.grid if k <= max(most // 2, 1))
    own = lifts[window][:, behaviour.grid.index(shown)]
    did = world.counts[behaviour.name][eligible] >= shown
    retained = world.outcome.retained[eligible]
    threshold = isinstance(effect.shape, Threshold)
    return {
        "candidate": behaviour.name,
        "event": behaviour.event_name,
        "kind": "threshold" if threshold else "dose_response",
        "at_least": shown if threshold else None,
        "within_days": window,
        "shown_at_least": shown,
        "sign": int(np.sign(effect.log_odds)),
        "only": dict([effect.only]) if effect.only else None,
        "fades": effect.fades,
        "reach": _rounded(_mean(did)),
        "lift_pp": _rounded(100 * _mean(own)),
        "crude_lift_pp": _rounded(100 * (_mean(retained[did]) - _mean(retained[~did]))),
        "by_segment": {
            f"{SEGMENT}={level}": _rounded(100 * _mean(own[codes]))
            for level, codes in _levels(world, eligible)
        },
        "by_cohort": {
            cohort: _rounded(100 * _mean(own[codes])) for cohort, codes in _months(world, eligible)
        },
    }


def _levels(world: World, eligible: Flags) -> Iterator[tuple[str, Flags]]:
    for level in LEVELS[SEGMENT]:
        yield level, world.accounts.has(SEGMENT, level)[eligible]


def _months(world: World, eligible: Flags) -> Iterator[tuple[str, Flags]]:
    moments = world.scenario.begins.tz_localize(None) + pd.to_timedelta(
        world.accounts.t0[eligible], unit="us"
    )
    months = moments.strftime("%Y-%m").to_numpy()
    for month in sorted(set(months)):
        yield month, months == month


def _revenue(world: World) -> dict[str, Any] | None:
    revenue = world.scenario.revenue
    if revenue is None:
        return None
    return {
        "kind": revenue.kind,
        "onset_days": revenue.onset_days,
        "lead_weeks": {str(x): lead_weeks(revenue, x) for x in world.scenario.windows},
    }


def _mean(values: Floats | Flags) -> float:
    return float(values.mean()) if len(values) else np.nan


def _rounded(value: float) -> float | None:
    """None where there was no account to take a mean over."""
    return None if np.isnan(value) else round(float(value), 6) + 0.0
