"""Who is retained: the structural equation of the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nsm_pipeline.simulation.accounts import Accounts, Flags, Floats, Ints, stream
from nsm_pipeline.simulation.scenario import (
    AFTER_DAYS,
    DoseResponse,
    Effect,
    Intent,
    Scenario,
    Threshold,
)


@dataclass(frozen=True)
class Outcome:
    """Shape: per account the log odds without any effect, each effect's term, and what happened."""

    intent_log_odds: Floats
    terms: Mapping[str, Floats]
    retained: Flags

    def without(self, behaviour: str) -> Floats:
        """The log odds of retention had only this behaviour's term been zero."""
        return _added(self.intent_log_odds, *(t for n, t in self.terms.items() if n != behaviour))


def _added(*terms: Floats) -> Floats:
    total = np.zeros(len(terms[0]))
    for term in terms:
        total = total + term
    return total


def draw_outcome(
    scenario: Scenario, accounts: Accounts, counts: Mapping[str, Ints], seed: int
) -> Outcome:
    """Draws retention, given how often each causal behaviour was done in its window."""
    intent = intent_log_odds(scenario.intent, accounts)
    terms = {}
    for behaviour in scenario.causal:
        assert behaviour.effect is not None
        doses = dose_steps(behaviour.effect.shape)
        dose = doses[np.minimum(counts[behaviour.name], len(doses) - 1)]
        terms[behaviour.name] = strength(behaviour.effect, accounts) * dose
    chance = inverse_logit(_added(intent, *terms.values()))
    lucky = stream(seed, "retained").random(accounts.size) < chance
    return Outcome(intent, terms, accounts.onboarded & ~accounts.bot & (lucky | accounts.internal))


def intent_log_odds(intent: Intent, accounts: Accounts) -> Floats:
    """What an account is like, without anything it does."""
    life = np.log1p(np.minimum(accounts.life_days, AFTER_DAYS)) / np.log1p(AFTER_DAYS)
    log_odds: Floats = (
        intent.base
        + intent.keenness * accounts.keenness
        + intent.need * accounts.need
        + intent.hidden * accounts.hidden
        + intent.life * (life - 0.5)
    )
    return log_odds


def dose_steps(shape: Threshold | DoseResponse) -> Floats:
    """The share of the full effect after 0, 1, 2 … times; the last one holds for more."""
    if isinstance(shape, Threshold):
        steps = np.zeros(shape.at_least + 1)
        steps[-1] = 1.0
        return steps
    logs: Floats = np.log1p(np.arange(shape.most + 1))
    share: Floats = logs / logs[-1]
    return share


def strength(effect: Effect, accounts: Accounts) -> Floats:
    """The full effect on each account's log odds, beta of the model."""
    full = np.full(accounts.size, effect.log_odds)
    if effect.only is not None:
        full = full * accounts.has(*effect.only)
    if effect.fades:
        full = full * 2 * (1 - accounts.cohort_position())
    return full


def inverse_logit(log_odds: Floats) -> Floats:
    """Probabilities."""
    chances: Floats = 1 / (1 + np.exp(-log_odds))
    return chances
