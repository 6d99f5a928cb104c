"""What training leaves behind: LoRA adapter and connector, each one safetensors file."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from msr.backbones.transformers.adapter import PROMPT_KEY
from msr.prompts import PROMPT_VERSION
from msr.schema import InputProblem
from train.learn import distributed
from train.learn.distributed import joined
from train.learn.model import Learner, LoraLearner

PUBLISHED = ("adapter_config.json", "adapter_model.safetensors", "connector.safetensors")


def save(learner: Learner, folder: Path) -> None:
    """LoRA and connector in half precision: half the bytes, and the merged model rounds more than that.

    The main process writes; all call it.
    """
    save_lora(learner, folder, "pocket", torch.float16)
    save_connector(learner, folder)


def save_connector(learner: Learner, folder: Path) -> None:
    """The connector with all that it knows, of which training changes a part only. The main process writes."""
    if not joined().is_main_process:
        return
    connector = {k: v.detach().contiguous() for k, v in learner.connector.state_dict().items()}
    save_file({k: v.half() if v.is_floating_point() else v for k, v in connector.items()}, folder / PUBLISHED[2])


def save_lora(learner: LoraLearner, folder: Path, base: str, dtype: torch.dtype = torch.float32) -> None:
    """The LoRA alone, as PEFT keeps one, with the version of the prompts; `base` names the model that it is for.

    The main process writes. All processes call it, since each may hold a part.
    """
    lora = distributed.whole(get_peft_model_state_dict(learner.peft, save_embedding_layers=False))
    if not joined().is_main_process:
        return
    folder.mkdir(parents=True, exist_ok=True)
    config = learner.peft.peft_config["default"]
    config.base_model_name_or_path = base  # not the folder on this machine
    config.save_pretrained(str(folder))
    tensors = {k: v.detach().to(dtype).contiguous() for k, v in lora.items()}
    save_file(tensors, folder / PUBLISHED[1], {PROMPT_KEY: str(PROMPT_VERSION)})


def load_into(learner: LoraLearner, folder: Path, connector: bool = True) -> None:
    """Starts `learner` from saved weights; `connector=False` takes the LoRA alone.

    Raises:
        InputProblem: the LoRA has other weights than the learner, such as those of another rank.
    """
    saved = load_file(folder / PUBLISHED[1])
    mine = {name: tuple(weight.shape) for name, weight in get_peft_model_state_dict(learner.peft).items()}
    theirs = {name: tuple(weight.shape) for name, weight in saved.items()}
    if wrong := sorted(name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name)):
        raise InputProblem(
            f"{folder / PUBLISHED[1]} does not fit what is learned here: {len(wrong)} weights differ, such as "
            f"{wrong[0]}: {theirs.get(wrong[0], 'missing')} there, {mine.get(wrong[0], 'none')} here. Give the --rank "
            "and the --backbone that it was made with."
        )
    set_peft_model_state_dict(learner.peft, {name: weight.float() for name, weight in saved.items()})
    if connector:
        load_connector(cast(Learner, learner), folder)


def load_connector(learner: Learner, folder: Path) -> None:
    learner.connector.load_state_dict(load_file(folder / PUBLISHED[2]))


def adapter_hash(folder: Path) -> str:
    """SHA-256 over the adapter, and the connector where there is one; 16 digits."""
    digest = hashlib.sha256()
    for name in (PUBLISHED[1], *(name for name in PUBLISHED[2:3] if (folder / name).exists())):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]


# ---- The training record: what a run was made from, and what was measured.


RECORD = "training.json"
_OLD_RECORD = "run.json"  # of runs from before the record had a name of its own
_PACKAGES = ("torch", "transformers", "peft", "accelerate", "safetensors", "pillow", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def record(folder: Path) -> dict[str, Any]:
    """The training record of a run's folder; older runs call the file run.json. Empty if there is none."""
    path = next((folder / name for name in (RECORD, _OLD_RECORD) if (folder / name).exists()), None)
    return json.loads(path.read_text(encoding="utf-8")) if path else {}


def update_record(folder: Path, **parts: Any) -> dict[str, Any]:
    """Merge `parts` into the training record of a run's folder, and return the whole."""
    return write_json(folder / RECORD, record(folder) | parts)


def update(path: Path, **parts: Any) -> dict[str, Any]:
    """Merge `parts` into the JSON file at `path`, which may be missing, and return the whole."""
    return write_json(path, (json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}) | parts)


def write_json(path: Path, whole: dict[str, Any]) -> dict[str, Any]:
    """Replace the file at `path` in one move, and return what was written."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)
    return whole


def loop(done: Mapping[str, Any]) -> dict[str, Any]:
    """What every stage says of its loop, from what `train.learn.loop.fit` returns."""
    return {
        "steps": done["step"],
        "seconds": round(done["seconds"], 1),
        "device": done["device"],
        "tokens": done["tokens"],
        "pairs": done["pairs"],
        "best_validation": done["best"],
        "mean_loss_by_tenth": _mean_loss_by_tenth(done["losses"]),
    }


def _mean_loss_by_tenth(losses: Sequence[tuple[int, str, float]]) -> dict[str, list[float]]:
    """The loop's (step, task, loss) as a curve of about ten means for each task."""
    curve: dict[str, list[float]] = {}
    for _, name, value in losses:
        curve.setdefault(name, []).append(value)
    return {name: [round(sum(part) / len(part), 4) for part in _tenths(values)] for name, values in curve.items()}


def _tenths(values: list[float]) -> list[list[float]]:
    size = max(1, len(values) // 10)
    return [values[i : i + size] for i in range(0, len(values), size)][:10]
