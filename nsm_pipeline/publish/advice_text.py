"""What `nsm advise` prints: the windows, why, and the two pictures behind them as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.publish.wording import share

BAR = 40
MOST_BARS = 16
CHOSEN = "◀ "


def advice_text(advice: dict[str, Any], config: ProductConfig) -> RenderableType:
    """Each window with its reason and what the file says, and the pictures of W and Y."""
    used, reasons = advice["used"], advice["reasons"]
    usage, loss = advice["usage"], advice["loss"]
    retention, exposure = config.retention, config.exposure
    parts: list[RenderableType] = []
    if usage:
        said = f"Used {usage['kind']}: half of the gaps end within {usage['median_days']} d."
        parts += [Text(said, style="bold"), Text()]
        parts += _window("retention.within", used["within"], retention.asked_within)
        parts += [Text(reasons["within"]), _gaps(usage, used["within"]), Text()]
    if loss:
        parts += _window("retention.after", used["after"], retention.asked_after)
        parts += [Text(reasons["after"]), _weeks(loss["weeks"], used["after"]), Text()]
    parts += _window("exposure.within", used["exposure"], exposure.asked_within)
    parts.append(Text(reasons.get("exposure", "")))
    return Group(*parts)


def _window(name: str, days: int | Sequence[int], written: Any) -> Iterator[Text]:
    known = "" if written == "auto" else f"   (the file says {_in_days(written)})"
    yield Text(f"{name}: {_in_days(days)}{known}", style="bold")


def _in_days(days: int | Sequence[int]) -> str:
    return f"{days}d" if isinstance(days, int) else f"[{', '.join(f'{n}d' for n in days)}]"


def _gaps(usage: dict[str, Any], chosen: int) -> Table:
    """Share of gaps that ended, by so many days; the line of W is marked."""
    known = {row["days"]: row["share"] for row in usage["back"]}
    until = min(max(known), 2 * chosen)
    step = max(1, math.ceil(until / MOST_BARS))
    if chosen >= 7:
        step = 7 * math.ceil(step / 7)
    lines = _bars()
    for days in range(step, until + step, step):
        back = max((part for day, part in known.items() if day <= days), default=0.0)
        here = days - step < chosen <= days
        _add(lines, f"within {days} d", back, f"{CHOSEN}W = {chosen} d" if here else "")
    return lines


def _weeks(weeks: list[dict[str, Any]], chosen: int) -> Table:
    """Share of accounts still seen from each week on; the line of Y is marked."""
    lines = _bars()
    for row in weeks[:MOST_BARS]:
        here = row["week"] * 7 <= chosen < (row["week"] + 1) * 7
        mark = f"{CHOSEN}Y = {chosen} d" if here else ""
        _add(lines, f"from week {row['week']}", row["rate"], mark)
    return lines


def _bars() -> Table:
    table = Table.grid(padding=(0, 1))
    for justify in ("right", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    return table


def _add(lines: Table, label: str, part: float, mark: str) -> None:
    bar = "█" * round(BAR * part)
    lines.add_row(label, bar.ljust(BAR, "·"), share(part, 0), mark, style="bold" if mark else "")
