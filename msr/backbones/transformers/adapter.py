"""A LoRA adapter: read from a folder, merged into a model, taken out and put back.

Merging costs nothing at every answer. The base weights that the adapter changes are kept beside the model, so that
taking it out is exact. Weights in 4 bits would be rounded once more by a merge: there the adapter stays unmerged.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open

from msr.backbones.protocol import BackboneError, in_a_line
from msr.prompts import PROMPT_VERSION

if TYPE_CHECKING:
    from msr.backbones.transformers.backbone import LocalBackbone

ADAPTER = "adapter_model.safetensors"
PROMPT_KEY = "prompt_version"  # in the metadata of the weights, where training writes it


def sha16(path: Path) -> str:
    """The first 16 digits of a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def add_adapter(backbone: LocalBackbone, folder: Path, name: str, model: str) -> None:
    """Merge the LoRA in `folder` into `backbone`, under the name `name`; `model` is what a message calls the model.

    Raises:
        BackboneError: it does not fit the model, or was trained with other prompts.
    """
    path = folder / ADAPTER
    try:
        _check_prompt_version(path)
        backbone.merge_adapter(str(folder), name, sha16(path))
    except BackboneError:
        raise
    except Exception as error:  # PEFT and its libraries report a wrong file in many ways
        raise BackboneError(f"the adapter in {folder} does not fit {model}: {in_a_line(error)}") from error


def _check_prompt_version(path: Path) -> None:
    """Compare the version in the weights' metadata; weights that name none were trained with version 1."""
    with safe_open(path, framework="pt") as weights:
        found = (weights.metadata() or {}).get(PROMPT_KEY, "1")
    if found != str(PROMPT_VERSION):
        raise BackboneError(
            f"the adapter in {path.parent} was trained with version {found[:20]} of the prompts, and this program asks "
            f"with version {PROMPT_VERSION}. Train the adapter again, or use the program that it was trained with"
        )


class Adapter:
    """The LoRA of a checked local folder on `model`, whose language model is `language`; it is on at first."""

    def __init__(self, model, language: torch.nn.Module, folder: str) -> None:
        from peft import PeftModel

        before = dict(model.named_parameters())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft calls transformers in an outdated way
            wrapped = PeftModel.from_pretrained(model, folder)
        ending = ".base_layer.weight"
        changed = [n.removesuffix(ending) for n in wrapped.state_dict() if n.endswith(ending)]
        names = [n.removeprefix("base_model.model.") + ".weight" for n in changed]
        inside = {id(p) for p in language.parameters()}
        self.changes_pictures = any(id(before[n]) not in inside for n in names)
        self._on = True
        self._unmerged: Any = None
        self._others: dict[str, torch.Tensor] = {}  # base weights while the adapter is on, merged ones while it is off
        if getattr(model, "is_loaded_in_4bit", False):
            self._unmerged = wrapped.base_model
            self.model = model
        else:
            self._others = {n: before[n].detach().clone() for n in names}
            self.model = wrapped.merge_and_unload()
        self.model.eval().requires_grad_(False)

    def switch(self, on: bool) -> None:
        """Turn the adapter on or off; nothing happens where it is so already."""
        if on == self._on:
            return
        if self._unmerged is not None:
            (self._unmerged.enable_adapter_layers if on else self._unmerged.disable_adapter_layers)()
            self.model.requires_grad_(False)
        parameters = dict(self.model.named_parameters())
        for name, other in self._others.items():
            parameters[name].data, self._others[name] = other, parameters[name].data
        self._on = on
