"""How sure the model is of what a picture shows, and how much a description may therefore say."""

from __future__ import annotations

import math
from dataclasses import dataclass

NAME, GROUP, NOTHING = LEVELS = ("name", "group", "nothing")
NAME_FROM, GROUP_FROM = 0.45, 0.55  # the smallest chance at which the name or the group is said


@dataclass(frozen=True)
class Certainty:
    """Calibrated chances that the likeliest name of what a picture shows is right, and that its likeliest group is.

    Of ten pictures with a chance of 0.7, about seven are named right. Both chances are NaN for an item without a
    picture, and for a model that was not calibrated.
    """

    name: float = math.nan
    group: float = math.nan

    @property
    def level(self) -> str:
        """What a description may say: the name, only the group, or nothing. Without a chance it may say the name."""
        if math.isnan(self.name) or self.name >= NAME_FROM:
            return NAME
        return GROUP if self.group >= GROUP_FROM else NOTHING
