"""What a picture shows: a chance for every name that the pocket model knows, spelled in the language model's words.

A small network on the frozen tower's view gives each *name* a chance. A name is spelled with up to three embeddings of
the language model's own sub-words, so what is known of a picture is written where the model reads. Several names may
mean one *thing* ("tshirt", "t-shirt"), a thing may have a *broader* one ("sparrow", "bird"), and it has a *group*
("animal"): the chances of names add up to those of things and of groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from msr.certainty import NAME_FROM

NAMES = 2048  # that may be known
PIECES = 3  # sub-words that spell a name
GROUPS = 48
SILENT = -1e4  # logit of a place in a vocabulary that holds nothing
_DEPTH = 3  # of broader things
FIRST, SECOND, GROUP, THIRD = 0, 1, 5, 6  # image tokens that spell a name and its group
_SHARP = 2.0  # power of a name's chance in the spelling: a mixture of a few words reads badly
_TINY = 1e-6


@dataclass(frozen=True)
class Names:
    """The names that a picture may have, N of them, as a `Sight` keeps them.

    spelling: (N, PIECES, D), zeros for a piece that a short name has not; thing: (N,) place of the first name that
    means the same; broader: (N,) place of the broader thing, or the own place; group: (N,) number of the group;
    photo: (N,) whether its pictures are photos, whose tokens show their group (drawn things and posters have a token of
    their own in its place); groups: (G, D).
    """

    spelling: torch.Tensor
    thing: torch.Tensor
    broader: torch.Tensor
    group: torch.Tensor
    photo: torch.Tensor
    groups: torch.Tensor

    def __post_init__(self) -> None:
        count = len(self.spelling)
        if count > NAMES or len(self.groups) > GROUPS:
            raise ValueError(f"{count} names of {len(self.groups)} groups; at most {NAMES} of {GROUPS} fit")
        if any(len(column) != count for column in (self.thing, self.broader, self.group, self.photo)):
            raise ValueError("thing, broader, group and photo need a row for each name")


class Known(NamedTuple):
    """What a `Sight` makes of B pictures.

    names: (B, NAMES) chances of what is to be said, where a name that is not sure gives way to a broader one;
    groups: (B, GROUPS) chances; certainty: (B, 2) calibrated chances that the likeliest of the names is right, and that
    the likeliest of the groups is.
    """

    names: torch.Tensor
    groups: torch.Tensor
    certainty: torch.Tensor


class Sight(nn.Module):
    """Names pictures from their views, each of `rows` rows (CLS and cells) of features and `colours` colours."""

    centre: torch.Tensor
    spread: torch.Tensor
    prior: torch.Tensor
    spelling: torch.Tensor
    thing: torch.Tensor
    broader: torch.Tensor
    group: torch.Tensor
    photo: torch.Tensor
    groups: torch.Tensor
    trust: torch.Tensor

    def __init__(self, vision_dim: int, text_dim: int, rows: int, colours: int, hidden: int = 1024) -> None:
        super().__init__()
        width = 2 * vision_dim + rows * colours
        self.vision_dim = vision_dim
        self.read = nn.Linear(width, hidden)
        self.write = nn.Linear(hidden, NAMES)
        places = torch.arange(NAMES)
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.register_buffer("prior", torch.full((NAMES,), SILENT))
        self.register_buffer("spelling", torch.zeros(NAMES, PIECES, text_dim))
        self.register_buffer("thing", places)
        self.register_buffer("broader", places.clone())
        self.register_buffer("group", torch.zeros(NAMES, dtype=torch.long))
        self.register_buffer("photo", torch.zeros(NAMES, dtype=torch.bool))
        self.register_buffer("groups", torch.zeros(GROUPS, text_dim))
        self.register_buffer("trust", torch.tensor([[1.0, 0.0], [1.0, 0.0]]))  # slope and offset: of names, of groups

    def learn(self, names: Names, taught: int) -> None:
        """Makes `names` the vocabulary; the first `taught` may be seen, the others only follow as broader ones."""
        count = len(names.spelling)
        with torch.no_grad():
            self.prior.fill_(SILENT)[:taught] = 0.0
            self.spelling.zero_()[:count] = names.spelling
            self.groups.zero_()[: len(names.groups)] = names.groups
            for name in ("thing", "broader", "group", "photo"):
                getattr(self, name)[:count] = getattr(names, name)

    def places_are_there(self) -> bool:
        """Whether every place and every group that the vocabulary refers to exists."""
        refers = ((self.thing, NAMES), (self.broader, NAMES), (self.group, GROUPS))
        return all(bool(((column >= 0) & (column < end)).all()) for column, end in refers)

    def gist(self, seen: torch.Tensor) -> torch.Tensor:
        """(B, rows, F + colours) -> (B, G): the whole, the mean of the cells, and all colours."""
        seen = seen.to(self.centre.dtype)
        features, colours = seen[:, :, : self.vision_dim], seen[:, :, self.vision_dim :]
        return torch.cat([features[:, 0], features[:, 1:].mean(1), colours.flatten(1)], dim=-1)

    def logits(self, gist: torch.Tensor, drop: float = 0.0) -> torch.Tensor:
        """(B, G) -> (B, NAMES); `drop` is the share of what is read that training hides.

        Dropout is an argument, not a layer, because the language model must learn from tokens without dropout.
        """
        hidden = nn.functional.gelu(self.read((gist - self.centre) / self.spread))
        return self.write(nn.functional.dropout(hidden, drop)) + self.prior

    def forward(self, seen: torch.Tensor) -> Known:
        return self.known(self.gist(seen))

    def known(self, gist: torch.Tensor) -> Known:
        chances = self.logits(gist).softmax(dim=-1)
        things = torch.zeros_like(chances).index_add_(1, self.thing, chances)
        groups = chances.new_zeros(len(chances), GROUPS).index_add_(1, self.group, chances)
        rows = self._rows()
        wholes = things.clone()  # with all that a thing is broader than
        for some in rows:
            wholes.index_add_(1, self.broader[some], wholes[:, some])
        sure = self._trusted(wholes, 0)
        kept, risen = torch.ones_like(things), torch.zeros_like(things)
        for some in rows:
            unsure = sure[:, some] < NAME_FROM
            kept[:, some] = torch.where(unsure, 0.0, 1.0)
            risen.index_add_(1, self.broader[some], torch.where(unsure, things[:, some] + risen[:, some], 0.0))
            risen[:, some] *= kept[:, some]
        names = chances * kept[:, self.thing] + risen
        said = self.thing[names.argmax(dim=1)].unsqueeze(1)
        certainty = [sure.gather(1, said), self._trusted(groups.amax(dim=1, keepdim=True), 1)]
        return Known(names, groups, torch.cat(certainty, dim=1))

    def spell(self, known: Known, tokens: torch.Tensor) -> torch.Tensor:
        """(B, IMAGE_TOKENS, D) with the name in the first two and its group and third piece in their places.

        Where a name is short, or its pictures have another subject in the group's place, the token stays.
        """
        names, groups = (x**_SHARP / (x**_SHARP).sum(dim=1, keepdim=True) for x in (known.names, known.groups))
        pieces = torch.einsum("bn,npd->pbd", names, self.spelling)
        long = names @ self.spelling[:, 2].abs().amax(dim=-1).gt(0).to(names.dtype)
        photo = names @ self.photo.to(names.dtype)
        spelled = tokens.to(names.dtype).clone()
        spelled[:, FIRST], spelled[:, SECOND] = pieces[0], pieces[1]
        spelled[:, THIRD] = pieces[2] + (1 - long).unsqueeze(1) * spelled[:, THIRD]
        spelled[:, GROUP] = photo.unsqueeze(1) * (groups @ self.groups) + (1 - photo).unsqueeze(1) * spelled[:, GROUP]
        return spelled

    def _rows(self) -> list[torch.Tensor]:
        """The things that have a broader one, the narrowest first."""
        here = torch.arange(NAMES, device=self.broader.device)
        depth = torch.zeros_like(here)
        for _ in range(_DEPTH):
            depth += self.broader[here] != here
            here = self.broader[here]
        return [(depth == level).nonzero().squeeze(1) for level in range(_DEPTH, 0, -1)]

    def _trusted(self, chances: torch.Tensor, which: int) -> torch.Tensor:
        slope, offset = self.trust[which]
        return (slope * torch.logit(chances, eps=_TINY) + offset).sigmoid()
