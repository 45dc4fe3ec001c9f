"""What is watched around the metric: retention by day, invitations, unit economics, features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.publish.charts import draw
from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.wording import (
    absent,
    amount,
    amount_interval,
    count,
    decimal,
    number_interval,
    share,
    share_interval,
    short,
)
from nsm_pipeline.runs.run_files import ACCOUNT_VALUE, HEALTH

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.runs.run_folder import RunFolder

Row = dict[str, Any]
HEADLINE_DAY = 7
AUDIENCES = {"b2b": "B2B", "consumer": "consumer"}
FEATURES_SHOWN = 15
NAMED = 3
STANDING = {
    "below": "below the {audience} band of {band}",
    "above": "above the {audience} band of {band}",
    "inside": "inside the {audience} band of {band}",
    "at the edge": "at the edge of the {audience} band of {band}",
}


def health_section(folder: RunFolder) -> Section | None:
    """Four small reports under one line."""
    if not folder.exists(HEALTH):
        return None
    health = folder.read_json(HEALTH)
    economics, features = health["economics"], health["features"]["features"]
    body = render(
        "health.html.j2",
        health=health,
        audience=AUDIENCES[health["audience"]],
        economics=economics,
        value=_value_chart(folder.read_frame(ACCOUNT_VALUE), economics) if economics else "",
        features=features[:FEATURES_SHOWN],
        hidden=max(len(features) - FEATURES_SHOWN, 0),
    )
    return Section("health", "Health around it", _finding(health), body)


def _finding(health: Row) -> str:
    said = [_retained(health), _worth(health["economics"]), _viral(health["invitations"])]
    return "; ".join([*filter(None, said), _spread(health["features"])]) + "."


def _retained(health: Row) -> str:
    day = next(row for row in health["retention"]["days"] if row["day"] == HEADLINE_DAY)
    if not day["accounts"]:
        return f"No account is observed to the end of day {HEADLINE_DAY}"
    found = (
        f"On day {HEADLINE_DAY} after onboarding {share(day['rate'])} "
        f"({share_interval(day['ci_low'], day['ci_high'])}) of {count(day['accounts'])} accounts "
        "are active"
    )
    standing = STANDING.get(day["against_band"])
    if standing is None:
        return found
    band = f"{share(day['band_low'], 0)} to {share(day['band_high'], 0)}"
    return f"{found}, {standing.format(audience=AUDIENCES[health['audience']], band=band)}"


def _worth(economics: Row | None) -> str:
    if economics is None:
        return ""
    ltv, ratio, currency = economics["ltv"], economics["ltv_to_cac"], economics["currency"]
    if absent(ltv["value"]):
        return f"what an account is worth cannot be told: {ltv['note']}"
    of = "revenue" if economics["gross_margin"] is None else "gross margin"
    found = (
        f"an account brings in {amount(ltv['value'], currency)} "
        f"({amount_interval(ltv['low'], ltv['high'], currency)}) of {of} in its first "
        f"{count(ltv['weeks'])} weeks"
    )
    if absent(ratio["value"]):
        return found
    return f"{found}, {decimal(ratio['value'], 1)} times what it costs to win"


def _viral(invitations: Row | None) -> str:
    if invitations is None:
        return ""
    k = invitations["k"]
    if absent(k["value"]):
        return f"the K-factor cannot be told: {k['note']}"
    return f"K is {decimal(k['value'])} ({number_interval(k['low'], k['high'])})"


def _spread(features: Row) -> str:
    spot = features["blind_spot"]
    if spot["verdict"] == "found":
        names = ", ".join(short(name) for name in spot["falling"][:NAMED])
        more = len(spot["falling"]) - NAMED
        return (
            f"a blind spot: the metric grows while {names}"
            f"{f' and {more} more' if more > 0 else ''} fall in use"
        )
    if spot["verdict"] == "cannot tell":
        return f"whether growth hides falling features cannot be told: {spot['reason']}"
    falling, events = len(spot["falling"]), count(len(features["features"]))
    if falling == 0:
        return f"none of {events} events falls in use"
    return f"{count(falling)} of {events} events {'falls' if falling == 1 else 'fall'} in use"


def _value_chart(curve: pd.DataFrame, economics: Row) -> str:
    """What an account has brought in by week, with its band and the cost of winning it."""
    known = curve.dropna(subset=["ci_low", "ci_high"])
    if known.empty:
        return ""
    cost, currency = economics["cac"]["amount"], economics["currency"]
    records = [
        {"weeks": row["week"] + 1, "value": row["value"], "cost": cost}
        | {"low": row["ci_low"], "high": row["ci_high"]}
        for row in known.to_dict("records")
    ]
    label = (
        f"What an account has brought in by the end of each week since onboarding, with its 95% "
        f"band: {amount(records[-1]['value'], currency)} after {count(len(curve))} weeks."
    )
    return draw("value", records, label=label)
