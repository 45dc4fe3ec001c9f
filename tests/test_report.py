"""The report opened in a real browser, from run folders made by hand."""

from itertools import pairwise

import pytest
from playwright.sync_api import Page
from report_world import HOSTILE, TAME

from nsm_pipeline.publish.report import render_report


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
