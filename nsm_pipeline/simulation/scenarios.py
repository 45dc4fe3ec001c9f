"""The worlds by name."""

from __future__ import annotations

from dataclasses import replace

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.simulation.catalogue import (
    CAUSAL,
    CORE,
    DEFAULT,
    IMMORTAL,
    NULLS,
    PLACEBOS,
    PROXIES,
    shop,
    shop_by_property,
    with_changed,
    with_effects,
)
from nsm_pipeline.simulation.numbered_products import NUMBERED
from nsm_pipeline.simulation.scenario import (
    Behaviour,
    DoseResponse,
    Effect,
    Intent,
    Revenue,
    Scenario,
    Threshold,
    Visits,
)
from nsm_pipeline.simulation.unnumbered_products import UNNUMBERED

FRIEND, PHOTO, GROUP = CAUSAL
STRONG = Intent(base=-1.3, keenness=1.8, need=0.8, life=2.0)


def _effects(**effects: Effect) -> tuple[Behaviour, ...]:
    return with_changed({name: {"effect": effect} for name, effect in effects.items()})


def _only_team(behaviour: Behaviour) -> Effect:
    assert behaviour.effect is not None
    return replace(behaviour.effect, only=("plan", "team"), log_odds=1.4)


def _fading(behaviour: Behaviour) -> Effect:
    assert behaviour.effect is not None
    return replace(behaviour.effect, fades=True)


# Done the more the keener an account is, as anything, and it drives accounts away.
HARMFUL = Behaviour(
    "alert_subscribed",
    "causal",
    0.5,
    keenness=0.9,
    taste=1.2,
    effect=Effect(Threshold(3, 7), -1.0),
)
HIDDEN_PROXY = Behaviour("relocation_announced", "proxy", 0.3, hidden=1.1, keenness=0.2)
CHILDREN = (
    Behaviour("friend_confirmed", "child", 0.75, parent="friend_added"),
    Behaviour("photo_tagged", "child", 0.6, parent="photo_shared"),
)
MORE_IMMORTAL = tuple(
    Behaviour(f"day_{day}_card_seen", "immortal", 0.7 + 0.03 * day, visits=Visits(day))
    for day in (1, 2, 4, 5, 7, 8, 10, 11)
)
MORE_GAMED = tuple(
    Behaviour(f"bonus_{n}_claimed", "gamed", 0.1 + 0.1 * n, keenness=0.3 + 0.1 * n)
    for n in range(1, 5)
)

