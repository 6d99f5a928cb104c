"""The pocket MLLM as a `Backbone`: its connector, its adapter, and how sure it is of a picture."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoProcessor
from transformers.utils.logging import disable_progress_bar

from msr.backbones.pocket import assemble
from msr.backbones.pocket import model as pocket_model
from msr.backbones.pocket.wheels import Report
from msr.backbones.protocol import BackboneError, Generation, StopRequested, at_once, even_batches
from msr.backbones.transformers import decoding
from msr.backbones.transformers.adapter import add_adapter, sha16
from msr.backbones.transformers.backbone import LOOKS, LocalBackbone, check
from msr.backbones.transformers.device import pick_device, pick_dtype
from msr.backbones.transformers.tokens import Seen
from msr.backbones.transformers.worker import at_work
from msr.certainty import Certainty
from msr.config import BackboneConfig
from msr.prompts import Prompt
from msr.schema import Picture
from msr.storage import TextCache, cache_home, content_key

CONNECTOR = "connector.safetensors"
VIEWS = 2**30  # bytes of picture views kept on disk


class PocketBackbone(LocalBackbone):
    """Runs the tower once for each picture, whose view serves its tokens and its certainty and stays on disk."""

    def __init__(self, model, processor, identity, views: TextCache) -> None:
        super().__init__(model, processor, identity)
        self._views = views
        self._known: dict[str, Certainty] = {}

    def _pixels(self, pictures: Sequence[Picture]) -> torch.Tensor:
        """(B, 3, H, W) as the vision tower wants it."""
        pixels = self.processor.image_processor(images=[p.open() for p in pictures], return_tensors="pt")
        return pixels["pixel_values"].to(self.model.device, self.model.dtype)

    def _look(self, pictures: Sequence[Picture]) -> list[Seen]:
        seen = torch.stack(self.looked_at(pictures)).to(self.model.device, self.model.dtype)
        tokens, certainty = self.model.model.multi_modal_projector.read_out(seen)
        chances = (Certainty(*row) for row in certainty.tolist())
        self._known.update(zip((p.digest for p in pictures), chances, strict=True))
        return [Seen([self.tokens.image] * len(some), some) for some in tokens]

    @at_work
    def forget(self) -> None:
        """Forgets all pictures that were seen, and leaves the views on disk alone from now on."""
        super().forget()
        self._known.clear()
        self._views = TextCache()

    @at_work
    def looked_at(self, pictures: Sequence[Picture]) -> list[torch.Tensor]:
        """Views (1 + cells, F + 6) in half precision, whether kept or new, so that both give the same scores."""
        tower = self._identity["tower"]
        keys = [
            content_key(view=p.digest, tower=tower, layers=pocket_model.LAYERS, dtype=str(self.model.dtype))
            for p in pictures
        ]
        kept = [self._views.get(key) for key in keys]
        new = [p for p, view in zip(pictures, kept, strict=True) if view is None]
        fresh = iter(self.model.model.see(self._pixels(new)).half().cpu() if new else ())
        views = []
        for key, view in zip(keys, kept, strict=True):
            if view is None:
                view = next(fresh)
                packed = base64.b64encode(view.numpy().tobytes()).decode("ascii")
                self._views.put(key, {"shape": list(view.shape), "float16": packed})
                views.append(view)
            else:
                data = bytearray(base64.b64decode(view["float16"]))
                views.append(torch.frombuffer(data, dtype=torch.float16).reshape(view["shape"]))
        return views

    def _written(self, prompts, max_new_tokens, stop) -> list[Generation]:
        answers = self._answering(prompts, stop)
        checked = at_once(self._identity, decoding.PASS)
        decoding.greedy(self.model, answers, max_new_tokens, self.tokens.eos, lambda: check(stop), checked=checked)
        decode = self.tokens.tokenizer.decode
        return [Generation(decode(a.written, skip_special_tokens=True).strip(), a.confidence) for a in answers]

    def _speak(self, prompt, max_new_tokens, streamer, stop, gone) -> None:
        def ended() -> None:
            check(stop)
            check(gone)

        answers = self._answering([prompt], stop)
        with suppress(StopRequested):  # the reader hears of it from `stream`, or went away
            decoding.greedy(
                self.model,
                answers,
                max_new_tokens,
                self.tokens.eos,
                ended,
                lambda ids: streamer.put(torch.tensor(ids)),
            )
        streamer.end()

    def _answering(self, prompts: Sequence[Prompt], stop: threading.Event | None) -> list[decoding.Answer]:
        """Answers may repeat their drafts, and their prompts."""
        drafts = [[self.tokens.answer_ids(p.draft)] if p.draft else [] for p in prompts]
        rows = self._encode(prompts, stop)
        return [decoding.Answer(row, [*draft, row.ids]) for row, draft in zip(rows, drafts, strict=True)]

    @at_work
    @torch.inference_mode()
    def views(self, pictures: Sequence[Picture]) -> np.ndarray:
        """The tower's CLS feature of each picture (see `Backbone.views`)."""
        width = self.model.config.vision_config.hidden_size
        batches = even_batches(pictures, at_once(self._identity, LOOKS))
        seen = [view for batch in batches for view in self.looked_at(batch)]
        return torch.stack(seen)[:, 0, :width].float().numpy()

    @at_work
    @torch.inference_mode()
    def certainty(self, pictures: Sequence[Picture]) -> list[Certainty]:
        self._see([p for p in pictures if p.digest not in self._known], None)
        return [self._known[p.digest] for p in pictures]


