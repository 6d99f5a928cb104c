"""Colours: the named colours of the catalogue and the tones that go with each."""

from __future__ import annotations

from dataclasses import dataclass

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
