"""Only a local LoRA folder in safetensors whose configuration imports nothing is let in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from msr.intake import IntakeError, adapter_folder
from tests.intake_files import write_folder

WEIGHTS = save({"model.q_proj.lora_A.weight": np.zeros((2, 4), np.float32)})


def adapter(path: Path, weights: bytes = WEIGHTS, name: str = "adapter_model.safetensors", **config: Any) -> Path:
    settings = {"peft_type": "LORA", "r": 2, "auto_mapping": None, "megatron_config": None} | config
    return write_folder(path / "lora", {"adapter_config.json": json.dumps(settings), name: weights})


def test_a_good_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = adapter(tmp_path)
    assert adapter_folder(folder) == folder.resolve()
    monkeypatch.chdir(tmp_path)
    assert adapter_folder("lora") == folder.resolve()


@pytest.mark.parametrize("name", ["someone/some-adapter", "https://example.com/lora", "a\0b"])
def test_what_is_not_a_local_folder(name: str) -> None:
    with pytest.raises(IntakeError, match="not a local folder"):
        adapter_folder(name)


@pytest.mark.parametrize("name", ["adapter_model.bin", "adapter_model.pt"])
def test_pickled_weights(tmp_path: Path, name: str) -> None:
    with pytest.raises(IntakeError, match=r"no adapter_model.safetensors. Its .bin weights can hold code"):
        adapter_folder(adapter(tmp_path, name=name))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"auto_mapping": {"parent_library": "os", "base_model_class": "system"}}, "auto_mapping could load code"),
        ({"megatron_config": {"x": 1}, "megatron_core": "evil"}, "megatron_config could load code"),
        ({"peft_type": "PROMPT_TUNING"}, "only LORA"),
        ({"peft_type": None}, "only LORA"),
    ],
)
def test_configurations_that_reach_out(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(IntakeError, match=said):
        adapter_folder(adapter(tmp_path, **config))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_configuration_that_is_none(tmp_path: Path, text: str) -> None:
    folder = adapter(tmp_path)
    (folder / "adapter_config.json").write_text(text)
    with pytest.raises(IntakeError, match="not a JSON object"):
        adapter_folder(folder)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(IntakeError, match="there is no file 'adapter_config.json'"):
        adapter_folder(folder)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (WEIGHTS[:-1], "damaged"),
        (b"", "damaged"),
        (b"\x80\x04pickle, renamed", "damaged"),
        (save({"model.q_proj.weight": np.zeros(2, np.float32)}), "no LoRA weights"),
    ],
)
def test_weights_that_are_none(tmp_path: Path, weights: bytes, said: str) -> None:
    with pytest.raises(IntakeError, match=said):
        adapter_folder(adapter(tmp_path, weights))
