"""Every weekly metric of a run with who owns it: what the review looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nsm_pipeline.runs.run_files import METRIC_SERIES, METRICS, TREE_TABLE

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.product.config import ProductConfig
    from nsm_pipeline.runs.run_folder import RunFolder
    from nsm_pipeline.stats.weekly_flags import Kind, WeeklySeries

RECENT = 8
COUNTED = ("breadth", "activation")
ShownAs = Literal["count", "share", "decimal", "number"]


@dataclass(frozen=True)
class OwnedSeries:
    """A weekly series, whose it is, and how its values are written; `recent` are its last weeks."""

    series: WeeklySeries
    owner: str
    shown_as: ShownAs

    @property
    def recent(self) -> list[float]:
        """The last values, oldest first."""
        return list(self.series.values[-RECENT:])


def weekly_series(run: RunFolder, config: ProductConfig, tree: dict[str, Any]) -> list[OwnedSeries]:
    """The tree's metric first, then its inputs, then every other weekly metric of the product."""
    from nsm_pipeline.stats.weekly_flags import WeeklySeries

    table = run.read_frame(TREE_TABLE)
    weeks = table[table["segment"] == ""].sort_values("period")
    star = WeeklySeries(tree["metric"], tree["title"], "count", tuple(weeks["value"]))
    found = [OwnedSeries(star, config.owner, "count")]
    for one in tree["inputs"]:
        if one["identity"]:
            kind = one["kind"]
            counted: Kind = "count" if kind in COUNTED else "measure"
            series = WeeklySeries(kind, one["title"], counted, _levels(kind, weeks))
            found.append(OwnedSeries(series, one["owner"] or config.owner, one["shown_as"]))
    owners = {one["metric"]: one["owner"] for one in tree["inputs"]}
    return [*found, *_declared_metrics(run, tree["metric"], owners, config.owner)]


def _declared_metrics(
    run: RunFolder, top: str, owners: dict[str | None, str | None], owner: str
) -> Iterator[OwnedSeries]:
    """Everybody's series of the product's other weekly metrics, whole weeks only."""
    from nsm_pipeline.stats.weekly_flags import WeeklySeries

    if not run.exists(METRIC_SERIES):
        return
    series = run.read_frame(METRIC_SERIES)
    whole = series[series["whole"] & (series["segment"] == "")]
    for one in run.read_json(METRICS)["metrics"]:
        if one["per"] == "week" and one["name"] != top:
            weeks = whole[whole["metric"] == one["name"]].sort_values("period")
            values = tuple(weeks["value"].astype("float64"))
            found = WeeklySeries(one["name"], one["title"], "measure", values)
            yield OwnedSeries(found, owners.get(one["name"]) or owner, "number")


def _levels(kind: str, weeks: pd.DataFrame) -> tuple[float, ...]:
    levels = {
        "breadth": weeks["units"],
        "activation": weeks["new"],
        "retention": weeks["kept"] / weeks["units"].shift(1),
        "frequency": weeks["days"] / weeks["units"],
        "depth": weeks["value"] / weeks["days"],
    }
    return tuple(levels[kind].astype("float64"))
