"""Numbers that others published, and worlds whose answer is known in closed form.

`reference/external.json` names the source of each. The Fader-Hardie curve is held in the tests of
the retention curve; the retention bands are context for readers, not results.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats as scipy_stats
from worlds import START, open_extract, write_product

from nsm_pipeline.stats.calibration import SEARCH_Z
from nsm_pipeline.stats.lift import estimate_lifts, newcombe
from nsm_pipeline.stats.logistic import StratifiedCounts, fit
from nsm_pipeline.stats.ranking import e_value
from nsm_pipeline.stats.rivals import odds_ratio_plus_1, phi, ppv
from nsm_pipeline.stats.score import fit_score
from nsm_pipeline.stats.search import as_frame, search
from nsm_pipeline.waist.candidate_spec import CandidateSpec
from nsm_pipeline.waist.cells import SUMS, CellTable
from nsm_pipeline.warehouse.scored import Scored

TRUTHS = json.loads((Path(__file__).parent / "reference" / "external.json").read_text())
UCB = {  # R datasets UCBAdmissions: department -> (men in, men out, women in, women out)
    "A": (512, 313, 89, 19),
    "B": (353, 207, 17, 8),
    "C": (120, 205, 202, 391),
    "D": (138, 279, 131, 244),
    "E": (53, 138, 94, 299),
    "F": (22, 351, 24, 317),
}


def counts_of(did_kept: float, did: float, kept: float, accounts: float) -> pd.DataFrame:
    """One 2x2 table as a row of the search."""
    row = {"retained_doers": did_kept, "doers": did}
    row |= {"retained_others": kept - did_kept, "accounts": accounts}
    return pd.DataFrame([row], dtype=float)


# --- the scores of other products -----------------------------------------------------------------


@pytest.mark.parametrize("row", TRUTHS["posthog_odds_ratio"]["rows"])
def test_odds_ratio_is_that_of_posthog(row: dict[str, float]) -> None:
    a, b, successes, failures = (row[name] for name in ("a", "b", "S", "F"))
    counts = counts_of(a, a + b, successes, successes + failures)
    assert odds_ratio_plus_1(counts)[0] == pytest.approx(row["odds_ratio"], rel=1e-12)


@pytest.mark.parametrize("row", TRUTHS["amplitude_compass_tables"]["rows"])
def test_scores_are_those_of_amplitude_compass(row: dict[str, float]) -> None:
    tp, fp, fn, tn = (row[name] for name in ("tp", "fp", "fn", "tn"))
    counts = counts_of(tp, tp + fp, tp + fn, tp + fp + fn + tn)
    assert ppv(counts)[0] == pytest.approx(row["ppv"], abs=5e-5)
    assert phi(counts)[0] == pytest.approx(row["phi"], abs=5e-5)
    columns = (tp + fp, tp, fn + tn, fn)
    table = StratifiedCounts(*(np.array([[column]], dtype=float) for column in columns))
    # The risk difference tells two tables apart that the correlation calls alike.
    assert estimate_lifts(table).crude[0] == pytest.approx(row["risk_difference"], abs=5e-5)


# --- intervals and significance -------------------------------------------------------------------


def test_interval_of_a_plain_difference_is_newcombes() -> None:
    truth = TRUTHS["two_proportions_7_34_vs_1_34"]
    counts = [np.array([count]) for count in (7.0, 34.0, 1.0, 34.0)]
    low, high = newcombe(*counts)
    assert (low[0], high[0]) == pytest.approx(truth["newcombe"], abs=5e-7)
    swapped = newcombe(*counts[2:], *counts[:2])
    assert (-swapped[1][0], -swapped[0][0]) == pytest.approx((low[0], high[0]), abs=1e-12)
    lifts = estimate_lifts(StratifiedCounts(*(counts[n][None] for n in (1, 0, 3, 2))))
    assert lifts.crude[0] == pytest.approx(truth["difference"], abs=5e-5)
    wald = lifts.crude[0] + 1.959963984540054 * lifts.crude_se[0] * np.array([-1, 1])
    assert wald == pytest.approx(truth["wald"], abs=5e-7)


def test_interval_of_a_plain_difference_holds_where_all_or_none_stayed() -> None:
    low, high = newcombe(*(np.array([n]) for n in (30.0, 30.0, 0.0, 40.0)))
    assert 0.8 < low[0] < high[0] <= 1
    low, high = newcombe(*(np.array([n]) for n in (0.0, 0.0, 3.0, 40.0)))
    assert np.isnan([low[0], high[0]]).all()


@pytest.mark.parametrize("row", TRUTHS["e_values"]["rows"])
def test_e_values_are_the_published_ones(row: dict[str, float]) -> None:
    assert e_value(row["risk_ratio"]) == pytest.approx(row["e_value"], abs=1e-4)
    assert e_value(1 / row["risk_ratio"]) == pytest.approx(row["e_value"], abs=1e-4)


def test_benjamini_hochberg_of_1995() -> None:
    truth = TRUTHS["benjamini_hochberg"]
    q = scipy_stats.false_discovery_control(truth["p"])
    assert (q <= 0.05).sum() == truth["rejected_at_0.05"]
    assert q[3] == pytest.approx(truth["q_of_4th"])


# --- standardised differences ---------------------------------------------------------------------


def standardised(model: sm.GLM, treated: int) -> tuple[float, float]:
    """Risk difference of one column by g-computation over all rows, and its delta-method error.

    The dense textbook form: any design, the full covariance matrix. No sampling of covariates.
    """
    fitted = model.fit(tol=1e-14)
    arms = []
    for value in (1.0, 0.0):
        design = model.exog.copy()
        design[:, treated] = value
        share = 1 / (1 + np.exp(-design @ fitted.params))
        arms.append((share, (share * (1 - share))[:, None] * design))
    (p1, d1), (p0, d0) = arms
    weights = model.n_trials / model.n_trials.sum()
    gradient = weights @ (d1 - d0)
    return float(weights @ (p1 - p0)), float(np.sqrt(gradient @ fitted.cov_params() @ gradient))


def test_g_computation_gives_the_standardised_difference_of_spector() -> None:
    truth = TRUTHS["spector_logit"]
    data = sm.datasets.spector.load_pandas()
    design = sm.add_constant(data.exog, prepend=False)
    model = sm.GLM(data.endog, design, family=sm.families.Binomial())
    fitted = model.fit(tol=1e-14)
    for name in ("GPA", "TUCE", "PSI", "const"):
        assert fitted.params[name] == pytest.approx(truth["coef"][name], abs=2e-6)
        assert fitted.bse[name] == pytest.approx(truth["se"][name], abs=1e-5)
    assert fitted.llf == pytest.approx(truth["llf"], abs=2e-6)
    difference, error = standardised(model, list(design).index("PSI"))
    assert difference == pytest.approx(truth["standardised_risk_difference_of_PSI"], abs=1e-7)
    assert error == pytest.approx(truth["its_standard_error"], abs=1e-6)


def test_lifts_are_that_very_g_computation() -> None:
    """The dense form that gives Spector's numbers gives ours too, sampling of strata added."""
    rng = np.random.default_rng(32)
    strata = 9
    doers, others = rng.integers(8, 60, strata), rng.integers(8, 120, strata)
    base = rng.uniform(0.15, 0.6, strata)
    kept, others_kept = rng.binomial(doers, base + 0.15), rng.binomial(others, base)
    tables = StratifiedCounts(
        *(column[None].astype(float) for column in (doers, kept, others, others_kept))
    )
    lifts = estimate_lifts(tables)
    design = np.zeros((2 * strata, strata + 1))
    design[:strata, :strata] = design[strata:, :strata] = np.eye(strata)
    design[:strata, strata] = 1
    retained, accounts = np.r_[kept, others_kept], np.r_[doers, others]
    model = sm.GLM(np.c_[retained, accounts - retained], design, family=sm.families.Binomial())
    difference, error = standardised(model, strata)
    assert lifts.lift[0] == pytest.approx(difference, abs=1e-9)
    fitted = fit(tables)
    each, share = (fitted.p1 - fitted.p0)[0], (doers + others) / accounts.sum()
    sampling = share @ (each - difference) ** 2 / accounts.sum()
    assert lifts.se[0] == pytest.approx(np.sqrt(error**2 + sampling), rel=1e-9)


