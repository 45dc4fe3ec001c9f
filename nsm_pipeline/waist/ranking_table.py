"""The published ranking as a table: its columns, its verdicts, and what must hold between them."""

from __future__ import annotations

import pandas as pd

RANKING_COLUMNS = (
    "product",
    "as_of",
    "rank",
    "tier",
    "candidate",
    "event",
    "at_least",
    "within_days",
    "verdict",
    "reason",
    "accounts",
    "doers",
    "reach",
    "retained_doers",
    "retained_others",
    "crude_lift_pp",
    "lift_pp",
    "ci_low_pp",
    "ci_high_pp",
    "z",
    "q_value",
    "odds_ratio",
    "e_value",
    "kept_share",
    "holdout_lift_pp",
    "fading",
    "revenue_gap",
    "revenue_gap_ci_low",
    "revenue_gap_ci_high",
    "revenue_lead_weeks",
    "statement",
)
WORDS = {
    "product",
    "as_of",
    "tier",
    "candidate",
    "event",
    "verdict",
    "reason",
    "fading",
    "statement",
}
NUMBERS = [column for column in RANKING_COLUMNS if column not in WORDS]
VERDICTS = (
    "north_star",
    "supported",
    "worth_testing",
    "not_distinguishable",
    "harmful",
    "too_rare",
    "too_common",
    "not_estimable",
)
MOST_NORTH_STARS = 3


def with_relations(ranking: pd.DataFrame) -> pd.DataFrame:
    """The ranking with plain numbers, and one more column per relation between its columns.

    Shape: one row per candidate, as given, with
    `not_numbers`: figures in the row that are none;
    `place`: distance of a rank from the order of the rows;
    `others`: accounts minus doers;
    `reach_off`: distance of the reach from doers by accounts;
    `half_interval`, `unexplained` (neither estimate nor reason), `weak_star` (a North Star whose
    interval reaches zero): 0 or 1;
    `stars`: North Stars in the table.
    """
    frame = ranking.reset_index(drop=True)
    numbers = frame[NUMBERS].apply(pd.to_numeric, errors="coerce").astype("float64")
    not_numbers = (frame[NUMBERS].notna() & numbers.isna()).sum(axis=1)
    reasoned = frame["reason"].fillna("").astype(str).str.strip().ne("")
    ranked = numbers["rank"].notna()
    counted, position = ranked.cumsum(), pd.Series(range(1, len(frame) + 1))
    star = frame["verdict"].eq("north_star")
    frame[NUMBERS] = numbers
    return frame.assign(
        not_numbers=not_numbers,
        place=((numbers["rank"] - counted).abs() + (position - counted).abs()).where(ranked),
        others=numbers["accounts"] - numbers["doers"],
        reach_off=(numbers["reach"] - numbers["doers"] / numbers["accounts"]).abs(),
        half_interval=numbers[["ci_low_pp", "ci_high_pp"]].isna().sum(axis=1).eq(1).astype(int),
        unexplained=(numbers["lift_pp"].isna() & ~reasoned).astype(int),
        weak_star=(star & ~(numbers["ci_low_pp"] > 0)).astype(int),
        stars=int(star.sum()),
    )
