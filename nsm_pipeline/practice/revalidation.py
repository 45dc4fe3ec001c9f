"""The yearly look back: the pipeline run again at past moments, for one chosen behaviour.

Every moment sees what was known then and nothing later; nothing of it is published, and the
nightly state is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nsm_pipeline.errors import ChecksFailed, InvalidInput, Problem
from nsm_pipeline.pipeline import STEPS
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.review import Revalidate, Review
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.canonical_bytes import moment
from nsm_pipeline.runs.run_files import POPULATION, RANKING, SCORE, SEARCH, STAR
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.steps import RunContext
from nsm_pipeline.waist.candidate_spec import CandidateSpec, read_specs

if TYPE_CHECKING:
    from nsm_pipeline.stats.leadership import Choice
    from nsm_pipeline.stats.revalidation import Moment

LAST_STEP = "rank"
OnMoment = Callable[[datetime], None]


def revalidate(
    product_file: Path, *, as_of: datetime, chosen: Choice, on_moment: OnMoment | None = None
) -> dict[str, Any]:
    """What `revalidation.json` holds: a row per moment, oldest first, and the decision.

    Raises:
        InvalidInput: the product file is wrong. A moment that cannot be run is a row that says so.
    """
    from nsm_pipeline.stats.revalidation import decide

    product = load_product(product_file)
    review = product.config.review or Review()
    moments = []
    for past in past_moments(as_of, review.revalidate):
        if on_moment is not None:
            on_moment(past)
        moments.append(_judged(_unpublished(product), past, chosen))
    verdict = decide(moments)
    return {
        "product": product.config.product,
        "title": product.config.title,
        "as_of": moment(as_of),
        "chosen": asdict(chosen),
        "decision": verdict.decision,
        "reasons": list(verdict.reasons),
        "moments": [asdict(one) for one in moments],
    }


def past_moments(as_of: datetime, asked: Revalidate) -> Iterator[datetime]:
    """The moments to look at, oldest first; the last is `as_of` itself."""
    for back in reversed(range(asked.times)):
        yield as_of.astimezone(UTC) - timedelta(days=back * asked.every)


def chosen_behaviour(store: RunStore, product: str, candidate: str | None) -> Choice:
    """The leader that the newest published run keeps, or the named behaviour as that run ranks it.

    The leader has the k and X that are kept with it, also when it is named. Where the run has kept
    none, it is the first of its ranking that can lead.

    Raises:
        InvalidInput: nothing is published, or the behaviour is not in it, or none can lead.
    """
    run = store.published(product)
    found = None if run is None else _chosen(run, candidate)
    if found is None:
        named = "leader" if candidate is None else f'behaviour "{candidate}"'
        what = f"No published run of {product!r} in {store.root} has a {named}."
        mend = "Run the product first, or name a behaviour of its ranking."
        raise InvalidInput(Problem(f"{product}: {RANKING}", what, mend))
    return found


def _chosen(run: RunFolder, candidate: str | None) -> Choice | None:
    from nsm_pipeline.stats.leadership import Choice
    from nsm_pipeline.stats.star_document import read_standing

    ranking = run.read_json(RANKING)
    kept = read_standing(run.read_json(STAR)["standing"]).leader if run.exists(STAR) else None
    leads = kept or _first(ranking, read_specs(run.read_json(SCORE)["candidates"]))
    if leads is not None and candidate in (None, leads.candidate):
        return leads
    for row in ranking["candidates"]:
        if row["candidate"] == candidate:
            return Choice(row["candidate"], row["at_least"], row["within_days"])
    return None


def _first(ranking: dict[str, Any], specs: Sequence[CandidateSpec]) -> Choice | None:
    """Who leads by a ranking alone."""
    from nsm_pipeline.stats.conversion import contenders

    return next((able.choice for able in contenders(ranking["candidates"], specs)), None)


def _unpublished(product: LoadedProduct) -> LoadedProduct:
    bare = product.config.model_copy(update={"publish": None, "state": None})
    return replace(product, config=bare)


def _judged(product: LoadedProduct, as_of: datetime, chosen: Choice) -> Moment:
    from nsm_pipeline.stats.revalidation import Moment, judged_then

    with TemporaryDirectory(prefix="nsm-") as folder:
        context = RunContext(product, as_of, RunStore(Path(folder)))
        try:
            context.begin()
            for step in STEPS:
                step.run(context)
                if step.name == LAST_STEP:
                    break
            ranking = context.run.read_json(RANKING)
            eligible = int(context.run.read_json(POPULATION)["eligible"])
            first = _first(ranking, context.specs)
            same = _same_choice(context, chosen)
        except (InvalidInput, ChecksFailed) as refused:
            why = " ".join(problem.what for problem in refused.problems)
            return Moment(moment(as_of), "cannot tell", "cannot tell", "not run", why)
        finally:
            context.close()
    return judged_then(
        moment(as_of),
        ranking,
        chosen.candidate,
        eligible=eligible,
        leader=None if first is None else first.candidate,
        lift_same_pp=same,
    )


def _same_choice(context: RunContext, chosen: Choice) -> float | None:
    """The lift of the k and X chosen now, as it was fitted then; None where it was not."""
    from nsm_pipeline.stats.conversion import row_at

    row = row_at(context.run.read_frame(SEARCH), chosen)
    return None if row is None or row["support"] != "ok" else float(row["lift_pp"])
