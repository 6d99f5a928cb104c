"""What the benchmark asks: drawn pictures, titles and a preference text of a wanted length, equal on every machine."""

from __future__ import annotations

import random

from PIL import Image

from msr import prompts
from msr.backbones.base import Backbone
from msr.schema import Item, Picture

_COLOURS = ("navy", "red", "grey", "green", "black", "white", "brown", "beige")
_PATTERNS = ("striped", "plain", "dotted", "checked", "zigzag")
_KINDS = ("mug", "chair", "lamp", "backpack", "cushion", "clock", "guitar", "bottle", "jacket", "watch")
_SIDE = 224  # pixels


def items(count: int, prefix: str) -> tuple[Item, ...]:
    """`count` items with pictures; those of another prefix have other pictures and other ids."""
    return tuple(_item(f"{prefix}{n}") for n in range(count))


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
