"""A product file read whole: its configuration, or every problem in it at once."""

from __future__ import annotations

import functools
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.model_findings import (
    free_keys,
    is_optional,
    model_findings,
    suggestion,
)
from nsm_pipeline.product.rules import broken_rules
from nsm_pipeline.product.yaml_reader import read_text, read_tree
from nsm_pipeline.product.yaml_tree import Finding, Keys, YamlTree, problems

__all__ = ["LoadedProduct", "load_product", "parse_product", "product_schema"]

# Others refer to what stands here, so without it the rest of the file cannot be judged.
REFERRED_TO: tuple[Keys, ...] = (("candidates",), ("discover",))
# What may stand in for a required value that was refused, without breaking any rule itself.
STAND_INS: dict[Keys, Any] = {
    ("version",): 1,
    ("product",): "unnamed",
    ("title",): "unnamed",
    ("owner",): "unnamed",
    ("audience",): "consumer",
    ("start_date",): date(2000, 1, 1),
    ("core_metric",): {"name": "unnamed", "event": "any"},
    ("retention", "within"): "1d",
    ("exposure",): {"within": "1d"},
    ("exposure", "within"): "1d",
}


def load_product(path: Path) -> LoadedProduct:
    """The product that a file describes; `path` as the user gave it, because messages repeat it.

    Raises:
        InvalidInput: with every problem of the file, in file order.
    """
    return parse_product(read_text(path), path)


def parse_product(text: str, path: Path) -> LoadedProduct:
    """The product that a text describes, as if it stood in the file at `path`.

    Raises:
        InvalidInput: with every problem of the text, in its order.
    """
    tree = read_tree(text, str(path))
    config, found = _validated(tree)
    product = None
    if config is not None:
        product = LoadedProduct(config, path, text, tree.positions)
        found += [
            new for new in broken_rules(product) if not _is_told(new, [*tree.findings, *found])
        ]
    if product is None or found or tree.findings:
        raise InvalidInput(problems(str(path), tree.positions, [*tree.findings, *found]))
    return product


def product_schema() -> dict[str, Any]:
    """The JSON Schema of a product file, for editors that complete and check as one types."""
    schema = ProductConfig.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _validated(tree: YamlTree) -> tuple[ProductConfig | None, list[Finding]]:
    """The configuration and what is wrong with it.

    To find the problems behind the first ones, an unknown key is taken for the one that was
    meant, an optional value that was refused is left out, and a few others get a stand-in. What
    is repaired stays a problem: a repaired configuration is judged by the rules, never used.
    """
    found: list[Finding] = []
    while True:
        config, refused = _judged(tree)
        unknown = [finding for finding in refused if finding.at_key]
        if not unknown:
            break
        found += unknown
        for finding in unknown:
            _take_as_meant(tree, finding.keys)
    found += [finding for finding in refused if finding.keys not in tree.unreadable]
    if config is not None and not tree.unreadable:
        return config, found
    places = {*tree.unreadable, *(finding.keys for finding in refused)}
    for repair in (_leave_out, _stand_in):
        for keys in sorted(places, key=len, reverse=True):
            repair(tree, keys)
        config, refused = _judged(tree)
        places = {finding.keys for finding in refused}
    return config, found


def _judged(tree: YamlTree) -> tuple[ProductConfig | None, list[Finding]]:
    try:
        return ProductConfig.model_validate(tree.value), []
    except ValidationError as failure:
        return None, model_findings(failure, tree)


def _take_as_meant(tree: YamlTree, keys: Keys) -> None:
    *parents, name = keys
    around = functools.reduce(lambda value, key: value[key], parents, tree.value)
    value = around.pop(name)
    meant = suggestion(str(name), free_keys(tuple(parents), tree.value))
    if meant is None:
        return
    around[meant] = value
    tree.move(keys, (*parents, meant))


def _leave_out(tree: YamlTree, keys: Keys) -> None:
    keys = _without_index(keys)
    if keys and keys not in REFERRED_TO and is_optional(keys, tree.value):
        around = functools.reduce(lambda value, key: value[key], keys[:-1], tree.value)
        around.pop(keys[-1], None)


def _stand_in(tree: YamlTree, keys: Keys) -> None:
    if len(keys) > 1 and keys[0] == "candidates":
        candidates, index = tree.value["candidates"], keys[1]
        old = candidates[index]
        name = old.get("name") if isinstance(old, dict) else None
        candidates[index] = {"name": name or f"candidates[{index}]", "event": "any"}
    elif _without_index(keys) in STAND_INS:
        *parents, key = _without_index(keys)
        around = functools.reduce(lambda value, key: value[key], parents, tree.value)
        around[key] = STAND_INS[(*parents, key)]


def _without_index(keys: Keys) -> Keys:
    while keys and isinstance(keys[-1], int):
        keys = keys[:-1]
    return keys


def _is_told(new: Finding, found: list[Finding]) -> bool:
    """A rule has nothing to add where a value was refused or a key was taken away."""
    return any(new.keys[: len(old.keys)] == old.keys or new.keys == old.keys[:-1] for old in found)