def load(config: BackboneConfig, report: Report) -> PocketBackbone:
    """The pocket model with the connector and adapter of `config.adapter`.

    Raises:
        BackboneError: the checkpoint cannot be had, or the adapter is not one for this model.
    """
    checkpoint = assemble.fetch(report)
    report("Loading the model", 0.85)
    bundled = config.adapter in ("bundled", "none")
    folder = assemble.ASSETS if bundled else Path(config.adapter)
    home = folder if (folder / CONNECTOR).exists() else assemble.ASSETS
    if not (home / CONNECTOR).exists():
        raise BackboneError(f"{home / CONNECTOR} is missing: this installation is not complete; get the sources again")
    device = pick_device(config.device)
    dtype = pick_dtype(device, config.dtype)
    disable_progress_bar()
    model: Any = pocket_model.PocketLlava.from_pretrained(checkpoint, dtype=dtype)
    model = model.to(device)
    connector = model.model.multi_modal_projector.float()  # chances want all of their digits
    tensors = _tensors(home / CONNECTOR)
    if other := _difference(tensors, connector.state_dict()):
        raise BackboneError(
            f"{home / CONNECTOR} is of another version of the pocket model ({other}): train the adapter again"
        )
    connector.load_state_dict(tensors)
    if not connector.sight.places_are_there():
        raise BackboneError(f"{home / CONNECTOR} is damaged (a name's thing or group is not there): copy it again")
    identity = {
        "name": "pocket",
        "revision": f"{checkpoint.name}+{sha16(home / CONNECTOR)}",
        "tower": checkpoint.name,
        "adapter": None,
        "adapter_sha256": None,
        "device": device.type,
        "dtype": str(dtype).removeprefix("torch."),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }
    backbone = PocketBackbone(
        model,
        AutoProcessor.from_pretrained(checkpoint),
        identity,
        TextCache(cache_home() / "views", quota=VIEWS),
    )
    if config.adapter != "none":
        add_adapter(backbone, folder, "bundled" if bundled else folder.name, "the pocket model")
    report("The model is ready", 1.0)
    return backbone


def _difference(tensors: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> str:
    """The first way in which tensors are not those that are wanted, in a few words; empty if there is none."""
    for name, tensor in wanted.items():
        if name not in tensors:
            return f"it has no {name}"
        if (shape := tuple(tensors[name].shape)) != (needed := tuple(tensor.shape)):
            return f"its {name} has the shape {shape} in place of {needed}"
    return next((f"it has an unknown {name}" for name in tensors if name not in wanted), "")


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """What a safetensors file holds. Raises BackboneError."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise BackboneError(f"{path} cannot be read ({error}): copy it again") from error
    if wrong := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise BackboneError(f"{path} is damaged ({wrong[0]} holds what is no number): copy it again")
    return tensors
