"""The true lift of "did E at least k times within X days", for every E, k and X.

The estimand. Let n be the number of times that an account does E within X days, and L all that
moves both n and retention: traits, intents, first life, visits, and what it did besides E. The true
lift is the mean over eligible accounts of

    E[retained | do(E as it comes when n >= k), L] - E[retained | do(E as it comes when n < k), L]

that is, each account is given a course of E as accounts like it have it, once among the courses
that reach k within X and once among those that do not, and nothing else is changed. At a threshold
effect's own (k, X) that is simply effect against no effect. Elsewhere, where "at least k" stands
for several doses, the doses are those that the doers among accounts alike take: the compound
treatment of VanderWeele and Hernan (2013), Journal of Causal Inference 1(1), with the versions as
they are distributed given L. It is also what an observational estimate has in the limit when
everything that matters is adjusted for. The taste for E is not in L: it moves n and nothing else.

It is computed, not simulated. Given L, times within X are a Poisson number whose mean has a Gamma
distribution, hence negative binomial. The dose is the times within the effect's own window X_e:
those within X thinned (X_e < X), or those and more (X_e >= X), again negative binomial given n.
Everything without a term in the outcome has a true lift of exactly 0; so have children, because
their parent stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nsm_pipeline.simulation.accounts import Accounts, Flags, Floats, Ints
from nsm_pipeline.simulation.outcome import Outcome, dose_steps, inverse_logit, strength
from nsm_pipeline.simulation.scenario import Behaviour

FEWEST = 1e-9
"""Below this chance of reaching k, those who do are taken to stop at k: all but surely they do."""


@dataclass(frozen=True)
class Exposure:
    """How often accounts alike do E, and what follows from each number of times.

    Shape: per account the mean times within X and within X_e, and the chance of being retained
    after 0, 1, 2 … times within X_e (columns; the last one holds for more). `taste` is the shape
    of the Gamma distribution (mean 1) that the means are multiplied with.
    """

    mean_within: Floats
    mean_dose: Floats
    chances: Floats
    taste: float

    def of(self, chosen: Flags | Ints) -> Exposure:
        """Of some accounts alone."""
        means = (self.mean_within[chosen], self.mean_dose[chosen])
        return Exposure(*means, self.chances[chosen], self.taste)


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
        taste=behaviour.taste,
    )


def true_lifts(given: Exposure, thresholds: Sequence[int]) -> Floats:
    """Each account's own true lift at every threshold.

    Shape: accounts by thresholds. Units: a difference of probabilities.
    """
    everyone = _risk(given.chances, _times(given.taste, given.mean_dose / given.taste))
    lifts = np.empty((len(given.mean_within), len(thresholds)))
    chance = _times(given.taste, given.mean_within / given.taste)
    fewer = np.zeros(len(everyone))
    retained = np.zeros(len(everyone))
    risks = _risk_by_times(given)
    for n in range(max(thresholds) + 1):
        risk = next(risks)
        if n in thresholds:
            reached = 1 - fewer
            some = reached > FEWEST
            above = np.where(some, (everyone - retained) / np.where(some, reached, 1.0), risk)
            lifts[:, list(thresholds).index(n)] = above - retained / fewer
        of_n = next(chance)
        fewer = fewer + of_n
        retained = retained + of_n * risk
    return lifts


def _times(shape: float | Floats, odds: Floats) -> Iterator[Floats]:
    """Chance of 0, 1, 2 … times: negative binomial of this shape and mean shape * odds."""
    chance = (1 + odds) ** -shape
    n = 0
    while True:
        yield chance
        chance = chance * (shape + n) / (n + 1) * odds / (1 + odds)
        n += 1


def _risk(chances: Floats, doses: Iterator[Floats]) -> Floats:
    """Chance of being retained, averaged over a distribution of the dose."""
    last = chances[:, -1]
    risk = last.copy()
    for column in range(chances.shape[1] - 1):
        risk += next(doses) * (chances[:, column] - last)
    return risk


def _risk_by_times(given: Exposure) -> Iterator[Floats]:
    """Chance of being retained given 0, 1, 2 … times within X, averaged over the dose then."""
    doses = given.chances.shape[1]
    longer = (given.mean_dose > given.mean_within).any()
    n = 0
    if longer:
        extra = np.maximum(given.mean_dose - given.mean_within, 0.0)
        while True:
            more = _times(given.taste + n, extra / (given.taste + given.mean_within))
            yield _risk(given.chances[:, min(n, doses - 1) :], more)
            n += 1
    kept = np.minimum(given.mean_dose / np.maximum(given.mean_within, 1e-300), 1.0)[:, None]
    chance = np.zeros((len(kept), doses))
    chance[:, 0] = 1.0
    while True:
        yield np.einsum("ad,ad->a", chance, given.chances)
        full = chance[:, -1].copy()
        chance[:, 1:] = chance[:, 1:] * (1 - kept) + chance[:, :-1] * kept
        chance[:, 0] *= 1 - kept[:, 0]
        chance[:, -1] += full * kept[:, 0]
