"""Rankings of one simulated world, held against its truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nsm_pipeline.waist.candidate_spec import CandidateSpec

OURS = "this method"
COVARIATES = "declared covariates only"
PUBLISHED = 3


class Comparison:
    """A world's truth, held against rankings of the candidates that could be published."""

    def __init__(self, truth: dict[str, Any], specs: Sequence[CandidateSpec]) -> None:
        self.causal = {row["candidate"]: row for row in truth["causal"]}
        self.lifts = {
            (row["candidate"], row["at_least"], row["within_days"]): row["lift_pp"]
            for row in truth["lifts"]
        }
        self.pool = {spec.name for spec in specs if not spec.placebo and not spec.own_outcome}

    def helpful(self, candidate: str) -> bool:
        """Whether the candidate brings accounts back."""
        row = self.causal.get(candidate)
        return row is not None and row["lift_pp"] > 0

    def ours(self, judged: pd.DataFrame, seconds: float) -> dict[str, Any]:
        """The row of this method: claims are what it publishes."""
        pool = judged[judged["candidate"].isin(self.pool) & judged["rank"].notna()]
        row = self._row(OURS, pool, pool["verdict"] == "north_star")
        supported = pool[pool["verdict"] == "supported"]
        harmful = pool[pool["verdict"] == "harmful"]["candidate"]
        truths = [self._truth(*key) for key in _keys(pool)]
        known = pool["ci_low_pp"].notna().to_numpy()
        inside = (pool["ci_low_pp"] <= truths) & (truths <= pool["ci_high_pp"])
        causal = pool["candidate"].isin(self.causal).to_numpy()
        return {
            **row,
            "seconds": seconds,
            "supported": len(supported),
            "supported_false": self._false(supported["candidate"]),
            "harm_false": int((~harmful.isin(self._harmful())).sum()),
            "harm_found": int(harmful.isin(self._harmful()).sum()),
            "harm_planted": len(self._harmful()),
            "covered_causal": int(inside[causal & known].sum()),
            "of_causal": int((causal & known).sum()),
            "covered_null": int(inside[~causal & known].sum()),
            "of_null": int((~causal & known).sum()),
        }

    def rival(self, name: str, best: pd.DataFrame, claimed: pd.Series) -> dict[str, Any]:
        """The row of a rival: it claims what its test calls, and publishes the first three."""
        return self._row(name, best[best["candidate"].isin(self.pool)], claimed)

    def _row(self, name: str, ranked: pd.DataFrame, claimed: pd.Series) -> dict[str, Any]:
        claims = ranked[claimed.reindex(ranked.index).fillna(False).astype(bool)]
        published = claims["candidate"].head(PUBLISHED)
        top = [self.helpful(name) for name in ranked["candidate"].head(PUBLISHED)]
        planted = [row for row in self.causal.values() if self.helpful(row["candidate"])]
        steps = {row["candidate"]: row for row in planted if row["kind"] == "threshold"}
        chosen = ranked[ranked["candidate"].isin(steps)]
        exact = [
            (k, days) == (steps[c]["at_least"], steps[c]["within_days"])
            for c, k, days in _keys(chosen)
        ]
        effects = ranked[ranked["candidate"].isin(row["candidate"] for row in planted)]
        bias = effects["lift_pp" if name == OURS else "crude_lift_pp"]
        if name == COVARIATES:
            bias = effects["lift_pp"]
        return {
            "method": name,
            "planted": len(planted),
            "top1": bool(top and top[0]),
            "causal_in_top3": sum(top),
            "claimed_false": self._false(claims["candidate"]),
            "published": len(published),
            "published_false": self._false(published),
            "exact": int(sum(exact)),
            "of_exact": len(exact),
            "bias": float(np.sum(bias.to_numpy() - [self._truth(*key) for key in _keys(effects)])),
            "of_bias": len(effects),
        }

    def _false(self, candidates: Iterable[str]) -> int:
        return sum(not self.helpful(name) for name in candidates)

    def _truth(self, candidate: str, at_least: float, within_days: int) -> float:
        return float(self.lifts.get((candidate, int(at_least), int(within_days)), 0.0))

    def _harmful(self) -> set[str]:
        return {name for name, row in self.causal.items() if row["lift_pp"] < 0}


def _keys(frame: pd.DataFrame) -> list[tuple[str, float, int]]:
    columns = (frame["candidate"], frame["at_least"], frame["within_days"])
    return list(zip(*columns, strict=True))
