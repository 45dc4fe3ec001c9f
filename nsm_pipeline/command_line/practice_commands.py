"""What the commands of the practice do: the weekly review, and the look back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nsm_pipeline.command_line.console import say, say_json

if TYPE_CHECKING:
    from nsm_pipeline.runs.review_folder import ReviewFolder


def review(name: str, *, as_of: str | None, out: str, as_json: bool) -> None:
    """Writes what is due and not yet written; ends with every page of that week."""
    from nsm_pipeline.advising import recorded_product
    from nsm_pipeline.command_line.run_name import find_run
    from nsm_pipeline.practice.review import write_review
    from nsm_pipeline.runs.folder import address_of
    from nsm_pipeline.runs.run_folder import RunStore

    run = find_run(_run_name(name, as_of), out)
    store = RunStore(address_of(out))
    folder, written = write_review(store, run, recorded_product(run).config)
    if as_json:
        say_json({"ok": True, "review": str(folder.path), "written": written, **_json(folder)})
        return
    say(_read(folder))
    told = f"written now: {', '.join(written)}" if written else "written before, and unchanged"
    say(f"\nReview   {folder.path} ({told})")


def _run_name(name: str, as_of: str | None) -> str:
    """The run that the reader means: a product file stands for its product."""
    from nsm_pipeline.product.yaml_file import load_product

    if name.endswith((".yaml", ".yml")):
        name = load_product(Path(name)).config.product
    return name if as_of is None else f"{name}@{as_of}"


def _read(folder: ReviewFolder) -> str:
    order = {"monday.md": 0, "friday.md": 2}
    texts = [page for page in folder.pages() if page.endswith(".md")]
    return "\n".join(
        folder.read(page).decode() for page in sorted(texts, key=lambda name: order.get(name, 1))
    )


def _json(folder: ReviewFolder) -> dict[str, object]:
    import json

    pages = [page for page in folder.pages() if page.endswith(".json")]
    return {"pages": {page: json.loads(folder.read(page)) for page in pages}}


def revalidate(
    file: Path, *, as_of: str | None, candidate: str | None, out: str, as_json: bool
) -> None:
    """Runs the product at past moments; ends with the decision, the table and where it is."""
    from nsm_pipeline.command_line.commands import moment_of
    from nsm_pipeline.practice.revalidation import chosen_behaviour
    from nsm_pipeline.practice.revalidation import revalidate as look_back
    from nsm_pipeline.product.yaml_file import load_product
    from nsm_pipeline.publish.revalidation_text import revalidation_text
    from nsm_pipeline.runs.folder import address_of
    from nsm_pipeline.runs.review_folder import REVALIDATION, revalidation_folder
    from nsm_pipeline.runs.run_folder import RunStore

    store, product = RunStore(address_of(out)), load_product(file).config.product
    chosen, moment = chosen_behaviour(store, product, candidate), moment_of(file, as_of)
    found = look_back(file, as_of=moment, chosen=chosen, on_moment=_say_moment)
    text = revalidation_text(found)
    folder = revalidation_folder(store.root, product, moment)
    new = folder.write_once(REVALIDATION, found)
    folder.write_once("revalidation.md", text)
    if as_json:
        say_json({"ok": True, "folder": str(folder.path), "written": new, **found})
        return
    say(text)
    say(f"Evidence {folder.path}{'' if new else ' (written before, and unchanged)'}")


def _say_moment(moment: datetime) -> None:
    typer.echo(f"as of {moment:%Y-%m-%d %H:%M} UTC", err=True)
