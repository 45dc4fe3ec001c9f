"""The declared half of a scorecard: what only people know of a candidate or metric."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nsm_pipeline.product.grammar import Model, Name
from nsm_pipeline.product.metrics import MetricName


class DeclaredScore(Model):
    """What is said of one candidate or metric; every key that is missing stays "cannot tell".

    `more_is` says what more of it means: more value delivered, or only more engagement. The
    guardrail is a metric that must not rise with it.
    """

    of: Name = Field(description="a candidate or a metric", examples=["second_order"])
    value: Name | None = Field(None, description="what a customer has got by then")
    owner: Name | None = Field(None, examples=["growth"])
    laziest_way: Name | None = Field(None, description="the easiest way to raise it for nothing")
    more_is: Literal["value", "engagement"] | None = None
    guardrail: MetricName | None = Field(None, examples=["refund_share"])
