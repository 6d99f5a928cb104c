"""Gradients of the Yes-minus-No logit, per word of a prompt.

Gradient x input (Shrikumar et al. 2016, arXiv 1605.01713) is one backward pass and local. Integrated gradients
(Sundararajan et al. 2017, arXiv 1703.01365, section 3) average gradients on the way from a blank text to the text, so
that the weights sum to what the words changed. A blank word is the padding token's embedding, not zeros: a model with
RMS norms reads a vector by its direction, which zeros do not have.
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

    embeds: (T, D) of the whole prompt; blank: (D,); places: the characters that each of the T tokens stands for.
    Tokens outside the words stand still. Raises ValueError for an unknown method.
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
    """(T,) weights by the midpoint rule, and the change of the logit that they should sum to; both (T, D)."""
    total = torch.zeros_like(embeds)
    for some in ((torch.arange(steps, device=embeds.device) + 0.5) / steps).split(_AT_ONCE):
        total += _gradients(logit, baseline + some[:, None, None] * (embeds - baseline)).sum(0)
    with torch.no_grad():
        full, none = logit(torch.stack([embeds, baseline])).tolist()
    return ((embeds - baseline) * total / steps).sum(-1), full - none


def _gradients(logit: Logit, points: torch.Tensor) -> torch.Tensor:
    """(B, T, D) of each point alone."""
    with torch.enable_grad():
        points = points.detach().clone().requires_grad_()
        return torch.autograd.grad(logit(points).sum(), points)[0]


def _word_at(place: Span | None, found: Sequence[Span]) -> int:
    """Which word a token ends in; -1 for none."""
    return next((n for n, (start, end) in enumerate(found) if place and start < place[1] <= end), -1)
