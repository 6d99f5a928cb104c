"""A training run of the tiny model, in the test's process or, started by torchrun, in several.

python -m tests.train.tiny_run CHECKPOINT FOLDER whole|sharded [STEPS, after which it is broken off]
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import torch

from msr import prompts
from msr.schema import Item, ItemSummary
from tests import tiny
from tests.fakes import picture
from tests.tiny import SEEN
from train.learn import distributed
from train.learn.distributed import joined
from train.learn.loop import LoopConfig, fit
from train.learn.model import Learner
from train.teach.examples import Example, Slate

COLOURS = ("red", "blue", "green", "yellow", "purple")
ITEMS = [Item(c, f"a {c} mug" + " of clay" * n, picture(c)) for n, c in enumerate(COLOURS)]
STORE = {item.picture.digest: torch.full((17, SEEN + 6), n / 4) for n, item in enumerate(ITEMS)}
CONFIG = LoopConfig(steps=8, lora_lr=5e-3, connector_lr=5e-3, warmup=2, save_every=2)


def draw(rng: random.Random) -> tuple[str, list[Example] | list[Slate]]:
    """Three descriptions, three slates of different lengths, or one preference, which shows no picture."""
    chosen = rng.sample(ITEMS, 3)
    task = rng.choice(("describe", "recommend", "preference"))
    if task == "describe":
        return task, [Example(prompts.describe(i), f"A {i.title}.") for i in chosen]
    if task == "preference":
        said = [(i, ItemSummary(i.id, f"A {i.id} mug.")) for i in chosen]
        return task, [Example(prompts.preference("", said), "The user appears to have a preference for mugs.")]
    asked = [prompts.recommend("", [], i) for i in chosen]
    return task, [Slate(tuple(asked), (True, False, False)), Slate(tuple(asked[:2]), (False, True))] + [
        Slate(tuple(asked), (True, True, False))
    ]


def learner(checkpoint: str, train_connector: bool = True) -> Learner:
    """One of rank 2, with the tiny model's connector: a new one sees next to nothing."""
    made = Learner(checkpoint, 2, 4, train_connector)
    made.connector.load_state_dict(tiny.pocket_model().model.multi_modal_projector.state_dict())
    return made


def validate(learner: Learner) -> dict[str, float]:
    """A figure that falls, so that the run stops early."""
    validate.calls += 1
    return {"auc": 1 / validate.calls}


validate.calls = 0


def broken_off(steps: int):
    """`draw`, which ends the process when it is asked for more steps."""
    calls = iter(range(steps))

    def drawing(rng: random.Random):
        if next(calls, None) is None:
            sys.exit(3)
        return draw(rng)

    return drawing


def main(checkpoint: str, folder: Path, shard: bool, steps: int | None) -> None:
    """Writes what `fit` returns and the learner's weights; each process its own file."""
    number = joined().process_index
    torch.manual_seed(number)  # they do not even start alike
    made = learner(checkpoint)
    config = LoopConfig(**{**CONFIG.__dict__, "validate_every": 3, "patience": 1, "shard": shard})
    done = fit(made, config, broken_off(steps) if steps else draw, STORE, folder / "run", validate)
    done["calls"] = validate.calls
    (folder / f"process-{number}.json").write_text(json.dumps(done))
    torch.save(distributed.whole(made.trainable()), folder / f"process-{number}.pt")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "sharded", int(sys.argv[4]) if sys.argv[4:] else None)
