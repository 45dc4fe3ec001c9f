"""Rules about the scorecard: each entry speaks of one thing, which is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.model_findings import did_you_mean
from nsm_pipeline.product.yaml_tree import Finding, short


def _entries(config: ProductConfig) -> Iterator[Finding]:
    metrics = [metric.name for metric in config.metrics]
    first: dict[str, int] = {}
    for index, entry in enumerate(config.scorecard):
        earlier = first.setdefault(entry.of, index)
        if earlier != index:
            what = f'scorecard[{earlier}] speaks of "{short(entry.of)}" already.'
            yield Finding(("scorecard", index, "of"), what, "Put both together.")
        if entry.guardrail is not None and entry.guardrail not in metrics:
            keys = ("scorecard", index, "guardrail")
            what = f'No metric is named "{short(entry.guardrail)}".'
            yield Finding(keys, what, did_you_mean(entry.guardrail, metrics, kind="metrics"))
        elif entry.guardrail == entry.of:
            keys = ("scorecard", index, "guardrail")
            yield Finding(keys, "A metric does not guard itself.", "Name another metric.")


def _entries_that_exist(config: ProductConfig, events: Collection[str]) -> Iterator[Finding]:
    named = [one.name for one in (*config.candidates, *config.metrics)]
    known = {*named, *(events if config.discover else ())}
    for index, entry in enumerate(config.scorecard):
        discovered = any(
            f": {column} = " in entry.of
            for column in (config.discover.properties if config.discover else ())
        )
        if entry.of not in known and not discovered:
            what = f'No candidate or metric is named "{short(entry.of)}".'
            mend = did_you_mean(entry.of, sorted(known), kind="candidates and metrics")
            yield Finding(("scorecard", index, "of"), what, mend)


SCORECARD_RULES = (_entries,)
SCORECARD_EVENT_RULES = (_entries_that_exist,)
