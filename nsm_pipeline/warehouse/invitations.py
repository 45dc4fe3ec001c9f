"""Invitations and what became of them: who invites, who came by it, and how soon."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.health import Accepted, Invitations
from nsm_pipeline.warehouse.cohort import Population, core_events, days_after, excluded
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.outcomes import day_number
from nsm_pipeline.warehouse.usage import observed_accounts
from nsm_pipeline.warehouse.where import both, selected


@dataclass(frozen=True)
class InvitationCounts:
    """Invitations of accounts observed long enough, and the acceptances that belong to them.

    Shape: `parts` a row per part (a fortieth of the accounts): `part, accounts, inviters,
    invitations, accepted`; `cycle` `days, accepted`: whole days from invitation to acceptance.
    `accepted` is 0 and `cycle` empty where nothing links the two.
    """

    parts: pd.DataFrame
    cycle: pd.DataFrame


def count_invitations(
    engine: Engine, population: Population, tables: SourceTables, config: ProductConfig
) -> InvitationCounts:
    """Invitations sent within so many days of onboarding, and accepted within so many of theirs.

    Only accounts observed for both spans together count, so that an invitation sent yesterday is
    not taken for one that was refused. An acceptance is an account's first, belongs to the latest
    invitation at or before it, and never to the account that accepts.
    """
    asked = config.health.invitations
    if asked is None:
        raise ValueError("the product declares no invitations")
    accounts = _observed_long_enough(population, asked)
    sent = engine.materialise(
        "invitations", "invitations sent", _invitations(population.events, asked)
    )
    mine = sent.join(accounts, "account")
    mine = mine.filter(mine["at"] >= mine.t0, mine["at"] < days_after(mine.t0, asked.sent_within))
    if is_linked(asked) and asked.accepted is not None:
        rows = _acceptable(population, tables, config, asked.accepted)
        theirs = _acceptances(sent, _first_of_each(rows, asked.accepted), accounts, asked)
        days = day_number(engine, theirs.accepted_at, theirs["at"]).cast("int64")
        won = theirs.select("part", "account_no", days=days)
    else:
        won = accounts.limit(0).select("part", "account_no", days=ibis.literal(0, "int64"))
    won = engine.materialise("acceptances", "acceptances and the invitations they belong to", won)
    parts = _by_part(accounts, mine, won)
    cycle = won.group_by("days").aggregate(accepted=won.count()).order_by("days")
    return InvitationCounts(
        engine.fetch("invitations and acceptances by part", parts.order_by("part")),
        engine.fetch("days from invitation to acceptance", cycle),
    )


def _observed_long_enough(population: Population, asked: Invitations) -> ir.Table:
    accounts = observed_accounts(population)
    needed = asked.sent_within + asked.accepted_within
    return accounts.filter(days_after(accounts.t0, needed) <= accounts.observed_until)


def _invitations(events: ir.Table, asked: Invitations) -> ir.Table:
    """`account, key, at`: each event, or where invitees are named, each invitee's first."""
    rows = events.filter(both(selected(events.event, asked.sent.event), asked.sent.where, events))
    if asked.sent.invitee is None:
        return rows.select("account", "at", key=rows.account.cast("string"))
    named = rows.select("account", "at", key=rows[asked.sent.invitee].cast("string"))
    named = named.filter(named.key.notnull())
    return named.group_by("account", "key").aggregate(at=named["at"].min())


def _acceptances(
    sent: ir.Table, came: ir.Table, accounts: ir.Table, asked: Invitations
) -> ir.Table:
    """`part, account_no, at, accepted_at` of each acceptance that belongs to an invitation."""
    pairs = sent.join(came, sent.key == came.link)
    pairs = pairs.filter(
        pairs["at"] <= pairs.accepted_at, pairs.account.cast("string") != pairs.accepter
    )
    order = [pairs["at"].desc(), pairs.account.cast("string")]
    ranked = pairs.mutate(turn=ibis.row_number().over(group_by=pairs.invitee, order_by=order))
    theirs = ranked.filter(ranked.turn == 0).join(accounts, "account")
    return theirs.filter(
        theirs["at"] >= theirs.t0,
        theirs["at"] < days_after(theirs.t0, asked.sent_within),
        theirs.accepted_at <= days_after(theirs["at"], asked.accepted_within),
    )


def is_linked(asked: Invitations) -> bool:
    """Whether the file says which acceptance came by which invitation."""
    return asked.accepted is not None and bool(asked.sent.invitee or asked.accepted.inviter)


def _acceptable(
    population: Population, tables: SourceTables, config: ProductConfig, accepted: Accepted
) -> ir.Table:
    """The events that accept: an internal account or a bot that comes in is no growth."""
    events, everyone = population.events, population.onboarded
    if accepted.event == ("core",):
        named = core_events(events, config.core_metric)
    else:
        named = selected(events.event, accepted.event)
    rows = events.filter(both(named, accepted.where, events))
    out = everyone.filter(everyone.status.isin(["internal", "bot"])).select("account")
    rows = rows.anti_join(out, "account")
    if tables.accounts is None:
        return rows
    staff = tables.accounts.filter(excluded(tables.accounts, config.exclude))
    return rows.anti_join(staff.select("account"), "account")


def _first_of_each(rows: ir.Table, accepted: Accepted) -> ir.Table:
    """`invitee, link, accepter, accepted_at`: the first acceptance of each invitee."""
    own = rows.account.cast("string")
    invitee = rows[accepted.invitee].cast("string") if accepted.invitee else own
    link = rows[accepted.inviter].cast("string") if accepted.inviter else invitee
    plain = rows.select(invitee=invitee, link=link, accepter=own, accepted_at=rows["at"])
    plain = plain.filter(plain.invitee.notnull(), plain.link.notnull())
    order = [plain.accepted_at, plain.link, plain.accepter]
    ranked = plain.mutate(turn=ibis.row_number().over(group_by=plain.invitee, order_by=order))
    return ranked.filter(ranked.turn == 0).drop("turn")


def _by_part(accounts: ir.Table, mine: ir.Table, won: ir.Table) -> ir.Table:
    invited = mine.group_by("account_no").aggregate(invitations=mine.count())
    accepted = won.group_by("account_no").aggregate(accepted=won.count())
    rows = accounts.select("account_no", "part").left_join(invited, "account_no")
    rows = rows.drop("account_no_right").left_join(accepted, "account_no")
    return rows.group_by("part").aggregate(
        accounts=rows.count(),
        inviters=rows.invitations.count(),
        invitations=rows.invitations.sum().fill_null(0).cast("int64"),
        accepted=rows.accepted.sum().fill_null(0).cast("int64"),
    )
