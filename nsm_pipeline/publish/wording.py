"""Numbers, names and verdicts as a reader meets them; the page, chat and terminal share these."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

MINUS = "\u2212"
MISSING = "\u2013"
SHORT = 44
# Join controls are kept: family emoji and several scripts are spelt with them.
JOINERS = "\u200c\u200d"
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class Verdict(NamedTuple):
    """A verdict's mark, its name and what it means to somebody who knows no statistics."""

    mark: str
    word: str
    meaning: str


VERDICTS = {
    "north_star": Verdict(
        "★",
        "North Star",
        "The strongest claim this page makes: publish it, then confirm it by an experiment.",
    ),
    "supported": Verdict(
        "●",
        "Supported",
        "Good evidence, short of a North Star.",
    ),
    "worth_testing": Verdict(
        "◐",
        "Worth testing",
        "Above zero, but this data cannot tell effect from keenness here: try an experiment.",
    ),
    "not_distinguishable": Verdict(
        "○",
        "Not distinguishable",
        "Cannot be told apart from what keen accounts do anyway.",
    ),
    "harmful": Verdict(
        "▼",
        "Harmful",
        "Looks good and does harm: do not push it.",
    ),
    "too_rare": Verdict(MISSING, "Too rare", "Too few accounts do it for a fair comparison."),
    "too_common": Verdict(
        MISSING, "Too common", "Nearly everybody does it: nobody to compare with."
    ),
    "not_estimable": Verdict(MISSING, "Not estimable", "The counts allow no estimate."),
}

RULES = {
    "A": "The bar is set twice: by declared placebos, which cannot cause retention, and by the "
    "catalogue of events itself. A North Star clears both.",
    "N": "There are too few placebos, so the catalogue of events itself sets the bar that a North "
    "Star must clear.",
    "A and N": "With so few events both bars apply, the placebos' and the catalogue's, and even "
    "then the verdict is at most worth an experiment.",
    "none": "There are too few events and placebos to know how far keenness alone carries a "
    "behaviour, so nothing is published as a North Star.",
}

RIVALS = {
    "phi": "Amplitude Compass, Mixpanel Signal: correlation",
    "odds_ratio_plus_1": "PostHog: odds ratio, one added",
    "ppv": "share of doers that stayed",
    "mutual_information": "mutual information, nats",
}


def verdict(name: str) -> Verdict:
    """The words for a verdict; an unknown one is shown as it stands."""
    return VERDICTS.get(name, Verdict(MISSING, name.replace("_", " "), ""))


def absent(value: Any) -> bool:
    """Whether a value was not estimated: null in JSON, NaN in a frame."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def visible(text: Any) -> str:
    """The text with line ends shown and other controls (bidi overrides too) spelt out."""
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    if character == "\n":
        return "⏎"
    if character in "\r\t":
        return " "
    if unicodedata.category(character) in HIDDEN and character not in JOINERS:
        return f"\\u{ord(character):04x}"
    return character


def short(text: Any, limit: int = SHORT) -> str:
    """A name on one line, cut in the middle: discovered names differ at their ends."""
    shown = visible(text)
    if len(shown) <= limit:
        return shown
    tail = (limit - 1) // 2
    return f"{shown[: limit - 1 - tail].rstrip()}…{shown[len(shown) - tail :].lstrip()}"


def clipped(text: Any, limit: int) -> str:
    """Prose on one line, cut at its end."""
    shown = visible(text)
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def fold_names(prose: str, names: Iterable[str], limit: int = SHORT) -> str:
    """A sentence in which every long name is cut, so that the sentence stays one."""
    for name in sorted((n for n in names if len(n) > limit), key=lambda n: (-len(n), n)):
        prose = prose.replace(name, short(name, limit))
    return clipped(prose, 600)


def split_names(prose: str, names: Iterable[str]) -> list[tuple[str, bool]]:
    """The sentence in pieces, each with whether it is a candidate's name."""
    longest_first = sorted({n for n in names if n}, key=lambda n: (-len(n), n))
    if not longest_first:
        return [(prose, False)]
    pattern = "|".join(re.escape(name) for name in longest_first)
    pieces = re.split(rf"(?<!\w)({pattern})(?!\w)", prose)
    return [(piece, at % 2 == 1) for at, piece in enumerate(pieces) if piece]


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!", "…")) else ".")


def count(value: Any) -> str:
    """A whole number with thousands separators."""
    return MISSING if absent(value) else f"{int(value):,}"


def decimal(value: Any, places: int = 2) -> str:
    """A number with so many places and a true minus sign."""
    return MISSING if absent(value) else _signed(f"{value:,.{places}f}")


