"""The runs of a week that share one measuring: what a later run of that week carries on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from nsm_pipeline.runs.run_files import MEASURED, TRACKED

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.runs.run_folder import RunFolder, RunStore
    from nsm_pipeline.stats.leadership import Choice
    from nsm_pipeline.steps import RunContext
    from nsm_pipeline.warehouse.extract import Extract

Kind = Literal["tracked", "recounted"]


@dataclass(frozen=True)
class MeasuredWeek:
    """The published runs of one measuring; `newest` is the last of them, whole and undamaged."""

    store: RunStore
    newest: RunFolder

    @cached_property
    def told(self) -> dict[str, Any]:
        """The newest one's `measured.json`."""
        told: dict[str, Any] = self.newest.read_json(MEASURED)
        return told

    @property
    def as_of(self) -> datetime:
        """The moment of the run that measured."""
        return datetime.fromisoformat(self.told["as_of"])

    @property
    def run_id(self) -> str:
        """That run's number."""
        return self.told["run_id"] or self.newest.run_id

    def carry_files(self, run: RunFolder) -> None:
        """Copies what was measured, byte for byte: a run's folder needs no other run's."""
        for name in self.told["files"]:
            run.write_bytes(name, self.newest.read_bytes(name))

    def record(self, kind: Kind, choice: Choice) -> dict[str, Any] | None:
        """What the week knows of a behaviour, and as of when; None where it never asked."""
        found = self._found(kind, choice)
        return None if found is None else found[1]

    def weeks_of(self, choices: Iterable[Choice]) -> dict[Choice, pd.DataFrame]:
        """The rows of `tracked.parquet` of those behaviours that the week has asked for."""
        kept = {}
        for choice in choices:
            found = self._found("tracked", choice)
            if found is not None:
                rows = found[0].read_frame(TRACKED)
                mine = [rows[name] == wanted for name, wanted in asdict(choice).items()]
                kept[choice] = rows[mine[0] & mine[1] & mine[2]]
        return kept

    def _found(self, kind: Kind, choice: Choice) -> tuple[RunFolder, dict[str, Any]] | None:
        for run in self._runs():
            for record in run.read_json(MEASURED)[kind]:
                if choice_of(record) == choice:
                    return run, record
        return None

    def _runs(self) -> Iterator[RunFolder]:
        """Newest first: who leaves the first three may be back among them the night after."""
        yield self.newest
        for as_of, _ in reversed(self.store.history(self.newest.product)):
            if not self.as_of <= as_of < self.newest.as_of:
                continue
            run = self.store.published(self.newest.product, as_of)
            if run is not None and self._is_of_it(run):
                yield run

    def _is_of_it(self, run: RunFolder) -> bool:
        if not all(run.exists(name) for name in (MEASURED, TRACKED)):
            return False
        if run.verify((MEASURED, TRACKED)):
            return False
        told = run.read_json(MEASURED)
        return all(told.get(name) == self.told[name] for name in ("as_of", "basis"))


def choice_of(row: Mapping[Any, Any]) -> Choice:
    """The behaviour that a row of a run's files is about."""
    from nsm_pipeline.stats.leadership import Choice

    return Choice(str(row["candidate"]), float(row["at_least"]), int(row["within_days"]))


def rows_of(context: RunContext) -> Extract:
    """The rows to ask for a single behaviour: those that the state keeps, or the source's."""
    return context.extract if context.stored is None else context.stored.rows
