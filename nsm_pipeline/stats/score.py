"""The prognostic score: how likely an account is to stay, given everything it did in a window.

Source: the project's METHOD, section 3a; prognostic scores: Hansen (2008), Biometrika 95(2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from nsm_pipeline.waist.score_model import STRATA, ScoreInput, ScoreModel, WindowScore

LAST_SEEN_CUTS = (0.01, 0.25, 0.5, 0.75, 0.999)
ACTIVE_DAY_QUANTILES = (0.2, 0.4, 0.6, 0.8)
DECIMALS = 6
Floats = NDArray[np.float64]


def fit_score(sample: ScoreInput) -> ScoreModel:
    """One score per window, fitted on the sample.

    Terms: declared covariates and cohort month (one-hot), log(1 + rows) of every event type, the
    bin of the day last seen, the quintile of active days; L2 penalty, Newton steps to convergence.

    Raises:
        ValueError: all sampled accounts share one outcome, so there is nothing to predict.
    """
    return ScoreModel(
        accounts=len(sample.accounts),
        windows=tuple(_fit_window(sample, window) for window in sample.windows),
    )


def _fit_window(sample: ScoreInput, window: int) -> WindowScore:
    order = pd.Index(sample.accounts["account_no"])
    counts = _event_matrix(sample, window, order)
    seen = sample.seen[sample.seen["within_days"] == window].set_index("account_no").reindex(order)
    last = seen["last_day"].fillna(-1).to_numpy(dtype=np.int64)
    active = seen["active_days"].fillna(0).to_numpy(dtype=np.int64)
    last_bins = last_seen_bins(window)
    active_bins = active_day_bins(active, window)
    levels = {
        term: pd.Categorical(sample.accounts[f"trait_{n}"].astype(str))
        for n, term in enumerate(sample.trait_names)
    }
    blocks = [
        *(_one_hot(codes.codes, len(codes.categories)) for codes in levels.values()),
        counts,
        _one_hot(last_bins[np.maximum(last, 0)], int(last_bins.max()) + 1),
        _one_hot(active_bins[active], int(active_bins.max()) + 1),
    ]
    weights, total = _fit(np.hstack(blocks), sample.accounts["retained"].to_numpy(dtype=bool))
    split = np.split(weights, np.cumsum([block.shape[1] for block in blocks])[:-1])
    *trait_weights, event_weights, last_weights, active_weights = split
    return WindowScore(
        within_days=window,
        traits={
            term: dict(zip(map(str, codes.categories), map(float, values), strict=True))
            for (term, codes), values in zip(levels.items(), trait_weights, strict=True)
        },
        events=dict(zip(sample.event_names, map(float, event_weights), strict=True)),
        last_day=tuple(float(last_weights[b]) for b in last_bins),
        active_days=tuple(float(active_weights[b]) for b in active_bins),
        cuts=stratum_cuts(total),
    )


def _fit(features: Floats, retained: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    model = LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=500)
    model.fit(features, retained)
    weights = np.round(model.coef_[0], DECIMALS) + 0.0
    return weights, features @ weights


def _event_matrix(sample: ScoreInput, window: int, order: pd.Index) -> Floats:
    rows = sample.counts[sample.counts["within_days"] == window]
    matrix = np.zeros((len(order), len(sample.event_names)))
    matrix[order.get_indexer(pd.Index(rows["account_no"])), rows["event_no"].to_numpy()] = np.log1p(
        rows["n"].to_numpy(dtype=np.float64)
    )
    return matrix


def _one_hot(codes: NDArray[np.integer], levels: int) -> Floats:
    encoded: Floats = np.eye(levels)[codes]
    return encoded


def last_seen_bins(window: int) -> NDArray[np.int64]:
    """Bin of each day 0 .. window - 1 by its share of the window's last day."""
    days = np.arange(window)
    share = days / max(window - 1, 1)
    bins: NDArray[np.int64] = np.searchsorted(LAST_SEEN_CUTS, share, side="right")
    return np.unique(bins, return_inverse=True)[1]


def active_day_bins(active: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """Quintile of each possible number of active days 0 .. window, by the sample's ranks."""
    ranked = np.sort(active)
    picks = [ranked[int(q * len(ranked))] for q in ACTIVE_DAY_QUANTILES]
    bins: NDArray[np.int64] = np.searchsorted(np.unique(picks), np.arange(window + 1), side="left")
    return np.unique(bins, return_inverse=True)[1]


def stratum_cuts(total: Sequence[float] | Floats) -> tuple[float, ...]:
    """The inner quantiles of the total score, by rank, without repeats."""
    ranked = np.sort(np.round(np.asarray(total), DECIMALS))
    picks = ranked[(np.arange(1, STRATA) * len(ranked)) // STRATA]
    return tuple(float(cut) for cut in np.unique(picks))
