"""The user's journey as the product file declares it: aha, activation, adoption."""

from __future__ import annotations

from pydantic import Field

from nsm_pipeline.product.candidate import Behaviour
from nsm_pipeline.product.grammar import Name, Threshold


class JourneyStep(Behaviour):
    """One step: taken when so much of a behaviour is reached, counted from the step before.

    What took the step before counts for this one too, so that activation at the first order and
    adoption at three of them mean the third order.
    """

    name: Name = Field(examples=["activation"])
    at_least: Threshold = 1.0
