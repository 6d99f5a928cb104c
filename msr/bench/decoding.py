"""Tokens a second of one text that somebody waits for, beside llama.cpp on the GGUF of the same language model."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from msr import prompts
from msr.backbones.local import LocalBackbone
from msr.bench import inputs
from msr.bench.measure import Row, measured

TOKENS = 90


def decoding(backbone: LocalBackbone, gguf: Path | None) -> Iterator[Row]:
    """The first step of a preference; reading the prompt counts in both."""
    history = inputs.items(3, "decode ")
    prompt = prompts.Prompt("\n".join(f"- {item.title}" for item in history) + "\nTell a long story of these things.")
    ours = measured(lambda: list(backbone.stream(prompt, TOKENS)))
    tokens = min(TOKENS, len(backbone.tokens.answer_ids(["", *ours.result][-1])))
    yield Row(
        "decode", tokens, ours.seconds, peak_mb=ours.peak_mb, rate=tokens / ours.seconds, unit="tokens/s, batch 1"
    )
    yield _llama(backbone, prompt.text, gguf)


def _llama(backbone: LocalBackbone, text: str, gguf: Path | None) -> Row:
    task = "decode, llama.cpp"
    if importlib.util.find_spec("llama_cpp") is None:
        return Row(task, 0, note="not measured: llama-cpp-python is not installed")
    if gguf is None:
        return Row(task, 0, note="not measured: name the model's file with --gguf")
    from llama_cpp import Llama

    model = Llama(str(gguf), n_ctx=1024, verbose=False)
    chat = backbone.tokens.chat(text)[0]
    told = measured(lambda: model.create_completion(chat, max_tokens=TOKENS, temperature=0.0))
    tokens = told.result["usage"]["completion_tokens"]
    note = "the seconds are llama.cpp's, its weights those of the file, without the adapter"
    return Row(task, tokens, told.seconds, peak_mb=told.peak_mb, rate=tokens / told.seconds, unit="tokens/s", note=note)
