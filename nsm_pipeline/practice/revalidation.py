"""The yearly look back: the pipeline run again at past moments, for one chosen behaviour.

Every moment sees what was known then and nothing later; nothing of it is published, and the
nightly state is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
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
from nsm_pipeline.runs.run_folder import RunStore
from nsm_pipeline.steps import RunContext

if TYPE_CHECKING:
    from nsm_pipeline.stats.revalidation import Moment

LAST_STEP = "rank"
OnMoment = Callable[[datetime], None]


@dataclass(frozen=True)
class Chosen:
    """The behaviour that is judged again: its name, and the k and X chosen now."""

    candidate: str
    at_least: float | None
    within_days: int | None


def revalidate(
    product_file: Path, *, as_of: datetime, chosen: Chosen, on_moment: OnMoment | None = None
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


def chosen_behaviour(store: RunStore, product: str, candidate: str | None) -> Chosen:
    """The named behaviour, or the leader of the newest published run, as that run chose k and X.

    Raises:
        InvalidInput: nothing is published, or the behaviour is not in it.
    """
    run = store.published(product)
    rows = [] if run is None else run.read_json("ranking.json")["candidates"]
    found = next((row for row in rows if candidate in (None, row["candidate"])), None)
    if found is None:
        named = "ranked behaviour" if candidate is None else f'behaviour "{candidate}"'
        what = f"No published run of {product!r} in {store.root} has a {named}."
        mend = "Run the product first, or name a behaviour of its ranking."
        raise InvalidInput(Problem(f"{product}: ranking.json", what, mend))
    return Chosen(found["candidate"], found["at_least"], found["within_days"])


def _unpublished(product: LoadedProduct) -> LoadedProduct:
    bare = product.config.model_copy(update={"publish": None, "state": None})
    return replace(product, config=bare)


def _judged(product: LoadedProduct, as_of: datetime, chosen: Chosen) -> Moment:
    from nsm_pipeline.stats.revalidation import Moment, judged_then

    with TemporaryDirectory(prefix="nsm-") as folder:
        context = RunContext(product, as_of, RunStore(Path(folder)))
        try:
            context.begin()
            for step in STEPS:
                step.run(context)
                if step.name == LAST_STEP:
                    break
            ranking = context.run.read_json("ranking.json")
            eligible = int(context.run.read_json("population.json")["eligible"])
            same = _same_choice(context, chosen)
        except (InvalidInput, ChecksFailed) as refused:
            why = " ".join(problem.what for problem in refused.problems)
            return Moment(moment(as_of), "cannot tell", "cannot tell", "not run", why)
        finally:
            context.close()
    return judged_then(
        moment(as_of), ranking, chosen.candidate, eligible=eligible, lift_same_pp=same
    )


def _same_choice(context: RunContext, chosen: Chosen) -> float | None:
    """The lift of the k and X chosen now, as it was fitted then; None where it was not."""
    found = context.run.read_frame("search.parquet")
    rows = found[(found["candidate"] == chosen.candidate) & (found["support"] == "ok")]
    rows = rows[(rows["at_least"] == chosen.at_least) & (rows["within_days"] == chosen.within_days)]
    return float(rows["lift_pp"].iloc[0]) if len(rows) else None
