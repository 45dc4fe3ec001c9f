"""The run in one paragraph of Markdown, to paste into a chat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nsm_pipeline.publish.figures import estimated
from nsm_pipeline.publish.star_sections import star_name, star_told
from nsm_pipeline.publish.wording import (
    clipped,
    count,
    fold_names,
    interval,
    moment,
    points,
    reach_words,
    sentence,
    short,
    split_names,
    verdict,
    visible,
)
from nsm_pipeline.runs.run_files import CHECKS, MEASURED, POPULATION, RANKING, STATE

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

MENTIONED = 3
# Inside a code span nothing is formatted, but chats still act on these.
NOT_FOR_CODE = re.compile(r"[`<>&@|]")
FORMATS = re.compile(r"([\\`*_{}\[\]()#+!|~])")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b"}


def render_digest(folder: RunFolder) -> str:
    """A heading, the answer, the leading candidates and what must be said with them."""
    ranking = folder.read_json(RANKING)
    names = [row["candidate"] for row in ranking["candidates"]]
    warnings = [check for check in folder.read_json(CHECKS)["checks"] if not check["ok"]]
    lines = [
        f"**{escape(short(ranking['title'], 80))}**, North Star ranking as of "
        f"{moment(ranking['as_of'])}",
        "",
        f"{_sinking(ranking)}{prose(ranking['headline'], names)} "
        f"{_kept(folder)}{_counted(folder, ranking)}{_flags(len(warnings))}",
        "",
        *(_line(row) for row in estimated(ranking["candidates"])[:MENTIONED]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _counted(folder: RunFolder, ranking: dict[str, Any]) -> str:
    people = folder.read_json(POPULATION)
    candidates = ranking["candidates"]
    return (
        f"{count(people['eligible'])} eligible accounts, {count(people['retained'])} retained; "
        f"{count(len(candidates))} candidate{'' if len(candidates) == 1 else 's'} compared. "
        "Accounts were compared with accounts alike in what the data shows; only an experiment "
        f"settles it.{_night(folder)}"
    )


def _kept(folder: RunFolder) -> str:
    """The leader as it is kept from run to run, in one sentence."""
    told = star_told(folder)
    if told is None or told["leader"] is None:
        return ""
    what = clipped(told["leader"]["sentence"], 300)
    since = "" if told["changes"]["first_run"] else f" since {moment(told['standing']['since'])}"
    return f"{star_name(told)}, kept{since}: {escape(what)}. "


def _night(folder: RunFolder) -> str:
    """What the run did about its nightly state, where the product keeps one."""
    told = [folder.read_json(name)["sentence"] for name in (STATE, MEASURED) if folder.exists(name)]
    return "".join(f" {escape(sentence)}" for sentence in told)


def _sinking(ranking: dict[str, Any]) -> str:
    """Said before the answer: without anybody who stays there is nothing to rank for."""
    retention = ranking["retention"]
    if retention["verdict"] != "not flattening":
        return ""
    return f"⚠ {escape(retention['sentence'])} "


def _flags(failed: int) -> str:
    if not failed:
        return ""
    return f" ⚠ {failed} data check{'' if failed == 1 else 's'} failed: see the report."


def _line(row: dict[str, Any]) -> str:
    return (
        f"- {span(row['candidate'])}, {reach_words(row)}: {points(row['crude_lift_pp'])} crude, "
        f"{points(row['lift_pp'])} adjusted points "
        f"({interval(row['ci_low_pp'], row['ci_high_pp'])}); "
        f"{verdict(row['verdict']).word}"
    )


def prose(text: str, names: list[str]) -> str:
    """A sentence with the candidates' names in it set apart and everything else inert."""
    folded = fold_names(text, names)
    cut = [short(name) for name in names]
    pieces = split_names(folded, cut)
    return sentence("".join(span(piece) if named else escape(piece) for piece, named in pieces))


def span(name: str) -> str:
    """A name as it stands, in a code span where that is safe, escaped where it is not."""
    shown = visible(short(name))
    return escape(shown) if NOT_FOR_CODE.search(shown) else f"`{shown}`"


def escape(text: str) -> str:
    """Text in which no character formats, links, mentions or starts a tag."""
    inert = "".join(ENTITIES.get(character, character) for character in visible(text))
    return FORMATS.sub(r"\\\1", inert)
