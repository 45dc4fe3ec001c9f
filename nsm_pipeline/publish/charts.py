"""Charts as SVG: a chart is a spec file of `chart_specs/` plus records.

Vega in the browser would need `unsafe-eval` and a CDN, so the drawing is done here and the page
holds plain SVG. Ink is `currentColor`; ACCENT is recoloured by the page's style sheet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import vl_convert

ACCENT = "#0b6e8a"
VEGA_LITE = "6.4"
SVG = "http://www.w3.org/2000/svg"
# Said by the page's style sheet or by role="img" and its label, or of no effect.
DROPPED = {
    "aria-hidden",
    "aria-label",
    "aria-roledescription",
    "class",
    "font-family",
    "pointer-events",
    "role",
    "stroke-miterlimit",
    "style",
    "version",
}
PLACES = {"d", "transform", "x2", "y2", "width", "height"}
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(e-\d+)?")

Record = Mapping[str, Any]


def draw(
    name: str,
    records: Sequence[Record],
    *,
    label: str,
    width: int | None = None,
    **params: Any,
) -> str:
    """One chart as an SVG element, labelled for readers who do not see it.

    Args:
        name: The spec file, without its ending.
        records: The chart's data; each record has the fields that the spec names.
        label: What the chart shows, in one sentence.
        width: Total width in pixels, instead of the spec's.
        params: Values for the spec's parameters, such as a shared axis.
    """
    spec = json.loads(_spec(name))
    spec["data"] = {"values": list(records)}
    if width is not None:
        spec["width"] = width
    for param in spec.get("params", []):
        param["value"] = params.get(param["name"], param["value"])
    drawn = vl_convert.vegalite_to_svg(
        json.dumps(spec, allow_nan=False), vl_version=VEGA_LITE, config=json.loads(_spec("theme"))
    )
    return _plain(drawn, label)


@cache
def _spec(name: str) -> str:
    return (files(__package__) / "chart_specs" / f"{name}.json").read_text(encoding="utf-8")


def _plain(drawn: str, label: str) -> str:
    """The SVG without what a strict page refuses or needs not, and with its label."""
    root = ElementTree.fromstring(drawn)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("display") == "none" or _paints_nothing(child):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        for attribute in DROPPED & set(element.attrib):
            del element.attrib[attribute]
        if element.get("opacity") == "1":
            del element.attrib["opacity"]
        for attribute in PLACES & set(element.attrib):
            element.set(attribute, LONG_NUMBER.sub(_hundredths, element.attrib[attribute]))
    root.attrib.update({"role": "img", "aria-label": label})
    return ElementTree.tostring(root, encoding="unicode")


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"


def _paints_nothing(element: ElementTree.Element) -> bool:
    return element.get("class") == "background" and "stroke" not in element.attrib
