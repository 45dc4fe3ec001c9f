"""What the manifest says of a run besides its files: versions, configuration, seeds, timings."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from nsm_pipeline.product.loaded_product import LoadedProduct

LIBRARIES = (
    "duckdb",
    "great-expectations",
    "ibis-framework",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
)
METHOD_VERSION = 3
"""Goes up with every change to what is estimated or published; `nsm diff` shows it."""


def run_facts(
    product: LoadedProduct, seconds: Mapping[str, float], told: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Facts for `manifest.json`. `seconds` alone differs between two runs of the same input.

    `told` are sentences by name, of what the run did where the product keeps a nightly state.
    """
    return {
        "method_version": METHOD_VERSION,
        "config_sha256": hashlib.sha256(product.text.encode()).hexdigest(),
        "sample": "the accounts with the smallest MD5 of their id",
        **(told or {}),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "seconds": dict(seconds),
    }
