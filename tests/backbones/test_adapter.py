"""An adapter that is merged in, and taken out for a while."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from msr.backbones.protocol import BackboneError
from msr.backbones.transformers import adapter as adapter_module
from msr.backbones.transformers import loading
from msr.backbones.transformers.adapter import ADAPTER, PROMPT_KEY, add_adapter
from msr.backbones.transformers.backbone import LocalBackbone
from msr.config import BackboneConfig
from msr.prompts import PROMPT_VERSION
from tests import tiny, tiny_classes
from tests.backbones.test_local import alone, close
from tests.tiny import MIXED
from train.learn.model import LORA_TARGETS

TOWER_TOO = (
    r".*((language_model|text_model).*q_proj|(vision_tower|vision_model|visual).*(fc1|gate_proj)|_projector.*linear_1)"
)


@pytest.fixture(scope="module", params=[*tiny_classes.KINDS, "llava, beside"])
def adapted(request, tmp_path_factory):
    """(scores of the base, the backbone with its adapter); all but the pocket's change the tower too."""
    folder = tmp_path_factory.mktemp("adapter")
    name, _, beside = request.param.partition(", ")
    backbone = tiny_classes.backbone(name)
    tiny.save_adapter(folder, tiny_classes.KINDS[name].model(), LORA_TARGETS if name == "pocket" else TOWER_TOO)
    backbone.model.is_loaded_in_4bit = bool(beside)  # what keeps an adapter out of the weights
    base = backbone.score(list(MIXED))
    backbone.merge_adapter(str(folder), "mine", "0123456789abcdef")
    return base, backbone


def test_an_adapter_changes_the_scores_and_can_be_taken_out_exactly(adapted):
    base, backbone = adapted
    with_it = backbone.score(list(MIXED))
    assert not close(with_it, base)
    with backbone.adapter_off():
        assert backbone.score(list(MIXED)) == base
        assert backbone.generate([MIXED[0]], 5) != []
    assert backbone.score(list(MIXED)) == with_it
    assert close(with_it, alone(backbone, MIXED))


def test_the_adapter_is_in_the_identity_unless_it_is_off(adapted):
    _, backbone = adapted
    on = backbone.identity()
    assert (on["adapter"], on["adapter_sha256"]) == ("mine", "0123456789abcdef")
    with backbone.adapter_off():
        off = backbone.identity()
        assert (off["adapter"], off["adapter_sha256"]) == (None, None)
        assert {k: v for k, v in off.items() if "adapter" not in k} == {
            k: v for k, v in on.items() if "adapter" not in k
        }
    assert backbone.identity() == on


def test_the_adapter_comes_back_after_an_error(adapted):
    _, backbone = adapted
    with_it = backbone.score(list(MIXED))
    with pytest.raises(KeyError, match="gone"), backbone.adapter_off():
        raise KeyError("gone")
    assert backbone.score(list(MIXED)) == with_it
    assert backbone.identity()["adapter"] == "mine"


def test_the_adapter_can_be_taken_out_twice(adapted):
    base, backbone = adapted
    with backbone.adapter_off():
        with backbone.adapter_off():
            assert backbone.score(list(MIXED)) == base
        assert backbone.score(list(MIXED)) == base
        assert backbone.identity()["adapter"] is None
    assert backbone.score(list(MIXED)) != base


def test_switching_to_what_is_already_so_changes_nothing(adapted):
    base, backbone = adapted
    with_it = backbone.score(list(MIXED))
    for on in (True, False, False, True, True):
        backbone._switch(on)
        assert backbone.score(list(MIXED)) == (with_it if on else base)


def in_a_thread(work, seconds: float = 20.0) -> list:
    """What `work` returns, or an empty list if it hangs."""
    found: list = []
    worker = threading.Thread(target=lambda: found.append(work()), daemon=True)
    worker.start()
    worker.join(seconds)
    return found


def test_the_base_model_streams_while_the_adapter_is_off(adapted):
    _, backbone = adapted

    def work() -> tuple[str, str, str]:
        with backbone.adapter_off():
            streamed = list(backbone.stream(MIXED[0], 6))[-1]
            written = backbone.generate([MIXED[0]], 6)[0].text
        return streamed, written, backbone.generate([MIXED[0]], 6)[0].text

    found = in_a_thread(work)
    assert found, "the stream waits for ever"
    streamed, written, adapted_text = found[0]
    assert streamed == written
    assert streamed != adapted_text


