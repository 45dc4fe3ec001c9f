"""The parts of a product like those that the articles on the North Star Metric name.

Each has its own events and columns, and beside them what every product has: behaviours that follow
intent, vanity, placebos. One behaviour of its own brings accounts back.
"""

from __future__ import annotations

from collections.abc import Sequence

from nsm_pipeline.simulation.catalogue import (
    CORE,
    IMMORTAL,
    NOISE,
    PASSIVE,
    PLACEBOS,
    PROXIES,
    VANITY,
)
from nsm_pipeline.simulation.scenario import (
    THRESHOLDS,
    Behaviour,
    Effect,
    Scenario,
    Threshold,
    Visits,
)
from nsm_pipeline.simulation.shape import Column, Inviter, Shape

WEEK = (1, 3, 7, 14)
PLAIN = Shape()
BUSINESS = Shape(users=True, audience="b2b")
_COMMON = (*PROXIES, *VANITY, *IMMORTAL[:2], *PASSIVE, *NOISE, *PLACEBOS)


def core(name: str, *columns: Column, rate: float = CORE.rate) -> Behaviour:
    """The event in which a customer gets what the product promises."""
    most = 30.0 if rate < 5 else 5000.0
    return Behaviour(name, "core", rate, keenness=CORE.keenness, columns=columns, most=most)


def does(name: str, rate: float, *columns: Column, keenness: float = 0.5) -> Behaviour:
    """Follows intent and has no effect."""
    return Behaviour(name, "proxy", rate, keenness=keenness, columns=columns)


def part(name: str, share: float, parent: str, *columns: Column) -> Behaviour:
    """A random part of the parent's occurrences."""
    return Behaviour(name, "child", share, parent=parent, columns=columns)


def keeps(rate: float, name: str, effect: tuple[int, int], *columns: Column) -> Behaviour:
    """Brings accounts back once done so many times within so many days."""
    shape = Threshold(*effect)
    return Behaviour(
        name,
        "causal",
        rate,
        keenness=0.45,
        taste=1.0,
        effect=Effect(shape, 1.1),
        grid=tuple(sorted({*THRESHOLDS, shape.at_least})),
        columns=columns,
    )


def invitations() -> tuple[Behaviour, Behaviour]:
    """Sent by anyone, and accepted at the first visit of many who came by referral."""
    accepted = Behaviour(
        "invite_accepted",
        "noise",
        1e-4,
        taste=50.0,
        tilt=("channel", "referral", 9.2),
        visits=Visits(first_only=True),
        columns=(Inviter("inviter_id", "invite_sent"),),
    )
    return does("invite_sent", 0.3), accepted


def product(
    name: str, line: str, own: Sequence[Behaviour], shape: Shape = PLAIN, **more: object
) -> Scenario:
    """The product with what every product has; nothing passive where any event is a return."""
    names = {b.event_name for b in own}
    common = [
        b
        for b in _COMMON
        if b.name not in names and not (b.role == "passive" and shape.returns == "any")
    ]
    settings = {"windows": WEEK, "revenue": None, **more}
    return Scenario(name, line, (*own, *common), shape=shape, **settings)  # type: ignore[arg-type]
