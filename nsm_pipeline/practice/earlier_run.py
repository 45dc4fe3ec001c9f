"""The run before this one: the newest published one of an earlier moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsm_pipeline.runs.manifest import MANIFEST
from nsm_pipeline.runs.run_files import CHECKS, POPULATION, PRODUCT, RANKING_TABLE

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder, RunStore

# What a run must have left to be compared with; one cleared away in part is passed over.
COMPARABLE = (MANIFEST, PRODUCT, RANKING_TABLE, POPULATION, CHECKS)


def earlier_run(store: RunStore, run: RunFolder, *, having: tuple[str, ...]) -> RunFolder | None:
    """The newest published run of a moment before this run's that has left these files.

    Only the moment counts: a backfill sees what was published for the moments before its own, and
    never what came after, so the same runs before it give it the same bytes.
    """
    for as_of, _ in reversed(store.history(run.product)):
        if as_of >= run.as_of:
            continue
        found = store.published(run.product, as_of)
        if found is not None and all(found.exists(name) for name in (*COMPARABLE, *having)):
            return found
    return None


def is_first(store: RunStore, run: RunFolder) -> bool:
    """Whether nothing at all is published for an earlier moment."""
    return all(as_of >= run.as_of for as_of, _ in store.history(run.product))
