"""Which larger group an everyday object belongs to, for preferences over object photos."""

from __future__ import annotations

_MEMBERS = {
    "animal": (
        "leopard, cougar face, cougar body, wild cat, kangaroo, llama, okapi, gerenuk, elephant, rhino, panda, beaver, "
        "dalmatian, hedgehog, platypus, crocodile, crocodile head, dolphin, hawksbill, sea horse, starfish, octopus, "
        "lobster, crab, crayfish, bass, nautilus, trilobite, scorpion, tick, ant, butterfly, dragonfly, mayfly, ibis, "
        "emu, flamingo, flamingo head, pigeon, rooster, stegosaurus, brontosaurus"
    ),
    "vehicle": "motorbike, airplane, car, helicopter, ferry, ketch, schooner, inline skate, wheelchair",
    "musical instrument": (
        "grand piano, electric guitar, euphonium, accordion, gramophone, mandolin, saxophone, metronome"
    ),
    "plant": "bonsai, sunflower, lotus, water lily, joshua tree, strawberry",
    "building": "minaret, pagoda, pyramid",
    "household thing": (
        "chandelier, menorah, ewer, chair, windsor chair, lamp, cup, ceiling fan, umbrella, barrel, scissors, stapler, "
        "wrench"
    ),
    "device": "watch, laptop, cellphone, camera, headphone, binocular",
}
GROUPS = {name: group for group, names in _MEMBERS.items() for name in names.split(", ")}
