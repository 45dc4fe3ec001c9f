"""Rules about the words for events: a thing has a singular and a plural."""

from __future__ import annotations

from collections.abc import Iterator

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.yaml_tree import Finding


def _one_and_many(config: ProductConfig) -> Iterator[Finding]:
    for event, words in config.words.items():
        if (words.one is None) != (words.many is None):
            given, missing = ("one", "many") if words.many is None else ("many", "one")
            yield Finding(
                ("words", event, given),
                f"`{given}` has no `{missing}` beside it.",
                f"Give `{missing}` too, or neither where there is nothing to count.",
            )


WORDS_RULES = (_one_and_many,)