def test_ucb_admissions_lose_their_difference_once_departments_are_adjusted_for() -> None:
    truth = TRUTHS["ucb_admissions"]
    men_in, men_out, women_in, women_out = np.array(list(UCB.values()), dtype=float).T
    counts = StratifiedCounts(
        *(column[None] for column in (men_in + men_out, men_in, women_in + women_out, women_in))
    )
    fitted, lifts = fit(counts), estimate_lifts(counts)
    crude = as_frame(lifts).loc[0, "odds_ratio_crude"]
    assert crude == pytest.approx(truth["crude_odds_ratio_male_vs_female"], abs=1e-5)
    assert lifts.crude[0] == pytest.approx(truth["crude_risk_difference"], abs=1e-5)
    assert fitted.theta[0] == pytest.approx(truth["logit_adjusted_beta"], abs=1e-5)
    assert fitted.se[0] == pytest.approx(truth["its_se"], abs=1e-5)
    assert lifts.lift[0] == pytest.approx(
        truth["standardised_risk_difference_of_that_logit"], abs=1e-4
    )
    # Another estimator of the same odds ratio, far from the crude one.
    assert np.exp(fitted.theta[0]) == pytest.approx(truth["mantel_haenszel_odds_ratio"], abs=1e-3)


# --- biases with a known size ---------------------------------------------------------------------


