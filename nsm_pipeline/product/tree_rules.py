"""Rules about the metric tree: how many inputs, of what, and whose."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.model_findings import did_you_mean
from nsm_pipeline.product.tree import Tree
from nsm_pipeline.product.tree_metric import is_product, tree_metric
from nsm_pipeline.product.yaml_tree import Finding, Keys, short

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


def _metrics_exist(config: ProductConfig) -> Iterator[Finding]:
    known, tree = {metric.name for metric in config.metrics}, _tree(config)
    named: list[tuple[Keys, str | None]] = [(("tree", "metric"), tree.metric)]
    named += [(("tree", "inputs", i, "metric"), one.metric) for i, one in enumerate(tree.inputs)]
    for keys, name in named:
        if name is not None and name not in known:
            what = f'No metric is named "{short(name)}".'
            yield Finding(keys, what, did_you_mean(name, known, kind="metrics"))


def _metric_is_a_product(config: ProductConfig) -> Iterator[Finding]:
    for metric in config.metrics:
        if metric.name == _tree(config).metric and not is_product(metric):
            yield Finding(
                ("tree", "metric"),
                f'"{metric.name}" is no number of units or events and no sum by the calendar, so it'
                " is not the product of its inputs.",
                "Name the metric it is made of, and this one as an input beside it.",
            )


def _reviewed_by_the_week(config: ProductConfig) -> Iterator[Finding]:
    per = tree_metric(config).per
    if config.review is not None and per != "week":
        yield Finding(
            ("tree", "metric" if _tree(config).metric else "per"),
            f"The review is of weeks, and this tree is counted by the {per}.",
            "Give `per: week`, or take `review` out.",
        )


def _tree(config: ProductConfig) -> Tree:
    return config.tree or Tree()


TREE_RULES: tuple[TreeRule, ...] = (
    _number_of_inputs,
    _each_input_once,
    _one_that_matters,
    _metrics_exist,
    _metric_is_a_product,
    _reviewed_by_the_week,
)
