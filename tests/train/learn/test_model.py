"""The losses against numbers worked out by hand, and what a learner trains."""

from __future__ import annotations

import math

import pytest
import torch

from tests.fakes import picture
from tests.tiny import SEEN
from train.learn.encode import Batch
from train.learn.model import LORA_TARGETS, Learner, preference_loss, views_of
from train.teach.examples import Example, Slate
from train.teach.tasks import prompts


def slate_batch(liked: list[bool], slate: list[int]) -> Batch:
    none = torch.zeros(1, 1, dtype=torch.long)
    return Batch(none, none, [], none, liked=torch.tensor(liked), slate=torch.tensor(slate))


def test_the_slate_loss_by_hand(learner, monkeypatch):
    monkeypatch.setattr(learner, "answer_logits", lambda batch, views: torch.tensor([2.0, 0.0, 1.0]))
    batch = slate_batch([True, False, False], [0, 0, 0])
    listwise = math.log(1 + math.exp(-2) + math.exp(-1))  # 0.4076
    # Two disliked for one liked: the liked one counts twice.
    yes_no = (2 * math.log(1 + math.exp(-2)) + math.log(2) + math.log(1 + math.exp(1))) / 3  # 0.7534
    assert learner.slate_loss(batch, torch.empty(0)).item() == pytest.approx(listwise + 0.3 * yes_no, abs=1e-5)
    assert listwise + 0.3 * yes_no == pytest.approx(0.6336, abs=1e-4)


def test_a_liked_candidate_competes_in_its_own_slate_with_disliked_ones():
    logits = torch.tensor([0.0, 0.0, 0.0, 3.0, 50.0])
    batch = slate_batch([True, True, False, True, False], [0, 0, 0, 1, 1])
    loss = preference_loss(logits, batch.liked, batch.slate, batch.counts, calibration=0.0).item()
    # Twice ln 2 in the first slate, 47 in the second.
    assert loss == pytest.approx((2 * math.log(2) + 47) / 3, abs=1e-4)


def test_the_answer_loss_is_the_models_own_on_labelled_tokens(learner):
    encoder = learner.encoder()
    item = prompts.Item("1", "a mug")
    batch = encoder.answers(
        [Example(prompts.describe(item), "A mug."), Example(prompts.describe(item), "A longer answer of a mug.")]
    )
    with torch.inference_mode():
        ours = learner.answer_loss(batch, views_of({}, batch))
        theirs = learner.peft(input_ids=batch.ids, attention_mask=batch.mask, labels=batch.labels).loss
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)


def test_a_view_changes_the_answer_loss(learner):
    encoder = learner.encoder()
    batch = encoder.answers([Example(prompts.describe(prompts.Item("1", "a mug", picture("red"))), "A mug.")])
    (key,) = batch.pictures
    with torch.inference_mode():
        losses = [
            learner.answer_loss(batch, views_of({key: torch.full((17, SEEN + 6), value)}, batch)).item()
            for value in (0.0, 1.0)
        ]
    assert abs(losses[0] - losses[1]) > 1e-3


@pytest.mark.parametrize("train_connector", [True, False])
def test_adapter_and_perhaps_connector_are_trained_and_nothing_else(make_learner, train_connector):
    learner = make_learner(train_connector)
    names = list(learner.trainable())
    lora = [n for n in names if "lora_" in n]
    assert len(lora) == 2 * 2 * 7, "two matrices on seven linear layers of two blocks"
    assert all("language_model" in n for n in lora)
    rest = set(names) - set(lora)
    assert len(rest) == (6 if train_connector else 0)
    assert all("multi_modal_projector" in n for n in rest)


def test_a_new_adapter_changes_nothing(make_learner, checkpoint):
    learner = make_learner()
    batch = learner.encoder().answers([Example(prompts.describe(prompts.Item("1", "a mug")), "A mug.")])
    with torch.inference_mode():
        adapted = learner.peft(input_ids=batch.ids, labels=batch.labels).loss
        with learner.peft.disable_adapter():
            base = learner.peft(input_ids=batch.ids, labels=batch.labels).loss
    assert adapted.item() == pytest.approx(base.item(), abs=1e-6)
    assert "q_proj" in LORA_TARGETS


def test_some_image_tokens_are_another_pictures_in_training_alone(make_learner):
    learner = make_learner()
    tokens = torch.arange(64.0).reshape(64, 1, 1).expand(64, 8, 4)
    torch.manual_seed(0)
    learner.train()
    swapped = learner._swapped(tokens)
    share = (swapped[..., 0] != tokens[..., 0]).float().mean().item()
    assert 0.04 < share < 0.12
    assert torch.equal(swapped[..., 0], swapped[..., 3])  # a token moves whole
    assert torch.equal(learner._swapped(tokens[:1]), tokens[:1])  # nobody to swap with
    learner.eval()
    assert torch.equal(learner._swapped(tokens), tokens)


# -- on a GPU -----------------------------------------------------------------------------------------------


def batches(learner) -> list[Batch]:
    """Two answers of different lengths, and two slates."""
    items = [prompts.Item(name, name) for name in ("a mug", "a longer title of a mug", "a chair")]
    examples = [Example(prompts.describe(item), f"A {item.title}.") for item in items[:2]]
    asked = tuple(prompts.recommend("", ["a cup"], item) for item in items)
    slates = [Slate(asked, (True, False, False)), Slate(asked[1:], (False, True))]
    return [learner.encoder().encode(examples), learner.encoder().encode(slates)]


def test_the_dense_mask_of_a_gpu_shows_what_a_processor_shows(learner, monkeypatch):
    """What the device is changes who computes, not who sees whom; here a processor computes both."""
    made = batches(learner)
    with torch.inference_mode():
        here = [learner.loss(batch, [], batch.counts).item() for batch in made]
        monkeypatch.setattr(Learner, "device", property(lambda self: torch.device("cuda")))
        there = [learner.loss(batch, [], batch.counts).item() for batch in made]
    assert there == pytest.approx(here, abs=1e-5)
