"""The ranking at the end of `nsm run`, readable at 100 columns and in a redirected file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from nsm_pipeline.publish.wording import (
    absent,
    count,
    fold_names,
    interval,
    points,
    short,
    threshold,
    verdict,
)
from nsm_pipeline.runs.run_files import CHECKS, RANKING

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

SHOWN = 20
ROOMY = 98
NAME = 26


def ranking_table(folder: RunFolder) -> RenderableType:
    """The answer, the leading candidates, and how many more there are."""
    ranking = folder.read_json(RANKING)
    rows = ranking["candidates"]
    headline = fold_names(ranking["headline"], [row["candidate"] for row in rows])
    parts: list[RenderableType] = [Text(headline, style="bold"), Text(), RankedRows(rows[:SHOWN])]
    if len(rows) > SHOWN:
        parts.append(Text(f"and {count(len(rows) - SHOWN)} more in ranking.csv"))
    if ranking["retention"]["verdict"] == "not flattening":
        parts.insert(0, Text(f"{ranking['retention']['sentence']}\n"))
    warned = sum(not check["ok"] for check in folder.read_json(CHECKS)["checks"])
    if warned:
        parts.append(Text(f"{warned} data check{'' if warned == 1 else 's'} failed: see report"))
    return Group(*parts)


@dataclass(frozen=True)
class RankedRows:
    """A line per candidate; where the console is narrow the verdict stands below the name."""

    rows: list[dict[str, Any]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lays the rows out for the width at hand: a redirected file counts as 80 columns."""
        beside = options.max_width >= ROOMY
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("#", justify="right", no_wrap=True)
        table.add_column("behaviour, at least k", overflow="fold", max_width=NAME)
        table.add_column("X", justify="right", no_wrap=True)
        table.add_column("accounts", justify="right", no_wrap=True)
        table.add_column("crude → adjusted, points", justify="right", no_wrap=True)
        if beside:
            table.add_column("verdict", no_wrap=True)
        for row in self.rows:
            # Text, not str: a str would be read as markup, and names may hold brackets.
            cells = (Text(cell) for cell in _cells(row, beside))
            table.add_row(*cells, style="bold" if row["verdict"] == "north_star" else "")
        yield table


def _cells(row: dict[str, Any], beside: bool) -> tuple[str, ...]:
    least = "" if absent(row["at_least"]) else f" ≥ {threshold(row['at_least'])}"
    said = verdict(row["verdict"])
    named = short(row["candidate"], NAME - len(least)) + least
    judged = f"{said.mark} {said.word}"
    numbers = (
        "" if absent(row["within_days"]) else f"{count(row['within_days'])} d",
        count(row["doers"]),
        _lift(row),
    )
    if beside:
        return count(row["rank"]), named, *numbers, judged
    return count(row["rank"]), f"{named}\n{judged}", *numbers


def _lift(row: dict[str, Any]) -> str:
    crude = points(row["crude_lift_pp"])
    if absent(row["lift_pp"]):
        return "" if absent(row["crude_lift_pp"]) else f"{crude} crude".removeprefix("+")
    bounds = interval(row["ci_low_pp"], row["ci_high_pp"])
    return f"{crude} → {points(row['lift_pp'])} ({bounds})".replace("+", "")
