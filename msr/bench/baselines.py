"""Baselines on transformers' own path: its processor and attention, full prompts, nothing cached between calls.

The published loop (arXiv 2408.09698) generates 30 tokens to read one logit. The plain pass computes that logit only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from msr.backbones.transformers.attention import usual
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.worker import alone
from msr.prompts import Prompt
from msr.schema import YesNo

BATCH = 6  # prompts in a forward pass, as published
_NEW_TOKENS = 30


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
