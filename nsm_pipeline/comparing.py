"""What changed between two runs, candidate by candidate, and which input can have changed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.runs.canonical_bytes import moment, plain
from nsm_pipeline.runs.manifest import MANIFEST
from nsm_pipeline.runs.run_files import CHECKS, POPULATION, PRODUCT, RANKING_TABLE

if TYPE_CHECKING:
    from nsm_pipeline.runs.run_folder import RunFolder

# In the order in which a reader wants to hear of them.
COMPARED = (
    "verdict",
    "tier",
    "rank",
    "at_least",
    "within_days",
    "lift_pp",
    "ci_low_pp",
    "ci_high_pp",
    "crude_lift_pp",
    "accounts",
    "doers",
    "reason",
)
# Facts of the manifest that differ between any two runs, or that another cause says better.
NOT_A_CAUSE = {
    *("product", "as_of", "run_id", "token", "files", "seconds", "config_sha256", "state"),
    "measured",
}


@dataclass(frozen=True)
class Change:
    """One value before and after; None where there was or is none."""

    what: str
    before: Any
    after: Any


@dataclass(frozen=True)
class CandidateChange:
    """A candidate that came, went or changed, with its verdict before and after."""

    candidate: str
    kind: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class RunDiff:
    """The causes by kind (`config`, `data`, `method`), the candidates in the later run's order."""

    causes: dict[str, tuple[Change, ...]]
    candidates: tuple[CandidateChange, ...]
    unchanged: int

    @property
    def same(self) -> bool:
        """Whether nothing differs, neither results nor inputs."""
        return not self.candidates and not any(self.causes.values())


def compare_runs(
    before: RunFolder, after: RunFolder, *, facts: Mapping[str, Any] | None = None
) -> RunDiff:
    """The differences of two runs.

    Args:
        before: a finished run.
        after: another one, ranked at least.
        facts: what the manifest of `after` will say, where it is not finished yet.
    """
    candidates = tuple(_candidate_changes(_ranking(before), _ranking(after)))
    rows = set(_ranking(before)) | set(_ranking(after))
    return RunDiff(
        causes={
            "config": tuple(_changes(_config(before), _config(after))),
            "data": tuple(_changes(_data(before), _data(after))),
            "method": tuple(_changes(_method(before), _method(after, facts))),
        },
        candidates=candidates,
        unchanged=len(rows) - len(candidates),
    )


def _candidate_changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[CandidateChange]:
    for name, row in after.items():
        changes = tuple(_changes(before.get(name, {}), row))
        if name not in before:
            yield CandidateChange(name, "came", changes)
        elif changes:
            yield CandidateChange(name, "changed", changes)
    for name, row in before.items():
        if name not in after:
            yield CandidateChange(name, "went", tuple(_changes(row, {})))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for what in dict.fromkeys([*before, *after]):
        old, new = before.get(what), after.get(what)
        if old != new:
            yield Change(what, old, new)


def _ranking(run: RunFolder) -> dict[str, dict[str, Any]]:
    rows = run.read_frame(RANKING_TABLE).to_dict("records")
    return {
        str(row["candidate"]): {column: plain(row[column]) for column in COMPARED} for row in rows
    }


def _config(run: RunFolder) -> dict[str, Any]:
    from nsm_pipeline.advising import recorded_product

    try:  # with its advice: the same `auto` may have been settled to other windows
        product = recorded_product(run)
    except InvalidInput:  # written for another version of the package: the text must do
        return {PRODUCT: run.read_text(PRODUCT)}
    # Values and not text: a comment or the order of keys is no change.
    return dict(_leaves(product.config.model_dump(mode="json", by_alias=True)))


def _data(run: RunFolder) -> dict[str, Any]:
    population = run.read_json(POPULATION)
    checks = run.read_json(CHECKS)["checks"]
    counts = {key: value for key, value in population.items() if not isinstance(value, list)}
    return {
        "as_of": moment(run.as_of),
        **counts,
        **{f"check {check['name']}": "ok" if check["ok"] else "failed" for check in checks},
    }


def _method(run: RunFolder, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    manifest = run.read_json(MANIFEST) if facts is None else facts
    return dict(_leaves({key: manifest[key] for key in manifest if key not in NOT_A_CAUSE}))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path; items of a list go by their `name` when they have one."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for place, item in enumerate(value):
            name = item.get("name", place) if isinstance(item, Mapping) else place
            yield from _leaves(item, f"{path}.{name}")
    else:
        yield path, value
