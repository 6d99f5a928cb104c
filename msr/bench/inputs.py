"""Inputs of the benchmark, the same on every machine: sizes of the jobs, pictures, titles, a preference text."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from msr import prompts
from msr.backbones.protocol import Backbone
from msr.schema import Item, Picture

_COLOURS = ("navy", "red", "grey", "green", "black", "white", "brown", "beige")
_PATTERNS = ("striped", "plain", "dotted", "checked", "zigzag")
_KINDS = ("mug", "chair", "lamp", "backpack", "cushion", "clock", "guitar", "bottle", "jacket", "watch")
_SIDE = 224  # pixels


@dataclass(frozen=True)
class Plan:
    """Sizes of the jobs. Raises ValueError for one that is not positive."""

    score: tuple[int, ...] = (21, 100, 1000)
    describe: tuple[int, ...] = (24, 96, 240)
    histories: tuple[int, ...] = (3, 9, 30)
    candidates: int = 100  # of the whole job
    preference_tokens: int = 300
    baselines: int = 100  # a baseline runs on at most so many items
    index: tuple[int, ...] = (5_000, 50_000)  # items to shortlist from

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            for size in value if isinstance(value, tuple) else (value,):
                if size < 1:
                    raise ValueError(f"{name} is {size}; it must be at least 1")


QUICK = Plan(score=(21,), describe=(8,), histories=(3,), candidates=21, baselines=12, index=(5_000,))


def items(count: int, prefix: str) -> tuple[Item, ...]:
    """`count` items with pictures; another prefix gives other pictures and ids."""
    return tuple(_item(f"{prefix}{n}") for n in range(count))


def pictures(some: Sequence[Item]) -> list[Picture]:
    """The pictures of items, without gaps."""
    return [item.picture for item in some if item.picture]


def preference(backbone: Backbone, tokens: int) -> str:
    """A preference text of which the recommendation prompt of an untitled history has at least `tokens` tokens."""
    draw = random.Random("preference")
    text = "The user appears to have a preference for mugs."
    asked = items(1, "asked ")[0]
    while backbone.reading([prompts.recommend(text, (), asked)])[0].tokens < tokens:
        colour, pattern, kind = (draw.choice(words) for words in (_COLOURS, _PATTERNS, _KINDS))
        text += f" They chose {colour} {pattern} {kind}s and liked them."
    return text


def _item(name: str) -> Item:
    draw = random.Random(name)
    title = f"{draw.choice(_COLOURS)} {draw.choice(_PATTERNS)} {draw.choice(_KINDS)}, model {draw.randrange(1000)}"
    tiles = Image.frombytes("RGB", (8, 8), draw.randbytes(8 * 8 * 3))
    return Item(name, title, Picture.from_pixels(tiles.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)))
