"""Tokens a second of one text that somebody waits for, beside other ways to decode it, and llama.cpp on the GGUF."""

from __future__ import annotations

import copy
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from msr import prompts
from msr.backbones.pocket.backbone import PocketBackbone
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.worker import alone
from msr.bench import baselines, inputs
from msr.bench.timing import Measured, Row, measured
from msr.schema import ItemSummary

TOKENS = 90
_WRITING = "{:.0f} tokens/s once the prompt is read"


def decoding(backbone: LocalBackbone, gguf: Path | None) -> Iterator[Row]:
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
    yield from _engine(backbone, prompt, ours.result)
    yield _llama(backbone, prompt.text, gguf)


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


def _engine(backbone: LocalBackbone, prompt: prompts.Prompt, expected: str) -> Iterator[Row]:
    """What `--engine llama.cpp` makes of it: the same weights, adapter merged, in 8 bits. Short texts one at a time, as
    a run asks for them, and how many are the same to the letter."""
    task = "decode, --engine llama.cpp"
    if not isinstance(backbone, PocketBackbone):
        yield Row(task, 0, note="not measured: the engine is the pocket model's")
    elif importlib.util.find_spec("xllamacpp") is None:
        yield Row(task, 0, note="not measured: xllamacpp is not installed")
    else:
        from msr.backbones import exported, llamacpp

        asked = list(_short())
        ours = measured(lambda: _written(backbone, asked))  # while llama.cpp's threads do not wait for work yet
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.gguf"
            alone(exported.export)(backbone.model.get_decoder(), backbone.tokens.tokenizer, backbone.tokens.eos, file)
            writer = llamacpp.Writer(file, torch.get_num_threads())

            def write(some: Sequence[prompts.Prompt], heard: Callable[[str], None] = lambda text: None) -> list[str]:
                ids = [backbone.tokens.prompt_ids(one) for one in some]
                return [writer.write([one], TOKENS, lambda: None, heard)[0].text for one in ids]

            told = measured(lambda: write([prompt])[0])
            pieces: list[float] = []  # when each came; llama.cpp sends one a token
            write([prompt], lambda _text: pieces.append(time.perf_counter()))
            row = _row(task, backbone, told, expected)
            alone_rate = (len(pieces) - 1) / (pieces[-1] - pieces[0]) if len(pieces) > 1 else 0.0
            yield replace(row, note="; ".join(filter(None, (row.note, _WRITING.format(alone_rate)))))
            theirs = measured(lambda: write(asked))
            same = sum(one == other for one, other in zip(ours.result, theirs.result, strict=True))
            note = (
                f"n: preferences, reasons; {same} of {len(asked)} equal to the letter; plain: PyTorch, guessing ahead"
            )
            yield Row("texts, --engine llama.cpp", len(asked), theirs.seconds, None, ours.seconds, note=note)


def _written(backbone: LocalBackbone, asked: Sequence[prompts.Prompt]) -> list[str]:
    return [backbone.generate([one], TOKENS)[0].text for one in asked]


def _short(users: int = 6) -> Iterator[prompts.Prompt]:
    """A preference and a reason of each of some users."""
    for user in range(users):
        seen = [(item, ItemSummary(item.id, f"A {item.title.split(',')[0]}.")) for item in inputs.items(3, f"{user} ")]
        liked, _, other = seen
        text = f"The user appears to have a preference for {liked[0].title.split(',')[0]}s."
        yield prompts.preference(text, seen)
        yield prompts.explain(text, other[0], other[1].text, liked=True)


def _llama(backbone: LocalBackbone, text: str, gguf: Path | None) -> Row:
    task = "decode, llama.cpp"
    if importlib.util.find_spec("xllamacpp") is None:
        return Row(task, 0, note="not measured: xllamacpp is not installed")
    if gguf is None:
        return Row(task, 0, note="not measured: name the model's file with --gguf")
    import xllamacpp

    options = xllamacpp.CommonParams()
    options.model.path, options.n_ctx, options.n_parallel, options.warmup = str(gguf), 1024, 1, True
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = torch.get_num_threads()
    server = xllamacpp.Server(options)
    asked = {"prompt": backbone.tokens.chat(text)[0], "max_tokens": TOKENS, "temperature": 0, "cache_prompt": False}
    told = measured(lambda: server.handle_completions(asked))
    tokens = told.result["usage"]["completion_tokens"]
    writing = _WRITING.format(told.result["timings"]["predicted_per_second"])
    note = f"{writing}; the weights of the file, without the adapter"
    return Row(task, tokens, told.seconds, peak_mb=told.peak_mb, rate=tokens / told.seconds, unit="tokens/s", note=note)
