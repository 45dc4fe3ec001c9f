"""The run that a user means by a path, a product or product@as_of."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from nsm_pipeline.command_line.as_of import parse_as_of
from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.runs.folder import address_of, open_folder
from nsm_pipeline.runs.manifest import MANIFEST
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.runs.run_index import as_of_name, as_of_time

SHOWN = 5


def find_run(name: str, root: str) -> RunFolder:
    """The finished run called `name`: its folder, its product (newest) or product@as_of.

    Args:
        name: a path or URL of a run's folder, a product, or product@as_of.
        root: path or URL of all runs.

    Raises:
        InvalidInput: No such run, or it was never finished.
        StorageFailed: Its place refuses, or cannot be reached.
    """
    address = address_of(name)
    folder = open_folder(address)
    if folder.has(MANIFEST):
        return RunFolder(address)
    if len(address.parts) > 1 and (folder.files() or folder.folders()):
        problem = Problem(
            name,
            f"This folder has no {MANIFEST}, so it is not a finished run.",
            "Give the folder of a finished run, its product, or product@as_of.",
        )
        raise InvalidInput(problem)
    product, _, moment = name.partition("@")
    store = RunStore(address_of(root))
    newest = store.published(product) if _is_name(product) else None
    if newest is None:
        or_run = "" if "://" in name else f", and no published run of {product!r} in {root}"
        problem = Problem(
            name,
            f"There is no such folder{or_run}.",
            "Check the name, or say where the runs are with --out DIR.",
        )
        raise InvalidInput(problem)
    return _at(store, newest, moment) if moment else newest


def _at(store: RunStore, newest: RunFolder, moment: str) -> RunFolder:
    run = store.published(newest.product, _moment(moment, newest))
    if run is not None:
        return run
    history = [as_of_name(as_of) for as_of, _ in store.history(newest.product)]
    problem = Problem(
        f"{newest.product}@{moment}",
        "No run is published for this moment.",
        f"Published ({len(history)}, newest first): {', '.join(history[: -SHOWN - 1 : -1])}.",
    )
    raise InvalidInput(problem)


def _moment(text: str, run: RunFolder) -> datetime:
    try:
        return as_of_time(text)
    except ValueError:
        from nsm_pipeline.advising import recorded_product

        return parse_as_of(text, recorded_product(run).config.timezone)


def _is_name(product: str) -> bool:
    return bool(product) and product == Path(product).name and product != ".."
