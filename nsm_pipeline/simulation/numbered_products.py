"""Products of the articles' examples whose number an article gives: seven friends in ten days."""

from __future__ import annotations

from dataclasses import replace

from nsm_pipeline.simulation.article_product import BUSINESS, core, does, keeps, part, product
from nsm_pipeline.simulation.shape import Each, Named, Packed, Shared

MESSAGES = (50, 100, 200, 500, 1000, 2000, 3000, 5000)
FEATURES = (
    *("ads", "calls", "chat", "contacts", "dashboards", "forms", "mail", "pipeline", "workflows"),
)
_MEMBER = does("member_invited", 0.3)
NUMBERED = (
    product(
        "facebook",
        "Facebook: 7 friends in 10 days",
        (
            core("session_started"),
            replace(
                keeps(0.9, "friend_added", (7, 10), Each("friend_id")),
                measure=("distinct", "friend_id"),
            ),
            does("post_written", 0.4),
            does("post_liked", 0.9, keenness=0.8),
            does("photo_uploaded", 0.3),
        ),
        windows=(3, 7, 10, 14),
    ),
    product(
        "slack",
        "Slack: a team's 2,000 messages, here within 28 days",
        (
            replace(
                keeps(160.0, "messages_sent", (2000, 28), Packed("messages")),
                role="core",
                taste=0.7,
                most=20_000.0,
                grid=MESSAGES,
                measure=("sum", "messages"),
            ),
            does("channel_created", 0.4),
            does("file_uploaded", 0.6),
            does("app_installed", 0.15),
            _MEMBER,
        ),
        replace(BUSINESS, returns="any"),
        windows=(7, 14, 28),
    ),
    product(
        "calendly",
        "Calendly: a follow-up within a day of the first meeting",
        (
            core("meeting_scheduled", Each("meeting_id")),
            keeps(0.3, "follow_up_sent", (1, 1)),
            does("calendar_connected", 0.3),
            does("page_shared", 0.4),
            does("reminder_set", 0.3),
        ),
    ),
    product(
        "amplitude",
        "Amplitude: more than three charts in a week",
        (
            replace(keeps(0.8, "chart_run", (4, 7), Shared("chart_id")), role="core"),
            does("chart_shared", 0.3, Shared("chart_id")),
            does("dashboard_viewed", 0.8),
            does("data_source_connected", 0.1),
        ),
        replace(BUSINESS, returns="any"),
    ),
    product(
        "hubspot",
        "HubSpot: five and more features in a week",
        (
            core("contact_added", Each("contact_id")),
            replace(
                keeps(0.9, "features_used", (5, 7), Named("feature", FEATURES)),
                event="feature_used",
                measure=("distinct", "feature"),
                grid=(1, 2, 3, 4, 5, 6, 7, 8),
            ),
            replace(part("feature_used_again", 0.6, "features_used"), event="feature_used"),
            _MEMBER,
        ),
        BUSINESS,
    ),
    product(
        "presentations",
        "An editor of designs: more than two designs shared in week 1",
        (
            core("design_created", Each("design_id")),
            keeps(0.5, "design_shared", (3, 7)),
            does("slide_edited", 1.2),
        ),
    ),
)
