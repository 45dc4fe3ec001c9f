"""Rules about the metric tree: how many inputs, of what, and whose."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.tree import Tree
from nsm_pipeline.product.yaml_tree import Finding, short

TreeRule = Callable[[ProductConfig], Iterator[Finding]]

FEWEST_INPUTS = 3


def _number_of_inputs(config: ProductConfig) -> Iterator[Finding]:
    inputs = _tree(config).inputs
    if 0 < len(inputs) < FEWEST_INPUTS:
        yield Finding(
            ("tree", "inputs"),
            f"{len(inputs)} of the metric's inputs cannot stand for all of them.",
            "Give three to five, or leave `inputs` out: then they are proposed.",
        )


def _each_input_once(config: ProductConfig) -> Iterator[Finding]:
    seen: dict[tuple[str, str | None], int] = {}
    for index, one in enumerate(_tree(config).inputs):
        first = seen.setdefault((one.kind if one.metric is None else "", one.metric), index)
        if first != index:
            same = "the metric's own " + one.kind if one.metric is None else short(one.metric)
            yield Finding(
                ("tree", "inputs", index),
                f"tree.inputs[{first}] is {same} already.",
                "Keep one of them, or name another `metric` in it.",
            )


def _one_that_matters(config: ProductConfig) -> Iterator[Finding]:
    matters: dict[str, int] = {}
    for index, one in enumerate(_tree(config).inputs):
        if not one.omtm:
            continue
        owner = one.owner or config.owner
        first = matters.setdefault(owner, index)
        if first != index:
            yield Finding(
                ("tree", "inputs", index, "omtm"),
                f'"{short(owner)}" has one metric that matters already, tree.inputs[{first}].',
                "Keep one for each owner, or give this input its own `owner`.",
            )


def _reviewed_by_the_week(config: ProductConfig) -> Iterator[Finding]:
    if config.review is not None and _tree(config).per != "week":
        yield Finding(
            ("tree", "per"),
            f"The review is of weeks, and this tree is counted by the {_tree(config).per}.",
            "Give `per: week`, or take `review` out.",
        )


def _tree(config: ProductConfig) -> Tree:
    return config.tree or Tree()


TREE_RULES: tuple[TreeRule, ...] = (
    _number_of_inputs,
    _each_input_once,
    _one_that_matters,
    _reviewed_by_the_week,
)