def points(value: Any, places: int = 1) -> str:
    """A difference in percentage points, always signed but at zero."""
    if absent(value):
        return MISSING
    text = f"{value:+,.{places}f}"
    return text[1:] if float(text.replace(",", "")) == 0 else _signed(text)


def interval(low: Any, high: Any) -> str:
    """Both bounds of an interval in percentage points."""
    return MISSING if absent(low) or absent(high) else f"{points(low)} to {points(high)}"


def share(value: Any, places: int = 1) -> str:
    """A share of one as a percentage."""
    return MISSING if absent(value) else _signed(f"{100 * value:.{places}f}%")


def ratio(part: Any, whole: Any) -> float | None:
    """Part of whole, or none when there is no whole."""
    return None if absent(part) or absent(whole) or not whole else float(part) / float(whole)


def waited(hours: Any) -> str:
    """A time in words: hours up to two days, days after that."""
    if absent(hours):
        return MISSING
    if hours < 48:
        whole = int(hours)
        return "under an hour" if whole < 1 else f"{whole} hour{'' if whole == 1 else 's'}"
    return f"{hours / 24:,.1f}".removesuffix(".0") + " days"


def money(value: Any, currency: str | None) -> str:
    """A signed amount with its currency code."""
    if absent(value):
        return MISSING
    return f"{points(value, 0 if abs(value) >= 1000 else 2)}\u00a0{currency or ''}".strip("\u00a0")


def money_interval(low: Any, high: Any, currency: str | None) -> str:
    """Both bounds of an amount, with the same places and one currency code."""
    if absent(low) or absent(high):
        return MISSING
    places = 0 if max(abs(low), abs(high)) >= 1000 else 2
    return f"{points(low, places)} to {points(high, places)}\u00a0{currency or ''}".rstrip()


def amount(value: Any, currency: str | None) -> str:
    """An amount that is no difference, so without a plus sign, with its currency code."""
    if absent(value):
        return MISSING
    places = 0 if abs(value) >= 1000 else 2
    return f"{decimal(value, places)}\u00a0{currency or ''}".rstrip("\u00a0")


def amount_interval(low: Any, high: Any, currency: str | None) -> str:
    """Both bounds of such an amount, with the same places and one currency code."""
    if absent(low) or absent(high):
        return MISSING
    places = 0 if max(abs(low), abs(high)) >= 1000 else 2
    return f"{decimal(low, places)} to {amount(high, currency)}"


def number_interval(low: Any, high: Any) -> str:
    """Both bounds of a plain number."""
    return MISSING if absent(low) or absent(high) else f"{decimal(low)} to {decimal(high)}"


def share_interval(low: Any, high: Any) -> str:
    """Both bounds of a share of one, as percentages."""
    return MISSING if absent(low) or absent(high) else f"{share(low)} to {share(high)}"


def lower_first(text: str) -> str:
    """The text to stand inside a sentence."""
    return text[:1].lower() + text[1:]


def small(value: Any) -> str:
    """A probability; below a thousandth the exact figure says nothing more."""
    if absent(value):
        return MISSING
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def threshold(value: Any) -> str:
    """A plain number such as a threshold k: whole ones without places, others with two."""
    if absent(value):
        return MISSING
    if float(value).is_integer():
        return _signed(f"{value:,.0f}")
    return _signed(f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}")


LEVELS = {"count": count, "share": share, "decimal": decimal, "number": threshold}
"""How a metric's value is written, by what it is (`shown_as` of `tree.json`)."""


def moment(text: Any) -> str:
    """A moment in words, in UTC; what is no ISO date is shown as it stands."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return short(text)
    at = at.astimezone(UTC) if at.tzinfo else at
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def day(text: str, timezone: str) -> str:
    """The day of a moment by these clocks: "Monday 16 November 2026"."""
    at = datetime.fromisoformat(text).astimezone(ZoneInfo(timezone))
    return f"{at:%A} {at.day} {at:%B %Y}"


def reach_words(row: Mapping[str, Any]) -> str:
    """Threshold and time frame of a candidate: `at least 2 within 28 days`."""
    days = row["within_days"]
    frame = "" if absent(days) else f"within {count(days)} day{'' if days == 1 else 's'}"
    least = "" if absent(row["at_least"]) else f"at least {threshold(row['at_least'])}"
    return " ".join(part for part in (least, frame) if part)


def observed(value: Any) -> str:
    """What a check saw: a number as numbers are written here, anything else as it stands."""
    return threshold(value) if isinstance(value, int | float) else clipped(value, 120)


def _signed(text: str) -> str:
    return text.replace("-", MINUS)
