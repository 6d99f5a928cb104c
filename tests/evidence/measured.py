"""Something of every kind of evidence, about one recommendation."""

from __future__ import annotations

from msr.evidence.kinds import NOTHING
from msr.evidence.kinds.attribution import Word, WordWeights
from msr.evidence.kinds.contrast import Contrast, Contrasts
from msr.evidence.kinds.leave_one_out import Effect, Effects
from msr.evidence.kinds.occlusion import HeatMap
from msr.evidence.kinds.shapley import Share, Shares
from msr.schema import Measurements, Unit

ITEM = Unit("item", "h0", "plain mug")
SENTENCE = Unit("sentence", "0", "The user likes mugs.")
MEASURED = Measurements(
    {
        **NOTHING.records,
        "effects": Effects((Effect(SENTENCE, "direct", 0.125, 2), Effect(ITEM, "regenerated", -0.25, 1))),
        "shares": Shares((Share(ITEM, "regenerated", 0.5, 0.125),), 12),
        "words": WordWeights((Word("mug", "title", 0.5),)),
        "patches": HeatMap(((0.5, None), (0.0, -0.25))),
        "contrasts": Contrasts(
            (
                Contrast("c001", "direct", (ITEM,), True, 0.5, -0.25),
                Contrast("c002", "direct", None, False, 1.0, 0.5),
            )
        ),
    },
    {"words": "No gradients."},
)
