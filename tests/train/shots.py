"""Small hand-made shots of every kind, and what a text claims in attribute words."""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch

from tests.tiny import SEEN
from train.teach import pictures, targets
from train.teach.pictures import Shot
from train.teach.things import many, meant, plural


def fashion(key: int, kind: str, colour: str, gender: str, usage: str, title: str = "") -> Shot:
    facts = {"type": kind, "colour": colour, "gender": gender, "usage": usage}
    return Shot(f"fashion/{key}", "fashion", title or f"Brand {kind.title()} {key}", facts, path=_ANY)


def thing(key: int, kind: str) -> Shot:
    group = known.group if (known := meant(kind)) else "thing"
    return Shot(f"object/{kind}_{key}.jpg", "object", "", {"type": kind, "group": group}, path=_ANY)


def movie(key: int, title: str, *genres: str, poster: bool = True) -> Shot:
    facts: pictures.Facts = {"decade": f"{title[-5:-2]}0s"}
    if genres:
        facts["genres"] = genres
    return Shot(f"movie/{key}", "movie", title, facts, path=_ANY if poster else None)


_ANY = pictures.Path("not-opened.jpg")
FASHION = [
    fashion(i, kind, colour, gender, usage, f"Brand Men {colour.title()} {kind.title()}" if i % 3 else "")
    for i, (kind, colour, gender, usage) in enumerate(
        [
            ("shirt", "navy blue", "men", "casual"), ("shirt", "blue", "men", "formal"),
            ("shirt", "white", "men", "formal"), ("tshirt", "red", "women", "casual"),
            ("tshirt", "navy blue", "men", "casual"), ("watch", "black", "unisex", "casual"),
            ("watch", "black", "men", "formal"), ("casual shoes", "brown", "men", "casual"),
            ("sports shoes", "white", "women", "sports"), ("heels", "red", "women", "party"),
            ("kurta", "orange", "women", "ethnic"), ("umbrella", "off white", "unisex", "casual"),
            ("saree", "red", "women", "ethnic"), ("jeans", "blue", "men", "casual"),
            ("sunglasses", "olive", "unisex", "casual"), ("scarf", "blue", "women", "casual"),
        ]
    )
]  # fmt: skip
THINGS = (
    "panda", "llama", "emu", "okapi", "elephant", "butterfly", "face", "pizza", "scissors", "accordion", "euphonium",
    "umbrella", "chair", "watch",
)  # fmt: skip
OBJECTS = [thing(i, kind) for i, kind in enumerate(THINGS * 2)]
MOVIES = [
    movie(1, "Toy Story (1995)", "adventure", "animation", "children", "comedy", "fantasy"),
    movie(2, "Heat (1995)", "action", "crime", "thriller"),
    movie(3, "Alien (1979)", "horror", "sci-fi"),
    movie(4, "Airplane! (1980)", "comedy"),
    movie(5, "Nothing Listed (2001)"),
    movie(6, "Psycho (1960)", "crime", "horror", poster=False),
]
DRAWN = list(pictures.drawn(60, 5))
ALL = [*FASHION, *OBJECTS, *DRAWN, *MOVIES]


def views(shots: Iterable[Shot]) -> dict[str, torch.Tensor]:
    """A stored view of each pictured shot, in the shape of the tiny model; colours lie in [0, 1]."""
    generator = torch.Generator().manual_seed(4)
    return {s.key: torch.rand(17, SEEN + 6, generator=generator) for s in shots if s.pictured}


def _vocabulary() -> dict[str, dict[str, set[targets.Word]]]:
    """By kind: each way to say an attribute, and what it may mean."""
    found: dict[str, dict[str, set[targets.Word]]] = {}
    for shot in ALL:
        known = found.setdefault(shot.kind, {})
        for name, value in shot.facts.items():
            for word in value if isinstance(value, tuple) else (value,):
                meant = (name, str(word))
                forms = {str(word), "wooden" if word == "wood" else str(word)}
                if name == "type":
                    forms.add(plural(str(word)))
                if name == "group":
                    forms.add(many(str(word)))
                for form in forms:
                    known.setdefault(form, set()).add(meant)
    return found


VOCABULARY = _vocabulary()


def claims(text: str, kind: str) -> list[set[targets.Word]]:
    """Each attribute that a text names, as the set of what the word may mean; longer names first."""
    left, found = text.lower(), []
    for form in sorted(VOCABULARY[kind], key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(form)}(?![\w-])"
        if re.search(pattern, left):
            found.append(VOCABULARY[kind][form])
            left = re.sub(pattern, "#", left)
    return found


def facts_of(shot: Shot) -> set[targets.Word]:
    """Everything that is true of a shot."""
    return {(n, str(w)) for n, v in shot.facts.items() for w in (v if isinstance(v, tuple) else (v,))}


def described(shot: Shot) -> set[targets.Word]:
    """What is true of a shot and said in its description: of a movie's genres the first three."""
    return facts_of(shot) - {("genres", g) for g in tuple(shot.facts.get("genres", ()))[3:]}


def false_claims(text: str, kind: str, *true: Shot) -> list[set[targets.Word]]:
    """What a text names that none of the shots has."""
    known = set().union(*map(facts_of, true)) if true else set()
    return [claim for claim in claims(text, kind) if not claim & known]


def unsupported(text: str, kind: str, source: str) -> list[set[targets.Word]]:
    """What a text names that another text does not; a group follows from its member."""
    said = set().union(*claims(source, kind), set())
    said |= {("group", thing.group) for name, value in said if name == "type" and (thing := meant(value))}
    said |= {w for c in claims(text, kind) for w in c if re.search(rf"(?<![\w-]){re.escape(w[1])}(?![\w-])", source)}
    return [claim for claim in claims(text, kind) if not claim & said]
