"""Word weights: methods on functions whose answer is known, and the whole way on tiny models of every class."""

from __future__ import annotations

import threading

import pytest
import torch

from msr import prompts
from msr.backbones.protocol import GRADIENT, INTEGRATED, BackboneError, StopRequested
from msr.backbones.transformers import gradients
from msr.backbones.wrappers import CachedBackbone, UntunedBackbone
from msr.evidence.kinds.attribution import word_weights
from msr.schema import Item
from msr.storage import TextCache
from tests import tiny
from tests.fakes import FakeBackbone, picture

PREFERENCE = "The user appears to have a preference for striped navy mugs."
RECENT = ["blue mug", "lamp"]
CANDIDATE = Item("c", "striped red mug", picture("red"))
UNTITLED = Item("d", "", picture())
WEIGHTS = torch.tensor([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]])


def linear(embeds: torch.Tensor) -> torch.Tensor:
    return (embeds * WEIGHTS).sum((1, 2))


def curved(embeds: torch.Tensor) -> torch.Tensor:
    return torch.tanh(embeds.sum(2)).prod(1) + (embeds**3).sum((1, 2))


def test_both_methods_are_exact_on_a_linear_function():
    x, none = torch.randn(3, 2, generator=torch.manual_seed(0)), torch.zeros(3, 2)
    weights, change = gradients.integrated_gradients(linear, x, none)
    assert torch.allclose(weights, (WEIGHTS * x).sum(1), atol=1e-5)
    assert change == pytest.approx(float(weights.sum()), abs=1e-5)
    assert torch.allclose(gradients.gradient_x_input(linear, x), (WEIGHTS * x).sum(1), atol=1e-5)


def test_integrated_weights_sum_to_the_change():
    x, none = torch.randn(3, 2, generator=torch.manual_seed(1)), torch.full((3, 2), 0.3)
    weights, change = gradients.integrated_gradients(curved, x, none, steps=200)
    assert float(weights.sum()) == pytest.approx(change, abs=1e-3)


def test_what_stands_still_has_no_weight():
    x = torch.randn(3, 2, generator=torch.manual_seed(2))
    none = x.clone()
    none[0] = 0.0
    weights, _ = gradients.integrated_gradients(curved, x, none)
    assert weights[0] != 0 and weights[1] == weights[2] == 0


def test_tokens_know_their_characters(backbone):
    prompt = prompts.recommend(PREFERENCE, RECENT, CANDIDATE)
    backbone.score([prompt])
    sizes = [len(backbone._pictures[p.digest].ids) for p in prompt.pictures]
    places = backbone.tokens.places(prompt, sizes)
    ids = backbone.tokens.prompt_ids(prompt, [[0] * size for size in sizes])
    assert len(places) == len(ids)
    said = "".join(prompt.text[start:end] for place in places if place for start, end in [place])
    assert "".join(said.split()) == "".join(prompt.text.replace(prompts.IMAGE, "").split())
    for place, token in zip(places, ids, strict=True):
        if place:
            assert backbone.tokens.tokenizer.decode([token]).strip() == prompt.text[slice(*place)].strip()


@pytest.mark.parametrize("method", [GRADIENT, INTEGRATED])
def test_words_of_the_preference_and_of_the_title_have_weights(backbone, method):
    backbone.score([prompts.recommend(PREFERENCE, RECENT, CANDIDATE)])  # its picture is known from inference mode
    found = word_weights(backbone, PREFERENCE, RECENT, CANDIDATE, method)
    assert [w.text for w in found.words if w.part == "preference"] == PREFERENCE.split()
    assert [w.text for w in found.words if w.part == "title"] == CANDIDATE.title.split()
    assert any(w.weight for w in found.words)
    assert word_weights(backbone, PREFERENCE, RECENT, CANDIDATE, method) == found, "nothing is drawn"


def test_integrated_weights_account_for_what_the_words_changed(backbone, monkeypatch):
    monkeypatch.setattr(gradients.integrated_gradients, "__defaults__", (512,))
    prompt = prompts.recommend(PREFERENCE, RECENT, CANDIDATE)
    title = prompt.text.rindex(CANDIDATE.title)
    spans = [(0, len(PREFERENCE)), (title, title + len(CANDIDATE.title))]
    found = backbone.attribute(prompt, spans, INTEGRATED)
    total = sum(w.weight for w in found.words)
    assert total == pytest.approx(found.change, abs=0.05 * max(1.0, abs(total)))


def test_without_a_preference_there_is_the_title_alone(backbone):
    assert {w.part for w in word_weights(backbone, "", [], CANDIDATE, GRADIENT).words} == {"title"}
    assert {w.part for w in word_weights(backbone, PREFERENCE, [], UNTITLED, GRADIENT).words} == {"preference"}


def test_scores_are_what_they_were(backbone):
    prompt = prompts.recommend(PREFERENCE, RECENT, CANDIDATE)
    before = backbone.score([prompt])
    word_weights(backbone, PREFERENCE, RECENT, CANDIDATE)
    assert backbone.score([prompt]) == before
    assert all(p.grad is None and not p.requires_grad for p in backbone.model.parameters())


def test_refusals():
    backbone = tiny.pocket_backbone()
    with pytest.raises(ValueError, match="'saliency'"):
        word_weights(backbone, PREFERENCE, RECENT, CANDIDATE, "saliency")
    stop = threading.Event()
    stop.set()
    with pytest.raises(StopRequested):
        word_weights(backbone, PREFERENCE, RECENT, CANDIDATE, stop=stop)
    cached = CachedBackbone(FakeBackbone(), TextCache())
    for remembering in (cached, UntunedBackbone(cached)):
        with pytest.raises(BackboneError, match="no gradients"):
            word_weights(remembering, PREFERENCE, RECENT, CANDIDATE)


def test_it_passes_through_what_remembers():
    backbone = tiny.pocket_backbone()
    cached = CachedBackbone(backbone, TextCache())
    alone = word_weights(backbone, PREFERENCE, RECENT, CANDIDATE, GRADIENT)
    assert word_weights(cached, PREFERENCE, RECENT, CANDIDATE, GRADIENT) == alone
    assert word_weights(UntunedBackbone(cached), PREFERENCE, RECENT, CANDIDATE, GRADIENT) == alone, "it has no adapter"
