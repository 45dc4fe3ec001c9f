"""Which way a run goes about its state: carry it forward, build it anew, or leave it alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.runs.run_facts import METHOD_VERSION
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import open_source
from nsm_pipeline.warehouse.state.arrival import NeedsRebuild, read_arrivals, with_accounts
from nsm_pipeline.warehouse.state.backfill import BACKFILLED, backfill
from nsm_pipeline.warehouse.state.batches import Arrivals, compare
from nsm_pipeline.warehouse.state.intake import Intake
from nsm_pipeline.warehouse.state.looked_at import profile_night
from nsm_pipeline.warehouse.state.night import carry, set_runs
from nsm_pipeline.warehouse.state.shares import Counting
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.stored import StoredCounts

# What of a product decides what is counted; everything else may change over night.
REBUILT = (
    *("source", "core_metric", "onboarding", "retention", "exposure"),
    *("passive_events", "exclude", "adjust_for", "segments"),
)
SECTIONS = (*REBUILT, *BACKFILLED)
WORDS = {"core_metric": ("name", "promise")}


@dataclass(frozen=True)
class Plan:
    """What a run does: `night` carries the state, `rebuild` builds it, `recount` leaves it alone.

    `because` gives the reason of a rebuild or a recount, as the end of a sentence; `version` is
    the number of the score that a rebuild would fit; `changed` the sections of the product that
    a night has to follow before it is carried, and their hashes.
    """

    kind: Literal["night", "rebuild", "recount"]
    because: str = ""
    version: int = 1
    changed: Mapping[str, str] = field(default_factory=dict)


def digests(config: ProductConfig) -> dict[str, str]:
    """A hash of every part of the product that decides what is counted, and of the method."""
    content = config.model_dump(mode="json", by_alias=True, include=set(SECTIONS))
    found = {"method": str(METHOD_VERSION)}
    for name in SECTIONS:
        said = content[name]
        if name in WORDS:
            said = {key: value for key, value in said.items() if key not in WORDS[name]}
        text = json.dumps(said, sort_keys=True, default=str)
        found[name] = hashlib.sha256(text.encode()).hexdigest()
    return found


def carry_forward(
    engine: Engine,
    product: LoadedProduct,
    as_of: datetime,
    path: Path,
    *,
    rebuild: bool = False,
    check: Callable[[], None] | None = None,
) -> tuple[Plan, StoredCounts | None]:
    """The state carried to `as_of` and opened; or the plan that says why it cannot be.

    Before candidates that have changed are followed, `check` may refuse the product.
    Nothing is written unless the state was carried. A second call for the same moment finds
    nothing new and changes nothing.
    """
    intake = Intake.of(product, engine)
    offered = intake.offered
    if not path.exists():
        return Plan("rebuild", "there was none"), None
    store = intake.attach(path)
    facts = store.read_facts()
    plan = Plan("rebuild", "it was written by another version of this program")
    if facts is not None:
        arrivals = compare(store.batches(), offered)
        plan = _plan(product.config, as_of, facts, arrivals)
        if rebuild and plan.kind == "night":
            plan = Plan("rebuild", "it was asked for")
        plan = replace(plan, version=facts["version"]["number"] + 1)
        product = _settled(product, facts["advice"])
    if plan.kind != "night" or facts is None:
        store.detach()
        return plan, None
    try:
        if plan.changed and check is not None:
            check()
        # One transaction: a night that dies leaves the state as it was, its ledger with it.
        with store.transaction():
            facts = _carried(store, product, facts, (plan, as_of, intake, arrivals))
    except NeedsRebuild as reason:
        store.detach()
        return replace(plan, kind="rebuild", because=str(reason)), None
    except BaseException:
        store.detach()
        raise
    return plan, StoredCounts(store, product, open_source(engine, product, intake.files), facts)


def _carried(
    store: StateStore,
    product: LoadedProduct,
    facts: dict[str, Any],
    given: tuple[Plan, datetime, Intake, Arrivals],
) -> dict[str, Any]:
    (plan, as_of, intake, arrivals), config = given, product.config
    told: dict[str, Any] = {}
    if plan.changed:
        facts, told = backfill(store, product, facts, plan.changed)
        facts |= {"night": told, "digests": facts["digests"] | plan.changed}
        store.write_facts(facts)
    arrivals = with_accounts(store, intake, arrivals)
    if as_of == datetime.fromisoformat(facts["as_of"]) and not arrivals.something:
        return facts
    changed = arrivals.accounts_changed
    set_runs(store, facts, as_of)
    arrived = read_arrivals(store, intake, arrivals)
    counting = Counting(product, ScoreVersion.from_json(facts["version"]), arrived.names)
    new = carry(store, counting, arrived, facts, as_of)
    store.replace_batches(arrived.batches, accounts=changed)
    new["profile"] = profile_night(store, config, facts["profile"], as_of, accounts_changed=changed)
    new["night"] |= _came(arrivals, new["profile"]) | told
    store.write_facts(new)
    return new


def _settled(product: LoadedProduct, advice: Mapping[str, Any] | None) -> LoadedProduct:
    if advice is None:
        return product
    used = advice["used"]
    exposure = tuple(used["exposure"])
    return product.with_windows(after=used["after"], within=used["within"], exposure=exposure)


def reopen(engine: Engine, product: LoadedProduct, path: Path, stamp: int) -> StoredCounts:
    """The state as an earlier step of the same run left it.

    Raises:
        InvalidInput: another run has carried it on since.
    """
    store = Intake.of(product, engine).attach(path)
    facts = store.read_facts()
    if facts is None or facts["stamp"] != stamp:
        store.detach()
        raise InvalidInput(
            Problem(
                str(path),
                "Another run has changed the nightly state since this run began.",
                "Start the run again; two runs of one product must not overlap.",
            )
        )
    return StoredCounts(store, product, open_source(engine, product), facts)


def _plan(
    config: ProductConfig, as_of: datetime, facts: Mapping[str, Any], arrivals: Arrivals
) -> Plan:
    if as_of < datetime.fromisoformat(facts["as_of"]):
        last = datetime.fromisoformat(facts["as_of"])
        return Plan("recount", f"the state has gone on to {last:%Y-%m-%d %H:%M} UTC")
    now = digests(config)
    before = facts["digests"]
    changed = {name: digest for name, digest in now.items() if before.get(name) != digest}
    rebuilt = [name for name in changed if name not in BACKFILLED]
    if rebuilt:
        return Plan("rebuild", f"changed in the product: {', '.join(rebuilt)}")
    if arrivals.broken:
        more = f" and {len(arrivals.broken) - 1} more" if len(arrivals.broken) > 1 else ""
        return Plan("rebuild", f"{arrivals.broken[0]}{more}")
    fitted = datetime.fromisoformat(facts["version"]["fitted"])
    if config.state is not None and as_of.date() >= next_rebuild(fitted, config.state.rebuild):
        return Plan("rebuild", f"the {config.state.rebuild} rebuild was due")
    return Plan("night", changed=changed)


def next_rebuild(fitted: datetime, period: str) -> date:
    """The first day (UTC) on which everything is counted again."""
    day = fitted.astimezone(UTC).date()
    if period == "weekly":
        return day + timedelta(days=7)
    months = 1 if period == "monthly" else 3 - (day.month - 1) % 3
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _came(arrivals: Arrivals, profile: Mapping[str, Any]) -> dict[str, int]:
    return {
        "batches": arrivals.batches,
        "events": profile["events"].get("new_rows", 0),
    }
