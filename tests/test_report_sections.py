"""Parts of the report that a run may leave: its windows, getting started, health, the leader."""

import pandas as pd
import pytest
from health_world import leave_health
from report_world import HOSTILE, TAME

from nsm_pipeline.publish.digest import render_digest
from nsm_pipeline.runs.run_folder import RunFolder
from nsm_pipeline.stats.metric_values import KINDS


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


def test_what_was_measured_on_another_night_says_so_before_its_finding(run, opened):
    folder = run(TAME)
    told, steps = getting_started()
    folder.write_json("onboarding.json", told)
    folder.write_frame("journey.parquet", steps)
    # 1:30 on Tuesday in Tokyo; in Greenwich it is still Monday.
    measured = {"kind": "carried", "timezone": "Asia/Tokyo", "as_of": "2026-11-16T16:30:00Z"}
    measured |= {"files": [], "tracked": [], "recounted": [], "sentence": "It was carried."}
    folder.write_json("measured.json", measured)
    page = opened(folder, unfold=False)
    finding = page.inner_text("#onboarding summary")
    assert finding.startswith("Measured on Tuesday 17 November 2026. Half of those who onboard")
    assert "Measured on" not in page.inner_text("#checks summary")
    assert "It was carried." in opened(folder).inner_text("#checks")
    folder.write_json("measured.json", {**measured, "kind": "anew"})
    assert "Measured on" not in opened(folder).content()


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
