"""What the product file defines, in sentences: onboarded, retained, a behaviour's time."""

from __future__ import annotations

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.retention import AtLeast, RevenueRetention

AS_STAYING = (("core",), ("any",))


def definitions(config: ProductConfig) -> dict[str, str]:
    """`onboarded`, `retained` and `exposure` as sentences for the report."""
    core = " or ".join(config.core_metric.event)
    onboarded = f"An account counts as onboarded at its {ordinal(config.onboarding.nth)} {core}"
    if config.onboarding.from_:
        onboarded += f", from {config.onboarding.from_.isoformat()} on"
    retention = config.retention
    windows = " or ".join(str(window) for window in config.exposure.within)
    return {
        "onboarded": f"{onboarded}.",
        "retained": f"Retained: {_what_counts(config)} in the {retention.within} days that begin "
        f"{retention.after} days after onboarding.",
        "exposure": f"A behaviour must be done within {windows} days of onboarding.",
    }


def outcome_verb(config: ProductConfig) -> str:
    """What retained accounts do, after "they": `stay`, `did referral_sent`, `brought in …`."""
    retention = config.retention
    if isinstance(retention, RevenueRetention):
        return _brought_in(config, retention)
    if retention.event in AS_STAYING or retention.event == config.core_metric.event:
        return "stay"
    return f"do {' or '.join(retention.event)} later"


def _what_counts(config: ProductConfig) -> str:
    retention = config.retention
    if isinstance(retention, RevenueRetention):
        return _brought_in(config, retention).replace("bring", "brought", 1)
    asked = config.core_metric.event if retention.event == ("core",) else retention.event
    kept = "event of any kind" if asked == ("any",) else " or ".join(asked)
    if outcome_verb(config) == "stay":
        return f"at least one {kept}"
    return f"did {kept} at least once"


def _brought_in(config: ProductConfig, retention: RevenueRetention) -> str:
    limit = retention.revenue
    currency = config.source.revenue.currency if config.source.revenue else ""
    if isinstance(limit, AtLeast):
        return f"bring in revenue of at least {limit.at_least:,.10g} {currency}, net of refunds,"
    if limit.over == 0:
        return "bring in revenue, net of refunds,"
    return f"bring in revenue of more than {limit.over:,.10g} {currency}, net of refunds,"


def ordinal(n: int) -> str:
    """The place in an order, such as 3rd."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{n}{'th' if n % 100 in (11, 12, 13) else endings.get(n % 10, 'th')}"
