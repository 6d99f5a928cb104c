"""What a validation measures, against numbers worked out by hand."""

from __future__ import annotations

import random

import pytest
import torch

from msr import prompts
from msr.schema import Item
from tests.train.tiny_run import STORE, draw
from train.learn.model import views_of
from train.learn.validation import mean_answer_loss, slate_auc
from train.teach.examples import Example, Slate

MUG = prompts.recommend("", [], Item("1", "a mug"))
SLATES = [Slate((MUG,) * len(liked), liked) for liked in ((True, False, False), (False, True, True), (True, False))]
# Above one of two and equal to the other; below and above its only one; below.
LOGITS = [1.0, 1.0, 0.0, 3.0, 2.0, 4.0, 0.0, 0.5]
AUC = (0.75 + 0.0 + 1.0 + 0.0) / 4


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_the_auc_of_slates_by_hand(learner, monkeypatch, rows):
    left = list(LOGITS)
    monkeypatch.setattr(
        learner, "answer_logits", lambda batch, views: torch.tensor([left.pop(0) for _ in range(len(batch.liked))])
    )
    assert slate_auc(learner, SLATES, {}, rows) == {"auc": AUC}


def test_the_answer_loss_does_not_depend_on_the_rows_of_a_pass(learner):
    examples = [Example(prompts.describe(Item("1", "a mug")), answer) for answer in ("A mug.", "A much longer answer.")]
    found = next(e for n in range(9) for name, e in [draw(random.Random(n))] if name == "describe")
    examples += found
    batch = learner.encoder().answers(examples)
    with torch.no_grad():
        once = learner.answer_loss(batch, views_of(STORE, batch)).item()
        for rows in (1, 2, 8):
            assert mean_answer_loss(learner, examples, STORE, rows)["loss"] == pytest.approx(once, abs=1e-5)
