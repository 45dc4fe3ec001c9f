"""Drift of a frozen score: the index by hand, what chance gives, and what a night does about it."""

import math

import numpy as np
import pandas as pd
import pytest

from nsm_pipeline.stats.drift import measure_drift


def strata(*counts: int, within_days: int = 7) -> pd.DataFrame:
    numbers = range(len(counts))
    return pd.DataFrame({"within_days": within_days, "stratum": numbers, "accounts": counts})


def test_the_index_is_that_of_the_formula() -> None:
    found = measure_drift(strata(5_000, 5_000), strata(8_000, 2_000))
    assert found is not None
    by_hand = (0.8 - 0.5) * math.log(0.8 / 0.5) + (0.2 - 0.5) * math.log(0.2 / 0.5)
    assert found.index == pytest.approx(by_hand, abs=1e-3)
    # The 99th percentile of chi-squared with one degree of freedom is 6.635.
    assert found.by_chance == pytest.approx(6.635 * (1 / 10_000 + 1 / 10_000), rel=1e-3)
    assert found.another_population
    assert found.accounts == 10_000


def test_few_accounts_tell_nothing_whatever_their_index() -> None:
    found = measure_drift(strata(*[100] * 10), strata(2, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    assert found is not None
    assert found.index > 0.25
    assert not found.worth_a_look
    assert measure_drift(strata(10, 10), strata(0, 0)) is None
    # Corrections of older accounts may take more out of a stratum than came into it.
    assert measure_drift(strata(10, 10), strata(-3, 0)) is None


def test_the_window_that_moved_is_the_one_told() -> None:
    before = pd.concat([strata(900, 900), strata(900, 900, within_days=28)])
    since = pd.concat([strata(450, 450), strata(600, 300, within_days=28)])
    found = measure_drift(before, since)
    assert found is not None
    assert (found.within_days, found.worth_a_look, found.another_population) == (28, True, False)


def test_without_drift_chance_is_rarely_exceeded() -> None:
    rng, shares = np.random.default_rng(3), np.full(10, 0.1)
    worlds = [
        measure_drift(
            strata(*rng.multinomial(3_000, shares)), strata(*rng.multinomial(400, shares))
        )
        for _ in range(400)
    ]
    beyond = np.mean([drift is not None and drift.index > drift.by_chance for drift in worlds])
    assert beyond < 0.03
