"""What the profile of the source says: a number and a sentence per check and table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nsm_pipeline.product.checks import Checks

Profile = Mapping[str, Any]

# Seen every week of the four before, and this often in all: by chance such an event skips a week
# less than once in a hundred (Poisson, five a week).
REGULAR_ROWS = 20
FEWEST_WEEKS = 2
SHOWN = 5
SHOWN_CHARACTERS = 60

OFFENCES = {
    "nulls": "lack a value",
    "unique_accounts": "list an account again",
    "duplicates": "repeat an earlier row",
    "future": "are dated too far after the run's moment",
    "before_start": "are dated before the year 2000 or before the account's sign-up",
    "orphan_accounts": "belong to an account that the accounts table does not list",
    "negative_revenue": "are negative without being a refund",
}
MENDS = {
    "rows": "Load the table, or point the product at where its rows are.",
    "types": "Store times as timestamps and amounts as numbers in the source.",
    "freshness": "Load the missing days, or allow more with checks.freshness.max_age.",
    "volume": "Look for a load that ran half or twice, or widen checks.volume.",
    "nulls": "Fill or remove the rows at their source, or allow some with checks.nulls.max_share.",
    "unique_accounts": "Give the accounts table one row per account.",
    "duplicates": "Look for a load that ran twice, or allow more with checks.duplicates.max_share.",
    "future": "Correct the clocks or time zones at the source; these rows are not counted.",
    "before_start": "Correct the times at the source (a wrong unit gives 1970).",
    "vanished_events": "Find out why tracking stopped, or take the name out of the product file.",
    "unknown_events": "Name the new events in the product file, or put them under discover.except.",
    "orphan_accounts": "Load the accounts that are missing.",
    "negative_revenue": "Say which rows are refunds with source.revenue.refund.",
    "eligible_accounts": "Wait for more cohorts, shorten the windows, or begin onboarding earlier.",
}


@dataclass(frozen=True)
class Observation:
    """A measured number, the bounds it must keep (None: open), and what to tell the reader.

    An `observed` of None could not be measured and fails.
    """

    check: str
    table: str
    observed: float | None
    what: str
    lowest: float | None = None
    highest: float | None = None
    examples: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """The bounds in words."""
        if self.lowest is not None and self.highest is not None:
            return f"{self.lowest:g} to {self.highest:g}"
        if self.lowest is not None:
            return f"at least {self.lowest:g}"
        return f"at most {self.highest:g}"


def observe(
    profile: Profile, checks: Checks, population: Mapping[str, Any] | None
) -> Iterator[Observation]:
    """Every observation that the declared tables allow, in the order of the report."""
    tables = [name for name in ("events", "accounts", "revenue") if name in profile]
    logs = [name for name in tables if name != "accounts"]
    for name in tables:
        yield _rows(name, profile[name])
    for name in logs:
        yield _types(name, profile[name])
    sound = [name for name in tables if not profile[name].get("wrong_types")]
    if "events" in sound:
        yield _freshness(profile, checks)
    for name in logs:
        if name in sound:
            yield from _volume(name, profile, checks)
    for check in OFFENCES:
        for name in sound:
            if check in profile[name]:
                yield _offence(check, name, profile[name], getattr(checks, check).max_share)
    if "events" in sound:
        yield _vanished(profile["events"])
        yield from _unknown(profile)
    if population is not None:
        yield _eligible(population, checks)


def quoted(name: str) -> str:
    """An event's name for a sentence: in quotes, on one line, short."""
    short = name if len(name) <= SHOWN_CHARACTERS else name[: SHOWN_CHARACTERS - 1] + "…"
    return json.dumps(short, ensure_ascii=False)


def _rows(name: str, table: Profile) -> Observation:
    what = f"The source has {table['rows']:,} rows of {name} up to the run's moment."
    return Observation("rows", name, table["rows"], what, lowest=1)


def _types(name: str, log: Profile) -> Observation:
    wrong = [f"{column} is {dtype}" for column, dtype in log["wrong_types"].items()]
    what = f"The columns of {name} have their types."
    if wrong:
        what = f"Columns of {name} have another type than expected: {', '.join(wrong)}."
    return Observation("types", name, len(wrong), what, highest=0)


def _freshness(profile: Profile, checks: Checks) -> Observation:
    allowed, newest = checks.freshness.max_age, profile["events"]["newest"]
    if newest is None:
        what, days = "No event has a usable time up to the run's moment.", None
    else:
        age = datetime.fromisoformat(profile["as_of"]) - datetime.fromisoformat(newest)
        days = age / timedelta(days=1)
        unit = "day" if f"{days:.1f}" == "1.0" else "days"
        what = f"Newest event is {days:.1f} {unit} old at the run's moment (allowed: {allowed})."
    return Observation("freshness", "events", days, what, lowest=0, highest=allowed)


def _volume(name: str, profile: Profile, checks: Checks) -> Iterator[Observation]:
    """The same seven weekdays on both sides, so a closing day weighs equally.

    A median, so that one closed week among the four does not count. Nothing while the log is too
    young for two whole weeks before.
    """
    log = profile[name]
    if log["oldest"] is None:
        return
    last, *before = log["weeks"]
    history = datetime.fromisoformat(profile["as_of"]) - datetime.fromisoformat(log["oldest"])
    whole = before[: max(0, history // timedelta(days=7) - 1)]
    if len(whole) < FEWEST_WEEKS:
        return
    usual = statistics.median(whole)
    lowest, highest = checks.volume.lowest_ratio, checks.volume.highest_ratio
    ratio = last / usual if usual else None
    times = "nothing to compare with" if ratio is None else f"{ratio:.2f} times as many"
    what = (
        f"The last 7 days have {last:,} rows of {name}, the weeks before had {usual:,.0f}: {times} "
        f"(allowed: {lowest:g} to {highest:g})."
    )
    yield Observation("volume", name, ratio, what, lowest=lowest, highest=highest)


def _offence(check: str, name: str, table: Profile, allowed: float) -> Observation:
    found = table[check]
    share = found["rows"] / found["compared"] if found["compared"] else 0.0
    what = (
        f"{found['rows']:,} of {found['compared']:,} rows of {name} ({_percent(share)}) "
        f"{OFFENCES[check]}{_detail(check, table)} (allowed: {_percent(allowed)})."
    )
    return Observation(check, name, share, what, highest=allowed, examples=tuple(found["examples"]))


def _detail(check: str, table: Profile) -> str:
    if check == "nulls":
        counts = [f"{column} {rows:,}" for column, rows in table["missing"].items() if rows]
        return f": {', '.join(counts)}" if counts else ""
    if check == "duplicates":
        by = "its id" if table[check]["by"] == "id" else "every column of it"
        since = table[check]["since"]
        return f" by {by}" + (f", compared since {since}" if since else "")
    return ""


def _vanished(events: Profile) -> Observation:
    absent = events["absent_names"]
    silent = [
        entry["event"]
        for entry in events["names"]
        if not entry["weeks"][0]
        and all(entry["weeks"][1:])
        and sum(entry["weeks"][1:]) >= REGULAR_ROWS
    ]
    parts = []
    if absent:
        parts.append(f"{len(absent)} that the product names: {_some(absent)}")
    if silent:
        parts.append(f"{len(silent)} seen in each week before, not in the last: {_some(silent)}")
    what = "No event vanished: all that the product names are there, and the regular ones go on."
    if parts:
        what = f"Events are missing: {'; '.join(parts)}."
    names = tuple(quoted(name) for name in (absent + silent)[:SHOWN])
    return Observation(
        "vanished_events", "events", len(absent) + len(silent), what, highest=0, examples=names
    )


def _unknown(profile: Profile) -> Iterator[Observation]:
    """Nothing while the log is younger than two weeks: then every event is new."""
    events = profile["events"]
    week_ago = datetime.fromisoformat(profile["as_of"]) - timedelta(days=7)
    oldest = events["oldest"]
    if oldest is None or datetime.fromisoformat(oldest) > week_ago - timedelta(days=7):
        return
    new = [
        entry["event"]
        for entry in events["names"]
        if not entry["named"] and datetime.fromisoformat(entry["first"]) > week_ago
    ]
    what = "No event appeared for the first time in the last 7 days without the product naming it."
    if new:
        what = f"{len(new)} first seen in the last 7 days, not named by the product: {_some(new)}."
    names = tuple(quoted(name) for name in new[:SHOWN])
    yield Observation("unknown_events", "events", len(new), what, highest=0, examples=names)


def _eligible(population: Mapping[str, Any], checks: Checks) -> Observation:
    needed, eligible = checks.eligible_accounts.at_least, population["eligible"]
    what = (
        f"{eligible:,} of {population['onboarded']:,} onboarded accounts were observed to the end "
        f"of their outcome window (needed: {needed:,})."
    )
    return Observation("eligible_accounts", "accounts", eligible, what, lowest=needed)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(quoted(name) for name in names[:SHOWN]) + more


def _percent(share: float) -> str:
    if 0 < share < 0.0001:
        return "under 0.01 %"
    return f"{100 * share:.3g} %"
