"""The two short forms of a report, and that a run leaves the same bytes twice."""

import io
import re

import pytest
from markdown_it import MarkdownIt
from report_world import HOSTILE, TAME
from rich.console import Console

from nsm_pipeline.publish.digest import render_digest
from nsm_pipeline.publish.report import render_report
from nsm_pipeline.publish.terminal import ranking_table


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
