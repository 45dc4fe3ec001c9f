"""The weekly review as the product file declares it, and the yearly look back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nsm_pipeline.product.grammar import Days, Model, Whole


class Revalidate(Model):
    """Past moments at which the chosen behaviour is judged again: how far apart, and how many."""

    every: Days = Field(90, examples=["90d"])
    times: Annotated[Whole, Field(ge=2, le=12)] = 4


class Review(Model):
    """Monday's flags, a page per owner from Wednesday on, Friday's paragraph."""

    revalidate: Revalidate = Revalidate()
