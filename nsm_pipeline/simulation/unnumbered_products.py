"""Products of the articles' examples that have no number: what is planted in them is ours."""

from __future__ import annotations

from dataclasses import replace

from nsm_pipeline.simulation.article_product import (
    BUSINESS,
    core,
    does,
    invitations,
    keeps,
    part,
    product,
)
from nsm_pipeline.simulation.scenario import Revenue
from nsm_pipeline.simulation.shape import (
    Back,
    Each,
    Elsewhere,
    Level,
    Money,
    Packed,
    Shape,
    Shared,
    Whole,
)

SUBSCRIPTION = Revenue("subscription", onset_days=35)
UNNUMBERED = (
    product(
        "airbnb",
        "Airbnb: nights booked (planted: ten listings viewed in a week)",
        (
            core("booking_made", Each("booking_id"), Whole("nights", 1, 7), Money("amount", 240)),
            part("booking_cancelled", 0.1, "booking_made"),
            part("stay_completed", 0.7, "booking_made"),
            keeps(1.6, "listing_viewed", (10, 7), Each("listing_id")),
            does("searched", 1.0),
            does("review_written", 0.2, Whole("rating", 1, 5)),
        ),
    ),
    product(
        "spotify",
        "Spotify: time listened (planted: three playlists saved in a week)",
        (
            core("track_played", Packed("minutes"), Each("track_id"), rate=25.0),
            keeps(0.5, "playlist_saved", (3, 7)),
            does("session_started", 1.0),
            does("artist_followed", 0.3),
            does("shared", 0.2),
        ),
    ),
    product(
        "youtube",
        "YouTube: minutes watched (planted: three channels subscribed to in a week)",
        (
            core("video_watched", Packed("minutes"), Each("video_id"), rate=20.0),
            keeps(0.5, "channel_subscribed", (3, 7)),
            does("session_started", 1.0),
            does("comment_written", 0.3),
            does("liked", 0.6),
        ),
    ),
    product(
        "netflix",
        "Netflix: median hours a month (planted: five titles put on the list in a week)",
        (
            core("title_watched", Packed("hours", 25), Each("title_id"), rate=8.0),
            keeps(0.8, "list_added", (5, 7)),
            does("session_started", 1.0),
            does("title_rated", 0.3),
            does("profile_created", 0.1),
        ),
        revenue=SUBSCRIPTION,
    ),
    product(
        "whatsapp",
        "WhatsApp: messages sent (planted: two groups joined in a week)",
        (
            core("message_sent", Elsewhere("recipient_id"), rate=2.0),
            keeps(0.4, "group_joined", (2, 7)),
            does("status_posted", 0.2),
            does("call_made", 0.4),
            *invitations(),
        ),
    ),
    product(
        "instagram",
        "Instagram: daily actives (planted: ten accounts followed in a week)",
        (
            core("session_started"),
            keeps(1.5, "user_followed", (10, 7)),
            does("photo_posted", 0.3),
            does("story_viewed", 1.0),
            does("liked", 0.9),
        ),
    ),
    product(
        "shopify",
        "Shopify: merchandise volume (planted: ten products added in a week)",
        (
            core("order_received", Each("order_id"), Elsewhere("buyer_id"), Money("amount", 60)),
            part("order_refunded", 0.05, "order_received", Back("amount")),
            keeps(1.5, "product_added", (10, 7)),
            does("theme_changed", 0.2),
            does("discount_made", 0.2),
        ),
        Shape(audience="b2b"),
        revenue=SUBSCRIPTION,
    ),
    product(
        "miro",
        "Miro: boards that several work on (planted: three members invited in a week)",
        (
            core("board_edited", Shared("board_id"), rate=1.5),
            does("board_created", 0.2, Shared("board_id")),
            does("comment_added", 0.5, Shared("board_id")),
            keeps(0.5, "member_invited", (3, 7)),
        ),
        BUSINESS,
    ),
    product(
        "airtable",
        "Airtable: weekly paid users (planted: two views shared in a week)",
        (
            core("record_edited", Shared("base_id"), rate=1.5),
            does("base_created", 0.2, Shared("base_id")),
            does("base_opened", 0.8, Shared("base_id")),
            keeps(0.4, "view_shared", (2, 7), Shared("base_id")),
        ),
        replace(BUSINESS, plans=("free", "team", "business")),
    ),
    product(
        "dropbox",
        "Dropbox: files shared between teams (planted: five files uploaded in a week)",
        (
            core("file_shared", Shared("file_id", 12), Elsewhere("to_account_id", 0.5)),
            keeps(0.8, "file_uploaded", (5, 7), Shared("file_id", 12)),
            does("file_opened", 0.8, Shared("file_id", 12)),
            *invitations(),
        ),
        replace(BUSINESS, plans=("basic", "business")),
    ),
    product(
        "jira",
        "Jira: weekly active paid users (planted: five issues created in a week)",
        (
            core("issue_resolved", Shared("issue_id", 12)),
            keeps(0.8, "issue_created", (5, 7), Shared("issue_id", 12)),
            does("issue_moved", 0.8, Shared("issue_id", 12)),
            does("comment_added", 0.5, Shared("issue_id", 12)),
            does("board_viewed", 0.8, Shared("issue_id", 12)),
        ),
        replace(BUSINESS, plans=("free", "standard", "premium")),
    ),
    product(
        "asana",
        "Asana: tasks completed by teams (planted: two projects created in a week)",
        (
            core("task_completed", Shared("task_id", 12)),
            does("task_created", 0.8, Shared("task_id", 12)),
            does("comment_added", 0.5, Shared("task_id", 12)),
            keeps(0.4, "project_created", (2, 7)),
        ),
        BUSINESS,
    ),
    product(
        "intercom",
        "Intercom: conversations of both sides (planted: three articles published in a week)",
        (
            core(
                *("message_sent", Shared("conversation_id", 8)),
                Level("side", {"company": 0.5, "customer": 0.5}),
                rate=1.5,
            ),
            does("conversation_closed", 0.4, Shared("conversation_id", 8)),
            keeps(0.5, "article_published", (3, 7)),
            does("bot_configured", 0.15),
        ),
        Shape(audience="b2b"),
    ),
    product(
        "instacart",
        "Instacart: first orders (planted: ten items put into the basket in a week)",
        (
            core("order_completed", Each("order_id"), Money("amount", 70)),
            does("session_started", 1.0),
            keeps(1.5, "item_added", (10, 7), Each("item_id")),
            does("coupon_used", 0.2),
            does("support_contacted", 0.1),
        ),
    ),
)
