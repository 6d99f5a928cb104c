"""What transformers' own forward pass and processor say, with nothing of ours in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from msr.backbones.transformers.backbone import LocalBackbone
from msr.prompts import Prompt
from tests.tiny_classes import KINDS


def inputs(backbone: LocalBackbone, prompt: Prompt) -> dict[str, torch.Tensor]:
    """The processor's tensors of one chat prompt, pictures expanded by the processor itself."""
    text = next(kind.asks for kind in KINDS.values() if kind.fits(backbone.model))(prompt.text)
    images = [p.open() for p in prompt.pictures] or None
    return dict(backbone.processor(text=text, images=images, return_tensors="pt"))


@torch.inference_mode()
def logits(backbone: LocalBackbone, prompt: Prompt, answer: tuple[int, ...] = ()) -> torch.Tensor:
    """(T, V) logits of a prompt and an answer, uncached and unpadded."""
    asked = inputs(backbone, prompt)
    asked["input_ids"] = torch.cat([asked["input_ids"], torch.tensor([answer], dtype=torch.long)], dim=1)
    asked["attention_mask"] = torch.ones_like(asked["input_ids"])
    if "mm_token_type_ids" in asked:  # Qwen-VL's positions come from it; an answer holds no picture
        asked["mm_token_type_ids"] = torch.nn.functional.pad(asked["mm_token_type_ids"], (0, len(answer)))
    with _views_as_stored(backbone):
        return backbone.model(**asked).logits[0]


@contextmanager
def _views_as_stored(backbone: LocalBackbone) -> Iterator[None]:
    """The pocket model's views rounded to half precision, as its backbone keeps them."""
    inner = backbone.model.model
    if not hasattr(inner, "see"):
        yield
        return
    see = inner.see
    inner.see = lambda pixel_values: see(pixel_values).half().to(pixel_values.dtype)
    try:
        yield
    finally:
        del inner.see


def greedy(backbone: LocalBackbone, prompt: Prompt, count: int) -> tuple[list[int], list[float]]:
    """Greedy answer ids and the log-probability of each, by full forward passes."""
    ids: list[int] = []
    chances: list[float] = []
    for _ in range(count):
        last = logits(backbone, prompt, tuple(ids))[-1].log_softmax(-1)
        ids.append(int(last.argmax()))
        chances.append(float(last.max()))
    return ids, chances


@contextmanager
def counted(module: torch.nn.Module, on_call=lambda count: None, axis: int = 0) -> Iterator[list[int]]:
    """Batch sizes (or `axis=1`: lengths) of the forward passes of `module` while entered; `on_call` hears how many
    there were."""
    sizes: list[int] = []

    def hook(_module, args, kwargs) -> None:
        tensors = [v for v in (*args, *kwargs.values()) if isinstance(v, torch.Tensor)]
        sizes.append(tensors[0].shape[axis] if tensors else 0)
        on_call(len(sizes))

    handle = module.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield sizes
    finally:
        handle.remove()
