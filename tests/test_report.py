"""The report opened in a real browser, and its two short forms, from run folders made by hand."""

import io
import os
import re
import shutil
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from health_world import leave_health
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console

from nsm_pipeline.publish.digest import render_digest
from nsm_pipeline.publish.report import render_report
from nsm_pipeline.publish.terminal import ranking_table
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.stats.metric_values import KINDS

AS_OF = datetime(2011, 12, 10, 2, tzinfo=UTC)
HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "two\nlines & 'quotes' {{ 7 * 7 }}",
    "party 🎉 👩‍💻 \u202egnp.exe",
    "*bold* `c` [link](https://e.org) <!channel> @here | cell",
    "[bold red]up[/] [/]",
    "long" * 2500,
)
TAME = ("second_order", "variety", "returning_days", "bought_a_bag", "country_mix", "big_spender")
QUIET_CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def candidate_row(place: int, name: str, *, verdict: str) -> dict:
    """One entry of ranking.json; numbers fall with the place, so order can be seen."""
    lift = 14.0 - 1.3 * place if place < 14 else -0.2 - place / 40
    accounts, doers = 4000, max(120, 1800 - 60 * place)
    counts = {"accounts": accounts, "doers": doers, "reach": doers / accounts}
    counts |= {"retained_doers": int(doers * 0.62), "retained_others": int((4000 - doers) * 0.31)}
    row = {
        "product": "online_retail",
        "as_of": "2011-12-10T02:00:00Z",
        "rank": place + 1,
        "tier": 1 + place // 4,
        "candidate": name,
        "event": name,
        "at_least": 2.0 + place % 3,
        "within_days": 28 if place % 2 == 0 else 7,
        "verdict": verdict,
        "reason": f"its bound is {lift / 4:.2f}",
        **counts,
        "crude_lift_pp": lift + 21.0,
        "lift_pp": lift,
        "ci_low_pp": lift - 5.5,
        "ci_high_pp": lift + 5.5,
        "z": lift / 2.1,
        "q_value": 0.0004 * 3**place if place < 7 else 1.0,
        "odds_ratio": 1.9,
        "e_value": 1.62,
        "kept_share": lift / (lift + 21.0),
        "holdout_lift_pp": lift - 1.1,
        "fading": place == 2,
        "revenue_gap": 182.5 - 11.0 * place,
        "revenue_gap_ci_low": 60.0,
        "revenue_gap_ci_high": 1301.25,
        "revenue_lead_weeks": 3,
        "statement": f"Orders placed, by customers with {name} at least twice within 28 days",
        "crude_low_pp": lift + 18.0,
        "crude_high_pp": lift + 24.0,
        "overlap": 0.93,
        "extra_retained_per_1000": lift / 10 * 10,
        "experiment_accounts_per_arm": 1250 + 3000 * place,
        "behaviour": f"{name} at least {2 + place % 3} times",
        "segments": [
            {"segment": "France", "accounts": 90, "doers": 40, "differs": place == 0}
            | {"lift_pp": 3.2, "ci_low_pp": -8.0, "ci_high_pp": 14.4, "interaction_q": 0.04}
        ],
        "cohorts": [
            {
                "cohort": f"2011-{month:02}",
                "accounts": 600,
                "doers": 260 - month,
                "lift_pp": lift + (month * 37 % 11) - 5,
                "ci_low_pp": lift + (month * 37 % 11) - 15,
                "ci_high_pp": lift + (month * 37 % 11) + 6,
            }
            for month in (3, 4, 5, 6, 7)
        ],
        "curve": [
            {
                "at_least": float(least),
                "within_days": within,
                "doers": 1000 // least,
                "crude_lift_pp": lift + 20,
                "lift_pp": None if least == 10 and within == 7 else lift - least / 2 + within / 9,
                "z": 3.0,
                "support": "too_rare" if least == 10 and within == 7 else "ok",
            }
            for least in (1, 2, 3, 4, 5, 7, 10)
            for within in (7, 14, 28)
        ],
    }
    if verdict == "too_rare":
        kept = {"product", "as_of", "candidate", "event", "at_least", "within_days", "verdict"}
        kept |= {"accounts", "doers", "reach", "retained_doers", "retained_others", "statement"}
        kept |= {"crude_lift_pp", "cohorts", "curve"}
        row = {key: value if key in kept else None for key, value in row.items()}
        row["behaviour"] = None
        row |= {"reason": "31 accounts did it; 100 are needed", "cohorts": [], "curve": []}
    return row


