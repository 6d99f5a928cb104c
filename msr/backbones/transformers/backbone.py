"""Any `AutoModelForImageTextToText` checkpoint in this process as a backbone, with a LoRA adapter.

Scoring computes the prefix that all prompts share once and runs the remainders as one batch behind it. Each picture
goes through the vision tower once: its tokens in the language model's space are kept by digest.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache
from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

from msr.backbones.protocol import (
    INTEGRATED,
    Attribution,
    BackboneError,
    Generation,
    Reading,
    Span,
    StopRequested,
    at_once,
    even_batches,
)
from msr.backbones.transformers import attention, gradients, worker
from msr.backbones.transformers.adapter import Adapter
from msr.backbones.transformers.batching import Row, SharedPrefix, padded, positions, shared
from msr.backbones.transformers.tokens import ChatTokens, Seen, look
from msr.backbones.transformers.worker import CallerLock, at_work
from msr.certainty import Certainty
from msr.prompts import IMAGE, Prompt
from msr.schema import Picture, YesNo

LOOKS = 4  # pictures in a forward pass of the vision tower, on a laptop
_PICTURES_KEPT = 4096


class _Stop(StoppingCriteria):
    """Ends transformers' `generate` once an event is set."""

    def __init__(self, event: threading.Event | None) -> None:
        self.event = event

    def __call__(self, input_ids: torch.Tensor, scores, **kwargs) -> torch.Tensor:
        stop = self.event is not None and self.event.is_set()
        return torch.full((input_ids.shape[0],), stop, dtype=torch.bool, device=input_ids.device)


def check(stop: threading.Event | None) -> None:
    """Raise StopRequested if `stop` is set."""
    if stop is not None and stop.is_set():
        raise StopRequested


