"""What each command does and says. Every import is inside: help and check must start at once."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm_pipeline.command_line.console import (
    aligned,
    problem_records,
    say,
    say_json,
    say_problems,
    styled,
)
from nsm_pipeline.runs.run_files import RANKING, RANKING_CSV, REPORT

if TYPE_CHECKING:
    from nsm_pipeline.command_line.explain import Explanation
    from nsm_pipeline.comparing import CandidateChange, Change, RunDiff
    from nsm_pipeline.errors import NsmError
    from nsm_pipeline.product.loaded_product import LoadedProduct
    from nsm_pipeline.runs.run_folder import RunFolder

LONGEST_NAME = 60
# Told only where a verdict changed: a reason repeats counts, and one arrival moves every rank.
CONSEQUENCES = {"rank", "reason"}


def check(files: Sequence[Path], *, as_json: bool) -> int:
    """Checks every file, says every problem, and returns the exit code."""
    from nsm_pipeline.errors import NsmError
    from nsm_pipeline.pipeline import check_products

    found = product_files(files)
    results = list(zip(found, check_products(found), strict=True))
    errors = [result for _, result in results if isinstance(result, NsmError)]
    if as_json:
        say_json({"ok": not errors, "files": [_checked(file, result) for file, result in results]})
    for file, result in results:
        if not isinstance(result, NsmError) and not as_json:
            say(f"{file}: ok, product {result.config.product}")
    say_problems(problem for error in errors for problem in error.problems)
    return max((error.exit_code for error in errors), default=0)


def product_files(files: Iterable[Path]) -> list[Path]:
    """The files themselves, and the product files in what is a folder.

    Raises:
        InvalidInput: A folder has none: nothing to check is not a success.
    """
    from nsm_pipeline.errors import InvalidInput, Problem

    found: list[Path] = []
    empty: list[Problem] = []
    for file in files:
        inside = sorted([*file.glob("*.yaml"), *file.glob("*.yml")]) if file.is_dir() else [file]
        found += inside
        if not inside:
            problem = Problem(
                str(file),
                "There is no product file (*.yaml) in this folder.",
                "Name a file, or a folder that has some.",
            )
            empty.append(problem)
    if empty:
        raise InvalidInput(empty)
    return found


def run(file: Path, *, as_of: str | None, out: str, as_json: bool, **options: bool) -> None:
    """Runs all steps; ends with the ranking and where the files are.

    `options` are those of `run_product`.
    """
    from nsm_pipeline.command_line.console import step_progress
    from nsm_pipeline.pipeline import STEPS, run_product
    from nsm_pipeline.runs.folder import address_of

    moment, root = moment_of(file, as_of), address_of(out)
    with step_progress(len(STEPS)) as on_step:
        folder = run_product(file, as_of=moment, out=root, on_step=on_step, **options)
    if as_json:
        say_json(_run_record(folder))
        return
    from rich.console import Console

    from nsm_pipeline.publish.terminal import ranking_table

    # Without a colour system not even bold type is written.
    console = Console(highlight=False, color_system="auto" if styled(sys.stdout) else None)
    console.print(ranking_table(folder))
    say(f"\nReport   {folder.path / REPORT}\nRanking  {folder.path / RANKING_CSV}")


def advise(file: Path, *, as_of: str | None, as_json: bool) -> None:
    """Prints the windows that the data suggests and the pictures behind them."""
    from nsm_pipeline.pipeline import advise as advised

    product, advice = advised(file, as_of=moment_of(file, as_of))
    if as_json:
        say_json({"ok": True, "product": product.config.product, **advice})
        return
    from rich.console import Console

    from nsm_pipeline.publish.advice_text import advice_text

    console = Console(highlight=False, color_system="auto" if styled(sys.stdout) else None)
    console.print(advice_text(advice, product.config))


def sql(file: Path, *, as_of: str | None) -> None:
    """Prints every query under its title."""
    from nsm_pipeline.pipeline import explain_sql

    queries = explain_sql(file, as_of=moment_of(file, as_of))
    say("\n\n".join(f"-- {title}\n{query.rstrip().rstrip(';')};" for title, query in queries))


def explain(name: str, candidate: str, *, out: str, as_json: bool) -> int:
    """Prints the origin of every number; 1 when one cannot be reproduced from the run's files."""
    from nsm_pipeline.command_line.explain import explain_row
    from nsm_pipeline.command_line.run_name import find_run

    explanation = explain_row(find_run(name, out), candidate)
    if as_json:
        say_json({"ok": explanation.holds, **asdict(explanation)})
    else:
        say("\n".join(_explained(explanation)))
    return 0 if explanation.holds else 1