def leave_run(
    folder: RunFolder,
    names: tuple[str, ...],
    *,
    stars: int = 1,
    rare: int = 1,
    money: bool = True,
    flattening: bool = True,
) -> RunFolder:
    """Everything a run leaves for the publish step, all names ranked in the order given."""
    verdicts = ["north_star"] * stars + ["supported", "worth_testing", "harmful"]
    verdicts += ["not_distinguishable"] * len(names)
    verdicts[len(names) - rare :] = ["too_rare"] * rare
    rows = [candidate_row(at, name, verdict=verdicts[at]) for at, name in enumerate(names)]
    weeks = [
        {
            "candidate": row["candidate"],
            "at_least": row["at_least"],
            "within_days": row["within_days"],
            "week": week,
            "accounts": 4000,
            "gap": 15.0 - 12.0 / week,
            "ci_low": 9.0 - 12.0 / week,
            "ci_high": 21.0 - 12.0 / week,
        }
        for row in rows[:3]
        for week in range(1, 14)
    ]
    headline = (
        f"Customers with {names[0]} at least twice in their first 28 days stay 14.0 points more "
        "often than customers alike in everything else they do."
        if stars
        else "No behaviour beats what keenness explains."
    )
    line = {"candidate": names[0], "weeks": 36, "lag_weeks": None, "correlation": None}
    line |= {"verdict": "not enough weeks", "p_value": None, "note": "36 weeks; 52 are needed"}
    line |= {"agreement": None}
    folder.write_json(
        "ranking.json",
        {
            "product": "online_retail",
            "title": "Online gift retailer",
            "owner": "growth-data",
            "audience": "consumer",
            "as_of": "2011-12-10T02:00:00Z",
            "headline": headline,
            "core_metric": {
                "name": "Orders placed",
                "promise": "A customer gets the gifts they came for",
            },
            "sentences": {
                "onboarded": "at the first order_placed from 1 March 2011",
                "retained": "at least one order_placed in the 90 days that start 56 days later",
                "exposure": "what an account did within 7 or 28 days of onboarding",
            },
            "retention": {
                "verdict": "flattening" if flattening else "not flattening",
                "sentence": "Retention flattens: its floor is 18%."
                if flattening
                else "Retention does not flatten: all leave.",
            },
            "calibration": {
                "rule": "N",
                "events": 41,
                "placebos": 0,
                "centre_z": 0.83,
                "scale_z": 1.41,
                "note": "",
            },
            "revenue": {
                "currency": "GBP" if money else None,
                "weeks": 13,
                "note": "The core event is the purchase: agreement is partly arithmetic."
                if money
                else "",
                "series": [line] if money else [],
            },
            "candidates": rows,
        },
    )
    folder.write_json("population.json", population())
    folder.write_json("checks.json", checks())
    folder.write_frame("backtest.parquet", pd.DataFrame(weeks).iloc[: None if money else 0])
    folder.write_frame("retention.parquet", retention())
    return folder


def population() -> dict:
    cohorts = [
        {"cohort": f"2011-{m:02}", "onboarded": 900, "censored": 100, "eligible": 800 - m}
        | {"retained": 320 + m}
        for m in (3, 4, 5, 6, 7)
    ]
    counts = {"onboarded": 5321, "left_truncated": 902, "internal": 4, "bots": 11}
    counts |= {"censored": 404, "eligible": 4000, "retained": 1630}
    times = {"observed_until": "2011-12-09T12:50:00Z", "first_onboarded": "2011-03-01T08:30:00Z"}
    return counts | times | {"last_onboarded": "2011-07-16T12:22:00Z", "cohorts": cohorts}


def checks() -> dict:
    passed = {"severity": "critical", "ok": True, "observed": 0, "expected": "0", "examples": []}
    failed = {"severity": "warning", "ok": False, "observed": "5.3%", "expected": "at most 5%"}
    return {
        "ok": True,
        "critical_failed": 0,
        "warnings": 1,
        "checks": [
            {"name": "nulls", "what": "No event lacks its account, time or name.", **passed},
            {"name": "duplicates", "what": "At most 5% of event rows are repeated.", **failed}
            | {"examples": ["12347", "<b>12348</b>", "=cmd()"]},
        ],
    }


