"""Texts by llama.cpp, for a CPU: what a person waits for is written faster.

It writes what is asked without a picture (preferences, reasons, items that have none); pictures and scores stay with
PyTorch, since llama.cpp would have to be taught the pocket's tower. Weights are rounded to 8 bits, so a text may differ
from PyTorch's where two words are almost equally likely; the engine is a part of the model's identity.
"""

from __future__ import annotations

import importlib.util
import math
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from msr.backbones import exported
from msr.backbones.pocket import backbone as pocket_backbone
from msr.backbones.pocket.backbone import PocketBackbone
from msr.backbones.pocket.seal import seal, whole
from msr.backbones.pocket.wheels import Report
from msr.backbones.protocol import BackboneError, Generation, StopRequested
from msr.backbones.transformers.backbone import check
from msr.config import LLAMA_CPP, BackboneConfig
from msr.prompts import Prompt
from msr.storage import cache_home, content_key

_CONTEXT = 2048  # tokens of a prompt and its answer
_TOGETHER = 4  # answers at a time
_KEPT = 3  # exported models on disk


class Writer:
    """llama.cpp in this process, on one GGUF file."""

    def __init__(self, file: Path, threads: int) -> None:
        import xllamacpp

        options = xllamacpp.CommonParams()
        options.model.path = str(file)
        options.n_ctx, options.n_parallel = _CONTEXT * _TOGETHER, _TOGETHER
        options.warmup, options.verbosity = False, -1
        options.cpuparams.n_threads = options.cpuparams_batch.n_threads = threads
        self._server = xllamacpp.Server(options)

    def fits(self, prompt: Sequence[int], max_new_tokens: int) -> bool:
        return len(prompt) + max_new_tokens <= _CONTEXT

    def write(
        self,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        check: Callable[[], None],
        heard: Callable[[str], None] = lambda text: None,
    ) -> list[Generation]:
        """Greedy answers to prompts of ids.

        `check` is called with every token and may raise; `heard` gets what is new of the first answer's text.

        Raises:
            BackboneError: llama.cpp refuses.
        """
        texts, chances = [""] * len(prompts), [[] for _ in prompts]  # log probabilities of tokens
        ended: list[BaseException] = []

        def told(chunk: Mapping[str, Any] | None) -> bool:
            """Takes what was written, None at the end; True ends the writing, for an exception may not pass through
            llama.cpp."""
            try:
                check()
                if chunk is not None and "choices" not in chunk:
                    raise BackboneError(f"llama.cpp did not answer: {chunk.get('message', chunk)}")
                for choice in chunk["choices"] if chunk else ():
                    number, new = choice["index"], choice["text"]  # whole characters, where a token may be half of one
                    texts[number] += new
                    chances[number] += [token["logprob"] for token in (choice["logprobs"] or {}).get("content", ())]
                    if new and number == 0:
                        heard(new)
                return False
            except BaseException as error:
                ended.append(error)
                return True

        check()
        asked = {
            "prompt": [list(ids) for ids in prompts],
            "max_tokens": max_new_tokens,
            "temperature": 0,
            "stream": True,
        }
        self._server.handle_completions(asked | {"logprobs": 1, "cache_prompt": False}, told)
        if ended:
            raise ended[0]
        return [
            Generation(text.strip(), math.exp(sum(some) / len(some)) if some else math.nan)
            for text, some in zip(texts, chances, strict=True)
        ]


class LlamaCppBackbone(PocketBackbone):
    """The pocket model whose texts without pictures `writer` writes, while the adapter is on."""

    writer: Writer

    def identity(self) -> Mapping[str, Any]:
        return {**super().identity(), "engine": None if self._off else LLAMA_CPP}

    def _written(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None
    ) -> list[Generation]:
        ids = {n: self.tokens.prompt_ids(prompt) for n, prompt in enumerate(prompts) if not prompt.pictures}
        ids = {n: one for n, one in ids.items() if self._writes(one, max_new_tokens)}
        answers: dict[int, Generation] = {}
        if ids:
            written = self.writer.write(list(ids.values()), max_new_tokens, lambda: check(stop))
            answers |= dict(zip(ids, written, strict=True))
        if rest := [n for n in range(len(prompts)) if n not in ids]:
            others = super()._written([prompts[n] for n in rest], max_new_tokens, stop)
            answers |= dict(zip(rest, others, strict=True))
        return [answers[n] for n in range(len(prompts))]

    def _speak(self, prompt, max_new_tokens, streamer, stop, gone) -> None:
        ids = None if prompt.pictures else self.tokens.prompt_ids(prompt)
        if ids is None or not self._writes(ids, max_new_tokens):
            super()._speak(prompt, max_new_tokens, streamer, stop, gone)
            return

        def ended() -> None:
            check(stop)
            check(gone)

        with suppress(StopRequested):  # the reader hears of it from `stream`, or went away
            self.writer.write([ids], max_new_tokens, ended, streamer.on_finalized_text)
        streamer.end()

    def _writes(self, ids: Sequence[int], max_new_tokens: int) -> bool:
        return not self._off and self.writer.fits(ids, max_new_tokens)


def load(config: BackboneConfig, report: Report) -> LlamaCppBackbone:
    """The pocket model with llama.cpp beside it; its language model is exported once for each adapter.

    Raises:
        BackboneError: as `pocket_backbone.load`, or llama.cpp is not installed.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise BackboneError("the engine llama.cpp needs a package: pip install xllamacpp, or leave --engine out")
    backbone = pocket_backbone.load(config, report, LlamaCppBackbone)
    backbone.writer = Writer(_exported(backbone, report), torch.get_num_threads())
    backbone.add_version("xllamacpp", version("xllamacpp"))
    return backbone


def _exported(backbone: LlamaCppBackbone, report: Report) -> Path:
    about = backbone.identity()
    key = content_key(layout=exported.LAYOUT, tower=about["tower"], adapter=about["adapter_sha256"])[:16]
    home = cache_home() / "llama.cpp"
    folder = home / key
    file = folder / "model.gguf"
    if not whole(folder):
        report("Writing the language model for llama.cpp (once)", 0.95)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            exported.export(backbone.model.get_decoder(), backbone.tokens.tokenizer, backbone.tokens.eos, file)
            seal(folder)
        except OSError as error:
            raise BackboneError(f"{file} could not be written: {error}. Make room, or leave --engine out") from error
        by_age = sorted((path for path in home.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
        for old in by_age[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    return file
