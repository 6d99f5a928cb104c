"""Checkpoints, connectors and adapters whose files are damaged: one sentence each, and no random weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from msr.backbones.pocket import assemble
from msr.backbones.pocket import backbone as pocket_backbone
from msr.backbones.pocket.backbone import CONNECTOR
from msr.backbones.pocket.model import COLOUR, GRID
from msr.backbones.pocket.sight import NAMES
from msr.backbones.protocol import BackboneError
from msr.backbones.transformers import loading
from msr.backbones.transformers.adapter import ADAPTER, PROMPT_KEY
from msr.config import BackboneConfig
from msr.prompts import PROMPT_VERSION
from tests import tiny, tiny_classes
from tests.backbones.index import silent
from tests.tiny import MIXED

WEIGHTS = "model.safetensors"
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def llava(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("llava")
    tiny_classes.llava_model().save_pretrained(folder)
    tiny_classes.llava_processor().save_pretrained(folder)
    return folder


@pytest.fixture
def home(llava, tmp_path) -> Path:
    return Path(shutil.copytree(llava, tmp_path / "model"))


def cut(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-50])


def written(name: str, text: str) -> Damage:
    return lambda folder: (folder / name).write_text(text)


def changed(name: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Damage:
    """Other tensors in a safetensors file."""

    def damage(folder: Path) -> None:
        tensors = load_file(folder / name)
        change(tensors)
        save_file(tensors, folder / name, {"format": "pt", PROMPT_KEY: str(PROMPT_VERSION)})

    return damage


def set_up(**settings) -> Damage:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | settings))

    return damage


def first(tensors: dict[str, torch.Tensor], part: str) -> str:
    return next(name for name in sorted(tensors) if part in name)


def without(part: str):
    return lambda tensors: tensors.pop(first(tensors, part))


def replaced(part: str, value: torch.Tensor):
    return lambda tensors: tensors.update({first(tensors, part): value})


def spoiled(tensors: dict[str, torch.Tensor]) -> None:
    for tensor in tensors.values():
        if tensor.is_floating_point():
            tensor.fill_(torch.nan)


def older(tensors: dict[str, torch.Tensor]) -> None:
    """As a connector was before it named what it sees."""
    for name in [name for name in tensors if name.startswith("sight.")]:
        del tensors[name]


PLACES = torch.arange(NAMES)
one_layer = replaced("read.weight", torch.zeros(768, 2 * tiny.VISION + COLOUR * GRID * GRID))


def one_more(tensors: dict[str, torch.Tensor]) -> None:
    tensors["gist.weight"] = torch.zeros(2)


DAMAGES = {
    "cut weights": (cut(WEIGHTS), "incomplete metadata"),
    "no weights": (written(WEIGHTS, ""), "header too small"),
    "a weight missing": (
        changed(WEIGHTS, without("q_proj")),
        "1 of its weights are missing or have another shape, .*q_p",
    ),
    "a weight of another shape": (
        changed(WEIGHTS, replaced("q_proj", torch.zeros(3, 3))),
        "1 of its weights are missing or have another shape, .*q_proj",
    ),
    "a deep configuration": (written("config.json", "[" * 100_000), "recursion"),
    "a configuration of other types": (set_up(text_config=5), "text_config"),
    "a kind that is no text": (set_up(model_type=[1]), "unhashable"),
    "a cut tokenizer": (cut("tokenizer.json"), "Expecting"),
    "a tokenizer that is a list": (written("tokenizer.json", "[]"), ""),
    "a deep tokenizer": (written("tokenizer.json", '{"a":' * 100_000), "recursion"),
    "a tokenizer without padding": (lambda folder: (folder / "tokenizer_config.json").unlink(), "padding"),
    "a template that is none": (written("chat_template.jinja", "{% for %}"), "Expected an expression"),
    "a template that fails": (written("chat_template.jinja", "{{ 1 / 0 }}"), "division"),
    "a template without pictures": (written("chat_template.jinja", "hello"), "the chat text has 0 places for pictures"),
    "a list for a processor": (written("processor_config.json", "[]"), ""),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_is_one_sentence(home, name):
    damage, said = DAMAGES[name]
    damage(home)
    with pytest.raises(BackboneError, match=f"(?s)model' cannot be loaded: .*{said}") as caught:
        loading.load(BackboneConfig(str(home), "none", "cpu", "float32"), silent)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700


def test_weights_that_are_no_numbers_give_no_scores(home):
    changed(WEIGHTS, spoiled)(home)
    backbone = loading.load(BackboneConfig(str(home), "none", "cpu", "float32"), silent)
    with pytest.raises(BackboneError, match="are not finite numbers"):
        backbone.score(list(MIXED))


# -- the pocket model's parts -------------------------------------------------------------------------------


@pytest.fixture
def trained(tmp_path, monkeypatch) -> Path:
    """A trained folder for the tiny pocket model, which stands in place of the fetched one."""
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))
    stored = tiny.save_checkpoint(tmp_path / "checkpoint")
    monkeypatch.setattr(assemble, "fetch", lambda report: stored)
    folder = tiny.save_adapter(tmp_path / "trained", tiny.pocket_model())
    connector = tiny.pocket_model().model.multi_modal_projector.state_dict()
    save_file({name: tensor.contiguous() for name, tensor in connector.items()}, folder / CONNECTOR)
    return folder


def load(folder: Path):
    return pocket_backbone.load(BackboneConfig("pocket", str(folder), "cpu", "float32"), silent)


def test_the_parts_as_they_were_made_are_loaded(trained):
    assert len(load(trained).score(list(MIXED))) == len(MIXED)


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        (CONNECTOR, cut(CONNECTOR), "cannot be read .* copy it again"),
        (CONNECTOR, changed(CONNECTOR, spoiled), "is damaged .* copy it again"),
        (CONNECTOR, changed(CONNECTOR, older), r"another version .*\(it has no sight\..*\): train the adapter"),
        (CONNECTOR, changed(CONNECTOR, one_layer), r"another version .*\(its read\.weight has the shape .* in place"),
        (CONNECTOR, changed(CONNECTOR, one_more), r"another version .*\(it has an unknown gist\.weight\)"),
        (CONNECTOR, changed(CONNECTOR, replaced("sight.thing", PLACES + 1)), "damaged .* copy it again"),
        (CONNECTOR, changed(CONNECTOR, replaced("sight.group", PLACES - 1)), "damaged .* copy it again"),
        (ADAPTER, cut(ADAPTER), "does not fit the pocket model"),
        (ADAPTER, changed(ADAPTER, replaced("lora_A", torch.zeros(2, 2))), "does not fit the pocket model"),
        (ADAPTER, written("adapter_config.json", '{"peft_type": "LORA", "r": "x"}'), "does not fit the pocket model"),
    ],
)  # fmt: skip
def test_a_damaged_part_is_one_sentence(trained, name, damage, said):
    damage(trained)
    with pytest.raises(BackboneError, match=said) as caught:
        load(trained)
    assert "\n" not in str(caught.value) and str(trained) in str(caught.value)
