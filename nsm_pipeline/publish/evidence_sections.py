"""What stands behind the ranking: adjustment, thresholds, revenue, stability."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from nsm_pipeline.publish import figures
from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.wording import (
    SHORT,
    absent,
    count,
    money,
    money_interval,
    reach_words,
    share,
    short,
)
from nsm_pipeline.runs.run_files import BACKTEST, RANKING, RETENTION_CURVE

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

Row = dict[str, Any]
NOTHING = "No candidate has an estimate"


def comparison_section(folder: RunFolder) -> Section:
    """Crude against adjusted lift."""
    rows = folder.read_json(RANKING)["candidates"]
    body = render("compared.html.j2", comparison=figures.lift_comparison(rows))
    return Section("compared", "Crude against adjusted lift", _kept(rows), body)


def maps_section(folder: RunFolder) -> Section:
    """Lift over threshold and window."""
    rows = folder.read_json(RANKING)["candidates"]
    body = render("maps.html.j2", maps=figures.lift_maps(rows))
    return Section("maps", "How much, how soon", _chosen(rows), body)


def revenue_section(folder: RunFolder) -> Section:
    """Whether revenue follows."""
    ranking = folder.read_json(RANKING)
    rows = ranking["candidates"]
    body = render(
        "revenue.html.j2",
        ranking=ranking,
        names=_long_names(rows),
        curves=figures.revenue_curves(rows, folder.read_frame(BACKTEST)),
        series=figures.series_lines(ranking["revenue"]["series"], rows),
    )
    return Section("revenue", "Does revenue follow?", _followed(ranking), body)


def stability_section(folder: RunFolder) -> Section:
    """Whether lift and retention hold from cohort to cohort."""
    ranking = folder.read_json(RANKING)
    body = render(
        "stable.html.j2",
        ranking=ranking,
        cohort_lifts=figures.cohort_lifts(ranking["candidates"]),
        retention=figures.retention_curve(folder.read_frame(RETENTION_CURVE)),
    )
    finding = f"{_faded(ranking['candidates'])} {ranking['retention']['sentence']}"
    return Section("stable", "Does it hold from cohort to cohort?", finding, body)


def _kept(rows: list[Row]) -> str:
    shown = figures.estimated(rows)[: figures.COMPARED]
    kept = [row["kept_share"] for row in shown if not absent(row["kept_share"])]
    if not kept:
        return f"{NOTHING}, so there is nothing to compare."
    return (
        f"Beside accounts alike in everything else they do, the leading {len(kept)} behaviours "
        f"keep {share(median(kept), 0)} of their crude lift (median); the rest is keenness."
    )


def _chosen(rows: list[Row]) -> str:
    lead = next(iter(figures.estimated(rows)), None)
    if lead is None:
        return f"{NOTHING}, so no threshold stands out."
    return (
        f"For {short(lead['candidate'])}, {reach_words(lead)} stands out among "
        f"{count(len(lead['curve']))} choices of threshold and window."
    )


def _followed(ranking: Row) -> str:
    currency = ranking["revenue"]["currency"]
    lead = next(iter(figures.estimated(ranking["candidates"])), None)
    if not currency:
        return "No revenue declared."
    if lead is None or absent(lead["revenue_gap"]):
        return "No leading behaviour has a revenue gap that could be estimated."
    gap = money(lead["revenue_gap"], currency)
    finding = (
        f"Accounts with {short(lead['candidate'])} paid {gap} in 13 weeks beside accounts alike"
    )
    if absent(lead["revenue_gap_ci_low"]):
        return f"{finding}; how much of it is chance cannot be told."
    within = money_interval(lead["revenue_gap_ci_low"], lead["revenue_gap_ci_high"], currency)
    clear = lead["revenue_gap_ci_low"] > 0 or lead["revenue_gap_ci_high"] < 0
    return f"{finding} ({within}{'' if clear else ': no more than chance'})."


def _faded(rows: list[Row]) -> str:
    leading = figures.estimated(rows)[: figures.LEADING]
    fading = [short(row["candidate"]) for row in leading if row["fading"]]
    if not leading:
        return f"{NOTHING}."
    if fading:
        return f"Fading from early to late cohorts: {', '.join(fading)}."
    return f"None of the leading {len(leading)} behaviours fades from early to late cohorts."


def _long_names(rows: list[Row]) -> list[str]:
    return [row["candidate"] for row in rows if len(row["candidate"]) > SHORT]
