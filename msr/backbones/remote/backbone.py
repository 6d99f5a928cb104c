"""A model behind an OpenAI-compatible chat server as a backbone: `openai:http://host/v1#model`.

Yes and No are read from the log-probabilities of the answer's first token. A server without them (`transformers serve`)
is asked for typed yes/no decisions. Which of the two a server has is found out once, by asking.
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import numpy as np
from cachetools import LRUCache
from PIL import Image

from msr.backbones.protocol import BackboneError, Generation, Reading
from msr.backbones.remote import answers
from msr.backbones.remote.requests import Line, Patience, Refused, Server
from msr.certainty import Certainty
from msr.config import BackboneConfig
from msr.prompts import IMAGE, Prompt
from msr.schema import Picture, YesNo

_CHAT, _DECISIONS = "/chat/completions", "/systemone"
_LENGTHS_KEPT = 4096
_ASKED = "Is grass green? Answer Yes or No."  # the question that finds out what a server can do
_THUMBNAIL = (8, 8)


def load(
    config: BackboneConfig, report: Callable[[str, float], None], patience: Patience | None = None
) -> RemoteBackbone:
    """Connect to the model that `config.name` names, and find out what its server can do.

    Raises:
        BackboneError: the address is not valid; the server cannot be reached, does not know the model, or has neither
            log-probabilities nor decisions; or `config` sets weights or an adapter, which the server chooses.
    """
    server = Server.parse(config.name)
    if config.offline and not server.near:
        raise BackboneError(
            f"--offline fetches nothing, and {server.host} is another computer; leave --offline out, or serve here"
        )
    if config.adapter not in ("bundled", "none") or config.weights != "full":
        raise BackboneError("a server loads weights and adapters itself: name the adapter's model after the #")
    report(f"Asking {server.url}", 0.1)
    backbone = RemoteBackbone(Line(server, patience))
    report("The model is ready", 1.0)
    return backbone


class RemoteBackbone:
    """The `Backbone` protocol over one served model. Every method raises BackboneError if the server fails.

    A vLLM server lists a LoRA adapter as a model whose parent is the base, so there `adapter_off` asks the parent. The
    tower is the server's own: `views` are small thumbnails, and how far a picture is known cannot be told.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._lengths: LRUCache[Prompt, int] = LRUCache(_LENGTHS_KEPT)  # tokens of a prompt, counted by the server
        self._lengths_lock = threading.Lock()  # the cache reorders its entries when it is read
        self._here = threading.local()  # `off`: how many times this thread has entered `adapter_off`
        listed = self._listed()
        self._model = self._named(listed)
        parent = listed.get(self._model, {}).get("parent")
        self._base = answers.words(parent if isinstance(parent, str) else None) or self._model
        answer = self._first_answer(listed)
        self._logprobs = bool(answers.first_tokens(answer))
        if not self._logprobs:
            self._try_decisions()
        self._write, self._blind = self._try_pictures(answer)

    def _listed(self) -> dict[str, dict[str, Any]]:
        """The server's models by name; empty where it has no list (`transformers serve` without a hub cache fails)."""
        try:
            return answers.models(self._line.ask("/models"))
        except Refused as refused:
            if refused.status in (401, 403) or 300 <= refused.status < 400:
                raise
            return {}

    def _named(self, listed: Mapping[str, Any]) -> str:
        if not self._line.server.model and len(listed) != 1:
            raise BackboneError(f"write which model to use behind the address, after a #; {self._names(listed)}")
        return self._line.server.model or next(iter(listed))

    def _names(self, listed: Mapping[str, Any]) -> str:
        names = ", ".join(answers.line(name, 80) for name in list(listed)[:20])
        return f"{self._line.server.url} has: {names}" if names else f"{self._line.server.url} lists none"

    def _first_answer(self, listed: Mapping[str, Any]) -> Any:
        """The answer to a short question, with log-probabilities if the server has them."""
        prompt = Prompt(_ASKED)
        try:
            try:
                answer = self._line.ask(_CHAT, self._first_token(self._model, prompt))
            except Refused:  # perhaps because of the log-probabilities
                answer = self._line.ask(_CHAT, self._chat(self._model, prompt, 1))
        except Refused as refused:
            raise BackboneError(f"{self._model!r} does not answer: {refused}; {self._names(listed)}") from None
        by = answers.words(answers.maybe(answer, "model")) or self._model
        # llama.cpp answers to any name; transformers serve lists no local folder and adds a revision.
        if listed and self._model not in listed and by.partition("@")[0] != self._model:
            raise BackboneError(f"there is no model {self._model!r}; {self._names(listed)}")
        answers.text(answer)
        return answer

    def _try_decisions(self) -> None:
        """Raise BackboneError if the server has no decisions."""
        try:
            answers.decided(self._line.ask(_DECISIONS, self._decision(self._model, Prompt(_ASKED))))
        except BackboneError as problem:
            raise BackboneError(
                f"{self._line.server.url} tells neither log-probabilities (top_logprobs: vLLM, llama.cpp) nor "
                f"decisions ({_DECISIONS}: transformers serve) of {self._model!r}, so nothing can be scored: {problem}"
            ) from None

    def _try_pictures(self, answer: Any) -> tuple[Callable[[Picture], str], str]:
        """The format in which the server reads pictures, and why it reads none ("" if it does)."""
        shown = Picture.from_pixels(Image.new("RGB", (64, 64), "red"))
        prompt, why = Prompt(f"{IMAGE}\n{_ASKED}", (shown,)), ""
        for self._write in (Picture.data_url, png_url):  # llama.cpp reads no WebP
            try:
                seen = self._line.ask(_CHAT, self._chat(self._model, prompt, 1))
                if not self._logprobs:
                    answers.decided(self._line.ask(_DECISIONS, self._decision(self._model, prompt)))
            except BackboneError as problem:
                why = why or str(problem)
                continue
            # A text model of transformers serve drops pictures without an error; then the prompt gets no longer.
            if 0 < answers.tokens(seen) <= answers.tokens(answer):
                return self._write, "it leaves pictures out"
            return self._write, ""
        return self._write, why

    @property
    def _asked(self) -> str:
        """The name of the model that this thread asks."""
        return self._base if getattr(self._here, "off", 0) else self._model

    def _check_pictures(self, prompts: Sequence[Prompt]) -> None:
        if self._blind and any(prompt.pictures for prompt in prompts):
            raise BackboneError(
                f"{self._model!r} at {self._line.server.url} reads no pictures ({self._blind}); serve a model "
                "that does, or give items without pictures"
            )

    def _chat(self, model: str, prompt: Prompt, most: int, **options: Any) -> dict[str, Any]:
        """One user turn, pictures in their places as data URLs."""
        pictures = iter(prompt.pictures)
        parts: list[dict[str, Any]] = []
        for index, text in enumerate(prompt.text.split(IMAGE)):
            if index:
                parts.append({"type": "image_url", "image_url": {"url": self._write(next(pictures))}})
            if text:
                parts.append({"type": "text", "text": text})
        content = parts if prompt.pictures else prompt.text
        turn = {"role": "user", "content": content}
        return {"model": model, "messages": [turn], "max_tokens": most, "temperature": 0, **options}

    def _first_token(self, model: str, prompt: Prompt) -> dict[str, Any]:
        return self._chat(model, prompt, 1, logprobs=True, top_logprobs=answers.TOP)

    def _decision(self, model: str, prompt: Prompt) -> dict[str, Any]:
        """A yes/no question; the server adds "Answer Yes or No only." to it."""
        state, assets = prompt.text, {}
        for picture in prompt.pictures:
            place = f"[picture {picture.digest}]"  # no title holds this by chance
            state = state.replace(IMAGE, place, 1)
            assets[place] = {"data_base64": self._write(picture).partition(",")[2]}
        return {"model": model, "state": state, "questions": {"answer": {"type": "noul"}}, "assets": assets}

    def identity(self) -> Mapping[str, Any]:
        """See `Backbone.identity`. `revision` is the address; a server tells no hash of weights, device or dtype."""
        return {
            "name": self._base,
            "revision": self._line.server.url,
            "tower": "thumbnails",
            "adapter": self._asked if self._asked != self._base else None,
            "adapter_sha256": None,
            "device": "remote",
            "dtype": "as served",
            "versions": {},
        }

    def generate(
        self, prompts: Sequence[Prompt], max_new_tokens: int, stop: threading.Event | None = None
    ) -> list[Generation]:
        self._check_pictures(prompts)
        options = {"logprobs": True, "top_logprobs": 1} if self._logprobs else {}
        bodies = [partial(self._chat, self._asked, prompt, max_new_tokens, **options) for prompt in prompts]
        told = self._line.ask_all(_CHAT, bodies, stop)
        return [Generation(answers.within(answers.text(a), max_new_tokens), answers.confidence(a)) for a in told]

    def stream(
        self, prompt: Prompt, max_new_tokens: int, stop: threading.Event | None = None
    ) -> Generator[str, None, None]:
        self._check_pictures([prompt])
        body = partial(self._chat, self._asked, prompt, max_new_tokens, stream=True)
        text = ""
        with closing(self._line.events(_CHAT, body, stop)) as events:
            for event in events:
                piece = answers.piece(event)
                if piece:
                    text = answers.within(text + piece, max_new_tokens)
                    yield text.strip()

    def score(self, prompts: Sequence[Prompt], stop: threading.Event | None = None) -> list[YesNo]:
        scores, told, _ = self._scored(prompts, stop)
        if self._logprobs and len(told) > 1:
            answers.check_words(told)
        return scores

    def _scored(
        self, prompts: Sequence[Prompt], stop: threading.Event | None = None
    ) -> tuple[list[YesNo], Sequence[Any], dict[Prompt, int]]:
        """Scores, the answers that they were read from, and the prompts' lengths in tokens."""
        self._check_pictures(prompts)
        path, write, read = (
            (_CHAT, self._first_token, answers.yes_no)
            if self._logprobs
            else (_DECISIONS, self._decision, answers.decided)
        )
        told = self._line.ask_all(path, [partial(write, self._asked, prompt) for prompt in prompts], stop)
        lengths = {prompt: answers.tokens(answer) for prompt, answer in zip(prompts, told, strict=True)}
        with self._lengths_lock:
            self._lengths.update(lengths)
        return [read(answer) for answer in told], told, lengths

    def reading(self, prompts: Sequence[Prompt]) -> list[Reading]:
        """The prompts' own texts, since a server does not tell its chat format; tokens are 0 if it counts none."""
        distinct = list(dict.fromkeys(prompts))
        with self._lengths_lock:
            lengths = {prompt: self._lengths[prompt] for prompt in distinct if prompt in self._lengths}
        _, _, new = self._scored([prompt for prompt in distinct if prompt not in lengths])
        lengths |= new
        return [Reading(prompt.text, lengths[prompt]) for prompt in prompts]

    def certainty(self, pictures: Sequence[Picture]) -> list[Certainty]:
        """Not known: nobody can tell what a server's model was trained on."""
        return [Certainty()] * len(pictures)

    def views(self, pictures: Sequence[Picture]) -> np.ndarray:
        """The colours of a thumbnail, in [0, 1] (see `Backbone.views`)."""
        small = [np.asarray(picture.open().resize(_THUMBNAIL), np.float32).ravel() for picture in pictures]
        return np.stack(small) / 255

    @contextmanager
    def adapter_off(self) -> Iterator[None]:
        """Ask the base model while entered, in this thread."""
        self._here.off = getattr(self._here, "off", 0) + 1
        try:
            yield
        finally:
            self._here.off -= 1


def png_url(picture: Picture) -> str:
    """A picture's pixels as a data URL that every server reads."""
    buffer = io.BytesIO()
    picture.open().save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
