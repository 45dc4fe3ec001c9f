"""The cells of a growing product by DuckDB SQL written for it alone.

What an expert would write who knows the product, the engine and the answer: no name is looked up,
nothing is left open, moments are numbers. The rows must be those of the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.growing_product import AFTER, AS_OF, WITHIN, GrowingProduct
from nsm_pipeline.waist.cells import REVENUE_WEEKS
from nsm_pipeline.waist.score_model import ScoreModel, WindowScore

MILLIONTHS = 1_000_000
SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET preserve_insertion_order = false",
    "SET disabled_optimizers = 'build_side_probe_side,join_order'",
)
DAY = "86400000000"


def hand_sql(
    product: GrowingProduct, score: ScoreModel, windows: Sequence[int], thresholds: Sequence[int]
) -> Iterator[str]:
    """The statements in order; the last is a query for the cells, each candidate by its event.

    `step` is how many of the thresholds were reached, revenue is in hundredths.
    """
    last = windows[-1]
    yield from SETTINGS
    yield f"""CREATE VIEW ev AS SELECT account, epoch_us("at") AS at_us, event
        FROM read_parquet('{product.event_files}')"""
    yield f"""CREATE TEMP TABLE clock AS SELECT account, min(at_us) AS t0 FROM ev
        WHERE event = 'event_000' AND at_us <= epoch_us(TIMESTAMP '{AS_OF}') GROUP BY account"""
    yield f"""CREATE TEMP TABLE newest AS SELECT max(at_us) AS newest FROM ev
        WHERE at_us <= epoch_us(TIMESTAMP '{AS_OF}')"""
    yield f"""CREATE TEMP TABLE acct AS SELECT
        (row_number() OVER ())::INT AS account_no, account, t0, plan,
        strftime(make_timestamp(t0), '%Y-%m') AS cohort
        FROM clock JOIN read_parquet('{product.folder}/accounts.parquet') USING (account), newest
        WHERE t0 + {AFTER + WITHIN} * {DAY} <= newest"""
    yield """CREATE TEMP TABLE cohorts AS SELECT cohort,
        (row_number() OVER ())::SMALLINT AS cohort_no FROM (SELECT DISTINCT cohort FROM acct)"""
    yield (
        "CREATE TEMP TABLE names AS SELECT * FROM (VALUES "
        + ", ".join(f"('{name}', {number}::SMALLINT)" for number, name in enumerate(product.names))
        + ") t(event, event_no)"
    )
    yield f"""CREATE TEMP TABLE near AS
        SELECT account_no, event_no, ((at_us - t0) // {DAY})::SMALLINT AS day
        FROM ev JOIN acct USING (account) JOIN names USING (event)
        WHERE at_us >= t0 AND at_us < t0 + {last} * {DAY}
           OR at_us > t0 + {AFTER} * {DAY} AND at_us <= t0 + {AFTER + WITHIN} * {DAY}"""
    yield f"""CREATE TEMP TABLE kept AS SELECT account_no, max(day) >= {last} AS retained
        FROM near GROUP BY account_no"""
    yield f"""CREATE TEMP TABLE counts AS SELECT account_no, event_no,
        {_each("count(*) FILTER (WHERE day < {w})::INT AS n_{w}", windows)}
        FROM near WHERE day < {last} GROUP BY account_no, event_no"""
    yield f"""CREATE TEMP TABLE days AS SELECT account_no, day, min(event_no) AS low,
        max(event_no) AS high FROM near WHERE day < {last} GROUP BY account_no, day"""
    yield from _days_without(windows)
    yield from _scores(product, windows, score)
    yield f"""CREATE TEMP TABLE standing AS SELECT account_no, event_no,
        {
        _each(
            "CASE WHEN n_{w} > 0 THEN {rung} END::SMALLINT AS own_{w}",
            windows,
            rung=lambda w: _rung(f"without_{w}", _cuts(score, w)),
        )
    },
        {_each("{rung}::SMALLINT AS step_{w}", windows, rung=lambda w: _rung(f"n_{w}", thresholds))}
        FROM (SELECT account_no, event_no, {_each("n_{w}", windows)},
              {
        _each("score_{w} + coalesce(moved_{w}, 0) - {term} AS without_{w}", windows, term=_term)
    }
              FROM counts JOIN slopes USING (event_no) JOIN scores USING (account_no)
              LEFT JOIN moved USING (account_no, event_no))"""
    yield from _revenue(product, windows)
    yield f"""CREATE TEMP TABLE cells AS {" UNION ALL ".join(_spread(w, score) for w in windows)}"""
    yield """SELECT within_days, printf('event_%03d', candidate) AS candidate, stratum, cohort,
        '' AS segment, step, accounts, retained, revenue_accounts, revenue_sum,
        revenue_squares::DOUBLE AS revenue_squares
        FROM cells WHERE accounts > 0"""


def _each(pattern: str, windows: Sequence[int], **parts: object) -> str:
    return ", ".join(
        pattern.format(w=w, **{name: make(w) for name, make in parts.items()})  # type: ignore[operator]
        for w in windows
    )


def _term(window: int) -> str:
    return f"round(slope_{window} * ln((n_{window} + 1)::DOUBLE) * {MILLIONTHS})::BIGINT"


def _rung(value: str, edges: Sequence[float], first: int = 0) -> str:
    if not edges:
        return str(first)
    middle = len(edges) // 2
    above = _rung(value, edges[middle + 1 :], first + middle + 1)
    below = _rung(value, edges[:middle], first)
    return f"CASE WHEN {value} >= {edges[middle]} THEN {above} ELSE {below} END"


def _days_without(windows: Sequence[int]) -> Iterator[str]:
    yield f"""CREATE TEMP TABLE seen AS SELECT account_no,
        {_each("coalesce(max(day) FILTER (WHERE day < {w}), -1) AS last_{w}", windows)},
        {_each("count(*) FILTER (WHERE day < {w}) AS days_{w}", windows)}
        FROM days GROUP BY account_no"""
    cut = "min(CASE WHEN last_{w} BETWEEN start AND stop THEN before ELSE last_{w} END) AS last_{w}"
    yield f"""CREATE TEMP TABLE days_without AS
        WITH placed AS (SELECT *, row_number() OVER a AS place,
                coalesce(lag(day) OVER a, -1) AS before FROM days
                WINDOW a AS (PARTITION BY account_no ORDER BY day)),
            runs AS (SELECT account_no, low AS event_no, min(day) AS start, max(day) AS stop,
                min(before) AS before,
                {_each("count(*) FILTER (WHERE day < {w}) AS alone_{w}", windows)}
                FROM (SELECT *, place - row_number() OVER
                      (PARTITION BY account_no, low ORDER BY day) AS run
                      FROM placed WHERE low = high) GROUP BY account_no, low, run)
        SELECT account_no, event_no, {_each(cut, windows)},
            {_each("(max(days_{w}) - sum(alone_{w}))::BIGINT AS days_{w}", windows)}
        FROM runs JOIN seen USING (account_no) GROUP BY account_no, event_no"""


def _scores(product: GrowingProduct, windows: Sequence[int], score: ScoreModel) -> Iterator[str]:
    by = {window.within_days: window for window in score.windows}
    slopes = [
        f"({number}::SMALLINT, "
        + ", ".join(repr(by[w].events.get(name, 0.0)) for w in windows)
        + ")"
        for number, name in enumerate(product.names)
    ]
    names = _each("slope_{w}", windows)
    yield f"""CREATE TEMP TABLE slopes AS SELECT event_no, {
        _each("slope_{w}::DOUBLE AS slope_{w}", windows)
    } FROM (VALUES {", ".join(slopes)}) t(event_no, {names})"""
    for table in ("seen", "days_without"):
        key = "account_no" if table == "seen" else "account_no, event_no"
        yield f"""CREATE TEMP TABLE {table}_terms AS SELECT {key}, {
            _each(
                "{last}[greatest(last_{w}, 0) + 1] + {number}[days_{w} + 1] AS term_{w}",
                windows,
                last=lambda w: _list(by[w].last_day),
                number=lambda w: _list(by[w].active_days),
            )
        }
            FROM {table}"""
    yield f"""CREATE TEMP TABLE scores AS SELECT account_no, {
        _each(
            "s.term_{w} + e.term_{w} + {plan} + {cohort} AS score_{w}",
            windows,
            plan=lambda w: _levels("plan", by[w]),
            cohort=lambda w: _levels("cohort", by[w]),
        )
    }
        FROM acct JOIN seen_terms s USING (account_no) JOIN (SELECT account_no,
            {_each("sum({term})::BIGINT AS term_{w}", windows, term=_term)}
            FROM counts JOIN slopes USING (event_no) GROUP BY account_no) e USING (account_no)"""
    yield f"""CREATE TEMP TABLE moved AS SELECT account_no, event_no,
        {_each("d.term_{w} - s.term_{w} AS moved_{w}", windows)}
        FROM days_without_terms d JOIN seen_terms s USING (account_no)"""


def _millionths(value: float) -> int:
    return round(value * MILLIONTHS)


def _list(weights: Sequence[float]) -> str:
    return f"[{', '.join(str(_millionths(weight)) for weight in weights)}]"


def _levels(trait: str, window: WindowScore) -> str:
    branches = " ".join(
        f"WHEN '{level}' THEN {_millionths(weight)}"
        for level, weight in window.traits[trait].items()
    )
    return f"CASE {trait} {branches} ELSE 0 END"


def _cuts(score: ScoreModel, window: int) -> list[int]:
    cuts = next(found.cuts for found in score.windows if found.within_days == window)
    return sorted({_millionths(cut) for cut in cuts})


def _revenue(product: GrowingProduct, windows: Sequence[int]) -> Iterator[str]:
    span = REVENUE_WEEKS * 7
    paid = (
        "sum(minor) FILTER (WHERE at_us >= t0 + {w} * " + DAY + " AND at_us < t0 + ({w} + "
        f"{span}) * {DAY}) AS paid_{{w}}"
    )
    yield f"""CREATE TEMP TABLE paid AS SELECT account_no, {_each(paid, windows)}
        FROM (SELECT account, epoch_us("at") AS at_us, round(amount * 100)::BIGINT AS minor
              FROM read_parquet('{product.folder}/revenue.parquet')) JOIN acct USING (account)
        GROUP BY account_no"""
    whole = f"t0 + ({{w}} + {span}) * {DAY} <= newest"
    minor = f"CASE WHEN {whole} THEN coalesce(paid_{{w}}, 0) ELSE 0 END::BIGINT AS minor_{{w}}"
    yield f"""CREATE TEMP TABLE stood AS SELECT account_no, cohort_no, retained::BIGINT AS retained,
        {_each("score_{w}", windows)}, {_each("(" + whole + ")::BIGINT AS complete_{w}", windows)},
        {_each(minor, windows)}
        FROM acct JOIN kept USING (account_no) JOIN scores USING (account_no)
        LEFT JOIN paid USING (account_no) JOIN cohorts USING (cohort), newest"""


def _spread(window: int, score: ScoreModel) -> str:
    w = window
    sums = f"""count(*) AS accounts, sum(retained) AS retained,
        sum(complete_{w}) AS revenue_accounts, sum(minor_{w}) AS revenue_sum,
        sum(minor_{w}::HUGEINT * minor_{w}) AS revenue_squares"""
    less = sums.replace("count(*)", "-count(*)").replace("sum(", "-sum(")
    added = ", ".join(
        f"sum({name}) AS {name}"
        for name in ("accounts", "retained", "revenue_accounts", "revenue_sum", "revenue_squares")
    )
    return f"""SELECT {w}::BIGINT AS within_days, candidate, stratum, cohort, step, {added} FROM (
        WITH here AS MATERIALIZED (SELECT account_no, cohort_no, retained, complete_{w}, minor_{w},
                {_rung(f"score_{w}", _cuts(score, w))}::SMALLINT AS stratum FROM stood),
            touched AS (SELECT event_no, own_{w} AS own, step_{w} AS step, here.*
                FROM standing JOIN here USING (account_no) WHERE own_{w} IS NOT NULL)
        SELECT event_no AS candidate, stratum, cohort_no, 0 AS step, * EXCLUDE (event_no, stratum,
            cohort_no) FROM (SELECT stratum, cohort_no, {sums} FROM here GROUP BY ALL),
            (SELECT event_no FROM names)
        UNION ALL SELECT event_no, stratum, cohort_no, 0, {less} FROM touched GROUP BY ALL
        UNION ALL SELECT event_no, own, cohort_no, step, {sums} FROM touched GROUP BY ALL
        ) JOIN cohorts USING (cohort_no)
        GROUP BY candidate, stratum, cohort, step"""