@pytest.mark.parametrize("row", TRUTHS["unequal_exposure_null"]["rows"])
def test_watching_converters_for_less_time_makes_a_harm_of_nothing(row: dict[str, float]) -> None:
    """Converters are seen until they convert, uniform in the window; the event does nothing."""
    rate, accounts = row["r"], 1e9
    # P(no event) of a Poisson process: exp(-r) over the whole window, its mean over a uniform part.
    did = {"kept": 1 - (1 - np.exp(-rate)) / rate, "lost": 1 - np.exp(-rate)}
    kept = 0.3 * accounts
    doers = did["kept"] * kept + did["lost"] * (accounts - kept)
    counts = counts_of(did["kept"] * kept, doers, kept, accounts)
    assert odds_ratio_plus_1(counts)[0] == pytest.approx(row["odds_ratio"], abs=5e-5)


def test_windows_that_end_before_the_outcome_begins_are_free_of_it(tmp_path: Path) -> None:
    """The same null world, r = 2: counted naively it is biased as published, by us it is not."""
    rng = np.random.default_rng(12)
    accounts, days = 6000, 14
    converts = rng.random(accounts) < 0.4
    until = np.where(converts, rng.uniform(0, days, accounts), days)
    used = rng.poisson(2.0, accounts)
    owner = np.repeat(np.arange(accounts), used)
    at = rng.uniform(0, days, len(owner))
    seen = np.bincount(owner[at < until[owner]], minlength=accounts) > 0
    naive = counts_of((seen & converts).sum(), seen.sum(), converts.sum(), accounts)
    [truth] = [row for row in TRUTHS["unequal_exposure_null"]["rows"] if row["r"] == 2]
    assert odds_ratio_plus_1(naive)[0] == pytest.approx(truth["odds_ratio"], rel=0.15)

    def rows(who: np.ndarray, day: np.ndarray, event: str) -> pd.DataFrame:
        moment = START + pd.to_timedelta(day * 86400e6, unit="us").round("us")
        return pd.DataFrame({"account": [f"a{n}" for n in who], "at": moment, "event": event})

    everyone, later = np.arange(accounts), np.flatnonzero(converts)
    events = pd.concat(
        [
            rows(everyone, np.zeros(accounts), "start"),
            rows(owner, at, "used"),
            rows(later, 30 + until[later], "start"),
        ]
    )
    used_once = [{"name": "used", "event": "used", "at_least": 1}]
    product = write_product(
        tmp_path,
        {"events": events},
        candidates=used_once,
        exposure={"within": [f"{days}d"]},
        source={"observed_until": "2024-12-01T00:00:00Z"},
    )
    extract = open_extract(product)
    found = search(Scored(extract, fit_score(extract.score_input())).cells(), extract.specs)
    [ours] = found.to_dict("records")
    assert (ours["accounts"], ours["retained_doers"]) == (accounts, (used > 0)[converts].sum())
    assert abs(ours["z"]) < 2.5
    assert ours["odds_ratio_crude"] == pytest.approx(1, abs=0.15)


def null_searches(seed: int, *, runs: int, accounts: int) -> pd.DataFrame:
    """Runs of a search over 10 counts x 7 days where nothing has any effect, one candidate each."""
    rng = np.random.default_rng(seed)
    parts, specs = [], []
    for run in range(runs):
        rate = rng.gamma(2.0, 0.5, accounts)
        reached = np.minimum(rng.poisson(rate[:, None], (accounts, 7)).cumsum(axis=1), 10)
        kept = rng.random(accounts) < 0.4
        for day in range(7):
            cell = {"within_days": day + 1, "candidate": f"run {run:03}", "stratum": 0}
            cell |= {"reached": np.arange(11.0), "cohort": "all", "segment": "all"}
            cell["accounts"] = np.bincount(reached[:, day], minlength=11)
            cell["retained"] = np.bincount(reached[kept, day], minlength=11)
            parts.append(pd.DataFrame(cell))
        ks = tuple(map(float, range(1, 11)))
        specs.append(CandidateSpec(f"run {run:03}", "used", ks, "", "", False, False, 9))
    cells = pd.concat(parts, ignore_index=True).assign(**dict.fromkeys(SUMS[2:], 0.0))
    return search(CellTable.from_frame(cells), specs)


def test_search_over_counts_and_days_finds_what_its_bar_allows_for() -> None:
    """The bar of a catalogue too small to calibrate; a nominal 1.96 is passed by every other."""
    truth = TRUTHS["search_optimism"]
    assert truth["honest_abs_z_bar"] == SEARCH_Z
    found = null_searches(1, runs=400, accounts=2000)
    largest = found["z"].abs().groupby(found["candidate"]).max()
    assert largest.quantile(0.95) == pytest.approx(SEARCH_Z, abs=0.15)
    nominal = dict(
        zip(truth["accounts"], truth["share_of_runs_with_nominal_p_below_0.05"], strict=True)
    )
    assert (largest > 1.96).mean() == pytest.approx(nominal[2000], abs=0.07)
