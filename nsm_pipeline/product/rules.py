"""What the keys of a product file must agree on: small rules in a tuple, and a loop over them.

A rule takes the configuration and yields a Finding for everything that breaks it. The rules that
also need the source's columns are in `source_rules.py`; what is compared has `candidate_rules.py`,
the outcome and the windows `outcome_rules.py`, where data comes from `connection_rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, time, timedelta

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.product.candidate_rules import CANDIDATE_RULES
from nsm_pipeline.product.clauses import conditions, outcome_events
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.connection_rules import CONNECTION_RULES
from nsm_pipeline.product.grammar import Condition
from nsm_pipeline.product.health_rules import HEALTH_RULES, HEALTH_SOURCE_RULES
from nsm_pipeline.product.journey_rules import JOURNEY_RULES
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.metric_rules import METRIC_RULES, METRIC_SOURCE_RULES
from nsm_pipeline.product.north_star_rules import NORTH_STAR_RULES
from nsm_pipeline.product.outcome_rules import OUTCOME_RULES
from nsm_pipeline.product.scorecard_rules import SCORECARD_EVENT_RULES, SCORECARD_RULES
from nsm_pipeline.product.source_rules import EVENT_RULES, SOURCE_RULES, SourceColumns
from nsm_pipeline.product.tree_rules import TREE_RULES
from nsm_pipeline.product.words_rules import WORDS_RULES
from nsm_pipeline.product.yaml_tree import Finding, problems, short

__all__ = ["SourceColumns", "broken_rules", "check_rules", "check_source"]

Rule = Callable[[ProductConfig], Iterator[Finding]]

CRON_PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
MOST_SEGMENTS = 3


def broken_rules(product: LoadedProduct) -> list[Finding]:
    """Every finding of every rule that needs the file alone."""
    return [finding for rule in RULES for finding in rule(product.config)]


def check_rules(product: LoadedProduct) -> None:
    """Refuses a product whose keys contradict one another.

    Raises:
        InvalidInput: with every broken rule, in file order.
    """
    _refuse(product, broken_rules(product))


def check_source(
    product: LoadedProduct, columns: SourceColumns, *, events: Collection[str] = ()
) -> None:
    """Refuses a product that does not fit the tables it names.

    Args:
        product: the product.
        columns: of each source table, the kind of each column.
        events: the event names that occur, when they are known.

    Raises:
        InvalidInput: with everything that does not fit, in file order.
    """
    rules = (*SOURCE_RULES, *METRIC_SOURCE_RULES, *HEALTH_SOURCE_RULES)
    findings = [found for rule in rules for found in rule(product.config, columns)]
    if events:
        findings += [
            found
            for rule in (*EVENT_RULES, *SCORECARD_EVENT_RULES)
            for found in rule(product.config, events)
        ]
    _refuse(product, findings)


def _refuse(product: LoadedProduct, findings: Iterable[Finding]) -> None:
    found = problems(str(product.path), product.positions, findings)
    if found:
        raise InvalidInput(found)


def _onboarding_span(config: ProductConfig) -> Iterator[Finding]:
    begin, end, last = config.onboarding.from_, config.onboarding.to, config.source.observed_until
    if begin and end and begin >= end:
        yield Finding(
            ("onboarding", "to"),
            f"The span from {begin} to {end} is empty (`to` itself is not in it).",
            "Give a later `to`, or leave it out.",
        )
    if "auto" in (config.retention.asked_after, config.retention.asked_within):
        return
    needed = timedelta(days=config.retention.after + config.retention.within)
    if begin and last and datetime.combine(begin, time(), UTC) + needed > last:
        yield Finding(
            ("onboarding", "from"),
            f"Nobody can be eligible: {begin} and {needed.days} days of `retention` end after"
            f" `source.observed_until` ({last:%Y-%m-%d}).",
            "Begin earlier, or shorten `retention`.",
        )


def _selectors(config: ProductConfig) -> Iterator[Finding]:
    if "core" in config.core_metric.event:
        yield Finding(
            ("core_metric", "event"),
            "`core` means the event that is declared here.",
            "Name the event itself.",
        )


def _passive_events(config: ProductConfig) -> Iterator[Finding]:
    for index, name in enumerate(config.passive_events):
        declared = {"core_metric": config.core_metric.event, "retention": outcome_events(config)}
        for section, events in declared.items():
            if name in events:
                yield Finding(
                    ("passive_events", index),
                    f'"{short(name)}" is the event of `{section}`: accounts do it, so it is not'
                    " passive.",
                    "Take it out of one of the two.",
                )


def _conditions(config: ProductConfig) -> Iterator[Finding]:
    for placed in conditions(config):
        fault = _condition_fault(placed.condition)
        if fault:
            yield Finding(placed.keys, *fault)


def _condition_fault(condition: Condition) -> tuple[str, str] | None:
    given = condition.model_dump(exclude_none=True)
    if not given and "equals" in condition.model_fields_set:
        return "Nothing equals a missing value.", "Write `{null: true}` or `{null: false}`."
    if not given:
        return "The condition is empty.", "Write a value, or one of equals, in, contains, null …"
    if condition.null and len(given) > 1:
        return "A missing value is nothing else beside.", "Keep `null: true` alone, or drop it."
    if condition.equals is not None and condition.in_ and condition.equals not in condition.in_:
        return "`equals` is not among `in`: no row matches.", "Keep one of the two."
    try:
        return (
            None if _leaves_room(condition) else ("No value is in this range.", "Swap the limits.")
        )
    except TypeError:
        return "The limits are of different kinds.", "Give numbers or dates, not both."


def _leaves_room(condition: Condition) -> bool:
    # `Any`-typed on purpose: number against date raises TypeError, which is the finding.
    lows = [(condition.at_least, True), (condition.over, False)]
    highs = [(condition.at_most, True), (condition.under, False)]
    return all(
        low < high or (low == high and low_in and high_in)  # type: ignore[operator]
        for low, low_in in lows
        for high, high_in in highs
        if low is not None and high is not None
    )


def _bots(config: ProductConfig) -> Iterator[Finding]:
    bots = config.exclude.bots
    if bots and bots.first_day_events_over is None and bots.first_day_share_over is None:
        yield Finding(
            ("exclude", "bots"),
            "Without a limit nobody is a bot.",
            "Give `first_day_events_over`, `first_day_share_over` or both, or take it out.",
        )


def _lists_without_repeats(config: ProductConfig) -> Iterator[Finding]:
    for key in ("adjust_for", "segments", "placebos", "passive_events"):
        names = getattr(config, key)
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Finding((key, index), f'"{short(name)}" is listed twice.', "Keep one.")
    if len(config.segments) > MOST_SEGMENTS:
        yield Finding(
            ("segments",),
            f"{len(config.segments)} segments cut the accounts too thin.",
            f"Keep the {MOST_SEGMENTS} that decisions hang on.",
        )


def _schedule(config: ProductConfig) -> Iterator[Finding]:
    # Imported here: one more library in every start would be paid for a single key.
    from croniter import CroniterError, croniter

    schedule = config.schedule.strip()
    if schedule in CRON_PRESETS:
        return
    try:
        valid = len(schedule.split()) == 5 and bool(
            croniter(schedule, datetime(2000, 1, 1)).get_next()
        )
    except (CroniterError, ValueError, KeyError):
        valid = False
    if not valid:
        yield Finding(
            ("schedule",),
            f'"{short(schedule)}" is no cron expression that ever comes due.',
            f'Write five fields such as "0 2 * * *", or one of {", ".join(CRON_PRESETS)}.',
        )


def _volume_range(config: ProductConfig) -> Iterator[Finding]:
    volume = config.checks.volume
    if volume.lowest_ratio >= volume.highest_ratio:
        yield Finding(
            ("checks", "volume"),
            f"No volume is between {volume.lowest_ratio:g} and {volume.highest_ratio:g}.",
            "Give a `highest_ratio` above `lowest_ratio`.",
        )


RULES: tuple[Rule, ...] = (
    *CONNECTION_RULES,
    _schedule,
    _selectors,
    _onboarding_span,
    *OUTCOME_RULES,
    *CANDIDATE_RULES,
    *METRIC_RULES,
    *TREE_RULES,
    *JOURNEY_RULES,
    *WORDS_RULES,
    *NORTH_STAR_RULES,
    *SCORECARD_RULES,
    _passive_events,
    _conditions,
    _bots,
    _lists_without_repeats,
    _volume_range,
    *HEALTH_RULES,
)