_ALL = (
    Scenario(
        "default",
        "36 behaviours, three of them causal (two thresholds, one dose), 12 placebos",
        DEFAULT,
    ),
    Scenario("no_effect", "as default, but nothing brings anyone back", with_effects(0)),
    Scenario(
        "no_effect_strong_intent",
        "no effects, and intent that decides nearly everything",
        with_effects(0),
        intent=STRONG,
    ),
    Scenario("weak_effects", "as default with 0.4 of the effects", with_effects(0.4)),
    Scenario("strong_effects", "as default with 1.8 times the effects", with_effects(1.8)),
    Scenario(
        "small_catalogue_5",
        "five event types, one of them causal, no placebos",
        (CORE, FRIEND, *PROXIES[:3]),
    ),
    Scenario(
        "small_catalogue_8",
        "eight event types, two of them causal, and the placebos",
        (CORE, FRIEND, GROUP, *PROXIES[:3], IMMORTAL[0], PROXIES[11], *PLACEBOS),
    ),
    Scenario(
        "transactional_log",
        "a shop: five event types, sixty products, three of them causal",
        shop(),
    ),
    Scenario(
        "hidden_intent",
        "a third intent drives retention, and one behaviour alone shows it",
        (*DEFAULT, HIDDEN_PROXY),
        intent=Intent(hidden=1.2),
    ),
    Scenario(
        "proxies_everywhere",
        "every behaviour without effect follows intent closely",
        tuple(
            replace(b, keenness=max(b.keenness, 0.8), taste=3.0)
            if b.effect is None and b.role not in ("core", "passive")
            else b
            for b in DEFAULT
        ),
    ),
    Scenario(
        "immortal_time",
        "eleven behaviours for those who stay long enough; staying matters more",
        (*DEFAULT, *MORE_IMMORTAL),
        intent=Intent(base=-1.3, life=3.0),
    ),
    Scenario(
        "drifting_effect",
        "the effects fall from twice their size to nothing over the cohorts",
        _effects(friend_added=_fading(FRIEND), group_joined=_fading(GROUP)),
    ),
    Scenario(
        "segment_only",
        "two effects exist on the team plan only",
        _effects(friend_added=_only_team(FRIEND), group_joined=_only_team(GROUP)),
    ),
    Scenario(
        "dose_response",
        "all three effects grow with every time",
        _effects(
            friend_added=Effect(DoseResponse(15, 10), 1.4),
            group_joined=Effect(DoseResponse(5, 3), 1.2),
        ),
    ),
    Scenario(
        "gamed_and_bots",
        "six gamed behaviours, one account in twenty games them, 3 % bots",
        (CORE, *CAUSAL, *NULLS, *MORE_GAMED, *PLACEBOS),
        bots=0.03,
        gamers=0.05,
    ),
    Scenario(
        "subscription_revenue",
        "as default, paid by the calendar month",
        DEFAULT,
        revenue=Revenue("subscription", onset_days=35),
    ),
    Scenario(
        "harmful_event",
        "one more behaviour drives accounts away, though its doers stay more often",
        (*DEFAULT, HARMFUL),
    ),
    Scenario(
        "rare_effects",
        "the causal behaviours reach a few percent of accounts",
        with_changed(
            {
                "friend_added": {"rate": 0.3},
                "photo_shared": {"rate": 0.02, "effect": Effect(Threshold(1, 7), 1.2)},
                "group_joined": {"rate": 0.1},
            }
        ),
    ),
    Scenario(
        "parent_child",
        "two causal behaviours have a child, a part of them without effect",
        (*DEFAULT, *CHILDREN),
    ),
    Scenario("no_placebos", "as default without any placebo", (CORE, *CAUSAL, *NULLS)),
    Scenario(
        "undeclared_placebos",
        "the placebos are there, but the product file does not name them",
        DEFAULT,
        declared_placebos=False,
    ),
    Scenario(
        "late_threshold",
        "the main threshold is 3 times within 14 days",
        with_changed({"friend_added": {"rate": 0.3, "effect": Effect(Threshold(3, 14), 1.0)}}),
    ),
    Scenario(
        "day_resolution", "as default with dates instead of moments", DEFAULT, day_resolution=True
    ),
    Scenario(
        "left_truncated",
        "the log begins when accounts of three months are there already",
        DEFAULT,
        older_days=90,
    ),
    Scenario("no_revenue", "as default without revenue", DEFAULT, revenue=None),
)
SCENARIOS = {scenario.name: scenario for scenario in _ALL}
# Not among the worlds of `make recovery`: the event of all products together is a candidate too,
# and neither with nor without effect.
PROPERTY_DISCOVERY = Scenario(
    "property_discovery",
    "transactional_log, where discovery makes the catalogue of products from the log",
    shop_by_property(),
    by_property=True,
)
ARTICLES = {scenario.name: scenario for scenario in (*NUMBERED, *UNNUMBERED)}
EVERY_SCENARIO = {**SCENARIOS, PROPERTY_DISCOVERY.name: PROPERTY_DISCOVERY, **ARTICLES}


def find_scenario(name: str) -> Scenario:
    """The scenario of this name.

    Raises:
        InvalidInput: there is none; the message lists them all.
    """
    if name not in EVERY_SCENARIO:
        there_are = "\n    ".join(["Choose one of:", *scenario_lines()])
        raise InvalidInput(Problem("--scenario", f'There is no scenario "{name}".', there_are))
    return EVERY_SCENARIO[name]


def scenario_lines() -> list[str]:
    """Every scenario's name and what is special about it, a line each."""
    width = max(map(len, EVERY_SCENARIO))
    return [f"{name.ljust(width)}  {one.line}" for name, one in EVERY_SCENARIO.items()]
