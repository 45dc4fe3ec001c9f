"""The Python door: a finished run as tables, and any of its lifts fitted again from the cells."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nsm_pipeline.command_line.run_name import find_run
from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.runs.run_files import CANDIDATES, CELLS, RANKING, RANKING_TABLE, RETENTION_CURVE
from nsm_pipeline.runs.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Refit:
    """One (behaviour, k, X) fitted again from the cells.

    Units: counts of accounts; `*_pp` in percentage points; NaN where `support` is not `ok`.
    `adjusted_lift_pp` is `candidates.lift_pp`; `lift_pp` is `ranking.lift_pp`, which is the same
    with the null centre of the calibration taken out.
    """

    candidate: str
    at_least: float
    within_days: int
    accounts: int
    doers: int
    retained_doers: int
    retained_others: int
    crude_lift_pp: float
    adjusted_lift_pp: float
    se_pp: float
    z: float
    centre_z: float
    lift_pp: float
    odds_ratio: float
    overlap: float
    support: str


@dataclass(frozen=True)
class OpenedRun:
    """A finished run. Tables are read at first use; numbers of points are percentage points."""

    folder: RunFolder

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """A row per candidate at its chosen k and X, by rank: the columns of `ranking.csv`.

        Names and verdicts are text, `rank`, `within_days` and counts whole numbers, shares and
        points floats, `fading` true or false; null where not estimated, with the `reason`.
        """
        return self.folder.read_frame(RANKING_TABLE)

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """A row per candidate, `at_least` and `within_days`: the columns of `candidates.csv`.

        `lift_pp`, `se_pp` and `z` are null where `support` is not `ok`.
        """
        return self.folder.read_frame(CANDIDATES)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """A row per `within_days, candidate, stratum, cohort, segment, reached`.

        `reached` is the largest searched threshold that the accounts reached, 0 for none;
        `accounts`, `retained` and `revenue_accounts` are counts, `revenue_sum` currency units.
        """
        return self.folder.read_frame(CELLS)

    @cached_property
    def retention(self) -> pd.DataFrame:
        """A row per `week` since onboarding: `accounts` observed that long, `active` ones, `rate`.

        `rate` (0 to 1) has the interval `ci_low` to `ci_high`.
        """
        return self.folder.read_frame(RETENTION_CURVE)

    @cached_property
    def document(self) -> dict[str, Any]:
        """`ranking.json`: the headline, the calibration, and each candidate's cohorts and curve."""
        document: dict[str, Any] = self.folder.read_json(RANKING)
        return document

    def centre_z(self, candidate: str) -> float:
        """What z is for a behaviour without any effect, in this run; 0 when not calibrated.

        A harmful candidate was chosen by its smallest z, whose null has a centre of its own.
        """
        named = (row for row in self.document["candidates"] if row["candidate"] == candidate)
        return float(next((row["centre_z"] for row in named), None) or 0.0)

    def refit(self, candidate: str, *, at_least: float, within_days: int) -> Refit:
        """The lift of one behaviour, fitted on the cells alone.

        Raises:
            InvalidInput: The run did not search this candidate, threshold or window.
        """
        import pandas as pd

        from nsm_pipeline.stats.lift import estimate_lifts
        from nsm_pipeline.stats.search import chosen_counts
        from nsm_pipeline.waist.cells import CellTable

        self._require_searched(candidate, at_least, within_days)
        choice = {"candidate": candidate, "at_least": at_least, "within_days": within_days}
        cells = CellTable(CellTable(self.cells).of(candidate, within_days))
        found = estimate_lifts(chosen_counts(cells, pd.DataFrame([choice])))
        lift, se, z = float(found.lift[0]), float(found.se[0]), float(found.z[0])
        centre = self.centre_z(candidate)
        return Refit(
            candidate=candidate,
            at_least=at_least,
            within_days=within_days,
            accounts=int(found.accounts[0]),
            doers=int(found.doers[0]),
            retained_doers=int(found.retained_doers[0]),
            retained_others=int(found.retained_others[0]),
            crude_lift_pp=100 * float(found.crude[0]),
            adjusted_lift_pp=100 * lift,
            se_pp=100 * se,
            z=z,
            centre_z=centre,
            lift_pp=100 * se * (z - centre),
            odds_ratio=float(np.exp(found.theta[0])),
            overlap=float(found.overlap[0]),
            support=str(found.support[0]),
        )

    def _require_searched(self, candidate: str, at_least: float, within_days: int) -> None:
        # Between two searched thresholds the cells cannot tell accounts apart: `reached` would
        # answer for the next larger one without a word.
        table = self.candidates
        rows = table[table["candidate"] == candidate]
        if rows.empty:
            raise InvalidInput(unknown_candidate(candidate, table["candidate"].unique()))
        if ((rows["at_least"] == at_least) & (rows["within_days"] == within_days)).any():
            return
        searched = rows.groupby("within_days")["at_least"].unique()
        listed = [f"{days} days: {_listed(ks)}" for days, ks in searched.items()]
        problem = Problem(
            f"{self.folder.path}  {candidate}",
            f"at_least {at_least:g} within {within_days} days was not searched in this run.",
            f"Searched were, within {'; within '.join(listed)}.",
        )
        raise InvalidInput(problem)


def open_run(path_or_url: str | Path) -> OpenedRun:
    """A finished run by its folder, a URL of it such as `s3://…`, its product, or product@as_of.

    Products are looked up where the environment's NSM_RUNS says, else in `runs/`.

    Raises:
        InvalidInput: There is no such run, or it was never finished.
        StorageFailed: Its place refuses, or cannot be reached.
    """
    return OpenedRun(find_run(str(path_or_url), os.environ.get("NSM_RUNS") or "runs"))


def unknown_candidate(name: str, known: Iterable[str]) -> Problem:
    """The problem of a candidate that a run does not have, with the nearest one that it has."""
    nearest = get_close_matches(name, known, n=1)
    mend = f"Did you mean {nearest[0]!r}?" if nearest else "The names are those of ranking.csv."
    return Problem(f"candidate {name!r}", "The run has no such candidate.", mend)


def _listed(thresholds: Iterable[float]) -> str:
    return ", ".join(f"{threshold:g}" for threshold in sorted(thresholds))
