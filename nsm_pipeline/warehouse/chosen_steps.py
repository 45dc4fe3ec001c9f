"""Candidates by number, and the one threshold and window of each that is looked at further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.warehouse.candidates import ResolvedCandidate
from nsm_pipeline.warehouse.connect import Engine


@dataclass(frozen=True)
class Candidates:
    """Names and thresholds in the order of `candidate_no`."""

    names: tuple[str, ...]
    thresholds: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, candidates: Sequence[ResolvedCandidate]) -> Candidates:
        """The resolved candidates, in their order."""
        return cls(
            tuple(candidate.name for candidate in candidates),
            tuple(candidate.thresholds or () for candidate in candidates),
        )


@dataclass(frozen=True)
class ChosenSteps:
    """One threshold and window of some candidates.

    Shape: `table` a row per choice: `candidate_no, within_days, chosen_step`.
    """

    table: ir.Table
    windows: tuple[int, ...]
    names: tuple[str, ...]

    @classmethod
    def send(cls, engine: Engine, chosen: pd.DataFrame, candidates: Candidates) -> ChosenSteps:
        """The choices (`candidate, at_least, within_days`) as a small table of the engine."""
        numbers = [candidates.names.index(name) for name in chosen["candidate"]]
        steps = [
            candidates.thresholds[number].index(at_least) + 1
            for number, at_least in zip(numbers, chosen["at_least"], strict=True)
        ]
        table = engine.small_table(
            "chosen",
            {
                "candidate_no": numbers,
                "within_days": chosen["within_days"].tolist(),
                "chosen_step": steps,
            },
            {"candidate_no": "int32", "within_days": "int64", "chosen_step": "int16"},
        )
        windows = tuple(sorted({int(window) for window in chosen["within_days"]}))
        return cls(table, windows, candidates.names)

    def numbers_in(self, window: int) -> ir.Table:
        """`candidate_no` of the choices in a window."""
        return self.table.filter(self.table.within_days == window).select("candidate_no")

    def doing(self, standings: ir.Table, window: int) -> ir.Table:
        """As `standing_in`, of the choices in a window, `step` being 1 for those who did it."""
        here = self.table.filter(self.table.within_days == window).drop("within_days")
        rows = standing_in(standings, window).join(here, "candidate_no")
        did = ibis.ifelse(rows.step >= rows.chosen_step, 1, 0).cast("int16")
        return rows.mutate(step=did).drop("chosen_step")

    def doers(self, standings: ir.Table) -> ir.Table:
        """`account_no, candidate_no` of everyone who did what was chosen."""
        parts = [self.doing(standings, window) for window in self.windows]
        rows = ibis.union(*parts)
        return rows.filter(rows.step == 1).select("account_no", "candidate_no")


def standing_in(standings: ir.Table, window: int) -> ir.Table:
    """`account_no, candidate_no, own_stratum, step` of those who touched a candidate by then."""
    rows = standings.select(
        "account_no",
        "candidate_no",
        own_stratum=standings[f"stratum_{window}"],
        step=standings[f"step_{window}"],
    )
    return rows.filter(rows.own_stratum.notnull())


def standing_windows(standings: ir.Table) -> list[int]:
    """The windows that standings have columns for."""
    named = [column.removeprefix("step_") for column in standings.columns if "step_" in column]
    return [int(window) for window in named]
