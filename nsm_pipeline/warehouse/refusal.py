"""Why an engine could not be opened, in words of ours: a driver's may hold the password."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """`passing` when trying again later may help."""

    what: str
    mend: str
    passing: bool = False
