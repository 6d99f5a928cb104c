"""Parses the answers of an OpenAI-compatible server. Each function raises BackboneError for another shape."""

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
_LONGEST = 64  # characters of a token, on average
TOP = 20  # tokens listed at a position: the most that the API allows
_UNLIKELY = -1e4  # log-probability; servers write -9999 for "never"
_ROUNDED = 0.01  # what a log-probability of 0 may be above it
_FAR = 1e300  # JSON holds integers of any length
_COUNTED = 10**9  # tokens; no prompt has more
_SURE = 2.0**-24  # nearer to 0 or 1 a probability in single precision says nothing


def yes_no(answer: Any) -> YesNo:
    """Log-probabilities of Yes and No at the first token, each in its likelier spelling (with a space or without).

    A word that is not listed gets the log-probability of the least likely one that is.
    """
    listed = first_tokens(answer)
    if not listed:
        raise BackboneError("the server's answer has no log-probabilities any more; was it started anew?")
    least = min(chance for _, chance in listed)
    return YesNo(*(max((c for token, c in listed if _word(token) == word), default=least) for word in (YES, NO)))


def check_words(told: Sequence[Any]) -> None:
    """Raise BackboneError if no answer has Yes or No among its likeliest first tokens.

    One such answer may happen and counts as undecided. If all are so, the model does not answer the question.
    """
    listed = [first_tokens(answer) for answer in told]
    if listed and not any(_word(token) in (YES, NO) for one in listed for token, _ in one):
        first = max(listed[0], key=lambda pair: pair[1], default=("", 0.0))[0]
        raise BackboneError(
            f"the server's model begins its answers with {line(first, 40)!r}, and neither with Yes nor with No; serve "
            "one that answers at once (no reasoning before the answer), or the adapter that was trained to"
        )


def _word(token: str) -> str:
    """Without the space that tokenizers write before a word."""
    return token.strip(" \u2581\u0120")


def decided(answer: Any) -> YesNo:
    """Log-probabilities of Yes and No from a server's yes/no decision."""
    yes = min(max(_number(at(answer, "answers", "answer", "noul")), _SURE), 1 - _SURE)
    return YesNo(math.log(yes), math.log1p(-yes))


def first_tokens(answer: Any) -> list[tuple[str, float]]:
    """Candidates for the first token and their log-probabilities; empty if the server gives none."""
    content = _content(answer)
    listed = (maybe(content[0], "top_logprobs") if content else None) or []
    if not isinstance(listed, list):
        raise BackboneError("the server's answer has something else where log-probabilities belong")
    return [(words(at(one, "token")), _chance(at(one, "logprob"))) for one in listed[:TOP]]


def confidence(answer: Any) -> float:
    """The geometric mean of the tokens' probabilities; NaN if the server gives none."""
    chances = [_chance(at(token, "logprob")) for token in _content(answer)]
    return math.exp(sum(chances) / len(chances)) if chances else math.nan


def text(answer: Any) -> str:
    return words(maybe(at(answer, "choices", 0, "message"), "content")).strip()


def within(said: str, most: int) -> str:
    """The same text. Raises BackboneError if it is longer than `most` tokens can be."""
    if len(said) > most * _LONGEST:
        raise BackboneError(f"the server writes on after the {most} tokens that it was asked for; it was given up")
    return said


def models(answer: Any) -> dict[str, dict[str, Any]]:
    """The entries of a list of models, by name."""
    listed = at(answer, "data") or []
    if not isinstance(listed, list):
        raise BackboneError("the server's list of models is none; is it an OpenAI-compatible API?")
    return {words(at(entry, "id")): entry for entry in listed if isinstance(entry, dict)}


def piece(event: Any) -> str:
    """The text that one event of a stream adds."""
    if maybe(event, "error"):
        raise BackboneError("the server gave up in the middle of an answer")
    choices = at(event, "choices")
    return words(maybe(at(choices, 0, "delta"), "content")) if choices else ""


def tokens(answer: Any) -> int:
    """The prompt's length in tokens; 0 if the server does not count it."""
    usage = maybe(answer, "usage")
    count = maybe(usage, "prompt_tokens") or maybe(usage, "input_tokens")
    return count if type(count) is int and 0 < count < _COUNTED else 0


def words(value: Any) -> str:
    """A text that can be encoded: "" for none, and "?" for half of a surrogate pair."""
    if not isinstance(value, str | None):
        raise BackboneError("the server's answer has something else where a text belongs")
    return (value or "").encode("utf-8", "replace").decode("utf-8")


def line(said: str, most: int = 200) -> str:
    """A text from outside, shortened to one printable line for a message."""
    return " ".join("".join(c if c.isprintable() else " " for c in said[: 10 * most]).split())[:most]


def maybe(part: Any, name: str) -> Any:
    """An optional field of an answer, or None."""
    return part.get(name) if isinstance(part, dict) else None


def at(answer: Any, *path: str | int) -> Any:
    """A required field of an answer."""
    found = answer
    try:
        for step in path:
            found = found[step]
    except (KeyError, IndexError, TypeError):
        where = ".".join(map(str, path))
        raise BackboneError(f"the server's answer has no {where}; is it an OpenAI-compatible API?") from None
    return found


def _content(answer: Any) -> list[Any]:
    """The log-probabilities of each token of the answer."""
    told = maybe(maybe(at(answer, "choices", 0), "logprobs"), "content")
    return told if isinstance(told, list) else []


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_FAR <= value <= _FAR:
        raise BackboneError("the server's answer has something else where a probability belongs")
    return float(value)


def _chance(value: Any) -> float:
    """A log-probability, at most 0."""
    if _number(value) > _ROUNDED:
        raise BackboneError(f"the server's answer has {value:g} for a log-probability, which is at most 0")
    return min(max(float(value), _UNLIKELY), 0.0)


async def whole(response: httpx.Response) -> bytes:
    """The body of a response. Raises BackboneError if it is too large."""
    data = bytearray()
    async for chunk in response.aiter_raw():  # nothing compressed was asked for
        data += chunk
        if len(data) > _LARGEST:
            raise BackboneError(f"the server's answer is larger than {_LARGEST // 2**20} MiB; is it the right address?")
    return bytes(data)


def parsed(data: bytes | bytearray) -> Any:
    """JSON, or BackboneError."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise BackboneError("the server answered something that is not JSON; is it the API?") from None


async def events(response: httpx.Response) -> AsyncIterator[Any]:
    """The JSON of each `data:` line up to `[DONE]`. Raises BackboneError for anything else."""
    rest, size = bytearray(), 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > _LARGEST:
            raise BackboneError(f"the server's answer is larger than {_LARGEST // 2**20} MiB; it was given up")
        rest += chunk
        if b"\n" not in chunk:
            continue
        *lines, rest = rest.split(b"\n")
        for one in lines:
            name, _, value = one.strip().partition(b":")
            if name != b"data":
                continue
            if value.strip() == b"[DONE]":
                return
            yield parsed(value)


def message(told: Any) -> str:
    """The sentence in an error of any of the known shapes."""
    while isinstance(told, dict):
        told = next((told[name] for name in ("error", "message", "detail") if name in told), "")
    return told if isinstance(told, str) else json.dumps(told)
