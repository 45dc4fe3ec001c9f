"""Every weekly metric of a run with who owns it: what the review looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.product.config import ProductConfig
    from nsm_pipeline.runs.run_folder import RunFolder
    from nsm_pipeline.stats.weekly_flags import WeeklySeries

RECENT = 8
COUNTED = ("breadth", "activation")
ShownAs = Literal["count", "share", "decimal", "number"]
SHOWN_AS: dict[str, ShownAs] = {"retention": "share", "frequency": "decimal", "depth": "decimal"}


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

    table = run.read_frame("tree.parquet")
    weeks = table[table["segment"] == ""].sort_values("period")
    star = WeeklySeries(tree["metric"], tree["title"], "count", tuple(weeks["value"]))
    found = [OwnedSeries(star, config.owner, "count")]
    for one in tree["inputs"]:
        if one["identity"]:
            kind = one["kind"]
            series = WeeklySeries(
                kind,
                one["title"],
                "count" if kind in COUNTED else "measure",
                _levels(kind, weeks),
            )
            shown = SHOWN_AS.get(kind, "count")
            found.append(OwnedSeries(series, one["owner"] or config.owner, shown))
    return found


def _levels(kind: str, weeks: pd.DataFrame) -> tuple[float, ...]:
    levels = {
        "breadth": weeks["units"],
        "activation": weeks["new"],
        "retention": weeks["kept"] / weeks["units"].shift(1),
        "frequency": weeks["days"] / weeks["units"],
        "depth": weeks["value"] / weeks["days"],
    }
    return tuple(levels[kind].astype("float64"))
