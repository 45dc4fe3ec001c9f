"""Rules about the journey: its steps have names of their own, and something to reach."""

from __future__ import annotations

from collections.abc import Iterator

from nsm_pipeline.product.clauses import counts_whole
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.yaml_tree import Finding, short


def _step_names(config: ProductConfig) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, step in enumerate(config.journey):
        earlier = first.setdefault(step.name, index)
        if earlier != index:
            yield Finding(
                ("journey", index, "name"),
                f'journey[{earlier}] is named "{short(step.name)}" already.',
                "Give each step a name of its own.",
            )


def _step_thresholds(config: ProductConfig) -> Iterator[Finding]:
    for index, step in enumerate(config.journey):
        keys, k = ("journey", index, "at_least"), step.at_least
        if k <= 0:
            what = f"{k:g} would let every account take the step at once."
            yield Finding(keys, what, "Give 1 or more, or leave it out for once.")
        elif counts_whole(step) and k != int(k):
            yield Finding(keys, f"{k:g} is no number of times or days.", "Give a whole number.")


JOURNEY_RULES = (_step_names, _step_thresholds)
