"""Where every account stands by every candidate that it touched.

The stratum is that of the score without the candidate's own rows, so it differs by candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from nsm_pipeline.warehouse.active_days import ActiveDays
from nsm_pipeline.warehouse.candidates import Footprint, ResolvedCandidate
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures
from nsm_pipeline.warehouse.ladder import rung
from nsm_pipeline.warehouse.strata import Weights, day_terms, event_term
from nsm_pipeline.warehouse.thresholds import steps_reached, threshold_ladders

Ladders = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Counted:
    """All that was counted of the accounts before there was a score.

    Shape: `own_values` as `own_values` gives them; `values` and `own_rows` (as `candidate_values`
    and `own_rows` give them) of the candidates that are not `counted_by_rows`.
    """

    exposures: Exposures
    candidates: Sequence[ResolvedCandidate]
    footprints: Sequence[Footprint]
    values: ir.Table
    own_rows: ir.Table
    own_values: ir.Table | None
    days: ActiveDays


def is_plain(candidate: ResolvedCandidate) -> bool:
    """Whether the candidate counts the rows of one event and leaves out exactly these.

    Then the counts by event say everything: what is the candidate's is the event's.
    """
    return candidate.kind == "event" and candidate.footprint.kind == "event"


def counted_by_rows(candidate: ResolvedCandidate) -> bool:
    """Whether the candidate counts the rows of its footprint, and these are of one event."""
    whole_value = candidate.kind == "value" and candidate.footprint.kind == "value"
    return is_plain(candidate) or whole_value


def build_standings(
    engine: Engine, weights: Weights, scores: ir.Table, counted: Counted
) -> ir.Table:
    """Stratum and thresholds reached of every account that touched a candidate.

    Shape: a row per account and candidate: `account_no, candidate_no`, and per window
    `stratum_<window>` (null where the account did not touch it) and `step_<window>`, how many of
    the candidate's thresholds it reached.
    """
    moved = engine.materialise(
        "moved_by_days",
        "what the days of each footprint add to the score",
        _moved_by_days(counted.days, weights),
    )
    parts = [_plain(engine, weights, (scores, moved), counted)]
    # Even an empty part would cost the engine a pass over all counts.
    if counted.own_values is not None:
        parts.append(_values(engine, weights, (scores, moved), (counted, counted.own_values)))
    if not all(counted_by_rows(candidate) for candidate in counted.candidates):
        parts.append(_declared(engine, weights, (scores, moved), counted))
    standings = engine.materialise(
        "standings", "where accounts stand by each candidate", ibis.union(*parts)
    )
    engine.let_go("moved_by_days")
    return standings


def _moved_by_days(days: ActiveDays, weights: Weights) -> ir.Table:
    """What leaving a footprint's own days out changes: `account_no, footprint_no, moved_<w>`."""
    keys = ["account_no", "footprint_no"]
    before = day_terms(days.seen, weights, ["account_no"])
    before = before.rename({f"before_{w}": f"days_{w}" for w in weights.windows})
    after = day_terms(days.without, weights, keys).join(before, "account_no")
    return after.select(
        *keys, **{f"moved_{w}": after[f"days_{w}"] - after[f"before_{w}"] for w in weights.windows}
    )


def _plain(
    engine: Engine, weights: Weights, tables: tuple[ir.Table, ir.Table], counted: Counted
) -> ir.Table:
    """The plain candidates, straight from the counts by event."""
    windows, by_event = weights.windows, counted.exposures.by_event
    plain = [(no, c) for no, c in enumerate(counted.candidates) if is_plain(c)]
    numbers, ladders = _numbers(
        engine,
        "plain_candidates",
        counted,
        plain,
        event_no=[counted.exposures.event_numbers[c.events[0]] for _, c in plain],
    )
    rows = by_event.join(weights.events, "event_no").join(numbers, "event_no")
    rows = _beside_scores(rows, tables)
    return _of_rows(rows, weights, ("n", dict.fromkeys(windows, 0)), ladders)


def _values(
    engine: Engine,
    weights: Weights,
    tables: tuple[ir.Table, ir.Table],
    given: tuple[Counted, ir.Table],
) -> ir.Table:
    """The candidates that are one property value: its rows are what they count and leave out."""
    (counted, own), windows = given, weights.windows
    candidates = enumerate(counted.candidates)
    mine = [(no, c) for no, c in candidates if counted_by_rows(c) and not is_plain(c)]
    numbers, ladders = _numbers(engine, "value_candidates", counted, mine)
    rows = own.join(counted.exposures.by_event, ["account_no", "event_no"])
    rows = rows.join(weights.events, "event_no").join(numbers, "footprint_no")
    rows = _beside_scores(rows, tables)
    others = {
        w: event_term(rows[f"slope_{w}"], rows[f"n_{w}"] - rows[f"own_n_{w}"]) for w in windows
    }
    return _of_rows(rows, weights, ("own_n", others), ladders)


