"""Finds a product's North Star Metric from its events, nightly and honestly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nsm_pipeline.opened_run import OpenedRun, open_run

__all__ = ["OpenedRun", "open_run"]


def __getattr__(name: str) -> object:
    # Loaded at first use (PEP 562): `import nsm_pipeline` must cost nothing at parse time.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nsm_pipeline import opened_run

    return getattr(opened_run, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
