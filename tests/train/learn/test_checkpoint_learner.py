"""LoRA training of every class that `--backbone` names: what is learnt is what answers later."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

from msr import prompts
from msr.backbones.transformers.backbone import LocalBackbone
from msr.schema import Item
from tests import tiny_classes
from tests.backbones import reference
from tests.backbones.test_classes import PROMPTS, TWO, shaped
from tests.backbones.test_local import close
from tests.fakes import picture
from tests.tiny import MIXED
from tests.train.worlds import names
from train.cli import main, parser
from train.learn import artifacts, recommender_training
from train.learn.loop import LoopConfig, fit
from train.learn.model import CheckpointLearner, views_of
from train.teach.examples import Example, Slate

CLASSES = [name for name in tiny_classes.KINDS if name != "pocket"]
ITEM = Item("1", "a mug", shaped((60, 20)))
EXAMPLES = [
    Example(prompts.describe(ITEM), "A red mug."),
    Example(prompts.describe(Item("2", "a hat")), "Not pictured."),
]
SLATE = Slate((*MIXED, *PROMPTS[:3]), (True, False, False, True, False, False, False, True))


def learner_of(name: str) -> CheckpointLearner:
    torch.manual_seed(1)
    return CheckpointLearner(tiny_classes.backbone(name), 2, 4)


def answers(learner: CheckpointLearner) -> list[float]:
    """Yes-minus-No logits of the slate, packed behind one prefix, with the LoRA."""
    batch = learner.eval().encoder().slates([SLATE])
    with torch.no_grad():
        return learner.answer_logits(batch, views_of(learner.store, batch)).tolist()


@pytest.mark.parametrize("name", CLASSES)
def test_packed_candidates_score_as_the_backbone_scores_them(name):
    learner = learner_of(name)
    with torch.no_grad():
        for key, weight in learner.named_parameters():
            if "lora_B" in key:
                weight.normal_(0, 0.2)
    assert answers(learner) == pytest.approx([a.logit for a in learner.backbone.score(SLATE.prompts)], abs=1e-4)


@pytest.mark.parametrize("name", CLASSES)
def test_the_answer_loss_is_the_models_own(name):
    learner = learner_of(name).eval()
    two = Example(TWO, "Yes")
    expected, count = 0.0, 0
    for example in (*EXAMPLES, two):
        answer = learner.tokens.answer_ids(example.answer)
        logits = reference.logits(learner.backbone, example.prompt, tuple(answer))
        chances = logits[-len(answer) - 1 : -1].log_softmax(-1)
        expected -= float(chances[torch.arange(len(answer)), torch.tensor(answer)].sum())
        count += len(answer)
    batch = learner.encoder().answers([*EXAMPLES, two])
    with torch.no_grad():
        assert learner.answer_loss(batch, views_of(learner.store, batch)).item() == pytest.approx(
            expected / count, abs=1e-4
        )


@pytest.mark.parametrize("name", CLASSES)
def test_the_loss_falls_and_a_saved_adapter_answers_the_same(name, tmp_path):
    learner = learner_of(name)
    before = {key: weight.clone() for key, weight in learner.named_parameters()}

    def draw(rng: random.Random):
        return ("describe", EXAMPLES) if rng.random() < 0.3 else ("recommend", [SLATE])

    config = LoopConfig(steps=12, lora_lr=2e-2, warmup=2, save_every=6)
    done = fit(learner, config, draw, learner.store, tmp_path / "run")
    losses = [value for _, task, value in done["losses"] if task == "recommend"]
    assert losses[-1] < 0.8 * losses[0]
    changed = {key for key, weight in learner.named_parameters() if not torch.equal(weight, before[key])}
    assert changed == set(learner.trainable()) and all("lora_" in key for key in changed)

    artifacts.save_lora(learner, tmp_path / "adapter", "tiny")
    backbone = tiny_classes.backbone(name)
    base = backbone.score(SLATE.prompts)
    backbone.merge_adapter(str(tmp_path / "adapter"), "mine", "0")
    assert [a.logit for a in backbone.score(SLATE.prompts)] == pytest.approx(answers(learner), abs=2e-3)
    with backbone.adapter_off():
        assert close(backbone.score(SLATE.prompts), base)
    again = learner_of(name)
    artifacts.load_into(again, tmp_path / "adapter", connector=False)
    assert answers(again) == pytest.approx(answers(learner), abs=1e-5)


@pytest.fixture
def logs(tmp_path) -> Path:
    """Thirty items with pictures, of a plain folder; three users who train and two to validate with."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    for n in range(1, 31):
        (folder / "images" / f"{n}.png").write_bytes(picture(("red", "blue", "green")[n % 3]).data)
    rows = [f"{n},item {n},{n}.png" for n in range(1, 31)]
    (folder / "items.csv").write_text("\n".join(["id,title,image", *rows]) + "\n", encoding="utf-8")
    users = [*names("train", 3), *names("validation", 2)]
    seen = [f"{user},{1 + (k + n) % 30}" for k, user in enumerate(users) for n in range(8)]
    (folder / "interactions.csv").write_text("\n".join(["user,item", *seen]) + "\n", encoding="utf-8")
    return folder


def options(logs: Path, out: Path, *more: str) -> list[str]:
    sizes = ("--rank", "2", "--steps", "2", "--validate-every", "1")
    return ["sft", "--dataset", "folder", "--data", str(logs), "--out", str(out), *sizes, *more]


def test_the_command_trains_a_checkpoint_that_sees_pictures(logs, tmp_path, monkeypatch):
    made = tiny_classes.backbone("qwen2_vl")

    def load(config) -> LocalBackbone:
        made._identity["name"] = config.name
        return made

    monkeypatch.setattr(recommender_training.backbones, "load", load)
    monkeypatch.setattr(recommender_training, "VALIDATION_SLATES", 2)
    out = tmp_path / "out"
    recommender_training.run(parser().parse_args(options(logs, out, "--backbone", "some/model")))
    part = json.loads((out / "training.json").read_text(encoding="utf-8"))["sft"]
    assert (part["steps"], part["backbone"], part["started_from"]) == (2, "some/model", None)
    assert len(made._pictures) == 3, "three colours were seen"
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == "some/model"


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [((), 2, "--start is missing"), (("--backbone", "no:where"), 3, "cannot be loaded")],
)
def test_what_is_missing_is_one_sentence(logs, tmp_path, monkeypatch, capsys, more, code, said):
    monkeypatch.setattr("sys.argv", ["train", *options(logs, tmp_path / "out", *more)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == code
    assert said in capsys.readouterr().err
