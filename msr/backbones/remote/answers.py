"""What an OpenAI-compatible server's answers say. Each function raises BackboneError for an answer of another shape."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx

from msr.backbones.protocol import BackboneError
from msr.prompts import NO, YES
from msr.schema import YesNo

_LARGEST = 8 * 2**20  # bytes of an answer
_SURE = 2.0**-24  # nearer to 0 or 1 a probability in single precision says nothing


def yes_no(answer: Any) -> YesNo:
    """Log-probabilities of Yes and No at the first token, each in its likelier spelling (with a space or without).

    One that is not among the listed is as unlikely as the last of them.
    """
    listed = first_tokens(answer)
    if not listed:
        raise BackboneError("the server's answer has no log-probabilities any more; was it started anew?")
    least = min(chance for _, chance in listed)
    return YesNo(*(max((c for token, c in listed if _word(token) == word), default=least) for word in (YES, NO)))


def check_words(told: Sequence[Any]) -> None:
    """Raises BackboneError if none of these answers had Yes or No among its likeliest first tokens.

    A single such answer is as unlike Yes as it is unlike No, but where all are, nothing was asked.
    """
    listed = [first_tokens(answer) for answer in told]
    if listed and not any(_word(token) in (YES, NO) for one in listed for token, _ in one):
        first = max(listed[0], key=lambda pair: pair[1], default=("", 0.0))[0]
        raise BackboneError(
            f"the server's model begins its answers with {first!r}, and neither with Yes nor with No; serve one that "
            "answers at once (no reasoning before the answer), or the adapter that was trained to"
        )


def _word(token: str) -> str:
    """Without the space that tokenizers write before a word."""
    return token.strip(" \u2581\u0120")


def decided(answer: Any) -> YesNo:
    """Log-probabilities from the probability of yes against no."""
    yes = min(max(_number(at(answer, "answers", "answer", "noul")), _SURE), 1 - _SURE)
    return YesNo(math.log(yes), math.log1p(-yes))


def first_tokens(answer: Any) -> list[tuple[str, float]]:
    """Tokens that could stand first, and their log-probabilities; empty if the server tells none."""
    content = _content(answer)
    listed = maybe(content[0], "top_logprobs") if content else None
    return [(str(at(one, "token")), _number(at(one, "logprob"))) for one in listed or ()]


def confidence(answer: Any) -> float:
    """The geometric mean of the tokens' probabilities; NaN if the server tells none."""
    chances = [_number(at(token, "logprob")) for token in _content(answer)]
    return min(math.exp(sum(chances) / len(chances)), 1.0) if chances else math.nan


def text(answer: Any) -> str:
    return str(maybe(at(answer, "choices", 0, "message"), "content") or "").strip()


def piece(event: Any) -> str:
    """What one event of a stream adds."""
    if maybe(event, "error"):
        raise BackboneError("the server gave up in the middle of an answer")
    choices = at(event, "choices")
    return str(maybe(at(choices, 0, "delta"), "content") or "") if choices else ""


def tokens(answer: Any) -> int:
    """The prompt's length as the server counted it, 0 if it did not."""
    usage = maybe(answer, "usage")
    count = maybe(usage, "prompt_tokens") or maybe(usage, "input_tokens")
    return count if isinstance(count, int) else 0


def maybe(part: Any, name: str) -> Any:
    """What a part of an answer may hold, or None."""
    return part.get(name) if isinstance(part, dict) else None


def at(answer: Any, *path: str | int) -> Any:
    """What an answer must hold."""
    found = answer
    try:
        for step in path:
            found = found[step]
    except (KeyError, IndexError, TypeError):
        where = ".".join(map(str, path))
        raise BackboneError(f"the server's answer has no {where}; is it an OpenAI-compatible API?") from None
    return found


def _content(answer: Any) -> list[Any]:
    """What is told about each token of the answer."""
    told = maybe(maybe(at(answer, "choices", 0), "logprobs"), "content")
    return told if isinstance(told, list) else []


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise BackboneError("the server's answer has something else where a probability belongs")
    return float(value)


# -- bytes ------------------------------------------------------------------------------------------------


async def whole(response: httpx.Response) -> bytes:
    """The body. Raises BackboneError for one that is too large."""
    data = b""
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > _LARGEST:
            raise BackboneError(f"the server's answer is larger than {_LARGEST // 2**20} MiB; is it the right address?")
    return data


async def events(response: httpx.Response) -> AsyncIterator[Any]:
    """The JSON of each `data:` line up to `[DONE]`. Raises BackboneError for anything else."""
    rest, size = b"", 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > _LARGEST:
            raise BackboneError(f"the server's answer is larger than {_LARGEST // 2**20} MiB; it was given up")
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            name, _, value = line.strip().partition(b":")
            if name != b"data":
                continue
            if value.strip() == b"[DONE]":
                return
            try:
                yield json.loads(value)
            except ValueError:
                raise BackboneError("the server streams something that is not JSON") from None


def message(told: Any) -> str:
    """The sentence in an error of any of the known shapes."""
    while isinstance(told, dict):
        told = next((told[name] for name in ("error", "message", "detail") if name in told), "")
    return told if isinstance(told, str) else json.dumps(told)
