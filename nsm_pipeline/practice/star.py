"""`star.json`, `tracked.parquet`, `ranks.parquet`: the leader as it is kept, and the top three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nsm_pipeline.practice.earlier_run import earlier_run, is_first
from nsm_pipeline.practice.measured_week import rows_of
from nsm_pipeline.runs.canonical_bytes import moment
from nsm_pipeline.runs.run_files import POPULATION, RANKING, RANKS, SEARCH, STAR, TRACKED

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.practice.measured_week import MeasuredWeek
    from nsm_pipeline.product.candidate import Behaviour
    from nsm_pipeline.runs.run_folder import RunFolder
    from nsm_pipeline.stats.leadership import Choice, Contender, Leadership
    from nsm_pipeline.stats.star_document import Told
    from nsm_pipeline.steps import RunContext

TRACKED_COLUMNS = ("week", "accounts", "reached", "share", "share_low", "share_high", "whole")
RANKS_PER_RUN, RUNS_REMEMBERED = 10, 400


def star(context: RunContext, week: MeasuredWeek | None) -> None:
    """Keeps or replaces the leader, tracks the top three, and says what changed and why.

    Behaviours that `week` has tracked are not counted again.
    """
    from nsm_pipeline.stats.conversion import activities
    from nsm_pipeline.stats.star_document import IMPACT, RULE, standing_json

    run, ranked = context.run, _Ranked(context)
    led, top = ranked.leadership, ranked.top
    run.write_frame(TRACKED, _tracked(ranked, week))
    run.write_frame(RANKS, _ranks(ranked))
    run.write_json(
        STAR,
        {
            "metric": context.product.config.north_star.metric,
            "outcome": led.outcome,
            "standing": standing_json(led.standing),
            "rule": RULE,
            **_leader(ranked),
            "top": [each.as_json() for each in top],
            "impact": IMPACT,
            "activities": [
                {**each, "sentence": ranked.behaviour(each["candidate"], each["at_least"])}
                for each in activities(ranked.rows, context.specs)
            ],
            "changes": _changes(context, ranked),
        },
    )


@dataclass(frozen=True)
class _Ranked:
    """This run's ranking, met with the run before it."""

    context: RunContext

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The ranking's rows, best first."""
        rows: list[dict[str, Any]] = self.context.run.read_json(RANKING)["candidates"]
        return rows

    @cached_property
    def found(self) -> pd.DataFrame:
        """Every candidate at every threshold and window."""
        return self.context.run.read_frame(SEARCH)

    @cached_property
    def before(self) -> RunFolder | None:
        """The run before."""
        return earlier_run(self.context.store, self.context.run, having=(STAR, RANKS))

    @cached_property
    def able(self) -> list[Contender]:
        """Who can lead."""
        from nsm_pipeline.stats.conversion import contenders

        return contenders(self.rows, self.context.specs)

    @cached_property
    def leadership(self) -> Leadership:
        """Who leads now."""
        from nsm_pipeline.stats.conversion import at_choice
        from nsm_pipeline.stats.leadership import Night, keep_leader
        from nsm_pipeline.stats.star_document import read_standing

        run, before = self.context.run, self.before
        old = None if before is None else read_standing(before.read_json(STAR)["standing"])
        kept = None if old is None or old.leader is None else old.leader
        night = Night(
            as_of=moment(run.as_of),
            seen_until=datetime.fromisoformat(run.read_json(POPULATION)["observed_until"]),
            contenders=self.able,
            searched=frozenset(spec.name for spec in self.context.specs),
            at_kept=None if kept is None else at_choice(self.found, self.rows, kept),
        )
        return keep_leader(old, night)

    @cached_property
    def top(self) -> list[Told]:
        """The leader and the best two of the others."""
        from nsm_pipeline.stats.conversion import top_three
        from nsm_pipeline.stats.star_document import Told

        chosen = top_three(self.leadership.leader, self.able, self.context.specs)
        ranks = {row["candidate"]: row["rank"] for row in self.rows}
        return [
            Told(each, ranks[each.choice.candidate], self.sentence(each.choice)) for each in chosen
        ]

    def sentence(self, choice: Choice) -> str:
        """The behaviour as a North Star."""
        from nsm_pipeline.stats.star_sentence import star_sentence

        config, clauses = self.context.product.config, self._clauses(choice.candidate)
        return star_sentence(config, clauses, choice.at_least, choice.within_days)

    def behaviour(self, candidate: str, at_least: float) -> str:
        """The behaviour alone."""
        from nsm_pipeline.stats.star_sentence import behaviour_sentence

        return behaviour_sentence(self.context.product.config, self._clauses(candidate), at_least)

    def _clauses(self, candidate: str) -> list[Behaviour]:
        from nsm_pipeline.product.subject import behaviours_of

        return behaviours_of(candidate, self.context.product.config)


