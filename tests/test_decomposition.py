"""The parts of a change add up to it: worked by hand, and for any counts that hypothesis finds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm_pipeline.stats.decomposition import (
    EVERYBODY,
    LEAVES,
    TOLERANCE,
    decompose_ratio,
    decompose_volume,
    product_parts,
)

UNITS = ("activation", "reactivation", "retention", "carried_over")


def counts(*rows: tuple[int, str, int, int, float, int, int, int]) -> pd.DataFrame:
    columns = ["period", "segment", "units", "days", "value", "new", "returned", "kept"]
    return pd.DataFrame(rows, columns=columns)


def at(table: pd.DataFrame, period: int, segment: str = EVERYBODY) -> pd.Series:
    (row,) = table[(table["period"] == period) & (table["segment"] == segment)].itertuples()
    return pd.Series(row._asdict())


def test_a_rectangle_that_grows_on_both_sides_shares_the_corner() -> None:
    parts = product_parts(np.array([[10.0, 2.0]]), np.array([[12.0, 3.0]]))
    np.testing.assert_allclose(parts, [[5.0, 11.0]])  # 2 x 2.5 and 1 x 11


def test_three_weeks_by_hand() -> None:
    # Week 3: of 10 units 8 stay, 4 are new (before: 6), 1 returns; days and events as they were
    # per unit. One unit is worth 2 days x 3 events = 6.
    table = decompose_volume(
        counts(
            (1, "", 8, 16, 48, 8, 0, 0), (2, "", 10, 20, 60, 6, 0, 4), (3, "", 13, 26, 78, 4, 1, 8)
        )
    )
    third = at(table, 3)
    assert third["change"] == pytest.approx(18)
    assert third["lost"] == 2
    # Kept went from 4 of 8 to 8 of 10: the share rose by 0.3 at a mean of 9 units, and there were
    # 2 more units to keep at a mean share of 0.65.
    expected = {"activation": -12, "reactivation": 6, "retention": 16.2, "carried_over": 7.8}
    assert third[list(expected)].to_dict() == pytest.approx(expected)
    assert third[["frequency", "depth"]].to_list() == pytest.approx([0, 0])
    second = at(table, 2)
    assert second["change"] == second["breadth"] == 12
    assert second[list(UNITS)].isna().all()
    assert np.isnan(at(table, 1)["change"])


def test_a_product_that_comes_from_nothing_is_the_doing_of_its_units() -> None:
    table = decompose_volume(
        counts((1, "", 0, 0, 0, 0, 0, 0), (2, "", 0, 0, 0, 0, 0, 0), (3, "", 5, 10, 40, 5, 0, 0))
    )
    third = at(table, 3)
    assert (third["breadth"], third["frequency"], third["depth"]) == (40, 0, 0)
    assert third["activation"] == 40


def test_accounts_that_move_between_segments_change_breadth_alone() -> None:
    table = decompose_volume(
        counts(
            (1, "heavy", 5, 5, 50, 5, 0, 0),
            (1, "light", 5, 5, 5, 5, 0, 0),
            (2, "heavy", 2, 2, 20, 0, 0, 2),
            (2, "light", 8, 8, 8, 3, 0, 5),
        )
    )
    second = at(table, 2)
    assert (second["units"], second["change"]) == (10, -27)
    assert (second["breadth"], second["frequency"], second["depth"]) == (-27, 0, 0)
    assert at(table, 2, "light")["breadth"] == 3


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    """Units that come, stay away and return, whole segments that vanish; values below zero too."""
    rows = []
    for segment in draw(st.sampled_from([("",), ("a", "b"), ("a", "b", "c")])):
        units = new = returned = kept = 0
        for period in range(draw(st.integers(3, 6))):
            kept = draw(st.integers(0, units))
            new, returned = draw(st.integers(0, 50)), draw(st.integers(0, 50 * min(period, 1)))
            units = kept + new + returned
            days = units * draw(st.integers(1, 7))
            value = days * draw(st.floats(-100, 1e5)) if units else 0.0
            rows.append((period, segment, units, days, value, new, returned, kept))
    table = counts(*rows)
    # A segment may begin late or end early: its rows are then not there at all.
    kept_rows = draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table)))
    empty = table["units"].eq(0).to_numpy()
    return table[~(empty & ~np.array(kept_rows))] if len(table) else table


def adds_up(parts: float, change: float, *sizes: float) -> bool:
    return abs(parts - change) <= TOLERANCE * max(1.0, *map(abs, sizes))


@settings(max_examples=150, deadline=None)
@given(histories())
def test_the_parts_add_up_to_the_change(history: pd.DataFrame) -> None:
    if history.empty:
        return
    table = decompose_volume(history)
    scale = table["value"].abs().groupby(table["period"]).sum().max()
    for row in table.to_dict("records"):
        if np.isnan(row["change"]):
            continue
        three = row["breadth"] + row["frequency"] + row["depth"]
        assert adds_up(three, row["change"], scale)
        if not np.isnan(row["activation"]):
            assert adds_up(sum(row[leaf] for leaf in LEAVES), row["change"], scale)
            assert adds_up(sum(row[part] for part in UNITS), row["breadth"], scale)
    whole = table[table["segment"] == EVERYBODY].set_index("period")
    if len(table["segment"].unique()) > 1:
        segments = table[table["segment"] != EVERYBODY].groupby("period")
        for name in ("value", "change", *LEAVES):
            sums = segments[name].sum(min_count=1)
            np.testing.assert_allclose(
                sums[whole[name].notna()], whole[name].dropna(), atol=TOLERANCE * max(1, scale)
            )


@settings(max_examples=100, deadline=None)
@given(histories())
def test_active_units_are_those_before_and_who_came_less_who_left(history: pd.DataFrame) -> None:
    if history.empty:
        return
    table = decompose_volume(history)
    by_segment = table.groupby("segment", sort=False)["units"]
    known = by_segment.shift(1).notna()
    flow = table["new"] + table["returned"] - table["lost"]
    assert (table["units"] - by_segment.shift(1))[known].tolist() == flow[known].tolist()


def shares(*rows: tuple[int, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["period", "segment", "numerator", "denominator"])


def test_a_share_that_falls_though_it_rises_in_every_segment_is_mix() -> None:
    # a: 80 of 100, then 45 of 50 (+10 points); b: 10 of 50, then 30 of 100 (+10 points).
    table = decompose_ratio(
        shares((1, "a", 80, 100), (1, "b", 10, 50), (2, "a", 45, 50), (2, "b", 30, 100))
    )
    second = at(table, 2)
    assert second["change"] == pytest.approx(0.5 - 0.6)
    assert second["rate"] == pytest.approx(0.1)
    assert second["mix"] == pytest.approx(-0.2)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=3),
        min_size=2,
        max_size=5,
    )
)
def test_mix_and_rate_add_up_to_the_change_of_a_share(periods: list) -> None:
    rows = [
        (period, name, min(part, whole), whole)
        for period, found in enumerate(periods)
        for name, (part, whole) in zip("abc", found, strict=True)
    ]
    whole = decompose_ratio(shares(*rows)).query("segment == ''").set_index("period")
    for period in range(1, len(periods)):
        row = whole.loc[period]
        both = whole.loc[period - 1 : period, "denominator"].gt(0).all()
        assert np.isnan(row["change"]) == (not both)
        if both:
            assert row["rate"] + row["mix"] == pytest.approx(row["change"], abs=TOLERANCE)
        else:
            assert np.isnan(row["rate"] + row["mix"])
