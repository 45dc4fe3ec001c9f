"""The metric tree as the product file declares it: inputs, who owns them, what they aim at."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nsm_pipeline.product.grammar import Day, Model, Name, Number, Truth

InputKind = Literal["breadth", "depth", "frequency", "activation", "retention"]


class Target(Model):
    """What an input is to reach, by when: a key result of a quarter's objectives."""

    name: Name = Field(examples=["O1 KR2"])
    value: Number = Field(examples=["0.55"])
    by: Day = Field(examples=["2026-06-30"])


class TreeInput(Model):
    """A lever of the metric, and the team that moves it.

    Without `metric` it is the metric's own breadth, depth, frequency, activation or retention, and
    has a part in every change. With one it is shown beside, and never added.
    """

    kind: InputKind = Field(examples=["activation"])
    metric: Name | None = Field(None, description="a name of `metrics`")
    title: Name | None = None
    owner: Name | None = Field(None, examples=["onboarding-team"])
    omtm: Truth = Field(False, description="its owner's one metric that matters")
    kpis: tuple[Name, ...] = ()
    targets: tuple[Target, ...] = Field(
        (), examples=["[{name: O1 KR2, value: 0.55, by: 2026-06-30}]"]
    )


class Tree(Model):
    """The metric at the top, and three to five inputs; proposed where none are declared."""

    metric: Name | None = Field(
        None, description="a name of `metrics`; else the core metric's events"
    )
    per: Literal["day", "week", "month"] = Field("week", description="of the core metric's events")
    inputs: Annotated[tuple[TreeInput, ...], Field(max_length=5)] = ()
