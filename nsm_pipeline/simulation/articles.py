"""A product for each example of the articles on the North Star Metric, with its planted truth.

Each has its own events and columns, and beside them what every product has: behaviours that follow
intent, vanity, placebos. `NAMED` are those whose numbers an article gives; in the others the
number is ours, and the behaviour one that is not the core event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
    Revenue,
    Scenario,
    Threshold,
)
from nsm_pipeline.simulation.shape import (
    Back,
    Column,
    Each,
    Elsewhere,
    Level,
    Money,
    Named,
    Packed,
    Shape,
    Shared,
    Whole,
)

NAMED = ("facebook", "slack", "calendly", "amplitude", "hubspot", "presentations")
WEEK = (1, 3, 7, 14)
MESSAGES = (50, 100, 200, 500, 1000, 2000, 3000, 5000)
PLAIN = Shape()
BUSINESS = Shape(users=True, audience="b2b")
FEATURES = (
    *("ads", "calls", "chat", "contacts", "dashboards", "forms", "mail", "pipeline", "workflows"),
)
_COMMON = (*PROXIES, *VANITY, *IMMORTAL[:2], *PASSIVE, *NOISE, *PLACEBOS)


def _core(name: str, *columns: Column, rate: float = CORE.rate) -> Behaviour:
    most = 30.0 if rate < 5 else 5000.0
    return Behaviour(name, "core", rate, keenness=CORE.keenness, columns=columns, most=most)


def _does(name: str, rate: float, *columns: Column, keenness: float = 0.5) -> Behaviour:
    """Follows intent and has no effect."""
    return Behaviour(name, "proxy", rate, keenness=keenness, columns=columns)


def _part(name: str, share: float, parent: str, *columns: Column) -> Behaviour:
    return Behaviour(name, "child", share, parent=parent, columns=columns)


def _keeps(rate: float, name: str, effect: tuple[int, int], *columns: Column) -> Behaviour:
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


def _product(
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


_SUBSCRIPTION = Revenue("subscription", onset_days=35)
_MEMBER = _does("member_invited", 0.3)
_TRUTHS = (
    _product(
        "facebook",
        "Facebook: 7 friends in 10 days",
        (
            _core("session_started"),
            replace(
                _keeps(0.9, "friend_added", (7, 10), Each("friend_id")),
                measure=("distinct", "friend_id"),
            ),
            _does("post_written", 0.4),
            _does("post_liked", 0.9, keenness=0.8),
            _does("photo_uploaded", 0.3),
        ),
        windows=(3, 7, 10, 14),
    ),
    _product(
        "slack",
        "Slack: a team's 2,000 messages, here within 28 days",
        (
            replace(
                _keeps(160.0, "messages_sent", (2000, 28), Packed("messages")),
                role="core",
                taste=0.7,
                most=20_000.0,
                grid=MESSAGES,
                measure=("sum", "messages"),
            ),
            _does("channel_created", 0.4),
            _does("file_uploaded", 0.6),
            _does("app_installed", 0.15),
            _MEMBER,
        ),
        replace(BUSINESS, returns="any"),
        windows=(7, 14, 28),
    ),
    _product(
        "calendly",
        "Calendly: a follow-up within a day of the first meeting",
        (
            _core("meeting_scheduled", Each("meeting_id")),
            _keeps(0.3, "follow_up_sent", (1, 1)),
            _does("calendar_connected", 0.3),
            _does("page_shared", 0.4),
            _does("reminder_set", 0.3),
        ),
    ),
    _product(
        "amplitude",
        "Amplitude: more than three charts in a week",
        (
            replace(_keeps(0.8, "chart_run", (4, 7), Shared("chart_id")), role="core"),
            _does("chart_shared", 0.3, Shared("chart_id")),
            _does("dashboard_viewed", 0.8),
            _does("data_source_connected", 0.1),
        ),
        replace(BUSINESS, returns="any"),
    ),
    _product(
        "hubspot",
        "HubSpot: five and more features in a week",
        (
            _core("contact_added", Each("contact_id")),
            replace(
                _keeps(0.9, "features_used", (5, 7), Named("feature", FEATURES)),
                event="feature_used",
                measure=("distinct", "feature"),
                grid=(1, 2, 3, 4, 5, 6, 7, 8),
            ),
            replace(_part("feature_used_again", 0.6, "features_used"), event="feature_used"),
            _MEMBER,
        ),
        BUSINESS,
    ),
    _product(
        "presentations",
        "An editor of designs: more than two designs shared in week 1",
        (
            _core("design_created", Each("design_id")),
            _keeps(0.5, "design_shared", (3, 7)),
            _does("slide_edited", 1.2),
        ),
    ),
)
_OURS = (
    _product(
        "airbnb",
        "Airbnb: nights booked (planted: ten listings viewed in a week)",
        (
            _core("booking_made", Each("booking_id"), Whole("nights", 1, 7), Money("amount", 240)),
            _part("booking_cancelled", 0.1, "booking_made"),
            _part("stay_completed", 0.7, "booking_made"),
            _keeps(1.6, "listing_viewed", (10, 7), Each("listing_id")),
            _does("searched", 1.0),
            _does("review_written", 0.2, Whole("rating", 1, 5)),
        ),
    ),
    _product(
        "spotify",
        "Spotify: time listened (planted: three playlists saved in a week)",
        (
            _core("track_played", Packed("minutes"), Each("track_id"), rate=25.0),
            _keeps(0.5, "playlist_saved", (3, 7)),
            _does("session_started", 1.0),
            _does("artist_followed", 0.3),
            _does("shared", 0.2),
        ),
    ),
    _product(
        "youtube",
        "YouTube: minutes watched (planted: three channels subscribed to in a week)",
        (
            _core("video_watched", Packed("minutes"), Each("video_id"), rate=20.0),
            _keeps(0.5, "channel_subscribed", (3, 7)),
            _does("session_started", 1.0),
            _does("comment_written", 0.3),
            _does("liked", 0.6),
        ),
    ),
    _product(
        "netflix",
        "Netflix: median hours a month (planted: five titles put on the list in a week)",
        (
            _core("title_watched", Packed("hours", 25), Each("title_id"), rate=8.0),
            _keeps(0.8, "list_added", (5, 7)),
            _does("session_started", 1.0),
            _does("title_rated", 0.3),
            _does("profile_created", 0.1),
        ),
        revenue=_SUBSCRIPTION,
    ),
    _product(
        "whatsapp",
        "WhatsApp: messages sent (planted: two groups joined in a week)",
        (
            _core("message_sent", Elsewhere("recipient_id"), rate=2.0),
            _keeps(0.4, "group_joined", (2, 7)),
            _does("status_posted", 0.2),
            _does("call_made", 0.4),
        ),
    ),
    _product(
        "instagram",
        "Instagram: daily actives (planted: ten accounts followed in a week)",
        (
            _core("session_started"),
            _keeps(1.5, "user_followed", (10, 7)),
            _does("photo_posted", 0.3),
            _does("story_viewed", 1.0),
            _does("liked", 0.9),
        ),
    ),
    _product(
        "shopify",
        "Shopify: merchandise volume (planted: ten products added in a week)",
        (
            _core("order_received", Each("order_id"), Elsewhere("buyer_id"), Money("amount", 60)),
            _part("order_refunded", 0.05, "order_received", Back("amount")),
            _keeps(1.5, "product_added", (10, 7)),
            _does("theme_changed", 0.2),
            _does("discount_made", 0.2),
        ),
        Shape(audience="b2b"),
        revenue=_SUBSCRIPTION,
    ),
    _product(
        "miro",
        "Miro: boards that several work on (planted: three members invited in a week)",
        (
            _core("board_edited", Shared("board_id"), rate=1.5),
            _does("board_created", 0.2, Shared("board_id")),
            _does("comment_added", 0.5, Shared("board_id")),
            _keeps(0.5, "member_invited", (3, 7)),
        ),
        BUSINESS,
    ),
    _product(
        "airtable",
        "Airtable: weekly paid users (planted: two views shared in a week)",
        (
            _core("record_edited", Shared("base_id"), rate=1.5),
            _does("base_created", 0.2, Shared("base_id")),
            _does("base_opened", 0.8, Shared("base_id")),
            _keeps(0.4, "view_shared", (2, 7), Shared("base_id")),
        ),
        replace(BUSINESS, plans=("free", "team", "business")),
    ),
    _product(
        "dropbox",
        "Dropbox: files shared between teams (planted: five files uploaded in a week)",
        (
            _core("file_shared", Shared("file_id", 12), Elsewhere("to_account_id", 0.5)),
            _keeps(0.8, "file_uploaded", (5, 7), Shared("file_id", 12)),
            _does("file_opened", 0.8, Shared("file_id", 12)),
        ),
        replace(BUSINESS, plans=("basic", "business")),
    ),
    _product(
        "jira",
        "Jira: weekly active paid users (planted: five issues created in a week)",
        (
            _core("issue_resolved", Shared("issue_id", 12)),
            _keeps(0.8, "issue_created", (5, 7), Shared("issue_id", 12)),
            _does("issue_moved", 0.8, Shared("issue_id", 12)),
            _does("comment_added", 0.5, Shared("issue_id", 12)),
            _does("board_viewed", 0.8, Shared("issue_id", 12)),
        ),
        replace(BUSINESS, plans=("free", "standard", "premium")),
    ),
    _product(
        "asana",
        "Asana: tasks completed by teams (planted: two projects created in a week)",
        (
            _core("task_completed", Shared("task_id", 12)),
            _does("task_created", 0.8, Shared("task_id", 12)),
            _does("comment_added", 0.5, Shared("task_id", 12)),
            _keeps(0.4, "project_created", (2, 7)),
        ),
        BUSINESS,
    ),
    _product(
        "intercom",
        "Intercom: conversations of both sides (planted: three articles published in a week)",
        (
            _core(
                *("message_sent", Shared("conversation_id", 8)),
                Level("side", {"company": 0.5, "customer": 0.5}),
                rate=1.5,
            ),
            _does("conversation_closed", 0.4, Shared("conversation_id", 8)),
            _keeps(0.5, "article_published", (3, 7)),
            _does("bot_configured", 0.15),
        ),
        Shape(audience="b2b"),
    ),
    _product(
        "instacart",
        "Instacart: first orders (planted: ten items put into the basket in a week)",
        (
            _core("order_completed", Each("order_id"), Money("amount", 70)),
            _does("session_started", 1.0),
            _keeps(1.5, "item_added", (10, 7), Each("item_id")),
            _does("coupon_used", 0.2),
            _does("support_contacted", 0.1),
        ),
    ),
)
ARTICLES = {scenario.name: scenario for scenario in (*_TRUTHS, *_OURS)}
