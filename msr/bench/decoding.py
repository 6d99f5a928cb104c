"""Decoding speed for one text that a person waits for, in tokens a second, beside other ways to decode it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from msr import prompts
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.worker import alone
from msr.bench import baselines, inputs
from msr.bench.timing import Measured, Row, measured

TOKENS = 90


def decoding(backbone: LocalBackbone) -> Iterator[Row]:
    """One long answer, ours and other ways to write it; reading the prompt counts in all."""
    history = inputs.items(3, "decode ")
    prompt = prompts.Prompt("\n".join(f"- {item.title}" for item in history) + "\nTell a long story of these things.")
    ours = measured(lambda: ["", *backbone.stream(prompt, TOKENS)][-1])
    yield _row("decode", backbone, ours, ours.result)
    for name, options in (("generate", {}), ("static cache", {"cache_implementation": "static"})):
        told = measured(lambda options=options: baselines.texts(backbone, [prompt], TOKENS, **options)[0].strip())
        yield _row(f"decode, {name}", backbone, told, ours.result)
    if backbone.model.device.type == "cpu":
        with _int8(backbone):
            told = measured(lambda: baselines.texts(backbone, [prompt], TOKENS)[0].strip())
        yield _row("decode, dynamic int8", backbone, told, ours.result)


def _row(task: str, backbone: LocalBackbone, told: Measured[str], expected: str) -> Row:
    tokens = min(TOKENS, len(backbone.tokens.answer_ids(told.result)))
    note = "" if told.result == expected else "another text than ours"
    rate = tokens / told.seconds
    return Row(task, tokens, told.seconds, peak_mb=told.peak_mb, rate=rate, unit="tokens/s, batch 1", note=note)


@contextmanager
def _int8(backbone: LocalBackbone) -> Iterator[None]:
    """While entered, the model's linear layers multiply in int8, activations quantised as they come."""
    whole = backbone.model

    @alone
    def packed() -> torch.nn.Module:
        in_float = whole if whole.dtype == torch.float32 else copy.deepcopy(whole).float()  # it takes no others
        return torch.ao.quantization.quantize_dynamic(in_float, {torch.nn.Linear}, torch.qint8)

    backbone.model = packed()
    try:
        yield
    finally:
        backbone.model = whole
