"""The behaviours of the simulated products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nsm_pipeline.simulation.scenario import Behaviour, DoseResponse, Effect, Threshold, Visits

FIRST = Visits(first_only=True)

CORE = Behaviour("message_sent", "core", 0.7, keenness=0.4)

CAUSAL = (
    Behaviour(
        "friend_added",
        "causal",
        0.9,
        keenness=0.45,
        taste=1.0,
        effect=Effect(Threshold(7, 10), 0.9),
    ),
    Behaviour(
        "photo_shared",
        "causal",
        0.35,
        keenness=0.45,
        need=0.2,
        taste=1.0,
        effect=Effect(DoseResponse(10, 14), 1.4),
    ),
    Behaviour(
        "group_joined",
        "causal",
        0.45,
        keenness=0.35,
        need=0.3,
        taste=1.2,
        effect=Effect(Threshold(2, 3), 0.8),
    ),
)

PROXIES = (
    Behaviour("comment_written", "proxy", 0.5, keenness=0.7),
    Behaviour("post_liked", "proxy", 0.9, keenness=0.8),
    Behaviour("story_viewed", "proxy", 1.0, keenness=0.6, tilt=("device", "phone", 0.4)),
    Behaviour("search_run", "proxy", 0.6, keenness=0.5),
    Behaviour("video_watched", "proxy", 0.7, keenness=0.6, taste=1.0),
    Behaviour("link_shared", "proxy", 0.3, keenness=0.7),
    Behaviour("playlist_saved", "proxy", 0.25, keenness=0.5, need=-0.4, taste=0.8),
    Behaviour("filter_tried", "proxy", 0.4, keenness=0.4, need=-0.3),
    Behaviour("reply_sent", "proxy", 0.4, keenness=0.8),
    Behaviour("poll_answered", "proxy", 0.2, keenness=0.5, tilt=("country", "FR", 0.5)),
    Behaviour("bookmark_added", "proxy", 0.25, keenness=0.4, need=0.5),
    Behaviour("calendar_opened", "proxy", 0.3, keenness=0.3, need=0.7),
    Behaviour("file_uploaded", "proxy", 0.3, keenness=0.4, need=0.8, tilt=("plan", "team", 0.6)),
    Behaviour("template_used", "proxy", 0.25, keenness=0.3, need=0.6),
    Behaviour("contacts_imported", "proxy", 0.5, keenness=0.6, visits=FIRST),
)

VANITY = (
    Behaviour("app_opened", "vanity", 2.5, keenness=0.05, taste=8.0),
    Behaviour("home_viewed", "vanity", 1.8, keenness=0.1, taste=6.0),
    Behaviour("tour_started", "vanity", 2.0, visits=FIRST, taste=6.0),
    Behaviour("terms_accepted", "vanity", 3.0, visits=FIRST, taste=9.0),
)

IMMORTAL = (
    Behaviour("streak_kept", "immortal", 0.9, keenness=0.2, visits=Visits(3)),
    Behaviour("weekly_recap_opened", "immortal", 0.8, keenness=0.2, visits=Visits(6)),
    Behaviour("veteran_badge_seen", "immortal", 0.9, keenness=0.1, visits=Visits(9)),
)

RARE = (
    Behaviour("api_key_created", "rare", 0.004, keenness=0.9),
    Behaviour("data_exported", "rare", 0.006, keenness=0.6, need=0.6),
    Behaviour("moderator_applied", "rare", 0.008, keenness=0.8),
)

GAMED = (
    Behaviour("invite_link_clicked", "gamed", 0.2, keenness=0.5),
    Behaviour("reward_claimed", "gamed", 0.3, keenness=0.4),
)

PASSIVE = (
    Behaviour("mail_received", "passive", 0.15),
    Behaviour("push_received", "passive", 0.10, keenness=0.2),
)

NOISE = (
    Behaviour("settings_opened", "noise", 0.25),
    Behaviour("help_viewed", "noise", 0.2, tilt=("channel", "ads", 0.4)),
    Behaviour("password_changed", "noise", 0.25, visits=FIRST),
)

# What cannot bring anyone back, and is done the more the keener an account is.
PLACEBOS = tuple(
    Behaviour(name, "placebo", rate, keenness=keenness, need=need, taste=taste)
    for name, rate, keenness, need, taste in (
        ("theme_picked", 0.30, 0.6, 0.0, 1.5),
        ("font_changed", 0.20, 0.5, 0.2, 1.2),
        ("sound_toggled", 0.30, 0.7, 0.0, 1.5),
        ("background_picked", 0.25, 0.4, -0.3, 1.0),
        ("emoji_style_picked", 0.40, 0.8, 0.0, 1.5),
        ("date_format_changed", 0.20, 0.3, 0.6, 1.2),
        ("sidebar_resized", 0.35, 0.4, 0.5, 1.5),
        ("window_moved", 0.80, 0.6, 0.0, 2.0),
        ("zoom_changed", 0.45, 0.5, 0.1, 1.5),
        ("animation_toggled", 0.15, 0.7, -0.2, 1.0),
        ("cursor_changed", 0.15, 0.4, 0.0, 0.8),
        ("ringtone_changed", 0.30, 0.6, -0.4, 1.5),
    )
)

NULLS = (*PROXIES, *VANITY, *IMMORTAL, *RARE, *GAMED, *PASSIVE, *NOISE)
DEFAULT = (CORE, *CAUSAL, *NULLS, *PLACEBOS)


def with_effects(scale: float, behaviours: Sequence[Behaviour] = DEFAULT) -> tuple[Behaviour, ...]:
    """Every effect times the scale; 0 leaves the behaviour with none."""

    def scaled(behaviour: Behaviour) -> Behaviour:
        if behaviour.effect is None:
            return behaviour
        if scale == 0:
            return replace(behaviour, role="proxy", effect=None)
        effect = replace(behaviour.effect, log_odds=scale * behaviour.effect.log_odds)
        return replace(behaviour, effect=effect)

    return tuple(map(scaled, behaviours))


def with_changed(
    changes: dict[str, dict[str, object]], behaviours: Sequence[Behaviour] = DEFAULT
) -> tuple[Behaviour, ...]:
    """The behaviours with some of their values changed, by name."""
    return tuple(replace(b, **changes.get(b.name, {})) for b in behaviours)  # type: ignore[arg-type]


def shop() -> tuple[Behaviour, ...]:
    """A transaction log: five event types, sixty products, three of which bring customers back."""
    causal = {
        "p07": Effect(Threshold(1, 7), 0.9),
        "p19": Effect(Threshold(2, 14), 1.1),
        "p33": Effect(DoseResponse(5, 14), 1.2),
    }
    rates = {"p07": 0.14, "p19": 0.22, "p33": 0.16}
    products = []
    for number in range(1, 61):
        product = f"p{number:02d}"
        role = "causal" if product in causal else "placebo" if number > 48 else "proxy"
        products.append(
            Behaviour(
                f"bought_{product}",
                role,  # type: ignore[arg-type]
                rates.get(product, 0.05 + 0.15 * (number % 7) / 6),
                keenness=0.2 + 0.5 * (number % 5) / 4,
                need=0.4 * ((number % 3) - 1),
                taste=0.8,
                effect=causal.get(product),
                event="item_bought",
                product=product,
            )
        )
    return (
        Behaviour("order_placed", "core", 0.6, keenness=0.3),
        *products,
        Behaviour("item_returned", "proxy", 0.08, keenness=0.3),
        Behaviour("product_viewed", "proxy", 2.0, keenness=0.6),
        Behaviour("review_written", "proxy", 0.15, keenness=0.6, need=0.3),
    )


def shop_by_property() -> tuple[Behaviour, ...]:
    """The same log, its products named as the candidates that discovery makes of their values."""
    return tuple(
        replace(b, name=f"{b.event_name}: product = {b.product}") if b.product else b
        for b in shop()
    )
