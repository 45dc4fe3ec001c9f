"""What others would say of the same counts: the scores of known products, and their ranks.

All of them measure raw association between having done something and being retained. Keen
accounts do more of everything and stay, so these scores are high for whatever keen accounts do;
they are here for comparison and decide nothing.

A score takes a search (`stats.search`) or any frame with its counts: `accounts, doers,
retained_doers, retained_others`, a 2x2 table per row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from nsm_pipeline.stats.lift import SUPPORTED
from nsm_pipeline.stats.logistic import Floats

RIVAL_COLUMNS = ("ppv", "sensitivity", "phi", "odds_ratio_plus_1")


def ppv(counts: pd.DataFrame) -> Floats:
    """Positive predictive value: share of doers that were retained, NaN without doers.

    Shape: one value per row. Units: 0 to 1.
    Source: Amplitude's documentation of Compass, "Find inflection metrics": TP / (TP + FP).
    """
    kept, gone, _, _ = _table(counts)
    return _ratio(kept, kept + gone)


def sensitivity(counts: pd.DataFrame) -> Floats:
    """Share of retained accounts that did it, NaN when nobody was retained.

    Shape: one value per row. Units: 0 to 1.
    Source: as `ppv`: TP / (TP + FN).
    """
    kept, _, others_kept, _ = _table(counts)
    return _ratio(kept, kept + others_kept)


def phi(counts: pd.DataFrame) -> Floats:
    """Correlation of the two yes-or-no facts, NaN when either is the same for all.

    Shape: one value per row. Units: -1 to 1.
    Source: Matthews (1975), Biochimica et Biophysica Acta 405; the score of Amplitude Compass and
    of Mixpanel Signal.
    """
    a, b, c, d = _table(counts)
    return _ratio(a * d - b * c, np.sqrt((a + b) * (c + d) * (a + c) * (b + d)))


def odds_ratio_plus_1(counts: pd.DataFrame) -> Floats:
    """Odds ratio with one account added to each of the four groups; never NaN.

    Shape: one value per row. Units: a ratio of odds, 1 is no association.
    Source: PostHog, funnel correlation: (a + 1)(F - b + 1) / ((S - a + 1)(b + 1)), where a of S
    successes and b of F failures did it.
    """
    a, b, c, d = _table(counts)
    return (a + 1) * (d + 1) / ((c + 1) * (b + 1))


def mutual_information(counts: pd.DataFrame) -> Floats:
    """How much knowing who did it tells about who stays; it does not tell the direction.

    Shape: one value per row. Units: nats, 0 is none, at most log 2.
    Source: Cover and Thomas (2006), Elements of Information Theory, equation 2.28.
    """
    a, b, c, d = _table(counts)
    everyone = a + b + c + d
    margins = (
        (a, a + b, a + c),
        (b, a + b, b + d),
        (c, c + d, a + c),
        (d, c + d, b + d),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [
            np.where(cell > 0, cell / everyone * np.log(cell * everyone / (row * column)), 0.0)
            for cell, row, column in margins
        ]
    total: Floats = np.sum(terms, axis=0)
    return total


Score = Callable[[pd.DataFrame], Floats]
SCORES: Mapping[str, Score] = {
    "ppv": ppv,
    "sensitivity": sensitivity,
    "phi": phi,
    "odds_ratio_plus_1": odds_ratio_plus_1,
}
# What somebody ranks by: nobody's product orders by sensitivity.
RANKED_BY: Mapping[str, Score] = {
    "phi": phi,
    "odds_ratio_plus_1": odds_ratio_plus_1,
    "ppv": ppv,
    "mutual_information": mutual_information,
}


def with_rivals(found: pd.DataFrame) -> pd.DataFrame:
    """The rows as given with `ppv, sensitivity, phi, odds_ratio_plus_1` as their last columns."""
    return found.assign(**{name: SCORES[name](found) for name in RIVAL_COLUMNS})


def rivals_view(found: pd.DataFrame, chosen: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What `ranking.json` says of each candidate as others see it.

    Args:
        found: the search, a row per (candidate, k, X).
        chosen: a row per candidate, at the (k, X) that is published.

    Returns:
        Per candidate its four scores at the published (k, X), and in `ranks` what each rival would
        make of it when it may choose its own (k, X): `by` (the score), `value, at_least,
        within_days, rank, of`. Both choose among rows with support, so that only the score
        differs; a candidate without any has no ranks.
    """
    scored = with_rivals(chosen).set_index("candidate")[list(RIVAL_COLUMNS)]
    able = found[found["support"] == SUPPORTED]
    lists = [_ranked(able, name) for name in RANKED_BY]
    return {
        str(candidate): {
            **{str(name): float(value) for name, value in values.items()},
            "ranks": [ranks[candidate] for ranks in lists if candidate in ranks],
        }
        for candidate, values in scored.to_dict("index").items()
    }


def _ranked(able: pd.DataFrame, by: str) -> dict[str, dict[str, Any]]:
    """Every candidate's place, at the (k, X) where this score is largest; ties share a place."""
    rows = able[["candidate", "at_least", "within_days"]].assign(value=RANKED_BY[by](able))
    best = rows.sort_values(
        ["value", "within_days", "at_least"], ascending=[False, True, True], kind="stable"
    ).drop_duplicates("candidate")
    place = best["value"].rank(ascending=False, method="min").astype(int)
    ranked = best.assign(by=by, rank=place, of=len(best)).set_index("candidate")
    columns = ["by", "value", "at_least", "within_days", "rank", "of"]
    return {
        str(candidate): {str(name): value for name, value in row.items()}
        for candidate, row in ranked[columns].to_dict("index").items()
    }


def _table(counts: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats]:
    """Retained and lost doers, retained and lost others."""
    doers, kept, others_kept, accounts = (
        counts[column].to_numpy(float)
        for column in ("doers", "retained_doers", "retained_others", "accounts")
    )
    return kept, doers - kept, others_kept, accounts - doers - others_kept


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio
