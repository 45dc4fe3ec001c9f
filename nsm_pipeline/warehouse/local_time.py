"""Moments as the clocks of the product's zone show them: its own days, weeks and months.

Engines know different releases of the time-zone database, and some know none: the offsets come from
Python's, and the engine only adds seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

STEP = timedelta(days=1)
SECOND = timedelta(seconds=1)


def local(moment: ir.Value, zone: ZoneInfo, begin: datetime, end: datetime) -> ir.TimestampValue:
    """UTC as local time without a zone, for moments from begin to end (both in UTC)."""
    changes = clock_changes(zone, begin, end)
    last = _shifted(moment, _offset(zone, end))
    if not changes:
        return last
    before = [(moment < _literal(at), _shifted(moment, offset)) for at, offset in changes]
    return ibis.cases(*before, else_=last)


def clock_changes(
    zone: ZoneInfo, begin: datetime, end: datetime
) -> Sequence[tuple[datetime, timedelta]]:
    """Each moment of [begin, end] at which clocks are set, with the offset from UTC before it."""
    found = []
    day = begin
    while day < end:
        following = min(day + STEP, end)
        if _offset(zone, day) != _offset(zone, following):
            found.append((_change_between(zone, day, following), _offset(zone, day)))
        day = following
    return found


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first whole second with the later offset; zones change on whole seconds."""
    before, old = before.replace(microsecond=0), _offset(zone, before)
    while after - before > SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if _offset(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(UTC).astimezone(zone).utcoffset()
    return offset or timedelta()


def _shifted(moment: ir.Value, offset: timedelta) -> ir.TimestampValue:
    seconds = int(offset.total_seconds())
    return moment + ibis.interval(seconds=seconds) if seconds else moment


def _literal(moment: datetime) -> ir.TimestampScalar:
    return ibis.timestamp(moment.replace(tzinfo=None).isoformat())
