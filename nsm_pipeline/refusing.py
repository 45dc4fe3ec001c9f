"""What is held against the source and the accounts before a run may leave anything behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.rules import check_source

if TYPE_CHECKING:
    from nsm_pipeline.warehouse.source_answers import SourceAnswers


def check_against_source(product: LoadedProduct, source: SourceAnswers) -> None:
    """The columns and event names that the product file speaks of, held against the source.

    Raises:
        InvalidInput: everything that is not there or cannot be used, at once.
    """
    columns = source.columns(product)
    check_source(product, columns)
    check_source(product, columns, events=source.event_names(product))


def require_replaceable_tables(product: LoadedProduct) -> None:
    """Refuses a connection of `publish` that cannot take tables, before anything is counted.

    Raises:
        InvalidInput: it is unknown here, or Spark, which writes each table by itself.
    """
    from nsm_pipeline.warehouse.connect import dialect_of

    config = product.config
    if config.publish is None:
        return
    where = product.where("publish", *(["connection"] if config.publish.connection else []))
    connection = config.publish.connection or config.source.connection
    if dialect_of(connection, where=where) == "pyspark":
        what = "Spark cannot replace rows of several tables in one transaction."
        mend = "Give a PostgreSQL or DuckDB `connection` here, or leave `publish` out."
        raise InvalidInput(Problem(where, what, mend))


def require_comparable(product: LoadedProduct, counts: dict[str, Any]) -> None:
    """Without accounts of both outcomes there is nothing to compare, whatever the checks say."""
    onboarded, eligible, retained = (
        int(counts[name]) for name in ("onboarded", "eligible", "retained")
    )
    if onboarded == 0:
        raise InvalidInput(
            Problem(
                product.where("core_metric", "event"),
                "No account has this event often enough to count as onboarded.",
                "Name an event that occurs (see its spelling in the source), or lower "
                "onboarding.nth.",
            )
        )
    if eligible == 0:
        raise InvalidInput(
            Problem(
                product.where("retention"),
                f"None of {onboarded:,} onboarded accounts has been observed for the "
                f"{product.config.retention.after + product.config.retention.within} days that "
                "`after` and `within` ask for.",
                "Shorten them, move onboarding.from back, or check source.observed_until.",
            )
        )
    if retained in (0, eligible):
        who = "None" if retained == 0 else "Every one"
        raise InvalidInput(
            Problem(
                product.where("retention"),
                f"{who} of {eligible:,} eligible accounts was retained, so there is nothing to "
                "explain.",
                "Choose an event or a window that tells accounts apart.",
            )
        )
