"""The statistics against other libraries and worlds whose truth is known."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from nsm_pipeline.stats.calibration import (
    Evidence,
    calibrate,
    catalogue_null,
    pooled_bound,
    residual_bound,
)
from nsm_pipeline.stats.leading import lead_test
from nsm_pipeline.stats.lift import estimate_lifts
from nsm_pipeline.stats.logistic import StratifiedCounts, fit
from nsm_pipeline.stats.ranking import accounts_per_arm, judge_candidates
from nsm_pipeline.stats.retention import wilson
from nsm_pipeline.waist.candidate_spec import CandidateSpec


def one_comparison(doers, retained_doers, others, retained_others) -> StratifiedCounts:
    columns = (doers, retained_doers, others, retained_others)
    return StratifiedCounts(*(np.array([column], dtype=float) for column in columns))


def random_counts(seed: int, comparisons: int, strata: int) -> StratifiedCounts:
    rng = np.random.default_rng(seed)
    doers = rng.integers(5, 60, (comparisons, strata))
    others = rng.integers(5, 120, (comparisons, strata))
    base = rng.uniform(0.15, 0.6, strata)
    return StratifiedCounts(
        doers.astype(float),
        rng.binomial(doers, np.clip(base + 0.1, 0, 1)).astype(float),
        others.astype(float),
        rng.binomial(others, base).astype(float),
    )


def test_batched_fit_agrees_with_statsmodels_and_scikit_learn() -> None:
    counts = random_counts(seed=1, comparisons=5, strata=12)
    fitted = fit(counts)
    strata = counts.doers.shape[1]
    design = np.zeros((2 * strata, strata + 1))
    design[:strata, :strata] = design[strata:, :strata] = np.eye(strata)
    design[:strata, strata] = 1
    for n in range(5):
        kept = np.r_[counts.retained_doers[n], counts.retained_others[n]]
        lost = np.r_[counts.doers[n], counts.others[n]] - kept
        glm = sm.GLM(np.c_[kept, lost], design, family=sm.families.Binomial()).fit(tol=1e-14)
        assert fitted.theta[n] == pytest.approx(glm.params[-1], abs=1e-6)
        assert fitted.se[n] == pytest.approx(glm.bse[-1], abs=1e-6)
        model = LogisticRegression(
            C=np.inf, solver="newton-cholesky", fit_intercept=False, tol=1e-12, max_iter=1000
        )
        outcome = np.repeat([1, 0], 2 * strata)
        model.fit(np.vstack([design, design]), outcome, sample_weight=np.r_[kept, lost])
        assert fitted.theta[n] == pytest.approx(model.coef_[0, -1], abs=1e-6)


def test_standard_error_of_the_lift_is_what_repeated_worlds_show() -> None:
    """Coverage over 4,000 seeded worlds of one design with 20 strata and a true lift."""
    rng = np.random.default_rng(20)
    worlds, strata = 4000, 20
    base, share = rng.normal(-0.3, 1, strata), rng.uniform(0.2, 0.6, strata)
    sizes = rng.multinomial(4000, np.full(strata, 1 / strata), worlds)
    doers = rng.binomial(sizes, share)
    p0, p1 = 1 / (1 + np.exp(-base)), 1 / (1 + np.exp(-base - 0.5))
    counts = StratifiedCounts(
        doers.astype(float),
        rng.binomial(doers, p1).astype(float),
        (sizes - doers).astype(float),
        rng.binomial(sizes - doers, p0).astype(float),
    )
    lifts = estimate_lifts(counts)
    truth = (p1 - p0).mean()
    covered = np.abs(lifts.lift - truth) < 1.96 * lifts.se
    assert lifts.lift.mean() == pytest.approx(truth, abs=0.002)
    assert 0.935 < covered.mean() < 0.965
    assert lifts.lift.std() == pytest.approx(lifts.se.mean(), rel=0.05)


def test_one_stratum_is_the_plain_difference() -> None:
    lifts = estimate_lifts(one_comparison([400], [220], [800], [320]))
    assert lifts.lift[0] == pytest.approx(lifts.crude[0], abs=1e-12)
    assert lifts.se[0] == pytest.approx(lifts.crude_se[0], rel=1e-6)


@pytest.mark.parametrize(
    ("counts", "support"),
    [
        (([99], [50], [900], [400]), "too_rare"),
        (([120], [60], [5000], [2000]), "too_rare"),
        (([1900], [900], [150], [60]), "too_common"),
        (([200], [24], [800], [400]), "small_cell"),
        (([200], [200], [800], [400]), "small_cell"),
        (([150, 0], [75, 0], [0, 400], [0, 100]), "not_estimable"),
    ],
)
def test_what_cannot_be_estimated_is_a_value_with_its_reason(counts, support) -> None:
    lifts = estimate_lifts(one_comparison(*counts))
    assert lifts.support[0] == support
    assert np.isnan(lifts.lift[0])
    assert np.isnan(lifts.z[0])


def test_complete_separation_is_never_a_large_number() -> None:
    fitted = fit(one_comparison([40, 40], [40, 40], [60, 60], [20, 30]))
    assert np.isnan(fitted.theta[0])


def test_strata_where_all_or_none_stayed_change_no_odds_ratio() -> None:
    plain = one_comparison([200, 150], [120, 60], [300, 400], [120, 100])
    padded = one_comparison(
        [200, 150, 30, 30, 9], [120, 60, 30, 0, 4], [300, 400, 70, 70, 0], [120, 100, 70, 0, 0]
    )
    assert fit(plain).theta[0] == pytest.approx(fit(padded).theta[0], abs=1e-10)
    assert fit(plain).se[0] == pytest.approx(fit(padded).se[0], abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(6)))
def test_order_of_strata_changes_nothing(seed: int, order: list[int]) -> None:
    counts = random_counts(seed, comparisons=2, strata=6)
    names = ("doers", "retained_doers", "others", "retained_others")
    shuffled = StratifiedCounts(*(getattr(counts, name)[:, order] for name in names))
    first, second = estimate_lifts(counts), estimate_lifts(shuffled)
    np.testing.assert_allclose(first.lift, second.lift, atol=1e-12, equal_nan=True)
    np.testing.assert_allclose(first.se, second.se, atol=1e-12, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_swapping_the_arms_turns_the_sign(seed: int) -> None:
    counts = random_counts(seed, comparisons=2, strata=5)
    swapped = StratifiedCounts(
        counts.others, counts.retained_others, counts.doers, counts.retained_doers
    )
    np.testing.assert_allclose(fit(counts).theta, -fit(swapped).theta, atol=1e-9)


def test_wilson_interval_by_hand() -> None:
    # 81 of 263, Newcombe (1998), Statistics in Medicine 17, table I: 0.2553 to 0.3662.
    low, high = wilson(np.array([81.0]), np.array([263.0]))
    assert (round(float(low[0]), 4), round(float(high[0]), 4)) == (0.2553, 0.3662)


def test_experiment_size_by_hand() -> None:
    # p = .5, lift 10 points, half of it 5 points: 2.8^2 * 2 * .25 / .05^2 = 1,568.
    assert accounts_per_arm(0.5, 10.0) == 1568
    assert accounts_per_arm(0.5, -1.0) is None


def null_events(rng: np.random.Generator, size: int) -> Evidence:
    gap = rng.gamma(4.0, 2.0, size)
    return Evidence(0.15 * gap + rng.normal(0, 1, size), gap)


def test_worlds_without_any_effect_publish_little() -> None:
    """Confounding in proportion to the gap, no effect: both rules stay at their level."""
    rng = np.random.default_rng(7)
    published = {"A": 0, "N": 0}
    for _ in range(600):
        events, placebos = null_events(rng, 30), null_events(rng, 10)
        nobody = Evidence(np.array([]), np.array([]))
        published["A"] += calibrate(events, placebos).passes.any()
        published["N"] += calibrate(events, nobody).passes.any()
    assert published["A"] / 600 < 0.12
    assert published["N"] / 600 < 0.12


def test_a_strong_effect_is_published_among_confounded_events() -> None:
    rng = np.random.default_rng(8)
    found = {"A": 0, "N": 0}
    for _ in range(100):
        events, placebos = null_events(rng, 30), null_events(rng, 10)
        events.z[0] += 8.0
        nobody = Evidence(np.array([]), np.array([]))
        found["A"] += calibrate(events, placebos).passes[0]
        found["N"] += calibrate(events, nobody).passes[0]
    assert found["A"] > 90
    assert found["N"] > 90


def test_pooled_bound_by_hand() -> None:
    """Without a gap: placebos 1, 3, … about 2 and the lower events about the median."""
    placebos = Evidence(np.array([1.0, 3.0] * 4), np.zeros(8))
    events = Evidence(np.array([0.0, 0.0, 2.0, 2.0, 9.0]), np.zeros(5))
    # The median of all 13 is 2; events up to it 0 0 2 2, squares 8; the placebos' squares 8.
    deviation = np.sqrt((8 + 8) / (7 + 4) * (1 + 1 / 8))
    quantile = scipy.stats.t.ppf(0.9 ** (1 / 5), 11)
    np.testing.assert_allclose(
        pooled_bound(events, placebos), events.z - 2 - quantile * deviation, atol=1e-12
    )


def test_placebos_that_show_less_than_the_events_do_not_lower_the_bar() -> None:
    rng = np.random.default_rng(12)
    events = Evidence(rng.normal(3, 1, 30), np.zeros(30))
    tame = Evidence(rng.normal(0, 1, 10), np.zeros(10))
    assert not calibrate(events, tame).passes.any()


def test_too_small_a_catalogue_publishes_nothing() -> None:
    few = Evidence(np.array([9.0, 1.0, 0.5]), np.array([1.0, 1.0, 1.0]))
    nobody = Evidence(np.array([]), np.array([]))
    calibration = calibrate(few, nobody)
    assert calibration.rule == "none"
    assert not calibration.may_publish
    assert np.isnan(calibration.low).all()


def test_a_catalogue_that_nothing_calibrates_prints_no_interval() -> None:
    """Eight behaviours without placebos keep most of their lift; a narrow interval would lie."""
    rng = np.random.default_rng(13)
    eight, nobody = null_events(rng, 8), Evidence(np.array([]), np.array([]))
    calibration = calibrate(eight, nobody)
    assert calibration.rule == "none"
    assert np.isnan(calibration.low).all()
    assert np.isnan(calibration.p_value).all()
    assert np.isfinite(calibrate(eight, null_events(rng, 8)).low).all()


def test_residual_bound_takes_out_what_the_gap_explains() -> None:
    gap = np.linspace(0, 20, 30)
    events = Evidence(0.5 * gap + 0.1 * np.sin(np.arange(30.0)), gap)
    nobody = Evidence(np.array([]), np.array([]))
    assert (residual_bound(events, nobody) < 0).all()
    assert catalogue_null(events.z)[0] > 4


def weekly(values: np.ndarray) -> pd.Series:
    return pd.Series(values, index=pd.date_range("2020-01-06", periods=len(values), freq="W-MON"))


def test_series_find_the_lead_and_its_direction() -> None:
    rng = np.random.default_rng(10)
    shocks = rng.normal(size=160)
    reach = weekly(shocks[5:155])
    later = weekly(shocks[1:151] * 3 + rng.normal(0, 0.5, 150))
    found = lead_test("x", reach, later)
    assert (found.verdict, found.lag_weeks) == ("leads", 4)
    turned = lead_test("x", later, reach)
    assert (turned.verdict, turned.lag_weeks) == ("lags", -4)


def test_two_unrelated_trends_are_not_evidence() -> None:
    rng = np.random.default_rng(11)
    flagged = 0
    for _ in range(200):
        trends = rng.normal(0.1, 1, (2, 120)).cumsum(axis=1)
        verdict = lead_test("x", weekly(trends[0]), weekly(trends[1])).verdict
        flagged += verdict not in ("cannot tell", "not enough weeks")
    assert flagged / 200 < 0.10


def test_under_a_year_of_weeks_is_refused() -> None:
    series = weekly(np.arange(51.0))
    assert lead_test("x", series, series).verdict == "not enough weeks"


def judged_world(relatives: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """Thirty behaviours without effect, twelve placebos and two with a strong one, judged."""
    rng = np.random.default_rng(12)
    names = [*(f"null {n}" for n in range(30)), *(f"placebo {n}" for n in range(12)), "a", "b"]
    z = np.r_[rng.normal(0.5, 1, 42), 11.0, 12.0]
    found = pd.DataFrame(
        {
            "candidate": names,
            "at_least": 1.0,
            "within_days": 7,
            "accounts": 5000,
            "doers": 1000,
            "support": "ok",
            "z": z,
            "se_pp": 1.0,
            "lift_pp": z,
            "crude_lift_pp": z + rng.gamma(4, 1, 44),
            "crude_se_pp": 1.0,
            "told_share": 0.3,
        }
    )
    specs = [
        CandidateSpec(
            name, name, (1.0,), "", "", name[:4] == "plac", False, 9, relatives.get(name, ())
        )
        for name in names
    ]
    return judge_candidates(found, specs).frame.set_index("candidate")


def test_of_a_declared_family_only_the_best_is_published() -> None:
    strangers = judged_world({})
    assert list(strangers.loc[["a", "b"], "verdict"]) == ["north_star", "north_star"]
    family = judged_world({"a": ("b",), "b": ("a",)})
    assert list(family.loc[["a", "b"], "verdict"]) == ["supported", "north_star"]
    assert "b stands for its declared family" in family.loc["a", "reason"]
