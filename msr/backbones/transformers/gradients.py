"""Attributes the Yes-minus-No logit to the words of a prompt, by gradients.

Gradient x input (Shrikumar et al. 2016, arXiv 1605.01713) takes one backward pass and describes small changes only.
Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365, section 3) average the gradients on the path from a
blank text to the text, so that the weights sum to the change of the logit. A blank word is the embedding of the padding
token, not zeros: a model with RMS norms reads a vector's direction, and zeros have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch

from msr.backbones.protocol import GRADIENT, METHODS, Attribution, Span, WordWeight

STEPS = 32  # of the integral
_AT_ONCE = 8  # steps in one pass

Logit = Callable[[torch.Tensor], torch.Tensor]  # (B, T, D) embeddings -> (B,)


def attribute_words(
    logit: Logit,
    embeds: torch.Tensor,
    blank: torch.Tensor,
    text: str,
    places: Sequence[Span | None],
    spans: Sequence[Span],
    method: str,
) -> Attribution:
    """Weights of the words of `text` that lie in `spans`.

    embeds: (T, D) of the whole prompt; blank: (D,); places: the span of characters of each of the T tokens. Tokens
    outside the words are not changed. Raises ValueError for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r}; there are {', '.join(METHODS)}")
    found = [m.span() for start, end in spans for m in re.compile(r"\S+").finditer(text, start, end)]
    owner = torch.tensor([_word_at(place, found) for place in places], device=embeds.device)
    if method == GRADIENT:
        weights, change = gradient_x_input(logit, embeds), None
    else:
        baseline = torch.where(owner[:, None] >= 0, blank, embeds)
        weights, change = integrated_gradients(logit, embeds, baseline)
    sums = weights.new_zeros(len(found)).index_add(0, owner[owner >= 0], weights[owner >= 0])
    told = (WordWeight(*span, weight) for span, weight in zip(found, sums.tolist(), strict=True))
    return Attribution(tuple(told), change)


def gradient_x_input(logit: Logit, embeds: torch.Tensor) -> torch.Tensor:
    """(T,) sums over D of gradient times embedding; embeds: (T, D)."""
    return (_gradients(logit, embeds[None])[0] * embeds).sum(-1)


def integrated_gradients(
    logit: Logit, embeds: torch.Tensor, baseline: torch.Tensor, steps: int = STEPS
) -> tuple[torch.Tensor, float]:
    """(T,) weights by the midpoint rule, and the change of the logit that they should sum to.

    embeds, baseline: (T, D).
    """
    total = torch.zeros_like(embeds)
    for some in ((torch.arange(steps, device=embeds.device) + 0.5) / steps).split(_AT_ONCE):
        total += _gradients(logit, baseline + some[:, None, None] * (embeds - baseline)).sum(0)
    with torch.no_grad():
        full, none = logit(torch.stack([embeds, baseline])).tolist()
    return ((embeds - baseline) * total / steps).sum(-1), full - none


def _gradients(logit: Logit, points: torch.Tensor) -> torch.Tensor:
    """Gradients of the logit at each of (B, T, D) points."""
    with torch.enable_grad():
        points = points.detach().clone().requires_grad_()
        return torch.autograd.grad(logit(points).sum(), points)[0]


def _word_at(place: Span | None, found: Sequence[Span]) -> int:
    """The number of the word that a token ends in; -1 for none."""
    return next((n for n, (start, end) in enumerate(found) if place and start < place[1] <= end), -1)
