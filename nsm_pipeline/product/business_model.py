"""The six business models, and which kinds of metric usually stand above each: a hint, no rule.

Source: Lenny Rachitsky's six models, as the Userpilot article on North Star Metrics lists them;
its remarks on B2B and B2C, and the ones of "North Star Metric: the one number that matters" on
early B2B tools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BusinessModel = Literal[
    "marketplace",
    "paid_growth",
    "freemium_b2b",
    "ugc_subscription",
    "ad_driven",
    "consumer_subscription",
]
Audience = Literal["consumer", "b2b"]
Kind = Literal["consumption", "engagement", "customer_growth", "growth_efficiency"]
HINT_SOURCE = "Lenny Rachitsky's six models, as listed by Userpilot"


@dataclass(frozen=True)
class Advice:
    """What a model is, and the kinds of metric that usually fit it, the first most of all."""

    title: str
    kinds: tuple[Kind, ...]


MODELS: dict[BusinessModel, Advice] = {
    "marketplace": Advice("a marketplace", ("consumption",)),
    "paid_growth": Advice("growth by paid acquisition", ("growth_efficiency",)),
    "freemium_b2b": Advice(
        "a freemium collaborative B2B product", ("engagement", "customer_growth")
    ),
    "ugc_subscription": Advice("a subscription led by what users make", ("consumption",)),
    "ad_driven": Advice("a business paid by advertising", ("engagement",)),
    "consumer_subscription": Advice("a consumer subscription", ("engagement", "customer_growth")),
}
KINDS: dict[Kind, str] = {
    "consumption": "consumption (how much of the product's value is used: nights, orders, minutes)",
    "engagement": "engagement (how many use it as it is meant, or how often)",
    "customer_growth": "customer growth (how many customers or paid users there are)",
    "growth_efficiency": "growth efficiency (what a customer brings over what it cost, LTV : CAC)",
}
AUDIENCES: dict[Audience, str] = {
    "b2b": "B2B metrics usually count teams, businesses or paid users rather than visits; for an "
    "early tool, returning activated users.",
    "consumer": "Consumer metrics are usually one figure over the whole audience, such as active "
    "users or time spent.",
}


def usual_kinds(model: BusinessModel) -> str:
    """`engagement (…) or customer growth (…)`."""
    return " or ".join(KINDS[kind] for kind in MODELS[model].kinds)
