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
distribution, hence negative binomial; and of the times within the longer of X and the effect's own
window X_e each is also within the shorter one with the same chance, hence binomial. An effect is a
sum of steps, at doses j; what reaching k within X changes about reaching j within X_e needs three
chances alone: of fewer than k, of fewer than j, and of both. So thresholds may be in the thousands.
Everything without a term in the outcome has a true lift of exactly 0; so have children, because
their parent stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

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
    before the first of `doses` and from each of them on (columns). `taste` is the shape of the
    Gamma distribution (mean 1) that the means are multiplied with; `surely` is how often every
    account does it besides: the core event, once at t0.
    """

    mean_within: Floats
    mean_dose: Floats
    chances: Floats
    doses: tuple[int, ...]
    taste: float
    surely: int = 0

    def of(self, chosen: Flags | Ints) -> Exposure:
        """Of some accounts alone."""
        return replace(
            self,
            mean_within=self.mean_within[chosen],
            mean_dose=self.mean_dose[chosen],
            chances=self.chances[chosen],
        )


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
    steps = dose_steps(shape)
    doses = np.flatnonzero(np.diff(steps)) + 1
    added = strength(behaviour.effect, accounts)[:, None] * steps[[0, *doses]]
    visits = accounts.visits
    return Exposure(
        mean_within=rate * visits.allowed(behaviour.visits, within_days),
        mean_dose=rate * visits.allowed(behaviour.visits, shape.within_days),
        chances=inverse_logit(outcome.without(behaviour.name)[:, None] + added),
        doses=tuple(int(dose) for dose in doses),
        taste=behaviour.taste,
        surely=int(behaviour.role == "core"),
    )


def true_lifts(given: Exposure, thresholds: Sequence[int]) -> Floats:
    """Each account's own true lift at every threshold.

    Shape: accounts by thresholds; NaN at thresholds that every account reaches surely.
    Units: a difference of probabilities.
    """
    ks = [k - given.surely for k in thresholds]
    doses = [dose - given.surely for dose in given.doses]
    open_ones = [k for k in ks if k > 0]
    reached = _reached(given, open_ones, doses)
    lifts = np.full((len(given.mean_within), len(ks)), np.nan)
    gains = np.diff(given.chances, axis=1)
    lifts[:, [k > 0 for k in ks]] = np.einsum("aj,akj->ak", gains, reached)
    return lifts


def _reached(given: Exposure, ks: Sequence[int], doses: Sequence[int]) -> Floats:
    """How much likelier dose j is after k and more times than after fewer. Shape: accounts, k, j.

    With F = P(n < k), G = P(dose < j) and H = P(both): H/F - (G - H)/(1 - F).
    """
    fewer = _below(given.taste, given.mean_within / given.taste, ks)[:, :, None]
    less = _below(given.taste, given.mean_dose / given.taste, doses)[:, None, :]
    both = _both(given, ks, doses)
    some = 1 - fewer > FEWEST
    less_after = (less - both) / np.where(some, 1 - fewer, 1.0)
    if not some.all():
        less_after = np.where(some, less_after, _less_at(given, ks, doses))
    likelier: Floats = both / fewer - less_after
    return likelier


def _both(given: Exposure, ks: Sequence[int], doses: Sequence[int]) -> Floats:
    """Chance of fewer than k times within X and fewer than j within X_e. Shape: accounts, k, j."""
    mean = np.maximum(given.mean_within, given.mean_dose)
    kept = np.minimum(given.mean_within, given.mean_dose) / np.maximum(mean, 1e-300)
    if _dose_window_longer(given):
        rows = [_both_below(given.taste, mean, kept, doses, k) for k in ks]
        return np.stack(rows, axis=1)
    return np.stack([_both_below(given.taste, mean, kept, ks, j) for j in doses], axis=2)


def _dose_window_longer(given: Exposure) -> bool:
    return bool((given.mean_dose >= given.mean_within).all())


def _less_at(given: Exposure, ks: Sequence[int], doses: Sequence[int]) -> Floats:
    """Chance of fewer than j times within X_e given exactly k within X. Shape: accounts, k, j."""
    if _dose_window_longer(given):
        extra = (given.mean_dose - given.mean_within) / (given.taste + given.mean_within)
        return np.stack([_below(given.taste + k, extra, [j - k for j in doses]) for k in ks], 1)
    kept = given.mean_dose / np.maximum(given.mean_within, 1e-300)
    return np.stack(
        [[next(islice(_fewer(kept, j), k, None)) for k in ks] for j in doses]
    ).transpose(2, 1, 0)


def _below(shape: float, odds: Floats, bounds: Sequence[int]) -> Floats:
    """Chance of fewer times than each bound. Shape: accounts by bounds."""
    found = np.zeros((len(odds), len(bounds)))
    for n, chance in zip(range(max(bounds)), _times(shape, odds), strict=False):
        found[:, [n < bound for bound in bounds]] += chance[:, None]
    return found


def _both_below(
    shape: float, mean: Floats, kept: Floats, bounds: Sequence[int], bound: int
) -> Floats:
    """Chance of fewer than each of `bounds` in all and fewer than `bound` of them kept.

    Shape: accounts by bounds.
    """
    found = np.zeros((len(mean), len(bounds)))
    times = zip(_times(shape, mean / shape), _fewer(kept, bound), strict=True)
    for n, (chance, few) in zip(range(max(bounds)), times, strict=False):
        found[:, [n < most for most in bounds]] += (chance * few)[:, None]
    return found


def _times(shape: float, odds: Floats) -> Iterator[Floats]:
    """Chance of 0, 1, 2 … times: negative binomial of this shape and mean shape * odds."""
    chance = (1 + odds) ** -shape
    for n in count():
        yield chance
        chance = chance * (shape + n) / (n + 1) * odds / (1 + odds)


def _fewer(kept: Floats, bound: int) -> Iterator[Floats]:
    """Chance that fewer than `bound` are kept of 0, 1, 2 … times, each kept with this chance."""
    with np.errstate(divide="ignore"):
        kept_log, lost_log = np.log(np.maximum(kept, 1e-300)), np.log1p(-np.minimum(kept, 1.0))
    fewer = np.ones(len(kept))
    most = bound - 1
    of_most = most * kept_log  # the logarithm: thousands of times at half would be 0
    for n in count():
        yield fewer
        if n >= most:
            fewer = np.maximum(fewer - kept * np.exp(of_most), 0.0)
            of_most = of_most + np.log((n + 1) / (n + 1 - most)) + lost_log
