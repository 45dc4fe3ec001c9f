"""The draft as YAML with comments that say why; what only a person can know is marked DECIDE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nsm_pipeline.product.business_model import (
    AUDIENCES,
    HINT_SOURCE,
    MODELS,
    Audience,
    usual_kinds,
)
from nsm_pipeline.product.column_names import plain
from nsm_pipeline.product.draft.columns import B2B_WORDS
from nsm_pipeline.product.draft.core_event import SAID, Judged
from nsm_pipeline.product.draft.first_draft import Draft
from nsm_pipeline.product.draft.lines import DECIDE, comment, noted, scalar
from nsm_pipeline.product.draft.source_text import source_text
from nsm_pipeline.product.event_nature import words_of

MOST_NAMED = 6
IDS = ("id", "email", "name")
WORTH_NAMING = ("value", "transaction")
# Attributes that may be what came of an account, which would explain every behaviour away.
OUTCOMES = ("result", "status", "churn", "cancel", "outcome", "final", "ltv", "left", "revenue")
WINDOWS = (
    "# Stayed: did it again in the window (`event: any` would count any sign of life). What `auto`",
    "# makes of the data is shown by `nsm advise`; write durations such as 28d to keep them.",
    "onboarding: {nth: 1}",
    "retention: {event: core, after: auto, within: auto}",
    "exposure: {within: auto}",
)


def draft_text(draft: Draft) -> str:
    """The product file."""
    told = (_head(draft), source_text(draft), _core(draft))
    parts = (*told, WINDOWS, _compared(draft), _left_open(draft))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(draft: Draft) -> Iterator[str]:
    yield "# A first draft by `nsm init`, from names, kinds of columns and counts alone."
    yield f"# What only a person can know is marked {DECIDE}."
    yield "version: 1"
    yield f"product: {draft.identity.product}"
    title = draft.identity.product.replace("_", " ").capitalize()
    yield noted(f"title: {scalar(title)}", f"{DECIDE}: what people call it")
    yield noted("owner: nobody-yet", f"{DECIDE}: who answers for it")
    yield from _audience(draft)
    yield from _business_model(draft)
    yield 'schedule: "0 2 * * *"'
    yield noted("timezone: UTC", f"{DECIDE}: where a night is a night, such as Europe/London")
    first = draft.seen.last if draft.is_archive else draft.written_on
    yield noted(
        f"start_date: {first.isoformat()}", "the first night; nothing is run for earlier ones"
    )


def _audience(draft: Draft) -> Iterator[str]:
    given, account = draft.identity.audience, draft.events.columns.account
    if given is not None:
        yield f"audience: {given}"
        yield from comment(AUDIENCES[given])
        return
    business = plain(account) in B2B_WORDS
    guess: Audience = "b2b" if business else "consumer"
    because = f"{scalar(account)} is a business" if business else "no column speaks of businesses"
    yield noted(f"audience: {guess}", f"{DECIDE}: consumer or b2b ({because})")


def _business_model(draft: Draft) -> Iterator[str]:
    model = draft.identity.model
    if model is not None:
        yield f"business_model: {model}"
        yield from comment(
            f"For {MODELS[model].title} the metric is usually {usual_kinds(model)}: a hint, by"
            f" {HINT_SOURCE}."
        )
        return
    yield f"# business_model: {next(iter(MODELS))}    # {DECIDE}: one of these, or leave it out"
    for key, advice in MODELS.items():
        kinds = " or ".join(kind.replace("_", " ") for kind in advice.kinds)
        yield f"#   {key:<22} usually {kinds}"
    yield f"#   ({HINT_SOURCE}: a hint, no rule)"


def _core(draft: Draft) -> Iterator[str]:
    chosen = draft.core.chosen
    yield "core_metric:"
    yield from comment(_why(draft), indent=2)
    yield noted(
        f"  event: {scalar(chosen.fact.name)}",
        f"{DECIDE}: is this when a customer gets what they came for?",
    )
    name = " ".join(words_of(chosen.fact.name)).capitalize() or "Core event"
    yield f"  name: {scalar(name)}"
    yield f"  # {DECIDE}: write what is promised when this has happened, as `promise: …`"
    worth = [event for event in draft.core.others if event.nature in WORTH_NAMING]
    for event in worth[:MOST_NAMED]:
        yield f"  # or {_counted(event)}"
    weak = [event for event in draft.core.others if event.nature not in WORTH_NAMING]
    if weak or draft.core.passed_over:
        yield "  # Not proposed:"
    for event in (*weak[:MOST_NAMED], *_most_used(draft.core.passed_over)):
        yield f"  #   {_counted(event)}"


def _why(draft: Draft) -> str:
    chosen, fact = draft.core.chosen, draft.core.chosen.fact
    of = "" if draft.seen.share == 1 else f", counted on {draft.seen.share:.1%} of them"
    again = f"{fact.returned:,} of {fact.accounts:,} accounts did it again a week or more later{of}"
    said = [f"As you said; {again}." if draft.core.named_by_user else f"{again}."]
    if not draft.core.named_by_user:
        said.append("Of what may be the moment of value, no event brings back more.")
    if chosen.nature == "transaction":
        said.append(
            "It is a transaction, taken because no other event may be the moment of value: ask"
            " whether a customer has got what they came for by then."
        )
    elif chosen.nature != "value":
        said.append(f"By its name it is weak ({SAID[chosen.nature]}).")
    if draft.core.most_frequent:
        said.append(
            "It is also the most frequent event of all: make sure that it is the moment of value,"
            " not what any visit leaves behind."
        )
    return " ".join(said)


def _counted(event: Judged) -> str:
    fact = event.fact
    return (
        f"{scalar(fact.name)}: {fact.returned:,} of {fact.accounts:,} again ({SAID[event.nature]})"
    )


def _most_used(events: Iterable[Judged]) -> list[Judged]:
    ordered = sorted(events, key=lambda event: (-event.fact.accounts, event.fact.name))
    return ordered[:MOST_NAMED]


def _compared(draft: Draft) -> Iterator[str]:
    yield "# Every event is a candidate. Declare others under `candidates`: sums, days, conditions."
    yield "discover: {events: all}"
    yield f"# {DECIDE}: name events that cannot bring anybody back; they calibrate the whole search"
    yield "placebos: []"
    if draft.core.passive:
        yield "# These seem to happen to an account, rather than being done by it."
        yield f"passive_events: [{', '.join(map(scalar, draft.core.passive))}]"
    if draft.core.leaving:
        yield "# These seem to be leaving itself: an outcome that would predict the outcome."
        yield f"exclude: {{events: [{', '.join(map(scalar, draft.core.leaving))}]}}"


def _left_open(draft: Draft) -> Iterator[str]:
    named = _attributes(draft)
    known = [name for name in named if not _may_be_outcome(name)]
    if not known:
        yield "# `adjust_for` and `segments` take attributes of accounts, once a table has some."
        return
    yield f"# {DECIDE}: adjust for what was known at sign-up, never for what came of it"
    yield "# adjust_for:"
    yield from (f"#   - {scalar(name)}" for name in known)
    left_out = [name for name in named if _may_be_outcome(name)]
    if left_out:
        yield from comment(f"Not {', '.join(map(scalar, left_out))}: by name it may be an outcome.")


def _attributes(draft: Draft) -> list[str]:
    """Columns of the accounts table that hold few things to say: no ids, no times, no numbers."""
    if draft.accounts is None:
        return []
    columns, kinds = draft.accounts.columns, draft.accounts.table.kinds
    taken = {columns.account, columns.internal}
    texts = [name for name, kind in kinds.items() if kind in ("string", "boolean")]
    return [name for name in texts if name not in taken and not plain(name).endswith(IDS)]


def _may_be_outcome(name: str) -> bool:
    return any(word.startswith(OUTCOMES) for word in words_of(name))