def retention() -> pd.DataFrame:
    weeks = range(0, 36)
    rate = [1.0] + [0.18 + 0.3 * 0.8**week for week in weeks[1:]]
    frame = pd.DataFrame({"week": weeks, "accounts": [4000 - 90 * w for w in weeks], "rate": rate})
    frame["active"] = (frame["accounts"] * frame["rate"]).astype(int)
    return frame.assign(ci_low=frame["rate"] - 0.02, ci_high=(frame["rate"] + 0.02).clip(upper=1))


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("NSM_CHROMIUM") or shutil.which("chromium")
    if not path or not Path(path).exists():
        pytest.fail("No chromium: install it (apt-get install chromium) or set NSM_CHROMIUM.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=QUIET_CHROMIUM)
        yield running
        running.close()


@pytest.fixture
def run(tmp_path):
    def leave(names: tuple[str, ...], **how) -> RunFolder:
        return leave_run(RunStore(tmp_path / "runs").start("online_retail", AS_OF), names, **how)

    return leave


@pytest.fixture
def opened(browser: Browser, tmp_path):
    """Opens a run's report; at the end nothing was requested, refused or thrown."""
    pages, noises = [], []

    def show(
        folder: RunFolder, *, width: int = 1280, scheme: str = "light", unfold: bool = True
    ) -> Page:
        file = tmp_path / "report.html"
        file.write_text(render_report(folder), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("request", lambda request: noises.append(request.url))
        page.on("console", lambda message: noises.append(message.text))
        page.on("pageerror", lambda error: noises.append(str(error)))
        page.goto(file.as_uri())
        pages.append(page)
        assert noises.pop(0) == file.as_uri()
        if unfold:
            for section in page.locator("details.told > summary").all():
                section.click()
        return page

    yield show
    hacked = [page.evaluate("window.hacked") for page in pages]
    for page in pages:
        page.close()
    assert noises == []
    assert not any(hacked)


def rows_shown(page: Page) -> list[str]:
    return page.locator("#ranking > tbody:visible .who b").all_inner_texts()


def test_the_answer_comes_first_and_the_limits_are_said(run, opened):
    page = opened(run(TAME))
    assert page.inner_text("h1").startswith("Customers with second_order at least twice")
    assert page.locator("h2").all_inner_texts() == [
        "Who was counted",
        "The ranking",
        "Crude against adjusted lift",
        "How much, how soon",
        "Does revenue follow?",
        "Does it hold from cohort to cohort?",
        "Data checks",
        "How to read it",
        "Where every number comes from",
        "What cannot be known from this data",
    ]
    unknown = page.inner_text("#unknown")
    assert "alike in what we see" in unknown
    assert "A hidden trait with strength E would explain the whole lift" in unknown
    assert "Only an experiment settles it" in unknown
    assert "ranks first whatever the observational method" in unknown
    assert "1 data check failed" in page.inner_text("#data")
    assert page.locator("#checks tbody tr").first.inner_text().startswith("failed")
    assert "partly arithmetic" in page.inner_text("#revenue")
    assert "52 are needed" in page.inner_text("#revenue")


def test_folded_the_page_says_what_each_section_found_and_a_link_unfolds_it(run, opened):
    page = opened(run(TAME), unfold=False)
    assert page.locator(".told svg:visible, .told table:visible").count() == 0
    found = {
        section.get_attribute("id"): section.locator("summary").first.inner_text()
        for section in page.locator("section:has(> .told)").all()
    }
    assert found["compared"].startswith("Beside accounts alike in everything else they do, the")
    assert found["checks"] == "1 of 2 checks passed."
    assert found["stable"].startswith("Fading from early to late cohorts: returning_days.")
    assert page.locator("#maps svg:visible").count() == 0
    page.get_by_role("link", name="How much, how soon").click()
    assert page.locator("#maps svg:visible").count() == 3
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.told:not([open])").count() == 0


def advice() -> dict:
    return {
        "used": {"after": 21, "within": 28, "exposure": [1, 3, 7]},
        "reasons": {
            "after": "Week 3 is the first that loses less.",
            "within": "Nine in ten come back within 26 days.",
            "exposure": "None past day 21.",
        },
        "usage": {
            "kind": "weekly",
            "median_days": 6,
            "most_days": 26,
            "gaps": 12345,
            "never_share": 0.2,
            "back": [{"days": d, "share": 1 - 0.91**d} for d in range(1, 90)],
        },
        "loss": {
            "below": 0.02,
            "weeks": [
                {"week": w, "accounts": 900, "active": 500, "rate": 0.3 + 0.4 * 0.7**w}
                | {"loss": None if w == 0 else 0.1}
                for w in range(20)
            ],
        },
    }


def test_windows_left_to_the_data_are_shown_with_what_justifies_them(run, opened):
    folder = run(TAME)
    folder.write_json("advice.json", advice())
    page = opened(folder)
    shown = page.inner_text("#windows")
    for words in (
        "21 days. Week 3 is the first",
        "28 days. Nine in ten",
        "1, 3, 7 days. None past",
    ):
        assert words in shown
    assert page.locator("#windows svg").count() == 2
    assert page.locator("#windows svg [stroke-dasharray='4,3']").count() == 2  # W and Y marked
    labels = [svg.get_attribute("aria-label") for svg in page.locator("#windows svg").all()]
    assert "12,345 gaps" in labels[0]
    assert "day 21, where retention begins" in labels[1]
    assert opened(run(TAME)).locator("#windows").count() == 0


def test_what_does_not_flatten_is_said_before_the_answer(run, opened):
    folder = run(TAME, flattening=False)
    said = opened(folder).inner_text("header").splitlines()
    flag = next(n for n, line in enumerate(said) if "There may be no North Star yet" in line)
    assert flag < next(n for n, line in enumerate(said) if line.startswith("Customers with"))
    assert "all leave" in said[flag]
    assert "all leave" in render_digest(folder)
    assert opened(run(TAME)).locator("#sinking").count() == 0
    assert "floor is 18%" in opened(run(TAME)).inner_text("#stable")


def getting_started() -> tuple[dict, pd.DataFrame]:
    """What `onboarding.json` and `journey.parquet` hold."""
    hours = {"first_quartile_hours": 0.0, "median_hours": 30.0, "third_quartile_hours": 264.0}
    shares = {"never_share": 0.335, "never_low": 0.31, "never_high": 0.36}
    everybody = {"split": "", "label": "", "accounts": 8000, "onboarded": 5320, **shares, **hours}
    nobody = {"split": "plan", "label": "<b>", "accounts": 90, "onboarded": 0}
    nobody |= {"never_share": 1.0, "never_low": 0.95, "never_high": 1.0} | dict.fromkeys(hours)
    told = {"begins": "sign-up", "within_days": 28, "accounts": 9000, "watched": 8000}
    told |= {"steps": ["aha", HOSTILE[0]], "time_to_onboard": [everybody, nobody]}
    steps = pd.DataFrame(
        [
            {"split": split, "label": label, "step": n, "name": name, "accounts": 8000}
            | {"taken": 5000 // n, **hours, "share": 0.625 / n, "share_low": 0.2}
            | {"share_high": 0.7, "share_of_previous": 1 / n}
            for split, label in (("", ""), ("cohort", "2011-03"))
            for n, name in enumerate(told["steps"], start=1)
        ]
    )
    return told, steps


def test_getting_started_is_told_with_those_who_never_did(run, opened):
    folder = run(TAME)
    assert opened(folder).locator("#onboarding").count() == 0
    told, steps = getting_started()
    folder.write_json("onboarding.json", told)
    folder.write_frame("journey.parquet", steps)
    page = opened(folder)
    finding = page.inner_text("#onboarding summary")
    assert "Half of those who onboard need 30 hours or less" in finding
    assert "33.5% of 8,000 do not within 28 days of signing up" in finding
    assert "62.5% reach aha, 31.2% <script>" in finding
    page.get_by_role("link", name="Getting started").click()
    shown = page.inner_text("#onboarding")
    assert "8,000 of 9,000 accounts" in shown
    assert "11 days" in shown


def test_health_around_it_says_what_it_knows_and_what_not(run, opened, tmp_path):
    folder = run(TAME)
    assert opened(folder).locator("#health").count() == 0
    left = leave_health(folder, tmp_path / "work", falling=HOSTILE[0])
    page = opened(folder, width=390)
    finding = page.inner_text("#health summary")
    assert "below the consumer band of 8% to 15%" in finding
    assert "the metric grows while <script>window.hacked = 1</script> fall" in finding
    shown = page.inner_text("#health")
    assert "2024-04, 2024-05, 2024-06" in shown
    assert "12.00" in shown
    assert "context, not targets" in shown
    assert page.locator("#health svg").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    poorer = {**left, "invitations": None, "economics": None}
    folder.write_json("health.json", poorer)
    shown = opened(folder).inner_text("#health")
    assert "the K-factor cannot be told" in shown
    assert "No revenue is declared" in shown


def kept_leader(name: str, *, verdict: str = "north_star") -> dict:
    """What `star.json` holds of a leader on its second run."""
    shares = {"returned": 1600, "returned_did": 800, "returned_share": 0.5, "churned": 2400}
    shares |= {"churned_did": 480, "churned_share": 0.2, "difference_pp": 30.0}
    choice = {"candidate": name, "at_least": 2.0, "within_days": 7, "verdict": verdict}
    lifts = {"lift_pp": 12.0, "ci_low_pp": 7.5, "ci_high_pp": 16.5}
    leader = {**choice, **lifts, "rank": 2, "sentence": f"Place the first order and do “{name}”"}
    return {
        "metric": "leader",
        "standing": {"since": "2011-12-01T02:00:00Z"},
        "rule": "Three runs in a row.",
        "impact": "By the lower end.",
        "kept": f"{name} leads on: nothing has beaten it.",
        "leader": leader,
        "success": {"sentence": "62.0% of those that reach it stay, against 40.8% of all."},
        "top": [leader],
        "activities": [
            {**choice, **lifts, **shares, "impact": "medium", "why": "", "sentence": f"do “{name}”"}
        ],
        "changes": {
            "first_run": False,
            "sentence": "Since the run of 1 December 2011: Changed: data.",
            "causes": {"data": [{"what": name, "before": 1, "after": None}], "config": []},
        },
    }


def leave_kept_leader(folder: RunFolder, name: str, **how) -> None:
    weeks = pd.DataFrame(
        {"candidate": name, "week": pd.date_range("2011-10-03", freq="7D", periods=3)}
    )
    weeks = weeks.assign(accounts=50, reached=[20, 25, 10], share=[0.4, 0.5, 0.2])
    weeks = weeks.assign(share_low=0.1, share_high=0.6, whole=[True, True, False])
    ranks = pd.DataFrame(
        {"as_of": ["2011-12-01T02:00:00Z", "2011-12-10T02:00:00Z"], "rank": [1, 2]}
    ).assign(candidate=name, leads=True)
    folder.write_json("star.json", kept_leader(name, **how))
    folder.write_frame("tracked.parquet", weeks)
    folder.write_frame("ranks.parquet", ranks)


@pytest.mark.parametrize("name", [TAME[0], HOSTILE[0], HOSTILE[-1]])
def test_the_kept_leader_is_on_top_with_its_success_and_what_changed(run, opened, name):
    folder = run((name, *TAME[1:]))
    assert opened(folder).locator("#kept").count() == 0
    leave_kept_leader(folder, name)
    page = opened(folder)
    told = page.inner_text("#kept")
    assert told.startswith(
        "North Star, kept since 1 December 2011, 02:00 UTC. Place the first order"
    )
    assert "against 40.8% of all." in told
    assert "Changed: data." in told
    assert "50.0% of the 50 newcomers of the week of 10 October 2011" in page.inner_text("#tracked")
    assert "1 medium, of 1 activities" in page.inner_text("#activities summary")
    page.get_by_role("link", name="What returning accounts did").click()
    row = page.inner_text("#activities tbody tr")
    for number in ("50.0%", "800 of 1,600", "20.0%", "+30.0", "+12.0", "+7.5 to +16.5", "medium"):
        assert number in row
    page.get_by_role("link", name="The top three, tracked").click()
    assert page.locator("#tracked svg").count() == 1
    assert page.locator("#tracked tbody tr").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert "North Star, kept since 1 December 2011" in render_digest(folder)


def test_where_no_north_star_is_the_leader_is_called_the_closest(run, opened):
    folder = run(TAME, stars=0)
    leave_kept_leader(folder, TAME[0], verdict="worth_testing")
    assert opened(folder).inner_text("#kept").startswith("No North Star; the closest to one, kept")
    metric = {"name": "weekly", "title": "Weekly <i>readers</i>", "sentence": "who reads in a week"}
    metric |= {"unit": "accounts", "per": "week", "by": "calendar", "segment": None}
    told = {"timezone": "UTC", "north_star": "weekly", "metrics": [metric]}
    folder.write_json("metrics.json", told)
    nothing = {name: pd.Series(dtype=kind) for name, kind in KINDS.items()}
    folder.write_frame("metrics.parquet", pd.DataFrame(nothing))
    folder.write_json("star.json", {**kept_leader(TAME[0]), "metric": "weekly"})
    told = opened(folder).inner_text("#kept").splitlines()
    assert told[0] == "North Star, declared: Weekly <i>readers</i>. Who reads in a week."
    assert any(line.startswith("The behaviour that leads the ranking, kept") for line in told)
    folder.write_json("star.json", {**kept_leader(TAME[0]), "leader": None, "top": []})
    page = opened(folder)
    assert page.locator("#kept").count() == 0
    assert "No week of newcomers" in page.inner_text("#tracked")


def test_no_north_star_and_no_revenue_read_as_answers(run, opened):
    page = opened(run(TAME, stars=0, money=False))
    assert page.inner_text("h1") == "No behaviour beats what keenness explains."
    assert "nothing here beats what keenness explains" in page.inner_text("header .lede")
    assert page.inner_text("#revenue summary") == "No revenue declared."
    assert page.locator("#revenue svg").count() == 0


def test_a_row_shows_its_numbers_and_unfolds_the_counts(run, opened):
    page = opened(run(TAME))
    first = page.locator("#ranking > tbody").first
    shown = first.locator("tr").first.inner_text()
    for number in ("45.0%", "1,800 of 4,000", "+35.0", "+14.0", "+8.5 to +19.5", "+182.50\xa0GBP"):
        assert number in shown
    assert not first.locator(".inside").is_visible()
    first.locator("summary").click()
    inside = first.locator(".inside").inner_text()
    for number in (
        "1,800\t1,116\t62.0%",
        "2,200\t682\t31.0%",
        "1.62",
        "93%",
        "1,250",
        "2011-03",
        "France",
    ):
        assert number in inside
    bare = page.locator("#ranking > tbody", has_text="Too rare")
    assert "31 accounts did it; 100 are needed." in bare.inner_text()


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_names_are_text_and_break_no_layout(run, opened, width):
    page = opened(run(HOSTILE + TAME, stars=3, rare=3), width=width)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    names = rows_shown(page)
    assert names[0] == HOSTILE[0]
    assert names[2] == "two⏎lines & 'quotes' {{ 7 * 7 }}"
    assert names[3].endswith("\\u202egnp.exe")
    assert len(names[6]) == 48
    assert page.inner_text(".full:has-text('longlong')").endswith(HOSTILE[6])
    assert "&lt;script" not in page.inner_text("body")
    clipped = "e => e.scrollWidth > e.clientWidth + 1 && !e.closest('.scroll')"
    assert page.locator("p, td, h1, figcaption, svg").evaluate_all(
        f"all => all.some({clipped})"
    ) is (False)


def test_pictures_carry_labels_and_the_numbers_of_the_ranking(run, opened):
    page = opened(run(TAME))
    labels = page.locator("svg").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    assert len(labels) == 2 + 3 + 3 + 3 + 2
    assert all(labels)
    forest = page.locator("#compared .wide svg text").all_text_contents()
    assert "1 second_order, at least 2 within 28 days" in [" ".join(t.split()) for t in forest]
    assert {"+14.0", "+12.7"} <= set(forest)
    heat = page.locator("#maps svg").first.locator("text").all_text_contents()
    assert "+16.1" in heat and "too rare" in heat
    drawn = page.locator("svg").evaluate_all("all => all.map(e => e.getBBox().width > 100)")
    assert drawn.count(True) == len(drawn) - 2  # the two for a phone are hidden on a desk


def test_ink_follows_light_and_dark(run, opened):
    folder = run(TAME)
    paper = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.querySelector('#maps svg text')).fill"
    seen = [
        (page.evaluate(paper), page.evaluate(ink))
        for page in (opened(folder), opened(folder, scheme="dark"))
    ]
    assert seen == [
        ("rgb(255, 255, 255)", "rgb(22, 25, 28)"),
        ("rgb(20, 23, 26)", "rgb(232, 234, 236)"),
    ]


def test_two_hundred_candidates_fold_sort_and_filter(run, opened):
    names = tuple(f"event_number_{at:03}" for at in range(200))
    folder = run(names, rare=60)
    assert len(render_report(run(names)).encode()) < 600_000
    page = opened(folder)
    assert rows_shown(page) == list(names[:10])
    header = page.get_by_role("columnheader", name="Crude")
    for direction, sign in (("descending", -1), ("ascending", 1)):
        page.get_by_role("button", name="Crude").click()
        assert header.get_attribute("aria-sort") == direction
        cells = page.locator("#ranking > tbody > tr:first-child > td:nth-child(5)")
        crude = [float(text.replace("\u2212", "-")) for text in cells.all_inner_texts()]
        assert all(sign * one <= sign * other for one, other in pairwise(crude))
    page.fill("#find", "NUMBER_19")
    assert sorted(rows_shown(page)) == list(names[190:])
    assert page.inner_text("#found") == "10 of 200 fit"
    page.fill("#find", "")
    page.select_option("#only", label="Too rare")
    assert len(rows_shown(page)) == 60
    page.select_option("#only", label="all")
    page.get_by_label("show all 200 candidates").check()
    assert len(rows_shown(page)) == 200


def test_nothing_can_be_estimated_and_the_page_still_says_why(run, opened):
    page = opened(run(TAME[:1], stars=0, rare=1, money=False))
    assert "100 are needed" in page.inner_text("#ranking")
    assert page.locator("#compared svg, #maps svg").count() == 0
    assert "nothing to draw" in page.inner_text("#compared")


def test_two_runs_leave_the_same_bytes(run):
    one, two = run(TAME + HOSTILE), run(TAME + HOSTILE)
    assert one.run_id != two.run_id
    assert render_report(one) == render_report(two)
    assert render_digest(one) == render_digest(two)


def test_the_digest_is_inert_markdown(run):
    tags = set()
    for names in (TAME, HOSTILE, HOSTILE[3:], HOSTILE[5:]):
        page = MarkdownIt("commonmark").enable("table").render(render_digest(run(names)))
        tags |= set(re.findall(r"</?(\w+)", page))
    assert tags == {"p", "strong", "ul", "li", "code"}
    digest = render_digest(run(HOSTILE[4:]))
    assert "@here" not in digest and "<!channel>" not in digest
    assert "`second_order`, at least 2 within 28 days: +35.0 crude, +14.0" in render_digest(
        run(TAME)
    )


@pytest.mark.parametrize("width", [100, 80])
def test_the_terminal_table_fits_and_shows_names_as_they_are(run, width):
    out = io.StringIO()
    Console(file=out, width=width).print(ranking_table(run(TAME + HOSTILE[5:])))
    text = out.getvalue()
    assert max(len(line) for line in text.splitlines()) <= width
    assert "\x1b" not in text
    assert "[bold red]up[/] [/]" in text
    assert "35.0 → 14.0 (8.5 to 19.5)" in text
    assert "★ North Star" in text and "Too rare" in text


def test_names_that_differ_at_their_ends_stay_apart(run, opened):
    long = "purchased_in_the_autumn_sale: stock_code of the product = "
    page = opened(run((f"{long}85099B", f"{long}21212", *TAME)))
    assert rows_shown(page)[0].endswith("= 85099B")
    labels = page.locator("#compared .wide svg text").all_text_contents()
    assert sum("= 85099B, at" in label for label in labels) == 1
    assert sum("= 21212, at" in label for label in labels) == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_what_others_would_say_is_unfolded_when_it_was_asked_for(run, opened, width):
    folder = run(TAME)
    ranking = folder.read_json("ranking.json")
    ranks = [
        {"by": by, "value": 0.5, "at_least": 3.0, "within_days": 7, "rank": place, "of": 5}
        for place, by in enumerate(("phi", "odds_ratio_plus_1", "ppv", "mutual_information"), 2)
    ]
    scores = {"ppv": 0.62, "sensitivity": 0.621, "phi": 0.3101, "odds_ratio_plus_1": 3.63}
    for row in ranking["candidates"]:
        row["rivals"] = {**scores, "ranks": [] if row["rank"] is None else ranks}
    folder.write_json("ranking.json", ranking)
    page = opened(folder, width=width)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shown = " ".join(page.locator("#ranking .inside").first.inner_text().split())
    assert (
        "Amplitude Compass, Mixpanel Signal: correlation 2 of 5 at least 3 within 7 days" in shown
    )
    assert "PostHog: odds ratio, one added 3 of 5" in shown
    assert "this pipeline 1 of 5 at least 2 within 28 days +14.0" in shown
    assert "The others rank raw association" in shown
    assert "62.0% of doers stayed (PPV)" in shown
    assert page.locator("#ranking .others").count() == 5
