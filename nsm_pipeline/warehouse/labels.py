"""How accounts are named in groups: cohorts, segments, and random parts for the bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.connect import Engine

OTHER = "(other)"
SEGMENT_LEVELS = 6
PARTS = 40
HEXADECIMAL = "0123456789abcdef"


def _md5(text: str) -> str:  # type: ignore[empty-body]
    """The engine's own function: Ibis' `hexdigest` is not written for every engine."""


md5 = ibis.udf.scalar.builtin(_md5, name="md5")


@dataclass(frozen=True)
class Labels:
    """How cohorts and segments are named: quarters or months, and each segment's own levels."""

    quarters: bool
    levels: Mapping[str, tuple[str, ...]]


def read_labels(engine: Engine, status: ir.Table, config: ProductConfig) -> Labels:
    """Quarters when the eligible span over a year; small levels of a segment become one."""
    eligible = status.filter(status.status == "eligible")
    span = engine.fetch(
        "first and last onboarding of the eligible",
        eligible.aggregate(first=eligible.t0.min(), last=eligible.t0.max()),
    ).iloc[0]
    long = span["first"] == span["first"] and (span["last"] - span["first"]).days > 366
    levels = {}
    for column in config.segments:
        trait = _trait_of(column, config)
        sizes = engine.fetch(
            f"levels of {column}", eligible.group_by(trait).aggregate(n=eligible.count())
        )
        largest = sizes.sort_values(["n", trait], ascending=[False, True])[trait]
        levels[column] = tuple(str(level) for level in largest[:SEGMENT_LEVELS])
    return Labels(bool(long), levels)


def labelled(status: ir.Table, labels: Labels, config: ProductConfig) -> ir.Table:
    """Adds `cohort` (a month or a quarter), `segment`, `account_no` and `part`."""
    year, month = status.t0.year().cast("string"), status.t0.month()
    quarter = year + "Q" + status.t0.quarter().cast("string")
    return status.mutate(
        account_no=ibis.row_number().over(order_by=status.account.cast("string")),
        cohort=quarter if labels.quarters else year + "-" + month.cast("string").lpad(2, "0"),
        segment=_segment(status, labels, config),
        part=_part(status.account.cast("string")),
    )


def _part(account: ir.StringValue) -> ir.IntegerValue:
    """One of PARTS by the account's MD5 alone: who else is there does not move it."""
    digest, digits = md5(account), ibis.literal(HEXADECIMAL)
    number = digits.find(digest.substr(0, 1)) * len(HEXADECIMAL) + digits.find(digest.substr(1, 1))
    return (number % PARTS).cast("int64")


def _segment(status: ir.Table, labels: Labels, config: ProductConfig) -> ir.StringValue:
    """The declared segment columns as one label."""
    label: ir.StringValue = ibis.literal("")
    for column in config.segments:
        trait = status[_trait_of(column, config)]
        level = ibis.ifelse(trait.isin(labels.levels[column]), trait, OTHER)
        part = ibis.literal(f"{column}=") + level
        label = part if column == config.segments[0] else label + " | " + part
    return label


def _trait_of(column: str, config: ProductConfig) -> str:
    wanted = list(dict.fromkeys((*config.adjust_for, *config.segments)))
    return f"trait_{wanted.index(column)}"