def _of_rows(
    rows: ir.Table, weights: Weights, own: tuple[str, Mapping[int, Any]], ladders: Ladders
) -> ir.Table:
    """Standings by rows of one event: how many are the candidate's, and what the others score."""
    name, others = own
    without = {
        f"without_{w}": rows[f"score_{w}"]
        + rows[f"moved_{w}"].fill_null(0)
        + others[w]
        - event_term(rows[f"slope_{w}"], rows[f"n_{w}"])
        for w in weights.windows
    }
    values = {f"value_{w}": rows[f"{name}_{w}"].nullif(0) for w in weights.windows}
    return _standing(rows.mutate(**without, **values), weights, "value", ladders)


def _declared(
    engine: Engine, weights: Weights, tables: tuple[ir.Table, ir.Table], counted: Counted
) -> ir.Table:
    """The other candidates: the score of each footprint, then the values of its candidates."""
    windows = weights.windows
    # The longer table first: joins run as written, and the engine keeps the other one in memory.
    own = counted.exposures.by_event.join(counted.own_rows, ["account_no", "event_no"])
    own = own.join(weights.events, "event_no")
    terms = {
        w: event_term(own[f"slope_{w}"], own[f"n_{w}"] - own[f"own_n_{w}"])
        - event_term(own[f"slope_{w}"], own[f"n_{w}"])
        for w in windows
    }
    own = own.mutate(**{f"change_{w}": terms[w] for w in windows})
    touched = own.group_by("account_no", "footprint_no").aggregate(
        **{f"change_{w}": own[f"change_{w}"].sum().cast("int64") for w in windows},
        **{f"touched_{w}": own[f"own_n_{w}"].max().nullif(0) for w in windows},
    )
    rows = _beside_scores(touched, tables)
    without = {
        w: rows[f"score_{w}"] + rows[f"moved_{w}"].fill_null(0) + rows[f"change_{w}"]
        for w in windows
    }
    rows = rows.mutate(**{f"without_{w}": without[w] for w in windows})
    others = [(no, c) for no, c in enumerate(counted.candidates) if not counted_by_rows(c)]
    numbers, ladders = _numbers(engine, "other_candidates", counted, others)
    rows = rows.join(numbers, "footprint_no")
    rows = rows.left_join(counted.values, ["account_no", "candidate_no"])
    rows = rows.drop("account_no_right", "candidate_no_right")
    return _standing(rows, weights, "touched", ladders)


def _numbers(
    engine: Engine,
    name: str,
    counted: Counted,
    candidates: Sequence[tuple[int, ResolvedCandidate]],
    **columns: list[int],
) -> tuple[ir.Table, Ladders]:
    """Candidates with their footprint, ladder and a further column; and the ladders."""
    ladders, numbers = threshold_ladders([c for _, c in candidates])
    columns |= {
        "candidate_no": [no for no, _ in candidates],
        "footprint_no": [counted.footprints.index(c.footprint) for _, c in candidates],
        "ladder_no": numbers,
    }
    types = {column: "int16" if column == "event_no" else "int32" for column in columns}
    return engine.small_table(name, columns, types), ladders


def _beside_scores(rows: ir.Table, tables: tuple[ir.Table, ir.Table]) -> ir.Table:
    scores, moved = tables
    joined = rows.join(scores, "account_no").left_join(moved, ["account_no", "footprint_no"])
    return joined.drop("account_no_right", "footprint_no_right")


def _standing(rows: ir.Table, weights: Weights, touched: str, ladders: Ladders) -> ir.Table:
    strata = {
        f"stratum_{w}": ibis.ifelse(
            rows[f"{touched}_{w}"].notnull(), rung(rows[f"without_{w}"], cuts), ibis.null("int16")
        ).cast("int16")
        for w, cuts in weights.cuts.items()
    }
    steps = {
        f"step_{w}": steps_reached(rows[f"value_{w}"], rows.ladder_no, ladders).cast("int16")
        for w in weights.windows
    }
    return rows.select("account_no", "candidate_no", **strata, **steps)
