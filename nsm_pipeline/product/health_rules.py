"""Rules about what is watched around the metric: links between invitations, and costs."""

from __future__ import annotations

from collections.abc import Iterator

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.health import CostColumns
from nsm_pipeline.product.source_rules import (
    NUMBERS,
    TIMES,
    SourceColumns,
    column_of_kind,
)
from nsm_pipeline.product.yaml_tree import Finding, short

COSTS = ("health", "costs", "acquisition")
IDS = ("string", "integer")


def _one_link(config: ProductConfig) -> Iterator[Finding]:
    """Two ways of saying who invited whom could contradict each other."""
    asked = config.health.invitations
    if asked is None or asked.accepted is None:
        return
    keys = ("health", "invitations", "accepted")
    if asked.accepted.inviter and (asked.sent.invitee or asked.accepted.invitee):
        yield Finding(
            keys,
            "`inviter` and `invitee` are two ways of saying who came by which invitation.",
            "Keep `accepted.inviter`, or `sent.invitee` with what it is compared with.",
        )
    elif asked.accepted.invitee and not asked.sent.invitee:
        yield Finding(
            (*keys, "invitee"),
            "`accepted.invitee` is compared with `sent.invitee`, which is not given.",
            "Give the column of the invitation that holds the same.",
        )


def _not_its_own_inviter(config: ProductConfig) -> Iterator[Finding]:
    asked = config.health.invitations
    accepted = asked.accepted if asked else None
    if accepted and accepted.inviter == config.source.events.account:
        yield Finding(
            ("health", "invitations", "accepted", "inviter"),
            f'"{short(accepted.inviter)}" is the account that accepts, not the one that invited.',
            "Name the column that holds the inviting account.",
        )


def _costs_need_revenue(config: ProductConfig) -> Iterator[Finding]:
    if config.health.costs is not None and config.source.revenue is None:
        yield Finding(
            ("health", "costs"),
            "Costs are held against revenue, and there is no revenue table.",
            "Add `source.revenue`, or take the costs out.",
        )


def _linking_columns(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    asked = config.health.invitations
    if asked is None:
        return
    named = {("sent", "invitee"): asked.sent.invitee}
    if asked.accepted:
        named["accepted", "inviter"] = asked.accepted.inviter
        named["accepted", "invitee"] = asked.accepted.invitee
    for place, column in named.items():
        if column is not None:
            keys = ("health", "invitations", *place)
            yield from column_of_kind(keys, columns, "events", column, IDS)


def _cost_columns(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    costs = config.health.costs
    if costs is None or not isinstance(costs.acquisition, CostColumns) or "costs" not in columns:
        return
    for key, usable in {"month": TIMES, "amount": NUMBERS}.items():
        column = getattr(costs.acquisition, key)
        yield from column_of_kind((*COSTS, key), columns, "costs", column, usable)


HEALTH_RULES = (_one_link, _not_its_own_inviter, _costs_need_revenue)
HEALTH_SOURCE_RULES = (_linking_columns, _cost_columns)
