"""What accounts pay: retained value, with a lag, and what intent alone pays before."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nsm_pipeline.simulation.accounts import DAY, LEVELS, SPAN_DAYS, Accounts, Floats, Ints, stream
from nsm_pipeline.simulation.scenario import Revenue

WEEKS = 13
PAYMENTS_PER_WEEK = 0.3
EARLY_PAYMENTS_PER_DAY = 0.01
REFUND_SHARE, REFUND_DAYS = 0.03, 6.0
PRICES = {"free": 6.0, "pro": 19.0, "team": 49.0}
SUBSCRIBERS, EARLY_SUBSCRIBERS = 0.8, 0.15
MONTH_DAYS = 365 / 12


def draw_revenue(revenue: Revenue, accounts: Accounts, leaves: Floats, seed: int) -> pd.DataFrame:
    """Payments and refunds, in order of time.

    Shape: `owner` (position of the account), `at` (microseconds from the start of the log),
    `amount` (refunds negative), `kind`.

    Args:
        revenue: how it is paid.
        accounts: of the world.
        leaves: days from t0 until each account leaves for good.
        seed: of the world.
    """
    rng = stream(seed, "revenue")
    pay = _transactions if revenue.kind == "transactional" else _subscriptions
    owner, at, amount = pay(revenue, accounts, leaves, rng)
    refunded = rng.random(len(owner)) < REFUND_SHARE
    delay = (rng.random(int(refunded.sum())) * REFUND_DAYS * DAY).astype(np.int64)
    rows = pd.DataFrame(
        {
            "owner": np.concatenate([owner, owner[refunded]]),
            "at": np.concatenate([at, at[refunded] + delay]),
            "amount": np.concatenate([amount, -amount[refunded]]).round(2),
            "kind": np.repeat(["payment", "refund"], [len(owner), len(delay)]),
        }
    )
    rows = rows[(rows["at"] >= 0) & (rows["at"] < SPAN_DAYS * DAY)]
    return rows.sort_values(["at", "owner", "amount"], kind="stable", ignore_index=True)


def lead_weeks(revenue: Revenue, within_days: int) -> int:
    """The first week after the exposure window of which half or more is after the onset."""
    return int(np.ceil((revenue.onset_days - within_days) / 7 + 0.5 - 1e-9))


def _transactions(
    revenue: Revenue, accounts: Accounts, leaves: Floats, rng: np.random.Generator
) -> tuple[Ints, Ints, Floats]:
    """Early payments come with intent alone; later ones only from those who stay."""
    eagerness = np.exp(0.25 * accounts.keenness) * accounts.onboarded * ~accounts.bot
    early = np.minimum(leaves, revenue.onset_days)
    late = np.maximum(leaves - revenue.onset_days, 0)
    counts = (
        rng.poisson(EARLY_PAYMENTS_PER_DAY * eagerness * early),
        rng.poisson(PAYMENTS_PER_WEEK / 7 * eagerness * late),
    )
    owners = [np.repeat(np.arange(accounts.size), count) for count in counts]
    owner = np.concatenate(owners)
    u = rng.random(len(owner))
    starts = np.repeat([0.0, float(revenue.onset_days)], [len(owners[0]), len(owners[1])])
    spans = np.concatenate([early[owners[0]], late[owners[1]]])
    at = accounts.t0[owner] + ((starts + u * spans) * DAY).astype(np.int64)
    return owner, at, np.exp(rng.normal(3.0, 0.6, len(owner)))


def _subscriptions(
    revenue: Revenue, accounts: Accounts, leaves: Floats, rng: np.random.Generator
) -> tuple[Ints, Ints, Floats]:
    """Charged on the first of each month while subscribed."""
    customer = accounts.onboarded & ~accounts.bot
    early = customer & (rng.random(accounts.size) < EARLY_SUBSCRIBERS)
    paying = customer & (rng.random(accounts.size) < SUBSCRIBERS) & (leaves > revenue.onset_days)
    begins = np.where(early, 1.0, float(revenue.onset_days))
    subscribed = early | paying
    ends = np.where(paying | early, leaves, 0.0)
    first = np.ceil((accounts.t0 / DAY + begins) / MONTH_DAYS)
    last = np.floor(np.minimum(accounts.t0 / DAY + ends, SPAN_DAYS - 0.001) / MONTH_DAYS)
    months = np.where(subscribed, np.maximum(last - first + 1, 0), 0).astype(np.int64)
    owner = np.repeat(np.arange(accounts.size), months)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(months) - months, months)
    at = ((first[owner] + number) * MONTH_DAYS * DAY).astype(np.int64)
    at += (rng.random(len(owner)) * DAY / 4).astype(np.int64)
    prices = np.array([PRICES[plan] for plan in LEVELS["plan"]])
    return owner, at, prices[accounts.traits["plan"][owner]]
