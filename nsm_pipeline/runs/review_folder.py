"""`runs/<product>/reviews/<monday>/`: what was said of a week, written once and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from nsm_pipeline.runs.canonical_bytes import json_bytes
from nsm_pipeline.runs.folder import open_folder
from nsm_pipeline.runs.run_index import as_of_name

if TYPE_CHECKING:
    from nsm_pipeline.runs.folder import Address

REVIEWS = "reviews"
REVALIDATIONS = "revalidations"
OWNERS = "owners"
REVALIDATION = "revalidation.json"


@dataclass(frozen=True)
class ReviewFolder:
    """The pages of one Monday, by name; an owner's are `owners/<owner>`."""

    path: Address

    def has(self, name: str) -> bool:
        """Whether the page is written."""
        folder, file = self._place(name)
        return open_folder(folder).has(file)

    def read(self, name: str) -> bytes:
        """The page as it was written.

        Raises:
            FileNotFoundError: it was not.
        """
        folder, file = self._place(name)
        return open_folder(folder).read(file)

    def write_once(self, name: str, page: str | dict[str, Any]) -> bool:
        """Writes text, or JSON; False, and nothing is changed, where the page is written already.

        People have read it: a later run of the same week does not change what they read.
        """
        if self.has(name):
            return False
        folder, file = self._place(name)
        place = open_folder(folder)
        place.make()
        place.write(file, page.encode() if isinstance(page, str) else json_bytes(page))
        return True

    def pages(self) -> list[str]:
        """Names of everything written, sorted."""
        owners = open_folder(self.path / OWNERS).files()
        names = [*open_folder(self.path).files(), *(f"{OWNERS}/{name}" for name in owners)]
        return sorted(name for name in names if not name.rpartition("/")[2].startswith("."))

    def _place(self, name: str) -> tuple[Address, str]:
        *folders, file = name.split("/")
        if folders not in ([], [OWNERS]) or file in ("", ".", ".."):
            raise ValueError(f"{name!r} is not a page of a review")
        return (self.path / OWNERS if folders else self.path), file


def review_folder(root: Address, product: str, monday: date) -> ReviewFolder:
    """The review of the week before this Monday."""
    return ReviewFolder(root / product / REVIEWS / monday.isoformat())


def revalidation_folder(root: Address, product: str, as_of: datetime) -> ReviewFolder:
    """What was found when the product looked back from this moment."""
    return ReviewFolder(root / product / REVALIDATIONS / as_of_name(as_of))


def newest_revalidation(root: Address, product: str) -> ReviewFolder | None:
    """The look back from the latest moment; None when there was none."""
    names = open_folder(root / product / REVALIDATIONS).folders()
    return ReviewFolder(root / product / REVALIDATIONS / names[-1]) if names else None
