"""What the terminal is told: results on stdout, problems and progress on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

import typer

from nsm_pipeline.errors import NsmError, Problem
from nsm_pipeline.runs.canonical_bytes import plain

if TYPE_CHECKING:
    from nsm_pipeline.pipeline import Step

# Event names are data: they must not move the cursor, ring the bell or turn the writing around.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@contextmanager
def reporting(as_json: bool) -> Iterator[None]:
    """Turns an NsmError into its problems on stderr and its exit code; with --json into JSON."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an emoji must not break a Latin-1 terminal
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except NsmError as error:
        say_problems(error.problems)
        if as_json:
            say_json({"ok": False, "problems": problem_records(error.problems)})
        raise typer.Exit(error.exit_code) from error
    finally:
        sys.stdout.flush()  # here, where a reader that left (`| head`) is not an error


def say(text: str) -> None:
    """A result, on stdout."""
    typer.echo(visible(text))


def say_json(value: Any) -> None:
    """A result for a machine, on stdout; ASCII, so that no locale can break it."""
    typer.echo(json.dumps(plain(value), indent=2, allow_nan=False))


def say_problems(problems: Iterable[Problem]) -> None:
    """Every problem, on stderr."""
    typer.echo(visible("\n\n".join(str(problem) for problem in problems)), err=True)


def problem_records(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """Problems for a machine."""
    return [{"where": p.where, "what": p.what, "mend": p.mend} for p in problems]


def styled(stream: TextIO) -> bool:
    """Whether bold type and moving lines are wanted there; NO_COLOR means plain text altogether."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def visible(text: str) -> str:
    """The text with its control characters spelled out."""
    return CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines with columns of equal width, two spaces apart."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    padded = ([c.ljust(w) for c, w in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


@contextmanager
def step_progress(steps: int) -> Iterator[Callable[[Step], None]]:
    """A callback that shows the step at work on stderr: a spinner, or lines when redirected."""
    done = 0

    def line(step: Step) -> str:
        nonlocal done
        done += 1
        return f"{done}/{steps} {step.title}"

    if not styled(sys.stderr):
        yield lambda step: typer.echo(line(step), err=True)
        return
    from rich.console import Console

    with Console(stderr=True).status("starting", spinner="line") as status:
        yield lambda step: status.update(line(step))
