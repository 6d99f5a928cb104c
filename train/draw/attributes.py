"""The vocabulary of the drawn catalogue: what a look is made of and which looks make sense.

`python -m train.draw` draws one picture for each `Look`; training reads `Look.phrase()` as the truth about it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

COLOURS = (
    "red", "orange", "yellow", "green", "teal", "blue", "navy", "purple", "pink", "brown", "black", "white",
)  # fmt: skip
PATTERNS = ("plain", "striped", "dotted", "checked", "floral", "zigzag")
STYLES = ("minimal", "retro", "sporty", "playful", "rustic")
MATERIALS = ("ceramic", "wood", "metal", "glass", "leather", "cotton", "wool", "plastic")
FIELDS = ("type", "colour", "pattern", "shape", "style", "material")


@dataclass(frozen=True)
class Kind:
    """What one product type may be: its silhouettes, its plausible materials and how it is set on the ground."""

    shapes: tuple[str, ...]
    materials: tuple[str, ...]
    stands: bool = True
    period: float = 10.0  # size of one pattern repeat, in hundredths of the picture


KINDS: dict[str, Kind] = {
    "mug": Kind(("straight", "rounded", "tapered"), ("ceramic", "metal", "glass")),
    "teapot": Kind(("rounded", "tall", "squat"), ("ceramic", "metal", "glass")),
    "vase": Kind(("slender", "rounded", "angular"), ("ceramic", "glass", "wood", "metal")),
    "plant pot": Kind(("tapered", "rounded", "footed"), ("ceramic", "wood", "metal")),
    "water bottle": Kind(("straight", "curvy", "wide"), ("metal", "glass", "plastic")),
    "lamp": Kind(("domed", "conical", "cylindrical"), ("wood", "metal", "ceramic", "glass")),
    "clock": Kind(("round", "square", "arched"), ("wood", "metal", "ceramic"), stands=False),
    "chair": Kind(("square-backed", "round-backed", "ladder-backed"), ("wood", "metal", "plastic")),
    "armchair": Kind(("boxy", "rounded", "winged"), ("leather", "cotton", "wool"), period=11),
    "cushion": Kind(("square", "round", "oblong"), ("cotton", "wool", "leather"), stands=False, period=12),
    "backpack": Kind(("boxy", "rounded", "roll-top"), ("cotton", "leather")),
    "notebook": Kind(("ring-bound", "banded", "clasped"), ("leather", "cotton", "wood"), stands=False, period=11),
    "t-shirt": Kind(("crew-neck", "v-neck", "long-sleeved"), ("cotton", "wool"), stands=False),
    "sneaker": Kind(("low-top", "high-top", "slip-on"), ("leather", "cotton", "wool"), period=8.5),
    "hat": Kind(("peaked", "bucket", "bobble"), ("cotton", "wool", "leather")),
    "scarf": Kind(("draped", "knotted", "folded"), ("wool", "cotton"), stands=False, period=9),
    "umbrella": Kind(("open", "closed"), ("cotton", "plastic"), stands=False),
    "headphones": Kind(("round", "square"), ("metal", "plastic", "wood", "leather"), stands=False, period=7.5),
    "bike helmet": Kind(("domed", "vented"), ("plastic", "metal"), stands=False),
    "guitar": Kind(("rounded", "cutaway", "double-horned"), ("wood", "metal"), stands=False, period=9),
}


@dataclass(frozen=True)
class Look:
    """Everything that can be seen of one product."""

    type: str
    colour: str
    pattern: str
    shape: str
    style: str
    material: str

    def phrase(self) -> str:
        """A factual noun phrase that names every attribute, in lower case."""
        material = adjective(self.material)
        if self.type == "headphones":
            return f"{self.colour} {self.pattern} {material} headphones, {self.shape}, in a {self.style} style"
        article = "an" if self.colour[0] in "aeiou" else "a"
        return f"{article} {self.colour} {self.pattern} {material} {self.type}, {self.shape}, in a {self.style} style"

    def is_valid(self) -> bool:
        """Whether the words are known and the shape and material suit the type."""
        kind = KINDS.get(self.type)
        return (
            kind is not None
            and self.shape in kind.shapes
            and self.material in kind.materials
            and self.colour in COLOURS
            and self.pattern in PATTERNS
            and self.style in STYLES
        )


def adjective(material: str) -> str:
    """The material as it stands before a noun."""
    return "wooden" if material == "wood" else material


def sample(rng: random.Random, **wants: str) -> Look:
    """A random valid look; `wants` fixes some of its attributes, e.g. `sample(rng, colour="navy")`."""
    types = [t for t in KINDS if wants.get("material", KINDS[t].materials[0]) in KINDS[t].materials]
    kind_name = wants.get("type") or rng.choice(types)
    kind = KINDS[kind_name]
    drawn = {
        "type": kind_name,
        "colour": rng.choice(COLOURS),
        "pattern": rng.choice(PATTERNS),
        "shape": rng.choice(kind.shapes),
        "style": rng.choice(STYLES),
        "material": rng.choice(kind.materials),
    }
    return Look(**{**drawn, **wants})


# ---- Colours: the named colours of the catalogue and the tones that go with each.


RGB = tuple[int, int, int]

NAMED: dict[str, RGB] = {
    "red": (214, 48, 56),
    "orange": (243, 128, 32),
    "yellow": (247, 202, 48),
    "green": (62, 156, 76),
    "teal": (16, 148, 150),
    "blue": (60, 134, 224),
    "navy": (32, 50, 104),
    "purple": (124, 74, 178),
    "pink": (243, 140, 182),
    "brown": (136, 86, 54),
    "black": (40, 41, 46),
    "white": (248, 247, 243),
}

CREAM: RGB = (251, 246, 234)
INK: RGB = (46, 36, 38)
SLATE: RGB = (124, 139, 163)
COCOA: RGB = (112, 72, 24)
TIMBER: RGB = (193, 142, 92)
STEEL: RGB = (172, 181, 190)
LEAF: RGB = (116, 148, 112)
STRAW: RGB = (196, 164, 112)
COFFEE: RGB = (84, 54, 38)
BRASS: RGB = (212, 172, 88)


@dataclass(frozen=True)
class Swatch:
    """The tones of one product: its own colour, neighbours of it, and the colour of its pattern."""

    main: RGB
    deep: RGB  # trims and the far side of things
    dusk: RGB  # shade and texture, laid on thinly
    light: RGB
    contrast: RGB


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`a` with `share` of `b` in it."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def swatch(colour: str) -> Swatch:
    """The tones that go with a named colour."""
    main, white, night = NAMED[colour], (255, 255, 255), (24, 18, 48)
    deep, light, contrast = mix(main, night, 0.28), mix(main, white, 0.4), CREAM
    dusk = mix(deep, night, 0.6)
    if colour == "white":
        deep, dusk, contrast = (214, 217, 222), (112, 120, 138), SLATE
    elif colour == "black":
        deep = (66, 69, 77)  # a black trim on black would vanish
    elif colour == "yellow":
        # Yellow shaded with blue-black turns olive, and cream vanishes on it.
        deep, dusk, contrast = (214, 150, 24), (150, 84, 0), COCOA
    return Swatch(main, deep, dusk, light, contrast)
