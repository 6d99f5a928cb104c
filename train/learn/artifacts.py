"""What training leaves behind: LoRA adapter, connector and familiarity, each one safetensors file."""

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
from sklearn.cluster import MiniBatchKMeans

from msr.backbones.transformers.adapter import PROMPT_KEY
from msr.prompts import PROMPT_VERSION
from msr.schema import InputProblem
from train.learn import distributed
from train.learn.distributed import joined
from train.learn.model import Learner, LoraLearner

CENTRES = 384
PUBLISHED = ("adapter_config.json", "adapter_model.safetensors", "connector.safetensors", "familiarity.safetensors")


def save(learner: Learner, folder: Path, known: torch.Tensor, unseen: torch.Tensor) -> None:
    """Weights, and the `familiarity` that follows from (N, F) CLS features of training and of validation pictures.

    The main process writes; all call it.
    """
    save_weights(learner, folder)
    if joined().is_main_process:
        save_file(familiarity(known, unseen), folder / PUBLISHED[3])


def save_weights(learner: Learner, folder: Path) -> None:
    """LoRA and connector in half precision: half the bytes, and the merged model rounds more than that.

    The main process writes; all call it.
    """
    save_lora(learner, folder, "pocket", torch.float16)
    if not joined().is_main_process:
        return
    connector = learner.connector.state_dict()
    save_file({k: v.detach().to(torch.float16).contiguous() for k, v in connector.items()}, folder / PUBLISHED[2])


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
        cast(Learner, learner).connector.load_state_dict(
            {k: v.float() for k, v in load_file(folder / PUBLISHED[2]).items()}
        )


def adapter_hash(folder: Path) -> str:
    """SHA-256 over the adapter, and the connector where there is one; 16 digits."""
    digest = hashlib.sha256()
    for name in (PUBLISHED[1], *(name for name in PUBLISHED[2:3] if (folder / name).exists())):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]


def familiarity(known: torch.Tensor, unseen: torch.Tensor, seed: int = 0) -> dict[str, torch.Tensor]:
    """Cluster centres of the training pictures' CLS features, and the distance that is still familiar.

    centres: (C, F) unit vectors; edge: the 98th percentile of the cosine distance to the nearest centre over
    pictures of the same sources that were not trained on (over the training pictures if there are none).
    """
    features = torch.nn.functional.normalize(known, dim=-1)
    count = min(CENTRES, max(1, len(features) // 4))
    fitted = MiniBatchKMeans(count, random_state=seed, n_init=1, batch_size=2048).fit(features.numpy())
    centres = torch.nn.functional.normalize(torch.from_numpy(fitted.cluster_centers_).float(), dim=-1)
    measured = torch.nn.functional.normalize(unseen, dim=-1) if len(unseen) else features
    edge = (1 - (measured @ centres.T).amax(dim=1)).quantile(0.98)
    return {"centres": centres.half().contiguous(), "edge": edge.reshape(1)}


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
