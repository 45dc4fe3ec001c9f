"""What an event seems to be by its name alone: value, a payment, merely being there, leaving."""

from __future__ import annotations

import re
from typing import Literal

Nature = Literal[
    "value", "transaction", "preparing", "trivial", "once", "money", "undoing", "passive", "leaving"
]
# A word of an event's name that begins like one of these, in the order in which they decide.
WORDS: tuple[tuple[Nature, tuple[str, ...]], ...] = (
    ("leaving", ("unsubscri", "unregister", "uninstall", "churn", "deactivat", "withdr")),
    ("passive", ("received", "impression", "push", "notif", "newsletter", "bounced")),
    ("money", ("pay", "paid", "charge", "invoic", "bill", "subscri", "renew", "revenue", "upgrad")),
    ("money", ("price", "checkout")),
    ("undoing", ("cancel", "return", "refund", "delet", "remov", "fail", "error", "reject")),
    ("undoing", ("crash", "dislik", "undo", "unlik", "unfollow")),
    ("once", ("signup", "signedup", "register", "install", "onboard", "trial", "verif", "terms")),
    ("once", ("welcome", "activated")),
    ("trivial", ("login", "logout", "logged", "signin", "session", "screen", "click", "visit")),
    ("trivial", ("ping", "heartbeat", "scroll", "launch", "tap")),
    ("preparing", ("search", "brows", "cart", "wishlist", "setting", "help", "profil", "password")),
    ("preparing", ("filter", "configur", "tour")),
    ("transaction", ("order", "purchas", "bought", "booking", "booked", "sale", "sold")),
)
# Found anywhere in the name: `homepage`, `page_view`, `app_opened`, `account deleted`.
PHRASES: tuple[tuple[Nature, str], ...] = (
    ("leaving", r"(account|subscription|plan|membership) (cancel|delet|clos|end)"),
    ("leaving", r"\b(cancel|delet|clos|end)\w* (account|subscription|plan|membership)"),
    ("passive", r"(e?mail|sms|message|alert|reminder) (deliver|receiv)"),
    ("passive", r"e?mail sent"),
    ("once", r"(account|user|workspace|team|organi[sz]ation) creat"),
    ("once", r"creat\w* (account|user|workspace|team|organi[sz]ation)"),
    ("once", r"sign\w* ?up"),
    ("trivial", r"page|home|(app|site) (open|start|launch)|open\w* (app|site)|sign\w* in\b"),
)


def words_of(name: str) -> list[str]:
    """`order_placed`, `orderPlaced` and `Order Placed` alike as [order, placed]."""
    return re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower())


def nature_by_name(name: str) -> Nature:
    """What an event seems to be by its name alone."""
    words = words_of(name)
    spelled = " ".join(words)
    told = next((nature for nature, phrase in PHRASES if re.search(phrase, spelled)), None)
    told = told or next((n for n, begins in WORDS for w in words if w.startswith(begins)), None)
    return told or "value"
