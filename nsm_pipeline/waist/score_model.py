"""The sample a score is fitted on, and ScoreModel, the coefficients that come back.

Like the cells it stands at the waist: `stats.score` makes it, `warehouse.cell_query` joins it to
the counts, and neither knows the other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

STRATA = 50


@dataclass(frozen=True)
class ScoreInput:
    """What the score is fitted on, ordered, so that a fit repeats itself.

    Shape: `accounts` a row per sampled account: `account_no, retained`, one column per trait
    (`trait_names` gives their order and meaning); `counts` `within_days, account_no, event_no, n`;
    `seen` `within_days, account_no, last_day, active_days`.
    """

    accounts: pd.DataFrame
    counts: pd.DataFrame
    seen: pd.DataFrame
    trait_names: tuple[str, ...]
    event_names: tuple[str, ...]
    windows: tuple[int, ...]


@dataclass(frozen=True)
class WindowScore:
    """The prognostic score of one exposure window, in log-odds of being retained.

    `traits[term][level]`, `events[name]` (per log(1 + rows)), `last_day[d]` and `active_days[d]`
    (index = days) are additive terms; `cuts` are the STRATA - 1 inner quantiles of the total.
    """

    within_days: int
    traits: dict[str, dict[str, float]]
    events: dict[str, float]
    last_day: tuple[float, ...]
    active_days: tuple[float, ...]
    cuts: tuple[float, ...]


@dataclass(frozen=True)
class ScoreModel:
    """One score per window, fitted on `accounts` sampled accounts."""

    accounts: int
    windows: tuple[WindowScore, ...]

    def as_json(self) -> dict[str, Any]:
        """What `score.json` holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ScoreModel:
        """The model that `as_json` wrote."""
        windows = tuple(WindowScore(**_tuples(window)) for window in content["windows"])
        return cls(accounts=content["accounts"], windows=windows)


def _tuples(window: dict[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in window.items()
    }