def diff(before: str, after: str, *, out: str, as_json: bool) -> None:
    """Prints what changed between two runs."""
    from nsm_pipeline.command_line.run_name import find_run
    from nsm_pipeline.comparing import compare_runs

    runs = find_run(before, out), find_run(after, out)
    found = compare_runs(*runs)
    if as_json:
        paths = {"before": str(runs[0].path), "after": str(runs[1].path)}
        say_json({"ok": True, **paths, "same": found.same, **asdict(found)})
    else:
        say("\n".join(_compared(found)))


def schema() -> None:
    """Prints the JSON Schema of product files."""
    from nsm_pipeline.product.yaml_file import product_schema

    say_json(product_schema())


def list_scenarios(*, as_json: bool) -> None:
    """Prints every scenario with what is special about it."""
    from nsm_pipeline.simulation.scenarios import EVERY_SCENARIO, scenario_lines

    if as_json:
        say_json({"ok": True, "scenarios": {s.name: s.line for s in EVERY_SCENARIO.values()}})
    else:
        say("\n".join(scenario_lines()))


def simulate(scenario: str, *, accounts: int, seed: int, out: Path, as_json: bool) -> None:
    """Writes a world; ends with where it is and how to run it."""
    from nsm_pipeline.simulation.scenarios import find_scenario
    from nsm_pipeline.simulation.world import draw_world
    from nsm_pipeline.simulation.world_files import TRUTH, prepared, write_world

    chosen, folder = find_scenario(scenario), prepared(out)
    product = write_world(draw_world(chosen, accounts, seed), folder)
    truth = folder / TRUTH
    if as_json:
        say_json({"ok": True, "product": str(product), "truth": str(truth)})
    else:
        say(f"Product  {product}\nTruth    {truth}\nRun it   nsm run {product}")


def moment_of(file: Path, text: str | None) -> datetime:
    """The moment that a text means to a product; without one, the product's own default."""
    from nsm_pipeline.command_line.as_of import default_as_of, parse_as_of
    from nsm_pipeline.product.yaml_file import load_product

    config = load_product(file).config
    return default_as_of(config) if text is None else parse_as_of(text, config.timezone)


def _checked(file: Path, result: LoadedProduct | NsmError) -> dict[str, Any]:
    from nsm_pipeline.errors import NsmError

    if isinstance(result, NsmError):
        return {"file": str(file), "ok": False, "problems": problem_records(result.problems)}
    return {"file": str(file), "ok": True, "product": result.config.product, "problems": []}


def _run_record(folder: RunFolder) -> dict[str, Any]:
    ranking = folder.read_json(RANKING)
    rows = ranking["candidates"]
    return {
        "ok": True,
        "product": folder.product,
        "as_of": folder.as_of,
        "run_id": folder.run_id,
        "run": str(folder.path),
        "report": str(folder.path / REPORT),
        "headline": ranking["headline"],
        "candidates": [{k: v for k, v in row.items() if not isinstance(v, list)} for row in rows],
    }


def _explained(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.candidate}  ({explanation.run})"
    for fact in explanation.facts:
        yield f"\n{fact.number} = {_shown(fact.value)}"
        yield f"  {fact.origin}"
        if fact.recomputed is not None:
            verb = "gives the same" if fact.holds else "GIVES ANOTHER VALUE"
            yield f"  recomputing it {verb}: {_shown(fact.recomputed)}"


def _compared(found: RunDiff) -> Iterator[str]:
    if found.same:
        yield "Nothing changed: same results from the same inputs."
        return
    for kind, changes in found.causes.items():
        yield f"{kind} changed:" if changes else f"{kind}: the same"
        rows = [("", _short(c.what), _shown(c.before), "->", _shown(c.after)) for c in changes]
        yield from [aligned(rows)] if rows else []
    told = {change.candidate: _told(change) for change in found.candidates}
    moved = sum(not words for words in told.values())
    yield f"\ncandidates: {len(told) - moved} changed, {moved + found.unchanged} did not"
    if moved:
        yield f"  (of these {moved} by rank or by less than a printed digit)"
    yield from (f"  {_short(name)}: {words}" for name, words in told.items() if words)


def _told(change: CandidateChange) -> str:
    """What a reader is told of a candidate; nothing when no printed digit differs."""
    if change.kind != "changed":
        known = {c.what: c.after if change.kind == "came" else c.before for c in change.changes}
        return f"{change.kind}, {known['verdict']}, lift {_shown_pp(known.get('lift_pp'))}"
    judged_anew = any(c.what == "verdict" for c in change.changes)
    values = [(c.what, *_values(c)) for c in change.changes]
    return ", ".join(
        f"{what} {before} -> {after}"
        for what, before, after in values
        if before != after and (judged_anew or what not in CONSEQUENCES)
    )


def _values(change: Change) -> tuple[str, str]:
    shown = _shown_pp if change.what.endswith("_pp") else _shown
    return shown(change.before), shown(change.after)


def _shown_pp(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
