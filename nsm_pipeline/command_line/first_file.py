"""`nsm init`: writes a first product file and says what is left to a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, get_args

from nsm_pipeline.command_line.console import say, say_json
from nsm_pipeline.errors import InvalidInput, Problem

Word = TypeVar("Word")
PRODUCTS = Path("config/products")
TELLS_NOTHING = {"", "events", "data", "warehouse", "analytics", "public", "postgres"}


def init(source: str, out: Path | None, said: Mapping[str, str | None], *, as_json: bool) -> None:
    """Writes the file, then prints where, and the lines that only a person can know.

    Args:
        source: a connection URL, or a path or pattern of Parquet files.
        out: the file; by default named as the product, where Airflow looks for it.
        said: `name, schema, account, core, audience, model`, each or None.
        as_json: print JSON.
    """
    from nsm_pipeline.drafting import Wanted, draft_product
    from nsm_pipeline.product.business_model import Audience, BusinessModel
    from nsm_pipeline.product.draft.lines import decisions

    name = said["name"] or _name_of(source)
    wanted = Wanted(
        source=source,
        product=name,
        schema=said["schema"],
        account=said["account"],
        core=said["core"],
        audience=_one_of("--audience", said["audience"], get_args(Audience)),
        model=_one_of("--business-model", said["model"], get_args(BusinessModel)),
    )
    file = out or PRODUCTS / f"{name}.yaml"
    left = decisions(draft_product(wanted, file, today=datetime.now(UTC).date()))
    if as_json:
        decide = [{"line": line, "what": what} for line, what in left]
        say_json({"ok": True, "product": str(file), "decide": decide})
        return
    say(f"Wrote {file}; `nsm check` finds nothing wrong with it.\n\nLeft to a person:")
    say("\n".join(f"  {file}:{line}  {what}" for line, what in left))
    say(f"\nThen  nsm advise {file}\n      nsm run {file}")


def _name_of(source: str) -> str:
    """The last part of a path or URL that tells something, as a product's name."""
    path = re.sub(r"^[a-z]+:(//)?|\?.*$", "", source.rpartition("@")[2])
    parts = [re.sub(r"[^a-z0-9]+", "_", Path(part).stem.lower()) for part in path.split("/")]
    telling = [part.strip("_") for part in parts if part.strip("_") not in TELLS_NOTHING]
    return (telling or ["product"])[-1][:64]


def _one_of(option: str, given: str | None, known: tuple[Word, ...]) -> Word | None:
    found = next((word for word in known if word == given), None)
    if given is not None and found is None:
        named = ", ".join(map(str, known))
        raise InvalidInput(Problem(option, f"{given!r} is not known.", f"Give one of {named}."))
    return found
