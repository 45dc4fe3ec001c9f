"""Names of columns as they are compared, and those that hold money."""

from __future__ import annotations

import re

# Most telling first.
AMOUNTS = ("amount", "netamount", "revenue", "netrevenue", "total", "paid", "price", "value")


def plain(name: str) -> str:
    """A name without case and punctuation: `Customer ID` and `customer_id` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
