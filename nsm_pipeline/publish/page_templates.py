"""The templates of the page, with the words that they share."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from nsm_pipeline.publish import wording

FILTERS = (
    "amount",
    "amount_interval",
    "clipped",
    "count",
    "decimal",
    "fold_names",
    "interval",
    "lower_first",
    "money",
    "money_interval",
    "moment",
    "number_interval",
    "observed",
    "points",
    "reach_words",
    "sentence",
    "share",
    "share_interval",
    "short",
    "small",
    "threshold",
    "visible",
    "waited",
)


@cache
def template_text(name: str) -> str:
    """A file of the templates folder as it stands."""
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


def render(template: str, **values: Any) -> Markup:
    """A template filled in; every value is escaped unless a filter says otherwise."""
    return Markup(_environment().get_template(template).render(**values))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(template_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(wording, name) for name in FILTERS})
    environment.filters.update(drawing=Markup, sortable=_sortable)
    environment.tests["absent"] = wording.absent
    environment.globals.update(
        verdict=wording.verdict,
        ratio=wording.ratio,
        rules=wording.RULES,
        verdicts=wording.VERDICTS,
        rivals=wording.RIVALS,
    )
    return environment


def _sortable(value: Any) -> str:
    """What the page's script sorts by; nothing for what was not estimated."""
    return "" if wording.absent(value) else f"{float(value):.4g}"
