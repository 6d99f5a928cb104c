"""The vocabulary of the drawn catalogue: which looks there are, and their colours and titles.

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
LINES = (
    "Harbour", "Juniper", "Atlas", "Marlow", "Pepper", "Fable", "Orchard", "Tundra", "Clover", "Nomad", "Kestrel",
    "Dune", "Pico", "Quill", "Sorrel", "Tango", "Verso", "Wren", "Halo", "Bramble", "Cedric", "Echo", "Fjord",
    "Ginko", "Hazel", "Isla", "Kite", "Luna", "Mistral", "Noor", "Otter", "Poppet", "Rook", "Solis", "Tilda",
    "Umbra", "Vesper", "Willa", "Yonder", "Zephyr",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """What one product type can be: its silhouettes, its plausible materials, and how it is set on the ground."""

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
        """A noun phrase in lower case that names every attribute."""
        material = adjective(self.material)
        if self.type == "headphones":
            return f"{self.colour} {self.pattern} {material} headphones, {self.shape}, in a {self.style} style"
        article = "an" if self.colour[0] in "aeiou" else "a"
        return f"{article} {self.colour} {self.pattern} {material} {self.type}, {self.shape}, in a {self.style} style"

    def is_valid(self) -> bool:
        """Whether all words are known, and the type comes in this shape and material."""
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
    """The adjective for a material: "wooden" for wood."""
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
    """The tones of one product: its colour, darker and lighter tones of it, and the colour of its pattern."""

    main: RGB
    deep: RGB  # for trims and for the far side of a part
    dusk: RGB  # for shade and texture, in thin layers
    light: RGB
    contrast: RGB


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """Mix `share` of `b` into `a`."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def swatch(colour: str) -> Swatch:
    """The tones that go with a named colour."""
    main, white, night = NAMED[colour], (255, 255, 255), (24, 18, 48)
    deep, light, contrast = mix(main, night, 0.28), mix(main, white, 0.4), CREAM
    dusk = mix(deep, night, 0.6)
    if colour == "white":
        deep, dusk, contrast = (214, 217, 222), (112, 120, 138), SLATE
    elif colour == "black":
        deep = (66, 69, 77)  # a black trim on black could not be seen
    elif colour == "yellow":
        # Yellow shaded with blue-black becomes olive, and cream can hardly be seen on it.
        deep, dusk, contrast = (214, 150, 24), (150, 84, 0), COCOA
    return Swatch(main, deep, dusk, light, contrast)


def title(look: Look, rng: random.Random) -> str:
    """A title as a shop would write it: the type, often an invented product line, and at most one attribute.

    Most of what can be seen is left to the picture.
    """
    words = [look.type]
    if rng.random() < 0.45:
        words.insert(0, rng.choice(_nameable(look)))
    if len(words) == 1 or rng.random() < 0.75:
        words.insert(0, rng.choice(LINES))
    name = " ".join(words)
    return name[0].upper() + name[1:]


def _nameable(look: Look) -> list[str]:
    words = [look.colour, adjective(look.material), look.shape, look.style]
    return words if look.pattern == "plain" else [*words, look.pattern]
