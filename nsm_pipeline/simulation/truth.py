"""The true lift of "did E at least k times within X days", for every E, k and X.

The estimand. Let n be the number of times that an account does E within X days, and L everything
else about it: traits, intents, first life, visits, its taste for E, and what it did besides E. The
true lift is the mean over eligible accounts of

    E[retained | do(E as it comes when n >= k), L] - E[retained | do(E as it comes when n < k), L]

that is, each account is given a course of E drawn from its *own* distribution, once among the
courses that reach k within X and once among those that do not, and nothing else is changed. At a
threshold effect's own (k, X) that is simply effect against no effect. Elsewhere, where "at least k"
stands for several doses, the doses are those that the account itself would take: the compound
treatment of VanderWeele and Hernan (2013), Journal of Causal Inference 1(1). It is also what an
observational estimate has in the limit when everything that matters is adjusted for.

It is computed, not simulated. Given L, times within X are Poisson; the dose is the times within the
effect's own window X_e, which are those within X thinned (X_e < X), those themselves, or those plus
an independent Poisson number (X_e > X). Sums stop ten standard deviations above the mean (and k),
so what is left out is below 1e-9. Everything without a term in the outcome has a true lift of
exactly 0; so have children, because their parent stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nsm_pipeline.simulation.accounts import Accounts, Flags, Floats, Ints
from nsm_pipeline.simulation.outcome import Outcome, dose_steps, inverse_logit, strength
from nsm_pipeline.simulation.scenario import Behaviour

CHUNK = 8192


@dataclass(frozen=True)
class Exposure:
    """How often an account does E, and what follows from each number of times.

    Shape: per account the mean times within X and within X_e, and the chance of being retained
    after 0, 1, 2 … times within X_e (columns; the last one holds for more).
    """

    mean_within: Floats
    mean_dose: Floats
    chances: Floats

    def of(self, chosen: Flags | Ints) -> Exposure:
        """Of some accounts alone."""
        return Exposure(self.mean_within[chosen], self.mean_dose[chosen], self.chances[chosen])


def exposure(
    behaviour: Behaviour, accounts: Accounts, rate: Floats, outcome: Outcome, within_days: int
) -> Exposure:
    """What the true lift of a causal behaviour within X is computed from.

    Args:
        behaviour: with an effect.
        accounts: of the world.
        rate: mean times per visit, see `rate_per_visit`.
        outcome: of the world.
        within_days: X.
    """
    assert behaviour.effect is not None
    shape = behaviour.effect.shape
    added = strength(behaviour.effect, accounts)[:, None] * dose_steps(shape)
    visits = accounts.visits
    return Exposure(
        mean_within=rate * visits.allowed(behaviour.visits, within_days),
        mean_dose=rate * visits.allowed(behaviour.visits, shape.within_days),
        chances=inverse_logit(outcome.without(behaviour.name)[:, None] + added),
    )


def true_lifts(given: Exposure, thresholds: Sequence[int]) -> Floats:
    """Each account's own true lift at every threshold.

    Shape: accounts by thresholds. Units: a difference of probabilities.
    """
    lifts = np.empty((len(given.mean_within), len(thresholds)))
    # Accounts alike side by side: those who do little need few terms.
    order = np.argsort(given.mean_within, kind="stable")
    for start in range(0, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        lifts[rows] = _lifts(given.of(rows), list(thresholds))
    return lifts


def _lifts(given: Exposure, thresholds: list[int]) -> Floats:
    """With at least k, weights of n = k, k + 1 … are 1, m/(k+1), …: nothing is ever subtracted."""
    mean = given.mean_within
    most = int(mean.max() + 10 * np.sqrt(mean.max())) + max(thresholds) + 15
    risk = _risk_by_times(given, most)
    reached, missed = np.empty_like(risk), np.empty_like(risk)
    total, weights = risk[:, most].copy(), np.ones(len(mean))
    for n in range(most - 1, -1, -1):
        total = risk[:, n] + mean / (n + 1) * total
        weights = 1 + mean / (n + 1) * weights
        reached[:, n] = total / weights
    weight, total, weights = np.ones(len(mean)), np.zeros(len(mean)), np.zeros(len(mean))
    for n in range(max(thresholds)):
        total, weights = total + weight * risk[:, n], weights + weight
        missed[:, n + 1] = total / weights
        weight = weight * mean / (n + 1)
    lifts: Floats = reached[:, thresholds] - missed[:, thresholds]
    return lifts


def _risk_by_times(given: Exposure, most: int) -> Floats:
    """Chance of being retained given n times within X, averaged over the dose that goes with n."""
    doses = given.chances.shape[1] - 1
    risk = np.repeat(given.chances[:, -1:], most + 1, axis=1)
    falls = given.chances[:, :-1] - given.chances[:, -1:]
    kept = np.minimum(given.mean_dose / np.maximum(given.mean_within, 1e-300), 1.0)
    extra = np.maximum(given.mean_dose - given.mean_within, 0.0)
    # Column d: chance that the dose is d, given n.
    chance = np.zeros((len(kept), doses))
    chance[:, 0] = np.exp(-extra)
    for d in range(1, doses):
        chance[:, d] = chance[:, d - 1] * extra / d
    for n in range(most + 1):
        risk[:, n] += np.einsum("ad,ad->a", chance, falls)
        chance[:, 1:] = chance[:, 1:] * (1 - kept)[:, None] + chance[:, :-1] * kept[:, None]
        chance[:, 0] *= 1 - kept
    return risk