def _leader(ranked: _Ranked) -> dict[str, Any]:
    """The leader, its sentence and its success; nulls where nobody leads or nothing is known."""
    from nsm_pipeline.stats.conversion import row_at, success
    from nsm_pipeline.stats.star_document import kept_sentence, success_sentence

    led, choice = ranked.leadership, ranked.leadership.standing.leader
    first = next((each.choice.candidate for each in ranked.able), None)
    told: dict[str, Any] = {"kept": kept_sentence(led, first), "leader": None, "success": None}
    row = None if choice is None else row_at(ranked.found, choice)
    if choice is None or led.leader is None:
        return told
    told["leader"] = ranked.top[0].as_json()
    if row is not None and 0 < row["doers"] < row["accounts"]:
        compared = success(row, led.leader)
        sentence = success_sentence(compared, led.leader)
        told["success"] = {**asdict(compared), "sentence": sentence}
    return told


def _tracked(ranked: _Ranked, week: MeasuredWeek | None) -> pd.DataFrame:
    """Of each week's newcomers, how many reached the top three."""
    import pandas as pd

    choices = [told.contender.choice for told in ranked.top]
    known = {} if week is None else week.weeks_of(choices)
    known |= _reached(ranked, [choice for choice in choices if choice not in known])
    rows = [known[choice] for choice in choices]
    columns = ["candidate", "at_least", "within_days", *TRACKED_COLUMNS]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def _reached(ranked: _Ranked, choices: Sequence[Choice]) -> dict[Choice, pd.DataFrame]:
    """The weeks of these behaviours, counted now."""
    from nsm_pipeline.stats.retention import wilson
    from nsm_pipeline.warehouse.tracked import named_candidates, reached_by_week

    if not choices:
        return {}
    context, x = ranked.context, rows_of(ranked.context)
    config = context.product.config
    resolved = named_candidates(config, x.population.event_names, context.specs)
    asked = [(resolved[c.candidate], c.at_least, c.within_days) for c in choices]
    found = reached_by_week(x.engine, x.population, config, asked)
    reached, accounts = (found[name].to_numpy(float) for name in ("reached", "accounts"))
    low, high = wilson(reached, accounts)
    found = found.assign(share=reached / accounts, share_low=low, share_high=high)
    return {
        choice: found[found["number"] == number]
        .assign(**asdict(choice))
        .astype({"at_least": "float64", "within_days": "int64"})[
            [*asdict(choice), *TRACKED_COLUMNS]
        ]
        for number, choice in enumerate(choices)
    }


def _ranks(ranked: _Ranked) -> pd.DataFrame:
    """The first of this ranking and the leader, after those of the runs before."""
    import pandas as pd

    run, kept = ranked.context.run, ranked.leadership.standing.leader
    names = ("rank", "candidate", "at_least", "within_days", "verdict")
    numbers = ("lift_pp", "ci_low_pp", "ci_high_pp")
    rows = [row for row in ranked.rows if row["lift_pp"] is not None]
    leads = None if kept is None else kept.candidate
    shown = [row for n, row in enumerate(rows) if n < RANKS_PER_RUN or row["candidate"] == leads]
    columns = [*names, *numbers]
    frame = pd.DataFrame([[row[name] for name in columns] for row in shown], columns=columns)
    frame = frame.astype({"at_least": "float64", **dict.fromkeys(numbers, "float64")})
    frame = frame.astype({"rank": "int64", "within_days": "int64"})
    frame.insert(0, "as_of", moment(run.as_of))
    frame["leads"] = (frame["candidate"] == leads).astype("bool")
    if ranked.before is None:
        return frame
    older = ranked.before.read_frame(RANKS)
    remembered = older["as_of"].drop_duplicates().iloc[1 - RUNS_REMEMBERED :]
    return pd.concat([older[older["as_of"].isin(remembered)], frame], ignore_index=True)


def _changes(context: RunContext, ranked: _Ranked) -> dict[str, Any]:
    """What differs from the run before, why, and the sentence that says so."""
    from nsm_pipeline.comparing import compare_runs
    from nsm_pipeline.runs.run_facts import run_facts
    from nsm_pipeline.stats.star_document import changes, changes_sentence

    run, before = context.run, ranked.before
    if before is None:
        first = is_first(context.store, run)
        sentence = "First run: there is nothing to compare with yet."
        if not first:
            sentence = "First run that keeps a leader: the runs before have left none."
        return {"first_run": first, "since": None, "sentence": sentence}
    facts = run_facts(context.product, {})
    causes: Mapping[str, Sequence[Any]] = compare_runs(before, run, facts=facts).causes
    top = [told.contender.choice.candidate for told in ranked.top]
    former = [told["candidate"] for told in before.read_json(STAR)["top"]]
    found = changes(causes, top, former)
    sentence = changes_sentence(before.as_of, found)
    return {"first_run": False, "since": moment(before.as_of), "sentence": sentence, **found}
