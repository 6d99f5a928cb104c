from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests import tiny
from tests.train import tiny_run
from train.learn.model import Learner


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """The tiny pocket model as a folder."""
    return tiny.save_checkpoint(tmp_path_factory.mktemp("tiny-model"))


@pytest.fixture(scope="session")
def make_learner(checkpoint) -> Callable[..., Learner]:
    """Builds a learner of rank 2 over the tiny model, with its connector; the LoRA starts as `seed` says."""

    def make(train_connector: bool = True, seed: int = 0) -> Learner:
        torch.manual_seed(seed)
        return tiny_run.learner(str(checkpoint), train_connector)

    return make


@pytest.fixture(scope="session")
def learner(make_learner) -> Learner:
    """One whose adapter already does something; nobody trains it."""
    made = make_learner()
    torch.manual_seed(9)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.2)
    return made.eval()