def test_another_thread_waits_until_the_adapter_is_back(adapted):
    _, backbone = adapted
    with_it = backbone.score(list(MIXED))
    answers: list = []
    other = threading.Thread(target=lambda: answers.append(backbone.score(list(MIXED))))
    with backbone.adapter_off():
        other.start()
        other.join(0.2)
        assert answers == []
    other.join(20)
    assert len(answers) == 1
    assert close(answers[0], with_it), "another thread may add up in another order"


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_a_folder_loads_with_its_adapter_and_stays_as_it_was(tmp_path):
    home = tiny.save_checkpoint(tmp_path / "tiny-model")
    adapter = tiny.save_adapter(tmp_path / "mine", tiny.pocket_model())
    before = hashes(home)
    heard: list[float] = []
    plain = BackboneConfig(str(home), "none", "cpu", "float32")
    base = loading.load(plain, lambda message, fraction: heard.append(fraction))
    made_here = LocalBackbone(tiny.pocket_model(), tiny.pocket_processor(), tiny.IDENTITY)
    assert close(base.score(list(MIXED)), made_here.score(list(MIXED)))
    assert base.identity()["name"] == "tiny-model"
    assert heard[-1] == 1.0

    loaded = loading.load(BackboneConfig(str(home), str(adapter), "cpu", "float32"), lambda message, fraction: None)
    assert loaded.identity()["adapter"] == "mine"
    assert loaded.identity()["dtype"] == "float32"
    with loaded.adapter_off():
        assert loaded.score(list(MIXED)) == base.score(list(MIXED))
    assert hashes(home) == before


@pytest.mark.parametrize(("said", "now"), [(None, 1), (str(PROMPT_VERSION), PROMPT_VERSION)])
def test_an_adapter_of_these_prompts_is_loaded(tmp_path, monkeypatch, said, now):
    """One that says nothing was trained with the first version."""
    monkeypatch.setattr(adapter_module, "PROMPT_VERSION", now)
    backbone = tiny.pocket_backbone()
    folder = tiny.save_adapter(tmp_path, tiny.pocket_model())
    stamp(folder, {"format": "pt"} | ({PROMPT_KEY: said} if said else {}))
    add_adapter(backbone, folder, "mine", "the model")
    assert backbone.identity()["adapter"] == "mine"


@pytest.mark.parametrize(("said", "now"), [("2", 1), (None, 2), ("1", 2), ("", 1)])
def test_an_adapter_of_other_prompts_is_one_clear_error(tmp_path, monkeypatch, said, now):
    monkeypatch.setattr(adapter_module, "PROMPT_VERSION", now)
    backbone = tiny.pocket_backbone()
    folder = tiny.save_adapter(tmp_path / "mine", tiny.pocket_model())
    stamp(folder, {"format": "pt"} | ({PROMPT_KEY: said} if said is not None else {}))
    there = "1" if said is None else said
    with pytest.raises(BackboneError, match=f"mine was trained with version {there} of the prompts.* version {now}"):
        add_adapter(backbone, folder, "mine", "the model")
    assert backbone.identity()["adapter"] is None


def stamp(folder: Path, metadata: dict[str, str]) -> None:
    save_file(load_file(folder / ADAPTER), folder / ADAPTER, metadata)


def test_what_cannot_be_loaded_is_one_clear_error(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BackboneError, match="cannot be loaded"):
        loading.load(BackboneConfig(str(empty)), lambda message, fraction: None)
    home = tiny.save_checkpoint(tmp_path / "model")
    with pytest.raises(BackboneError, match="does not fit"):
        loading.load(BackboneConfig(str(home), str(empty), "cpu", "float32"), lambda message, fraction: None)


def test_weights_are_not_trained_by_answering(adapted):
    _, backbone = adapted
    assert not any(p.requires_grad for p in backbone.model.parameters())
    before = {n: p.clone() for n, p in backbone.model.named_parameters()}
    backbone.generate(list(MIXED[:2]), 3)
    assert all(torch.equal(before[n], p) for n, p in backbone.model.named_parameters())
