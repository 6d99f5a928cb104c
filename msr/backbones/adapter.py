"""A LoRA adapter on a model, which can be taken out and put back.

It is merged into the weights, which costs nothing at every answer, and the base weights that it changes are kept beside
them, so that taking it out is exact. Weights in 4 bits would be rounded anew by that: there it stays beside them.
"""

from __future__ import annotations

import warnings

import torch


class Adapter:
    """Puts the LoRA of a checked local folder on `model`, whose language model is `language`."""

    def __init__(self, model, language: torch.nn.Module, folder: str) -> None:
        from peft import PeftModel

        before = dict(model.named_parameters())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers in an older way
            wrapped = PeftModel.from_pretrained(model, folder)
        ending = ".base_layer.weight"
        changed = [n.removesuffix(ending) for n in wrapped.state_dict() if n.endswith(ending)]
        names = [n.removeprefix("base_model.model.") + ".weight" for n in changed]
        inside = {id(p) for p in language.parameters()}
        self.changes_pictures = any(id(before[n]) not in inside for n in names)
        self._beside, self._others = None, {}
        if getattr(model, "is_loaded_in_4bit", False):
            self._beside = wrapped.base_model
            self.model = model
        else:
            self._others = {n: before[n].detach().clone() for n in names}
            self.model = wrapped.merge_and_unload()
        self.model.eval().requires_grad_(False)

    def switch(self, on: bool) -> None:
        """Puts it back, or takes it out; it is always the other one of the two."""
        if self._beside is not None:
            (self._beside.enable_adapter_layers if on else self._beside.disable_adapter_layers)()
            self.model.requires_grad_(False)
        parameters = dict(self.model.named_parameters())
        for name, other in self._others.items():
            parameters[name].data, self._others[name] = other, parameters[name].data
