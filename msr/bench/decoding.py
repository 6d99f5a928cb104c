"""Decoding speed for one text that a person waits for, in tokens a second, beside other ways to decode it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from msr import prompts
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.worker import alone
from msr.bench import baselines, inputs
from msr.bench.timing import Measured, Row, measured

TOKENS = 90


def decoding(backbone: LocalBackbone) -> Iterator[Row]:
    """Write one long answer in our way and in others; each time includes reading the prompt."""
    history = inputs.items(3, "decode ")
    prompt = prompts.Prompt("\n".join(f"- {item.title}" for item in history) + "\nTell a long story of these things.")
    ours = measured(lambda: ["", *backbone.stream(prompt, TOKENS)][-1])
    yield _row("decode", backbone, ours, ours.result)
    ways: dict[str, dict[str, Any]] = {"generate": {}, "static cache": {"cache_implementation": "static"}}
    for name, options in ways.items():
        told = measured(partial(_text, backbone, prompt, **options))
        yield _row(f"decode, {name}", backbone, told, ours.result)
    if backbone.model.device.type == "cpu":
        with _int8(backbone):
            told = measured(partial(_text, backbone, prompt))
        yield _row("decode, dynamic int8", backbone, told, ours.result)


def _text(backbone: LocalBackbone, prompt: prompts.Prompt, **options: Any) -> str:
    return baselines.texts(backbone, [prompt], TOKENS, **options)[0].strip()


def _row(task: str, backbone: LocalBackbone, told: Measured[str], expected: str) -> Row:
    tokens = min(TOKENS, len(backbone.tokens.answer_ids(told.result)))
    note = "" if told.result == expected else "another text than ours"
    rate = tokens / told.seconds
    return Row(task, tokens, told.seconds, peak_mb=told.peak_mb, rate=rate, unit="tokens/s, batch 1", note=note)


@contextmanager
def _int8(backbone: LocalBackbone) -> Iterator[None]:
    """Replace the model's linear layers by ones in int8 with dynamically quantised activations, while entered."""
    whole = backbone.model

    @alone
    def packed() -> torch.nn.Module:
        in_float = (
            whole if whole.dtype == torch.float32 else copy.deepcopy(whole).float()
        )  # the only format that it takes
        return torch.ao.quantization.quantize_dynamic(in_float, {torch.nn.Linear}, torch.qint8)

    backbone.model = packed()
    try:
        yield
    finally:
        backbone.model = whole
