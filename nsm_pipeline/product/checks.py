"""What must hold in the data before anything is fitted, and what a failure means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from nsm_pipeline.product.grammar import Days, Model, Number, Whole


def _off(value: Any) -> Any:
    """YAML 1.1 reads a bare `off` as false."""
    return "off" if value is False else value


Severity = Annotated[
    Literal["critical", "warning", "off"],
    BeforeValidator(_off, json_schema_input_type=Literal["critical", "warning", "off", False]),
]
Share = Annotated[Number, Field(ge=0, le=1)]


class Check(Model):
    """A check and what its failure means: stop, publish with a flag, or not looked at."""

    severity: Severity = "critical"


class Freshness(Check):
    """The newest event is at most this old at the run's moment."""

    max_age: Days = 3


class Volume(Check):
    """Rows of the last 7 days against the median of the same span over the 4 weeks before."""

    severity: Severity = "warning"
    lowest_ratio: Annotated[Number, Field(ge=0)] = 0.5
    highest_ratio: Annotated[Number, Field(gt=0)] = 2.0


class RowShare(Check):
    """At most this share of rows may be affected."""

    max_share: Share = 0.0


class WarnedRowShare(RowShare):
    """As RowShare, and a failure is published with a flag."""

    severity: Severity = "warning"


class Warned(Check):
    """A failure is published with a flag."""

    severity: Severity = "warning"


class Future(WarnedRowShare):
    """Rows dated more than this after the run's moment; a run never counts them.

    A warning, because a live table and a backfill rightly hold later rows.
    """

    ahead: Days = 1


class EnoughAccounts(Check):
    """At least this many eligible accounts."""

    at_least: Annotated[Whole, Field(ge=1)] = 500


class Checks(Model):
    """What must hold before anything is fitted."""

    rows: Check = Check()
    types: Check = Check()
    freshness: Freshness = Freshness()
    volume: Volume = Volume()
    nulls: RowShare = RowShare()
    unique_accounts: RowShare = RowShare()
    duplicates: WarnedRowShare = WarnedRowShare(max_share=0.05)
    future: Future = Future()
    before_start: WarnedRowShare = WarnedRowShare()
    vanished_events: Warned = Warned()
    unknown_events: Warned = Warned()
    orphan_accounts: WarnedRowShare = WarnedRowShare(max_share=0.01)
    negative_revenue: WarnedRowShare = WarnedRowShare()
    eligible_accounts: EnoughAccounts = EnoughAccounts()
