"""Every failure a user can mend says where it is, what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in the three parts a user needs."""

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}\n  {self.what}\n  {self.mend}"


class NsmError(Exception):
    """One or more problems, in the order a reader meets them."""

    exit_code = 1

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[NsmError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class InvalidInput(NsmError):
    """The product file, its source or an argument cannot be used as it is."""

    exit_code = 2


class ChecksFailed(NsmError):
    """The data failed a critical check; nothing was fitted or published."""


class WarehouseFailed(NsmError):
    """The engine refused or broke off a query."""


class StorageFailed(NsmError):
    """The place of the run folders refused, or could not be reached."""


class Superseded(NsmError):
    """A newer run for the same moment is published already; this one is left unpublished."""