class LocalBackbone:
    """The `Backbone` protocol over a transformers model.

    The model works on one thread (`worker`). One caller at a time holds the lock: whoever is inside `adapter_off` keeps
    it, and all others wait until the adapter is back.
    """

    def __init__(self, model, processor, identity: Mapping[str, Any]) -> None:
        self.model = model.eval().requires_grad_(False)
        if model.device.type == "cpu":
            attention.tile(model)
        self.processor = processor
        self.tokens = ChatTokens(processor)
        self._identity = dict(identity)
        self._adapter: Adapter | None = None
        self._off = False  # the adapter is out, for the thread that holds the lock
        self._pictures: LRUCache[str, Seen] = LRUCache(_PICTURES_KEPT)
        self._prefix = SharedPrefix()
        self._lock = CallerLock()

    def identity(self) -> Mapping[str, Any]:
        """See `Backbone.identity`. Only the thread inside `adapter_off` is answered by the base model."""
        if self._off and self._lock.mine:
            return {**self._identity, "adapter": None, "adapter_sha256": None}
        return dict(self._identity)

    def merge_adapter(self, folder: str, adapter: str, adapter_sha256: str) -> None:
        """Merge the LoRA of a checked local folder, under the name `adapter`."""
        self._adapter = Adapter(self.model, self._language, folder)
        self.model = self._adapter.model
        self._identity |= {"adapter": adapter, "adapter_sha256": adapter_sha256}
        self._pictures.clear()
        self._prefix.forget()

    @contextmanager
    def adapter_off(self) -> Iterator[None]:
        """Take the adapter out for this thread, which may enter again; other threads wait meanwhile."""
        with self._lock:
            if self._off:  # this thread is inside already
                yield
                return
            worker.run(lambda: self._switch(False))
            self._off = True
            try:
                yield
            finally:
                worker.run(lambda: self._switch(True))
                self._off = False

    def _switch(self, on: bool) -> None:
        self._prefix.forget()
        if self._adapter is not None:
            self._adapter.switch(on)
            if self._adapter.changes_pictures:
                self._pictures.clear()

    @at_work
    def forget_prefix(self) -> None:
        """Forget the shared prefix; the next `score` computes its own."""
        self._prefix.forget()

    @at_work
    def forget(self) -> None:
        """Forget all pictures and the prefix; the vision tower runs again for the next picture."""
        self._pictures.clear()
        self._prefix.forget()

    def _see(self, pictures: Sequence[Picture], stop: threading.Event | None) -> dict[str, Seen]:
        """What each picture looks like to the language model, by digest. Raises StopRequested between batches.

        The pictures used last are kept; a call may ask for more pictures than that.
        """
        asked = {p.digest: p for p in pictures}
        seen = {digest: self._pictures[digest] for digest in asked if digest in self._pictures}
        missing = [p for digest, p in asked.items() if digest not in seen]
        for part in even_batches(missing, at_once(self._identity, LOOKS)):
            check(stop)
            new = dict(zip((p.digest for p in part), self._look(part), strict=True))
            self._pictures.update(new)
            seen |= new
        return seen

    def _look(self, pictures: Sequence[Picture]) -> list[Seen]:
        """Run the vision tower on one batch of pictures."""
        return look(self.model, self.processor, pictures)

    def _encode(self, prompts: Sequence[Prompt], stop: threading.Event | None) -> list[Row]:
        """Prompts as rows of ids, embeddings and positions. Raises StopRequested between batches of pictures."""
        if not prompts:
            return []
        looks = self._see([p for prompt in prompts for p in prompt.pictures], stop)
        seen = [[looks[p.digest] for p in prompt.pictures] for prompt in prompts]
        ids = self.tokens.prompts_ids(prompts, [[one.ids for one in some] for some in seen])
        flat = torch.tensor([token for some in ids for token in some])
        device, places = self.model.device, (flat == self.tokens.image).nonzero().squeeze(1)
        flat = flat.to(device)
        embeds = self.model.get_input_embeddings()(flat)
        if len(places):
            shown = torch.cat([one.tokens for some in seen for one in some])
            embeds[places.to(device)] = shown.to(embeds.dtype)
        lengths = [len(some) for some in ids]
        each = zip(ids, flat.split(lengths), embeds.split(lengths), seen, strict=True)
        return [Row(one, states, positions(self.model, tensor, some)) for one, tensor, states, some in each]

    @at_work
    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        if not prompts:
            return []
        check(stop)
        return self._written(prompts, max_new_tokens, stop)

    def _written(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None
    ) -> list[Generation]:
        """Whole answers by transformers' own `generate`. Raises StopRequested."""
        out = self.model.generate(
            **padded(self._encode(prompts, stop), left=True),
            return_dict_in_generate=True,
            output_logits=True,
            stopping_criteria=StoppingCriteriaList([_Stop(stop)]),
            **self._greedy(max_new_tokens),
        )
        check(stop)
        chances = torch.stack([step.float().log_softmax(-1).amax(-1) for step in out.logits], dim=1)
        answers = []
        for ids, chance in zip(out.sequences[:, -chances.shape[1] :], chances, strict=True):
            ends = torch.isin(ids, ids.new_tensor(self.tokens.ends)).nonzero()
            length = int(ends[0]) + 1 if len(ends) else len(ids)
            text = self.tokens.tokenizer.decode(ids[:length], skip_special_tokens=True).strip()
            answers.append(Generation(text, float(chance[:length].mean().exp())))
        return answers

    def stream(
        self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None
    ) -> Generator[str, None, None]:
        gone = threading.Event()  # set when the reader goes away, so that the worker stops too
        streamer = TextIteratorStreamer(self.tokens.tokenizer, skip_prompt=False, skip_special_tokens=True)
        mine = self._lock.mine  # inside `adapter_off`, which holds the lock

        @torch.inference_mode()
        def work() -> None:
            try:
                self._speak(prompt, max_new_tokens, streamer, stop, gone)
            except BaseException:
                streamer.end()
                raise
            finally:
                if not mine:
                    self._lock.release()

        check(stop)
        if not mine:
            self._lock.take()
        done = worker.begin(work)
        text = ""
        try:
            for piece in streamer:
                if piece:
                    text += piece
                    yield text.strip()
        finally:
            gone.set()
            failure = done.exception()
        if failure:
            raise failure
        check(stop)

    def _speak(
        self, prompt: Prompt, max_new_tokens: int, streamer, stop: threading.Event | None, gone: threading.Event
    ) -> None:
        """Put the ids of one answer into `streamer` as they are decoded, until one of the events is set."""
        self.model.generate(
            **padded(self._encode([prompt], stop), left=True),
            streamer=streamer,
            stopping_criteria=StoppingCriteriaList([_Stop(stop), _Stop(gone)]),
            **self._greedy(max_new_tokens),
        )

    @at_work
    @torch.inference_mode()
    def score(self, prompts: Sequence[Prompt], stop: threading.Event | None = None) -> list[YesNo]:
        if not prompts:
            return []
        check(stop)
        rows = self._encode(prompts, stop)
        text, image = self.model.config.get_text_config(), self.tokens.image
        states = self._prefix.last_states(self._language, text, image, rows, lambda: check(stop))
        answers = self._answers(states)
        if not answers.isfinite().all():
            raise BackboneError(
                f"the scores of {self._identity.get('name')} are not finite numbers: its weights, or those of its "
                "adapter, are damaged; copy them again"
            )
        return [YesNo(yes, no) for yes, no in answers.tolist()]

    @at_work
    def attribute(
        self, prompt: Prompt, spans: Sequence[Span], method: str = INTEGRATED, stop: threading.Event | None = None
    ) -> Attribution:
        def logit(embeds: torch.Tensor) -> torch.Tensor:
            check(stop)
            places = row.positions.unsqueeze(-2).expand(*row.positions.shape[:-1], len(embeds), -1)
            inputs = {"inputs_embeds": embeds.to(self.model.dtype), "position_ids": places}
            states = self._language(**inputs, use_cache=False).last_hidden_state
            return self._answers(states[:, -1]) @ states.new_tensor([1.0, -1.0]).float()

        (row,) = self._encode([prompt], stop)
        blank = self.model.get_input_embeddings().weight[self.tokens.pad].float()
        looks = self._see(prompt.pictures, stop)
        found = self.tokens.places(prompt, [len(looks[p.digest].ids) for p in prompt.pictures])
        return gradients.attribute_words(logit, row.embeds.float(), blank, prompt.text, found, spans, method)

    @at_work
    @torch.inference_mode()
    def reading(self, prompts: Sequence[Prompt]) -> list[Reading]:
        rows = self._encode(prompts, None)
        texts = [IMAGE.join(self.tokens.chat(prompt.text)) for prompt in prompts]
        return [Reading(text, len(row.ids)) for text, row in zip(texts, rows, strict=True)]

    @at_work
    @torch.no_grad()
    def rows(self, prompts: Sequence[Prompt]) -> list[Row]:
        """Prompts as the language model takes them: training reads what inference reads."""
        return self._encode(prompts, None)

    def seen(self, digest: str) -> Seen:
        """The kept tokens of a picture; KeyError for one that is not kept."""
        return self._pictures[digest]

    def certainty(self, pictures: Sequence[Picture]) -> list[Certainty]:
        """Not known: only a model whose training pictures are known can tell (the pocket model)."""
        return [Certainty()] * len(pictures)

    @at_work
    def shared(self, prompts: Sequence[Prompt]) -> int:
        """How many tokens of their common beginning `score` computes once for all of these prompts."""
        rows = self._encode(prompts, None)
        return shared([row.ids for row in rows], self.tokens.image, self.model.config.get_text_config())

    @at_work
    @torch.inference_mode()
    def views(self, pictures: Sequence[Picture]) -> np.ndarray:
        """The mean of each picture's tokens (see `Backbone.views`)."""
        looks = self._see(pictures, None)
        return torch.stack([looks[p.digest].tokens.float().mean(0) for p in pictures]).cpu().numpy()

    @property
    def _language(self):
        return self.model.get_decoder()

    def _answers(self, states: torch.Tensor) -> torch.Tensor:
        """Yes and No logits (B, 2) of last states (B, D)."""
        return states.float() @ self.model.get_output_embeddings().weight[list(self.tokens.yes_no())].float().T

    def _greedy(self, max_new_tokens: int) -> dict[str, Any]:
        """Options of transformers' `generate` for greedy decoding."""
        return {
            "max_new_tokens": max_new_tokens,
            "do_sample": False,
            "num_beams": 1,
            "eos_token_id": self.tokens.ends,
            "pad_token_id": self.tokens.pad,
        }
