"""Baselines on transformers' own path: its processor and attention, full prompts, nothing cached between calls.

The published loop (arXiv 2408.09698) generates 30 tokens to read one logit. The plain pass computes that logit only.
Decoding is compared as well: tokens a second of one text that a person waits for, in our way and in others.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from msr import prompts
from msr.backbones.transformers.attention import usual
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.worker import alone
from msr.bench import inputs
from msr.bench.timing import Row, Timing, timed
from msr.prompts import Prompt
from msr.schema import YesNo

BATCH = 6  # prompts in a forward pass, as published
_NEW_TOKENS = 30
TOKENS = 90  # of the long answer that decoding is timed on


@alone
@torch.inference_mode()
def published(backbone: LocalBackbone, asked: Sequence[Prompt]) -> list[YesNo]:
    """The first step's logits of `generate(max_new_tokens=30)`, in batches of 6."""
    answers = []
    for start in range(0, len(asked), BATCH):
        out = _generate(backbone, asked[start : start + BATCH], _NEW_TOKENS, output_logits=True)
        answers += _yes_no(backbone, out.logits[0])
    return answers


@alone
@torch.inference_mode()
def plain(backbone: LocalBackbone, asked: Sequence[Prompt]) -> list[YesNo]:
    """One forward pass over full prompts in batches of 6; logits at the last position only."""
    answers = []
    for start in range(0, len(asked), BATCH):
        inputs = _inputs(backbone, asked[start : start + BATCH])
        if "image_grid_thw" not in inputs:  # models with positions for pictures compute them themselves
            inputs["position_ids"] = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        with usual(backbone.model):
            out = backbone.model(**inputs, use_cache=False, logits_to_keep=1)
        answers += _yes_no(backbone, out.logits[:, -1])
    return answers


@alone
@torch.inference_mode()
def texts(backbone: LocalBackbone, asked: Sequence[Prompt], max_new_tokens: int, **options) -> list[str]:
    """Greedy answers in batches of 6; `options` of transformers' `generate`."""
    answers = []
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        width = _inputs(backbone, part)["input_ids"].shape[1]
        ids = _generate(backbone, part, max_new_tokens, **options).sequences[:, width:]
        answers += backbone.tokens.tokenizer.batch_decode(ids, skip_special_tokens=True)
    return answers


def _generate(backbone: LocalBackbone, asked: Sequence[Prompt], max_new_tokens: int, **options):
    with usual(backbone.model):
        return backbone.model.generate(
            **_inputs(backbone, asked),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            eos_token_id=backbone.tokens.ends,
            pad_token_id=backbone.tokens.pad,
            return_dict_in_generate=True,
            **options,
        )


def _inputs(backbone: LocalBackbone, asked: Sequence[Prompt]) -> dict[str, torch.Tensor]:
    """The processor's tensors of chat prompts, padded on the left to one length."""
    processor = backbone.processor
    pictures = [[picture.open() for picture in prompt.pictures] for prompt in asked]
    inputs = processor(
        text=[processor.image_token.join(backbone.tokens.chat(prompt.text)) for prompt in asked],
        images=pictures if any(pictures) else None,
        padding=True,
        padding_side="left",
        return_tensors="pt",
    )
    return {
        name: tensor.to(backbone.model.device, backbone.model.dtype if tensor.is_floating_point() else None)
        for name, tensor in inputs.items()
    }


def _yes_no(backbone: LocalBackbone, logits: torch.Tensor) -> list[YesNo]:
    """(B, V) logits -> B answers."""
    return [YesNo(float(yes), float(no)) for yes, no in logits[:, list(backbone.tokens.yes_no())]]


def decoding(backbone: LocalBackbone) -> Iterator[Row]:
    """Write one long answer in our way and in others; each time includes reading the prompt."""
    history = inputs.items(3, "decode ")
    prompt = prompts.Prompt("\n".join(f"- {item.title}" for item in history) + "\nTell a long story of these things.")
    ours = timed(lambda: ["", *backbone.stream(prompt, TOKENS)][-1])
    yield _row("decode", backbone, ours, ours.result)
    ways: dict[str, dict[str, Any]] = {"generate": {}, "static cache": {"cache_implementation": "static"}}
    for name, options in ways.items():
        other = timed(partial(_text, backbone, prompt, **options))
        yield _row(f"decode, {name}", backbone, other, ours.result)
    if backbone.model.device.type == "cpu":
        with _int8(backbone):
            other = timed(partial(_text, backbone, prompt))
        yield _row("decode, dynamic int8", backbone, other, ours.result)


def _text(backbone: LocalBackbone, prompt: prompts.Prompt, **options: Any) -> str:
    return texts(backbone, [prompt], TOKENS, **options)[0].strip()


def _row(task: str, backbone: LocalBackbone, timing: Timing[str], expected: str) -> Row:
    tokens = min(TOKENS, len(backbone.tokens.answer_ids(timing.result)))
    note = "" if timing.result == expected else "another text than ours"
    rate = tokens / timing.seconds
    return Row(task, tokens, timing.seconds, peak_mb=timing.peak_mb, rate=rate, unit="tokens/s, batch 1", note=note)


@contextmanager
def _int8(backbone: LocalBackbone) -> Iterator[None]:
    """Replace the model's linear layers by ones in int8 with dynamically quantised activations, while entered."""
    whole = backbone.model

    @alone
    def packed() -> torch.nn.Module:
        # Quantisation takes float32 only.
        in_float = whole if whole.dtype == torch.float32 else copy.deepcopy(whole).float()
        return torch.ao.quantization.quantize_dynamic(in_float, {torch.nn.Linear}, torch.qint8)

    backbone.model = packed()
    try:
        yield
    finally:
        backbone.model = whole
