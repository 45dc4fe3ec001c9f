"""The bounded sample of accounts on which the prognostic score is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.waist.score_model import ScoreInput
from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures

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
            `seen` (`within_days, account_no, last_day, active_days`).
        exposures: the counts.
        names: names of the traits.
    """
    traits, outcome, seen = tables
    hashed = traits.mutate(digest=traits.account.cast("string").hexdigest("md5"))
    chosen = (
        hashed.order_by("digest", "account_no").limit(SAMPLE_ACCOUNTS).drop("digest", "account")
    )
    sample = engine.materialise(
        "score_sample", "the sample for the score", chosen.join(outcome, "account_no")
    )
    keys = sample.select("account_no")
    counts = exposures.counts.join(keys, "account_no")
    return ScoreInput(
        accounts=engine.fetch("sampled accounts", sample.order_by("account_no")),
        counts=engine.fetch(
            "their counts", counts.order_by("within_days", "account_no", "event_no")
        ),
        seen=engine.fetch(
            "their active days", seen.join(keys, "account_no").order_by("within_days", "account_no")
        ),
        trait_names=tuple(names),
        event_names=exposures.event_names,
        windows=exposures.windows,
    )
