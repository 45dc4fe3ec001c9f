"""Which metric is the product's North Star: the ranking's leader, or one that is declared."""

from __future__ import annotations

from nsm_pipeline.product.grammar import Model, Name

LEADER = "leader"


class NorthStar(Model):
    """`leader` is the leader of the ranking, kept from run to run; else a name of `metrics`."""

    metric: Name = LEADER
