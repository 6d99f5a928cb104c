"""What training leaves behind: LoRA adapter and connector, each one safetensors file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from train import sharding
from train.model import Learner, LoraLearner
from train.processes import joined

PUBLISHED = ("adapter_config.json", "adapter_model.safetensors", "connector.safetensors")


def save(learner: Learner, folder: Path) -> None:
    """LoRA and connector in half precision: half the bytes, and the merged model rounds more than that.

    The main process writes; all call it.
    """
    save_lora(learner, folder, "pocket", torch.float16)
    if not joined().is_main_process:
        return
    connector = {k: v.detach().contiguous() for k, v in learner.connector.state_dict().items()}
    save_file({k: v.half() if v.is_floating_point() else v for k, v in connector.items()}, folder / PUBLISHED[2])


def save_lora(learner: LoraLearner, folder: Path, base: str, dtype: torch.dtype = torch.float32) -> None:
    """The LoRA alone, as PEFT keeps one; `base` names the model that it is for.

    The main process writes. All processes call it, since each may hold a part.
    """
    lora = sharding.whole(get_peft_model_state_dict(learner.peft, save_embedding_layers=False))
    if not joined().is_main_process:
        return
    folder.mkdir(parents=True, exist_ok=True)
    config = learner.peft.peft_config["default"]
    config.base_model_name_or_path = base  # not the folder on this machine
    config.save_pretrained(str(folder))
    save_file({k: v.detach().to(dtype).contiguous() for k, v in lora.items()}, folder / PUBLISHED[1])


def load_into(learner: LoraLearner, folder: Path, connector: bool = True) -> None:
    """Starts `learner` from saved weights; `connector=False` takes the LoRA alone."""
    set_peft_model_state_dict(learner.peft, {k: v.float() for k, v in load_file(folder / PUBLISHED[1]).items()})
    if connector:
        learner.connector.load_state_dict(load_file(folder / PUBLISHED[2]))


def adapter_hash(folder: Path) -> str:
    """SHA-256 over the adapter, and the connector where there is one; 16 digits."""
    digest = hashlib.sha256()
    for name in (PUBLISHED[1], *(name for name in PUBLISHED[2:3] if (folder / name).exists())):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]
