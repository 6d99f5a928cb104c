"""Small inputs whose logits follow from counting words: `FakeBackbone` adds half a nat for each known word."""

from __future__ import annotations

from collections.abc import Sequence

from msr.backbones.wrappers import CachedBackbone
from msr.evidence.probe import Probe
from msr.evidence.units import Inputs
from msr.schema import Item, ItemSummary, YesNo
from msr.stages.preference import blocks
from msr.storage import TextCache
from tests.fakes import FakeBackbone, picture


def inputs(
    titles: Sequence[str],
    candidates: Sequence[Item],
    preference: str = "The user likes nothing special.",
    size: int = 3,
) -> Inputs:
    """A history of titled items h0, h1, ... whose descriptions repeat their titles."""
    history = tuple(Item(f"h{n}", title) for n, title in enumerate(titles))
    summaries = {item.id: ItemSummary(item.id, f"A {item.title}.") for item in history}
    return Inputs(history, blocks(history, size), summaries, preference, tuple(candidates))


def shown(item_id: str, title: str, colour: str = "red") -> Item:
    return Item(item_id, title, picture(colour))


def probe(given: Inputs, backbone: FakeBackbone | None = None) -> Probe:
    return Probe(CachedBackbone(backbone or FakeBackbone(), TextCache()), given)


class Weighted(FakeBackbone):
    """The logit is the sum of the weights of the words before the candidate, whatever the candidate is."""

    def __init__(self, **weights: float) -> None:
        super().__init__()
        self.weights = weights

    def score(self, prompts, stop=None):
        self._called("score", prompts)
        contexts = ["\n".join(prompt.text.splitlines()[:-1]) for prompt in prompts]
        return [YesNo(sum(w for word, w in self.weights.items() if word in text), 0.0) for text in contexts]
