"""CellTable, the waist: counts and sums of accounts, the only thing that leaves the engine whole.

Above it everything is tables in the user's engine, below it everything is statistics.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

KEYS = ("within_days", "candidate", "stratum", "cohort", "segment", "reached")
# Bounds that the engine counts by and the statistics judge by: said once, for both halves.
REVENUE_WEEKS = 13
FEWEST_DOERS = 100
SMALLEST_SHARE = 0.03
SUMS = ("accounts", "retained", "revenue_accounts", "revenue_sum", "revenue_squares")


@dataclass(frozen=True)
class CellTable:
    """Accounts grouped until no single one is visible to the statistics.

    Shape: a row per window (`within_days`, days), `candidate`, `stratum` (of the score without the
    candidate's own rows; 0 is least likely to stay), `cohort` (month or quarter of onboarding),
    `segment` and `reached` (the largest searched threshold that the accounts reached, 0 for none).
    Units: `accounts`, `retained` and `revenue_accounts` (those whose revenue weeks are all
    observed) are counts; `revenue_sum` is currency units over those weeks, `revenue_squares` the
    sum of its squares per account.

    Invariants: keys are unique; 0 <= retained <= accounts; for each window and candidate the
    accounts add up to all eligible accounts.
    """

    frame: pd.DataFrame

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> CellTable:
        """Checked and ordered cells.

        Raises:
            ValueError: a column is missing, a count is impossible, or a key stands twice.
        """
        missing = [column for column in (*KEYS, *SUMS) if column not in frame.columns]
        if missing:
            raise ValueError(f"cells without {', '.join(missing)}")
        if frame.duplicated(list(KEYS)).any():
            raise ValueError("a cell stands twice")
        if (frame["accounts"] < 0).any() or (frame["retained"] < 0).any():
            raise ValueError("a cell counts less than no account")
        if (frame["retained"] > frame["accounts"]).any():
            raise ValueError("a cell has more retained accounts than accounts")
        ordered = frame[[*KEYS, *SUMS]].sort_values(list(KEYS), ignore_index=True)
        return cls(ordered)

    def __add__(self, other: CellTable) -> CellTable:
        """Cells of two disjoint sets of accounts, as if they had been counted together."""
        both = pd.concat([self.frame, other.frame], ignore_index=True)
        return CellTable.from_frame(both.groupby(list(KEYS), as_index=False, sort=False).sum())

    def of(self, candidate: str, within_days: int) -> pd.DataFrame:
        """The cells of one candidate in one window."""
        frame = self.frame
        return frame[(frame["candidate"] == candidate) & (frame["within_days"] == within_days)]
