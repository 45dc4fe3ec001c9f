"""The bounded sample of accounts on which the prognostic score is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.waist.score_model import ScoreInput
from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures
from nsm_pipeline.warehouse.labels import md5

SAMPLE_ACCOUNTS = 200_000


def trait_names(config: ProductConfig) -> tuple[str, ...]:
    """Terms of the score besides behaviour: the declared covariates, then the cohort."""
    return (*config.adjust_for, "cohort")


def account_traits(population: Population, config: ProductConfig) -> ir.Table:
    """Row per eligible account: `account_no` and `trait_<n>` per name of `trait_names`."""
    accounts = population.eligible
    month = (
        accounts.t0.year().cast("string") + "-" + accounts.t0.month().cast("string").lpad(2, "0")
    )
    wanted = list(dict.fromkeys((*config.adjust_for, *config.segments)))
    columns = {
        f"trait_{n}": accounts[f"trait_{wanted.index(name)}"]
        for n, name in enumerate(config.adjust_for)
    }
    return accounts.select("account_no", "account", **columns, **{f"trait_{len(columns)}": month})


def fetch_score_input(
    engine: Engine,
    tables: tuple[ir.Table, ir.Table, ir.Table],
    exposures: Exposures,
    names: Sequence[str],
) -> ScoreInput:
    """The sample: the accounts with the smallest MD5 of their id, whatever the engine or order.

    Args:
        engine: the open engine.
        tables: traits (`account_no, account, trait_*`), outcome (`account_no, retained`) and
            `seen` (`account_no, last_<window>, days_<window>`).
        exposures: the counts.
        names: names of the traits.
    """
    traits, outcome, seen = tables
    hashed = traits.mutate(digest=md5(traits.account.cast("string")))
    chosen = (
        hashed.order_by("digest", "account_no").limit(SAMPLE_ACCOUNTS).drop("digest", "account")
    )
    sample = engine.materialise(
        "score_sample", "the sample for the score", chosen.join(outcome, "account_no")
    )
    keys = sample.select("account_no")
    counts = exposures.by_event.join(keys, "account_no").order_by("account_no", "event_no")
    days = seen.join(keys, "account_no").order_by("account_no")
    dense = {number: n for n, number in enumerate(exposures.event_numbers.values())}
    counted = _by_window(engine.fetch("their counts", counts), exposures.windows, {"n": "n"})
    return ScoreInput(
        accounts=engine.fetch("sampled accounts", sample.order_by("account_no")),
        counts=counted.assign(event_no=counted["event_no"].map(dense)),
        seen=_by_window(
            engine.fetch("their active days", days),
            exposures.windows,
            {"last": "last_day", "days": "active_days"},
        ),
        trait_names=tuple(names),
        event_names=exposures.event_names,
        windows=exposures.windows,
    )


def _by_window(
    wide: pd.DataFrame, windows: Sequence[int], columns: Mapping[str, str]
) -> pd.DataFrame:
    """A row per window and row of the table, of those that have something in the window."""
    keys = [name for name in ("account_no", "event_no") if name in wide.columns]
    first = next(iter(columns))
    parts = []
    for window in windows:
        named = {f"{name}_{window}": called for name, called in columns.items()}
        inside = wide[wide[f"{first}_{window}"] > 0] if "event_no" in keys else wide
        part = inside[[*keys, *named]].rename(columns=named)
        parts.append(part.assign(within_days=window))
    return pd.concat(parts, ignore_index=True)
