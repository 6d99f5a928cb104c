"""How far a picture is known, and so how much a description of it may claim."""

from __future__ import annotations

import math
from dataclasses import dataclass

NAME, GROUP, NOTHING = LEVELS = ("name", "group", "nothing")
NAME_FROM, GROUP_FROM = 0.45, 0.55  # the least chance with which a name or a group is told


@dataclass(frozen=True)
class Certainty:
    """Calibrated chances that the likeliest name of what a picture shows is right, and that its likeliest group is.

    Of ten pictures with a chance of 0.7, seven are what the model takes them for. Both are NaN where nobody can tell:
    for a model whose training is not known, and for an item without a picture.
    """

    name: float = math.nan
    group: float = math.nan

    @property
    def level(self) -> str:
        """What may be said: the name, only the group, or nothing. A model of which nothing is known may say all."""
        if math.isnan(self.name) or self.name >= NAME_FROM:
            return NAME
        return GROUP if self.group >= GROUP_FROM else NOTHING
