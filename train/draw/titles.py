"""Titles as a shop would write them: they leave most of what can be seen to the picture."""

from __future__ import annotations

import random

from train.draw.attributes import Look, adjective

LINES = (
    "Harbour", "Juniper", "Atlas", "Marlow", "Pepper", "Fable", "Orchard", "Tundra", "Clover", "Nomad", "Kestrel",
    "Dune", "Pico", "Quill", "Sorrel", "Tango", "Verso", "Wren", "Halo", "Bramble", "Cedric", "Echo", "Fjord",
    "Ginko", "Hazel", "Isla", "Kite", "Luna", "Mistral", "Noor", "Otter", "Poppet", "Rook", "Solis", "Tilda",
    "Umbra", "Vesper", "Willa", "Yonder", "Zephyr",
)  # fmt: skip


def title(look: Look, rng: random.Random) -> str:
    """A product-like title: the type, often a made-up line name, and at most one attribute."""
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
