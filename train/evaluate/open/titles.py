"""Measure descriptions of titles without pictures: do they name the right domain, and do they invent facts?

The titles are those of `train.teach.titles.readers` in the test split. The domain is read from the head noun of a
description (`train.evaluate.open.said`), which also knows things that no catalogue of titles has. Invented facts and
the kind of thing are judged by `train.teach.titles.claims`, against the facts of the title and its source.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

from msr.backbones.wrappers import CachedBackbone
from train import metrics
from train.evaluate.open.naming import describe
from train.evaluate.open.said import groups_of, names_in, read
from train.teach.pictures import Shot
from train.teach.tasks import as_item
from train.teach.titles import readers
from train.teach.titles.claims import Judgement

# The groups that a description may name, by domain. Accessories of a domain belong to many groups;
# a claim counts as a wrong domain only if it names none of them.
ALLOWED = {
    "games": {"game", "electronics", "toy", "bag"},
    "baby products": {
        "baby product", "toy", "furniture", "home textile", "clothing", "footwear", "accessory", "bag", "kitchenware",
        "household thing", "electronics", "appliance", "medical thing", "beauty product", "light", "decoration",
        "food", "drink", "reading", "stationery",
    },
    "beauty products": {"beauty product", "medical thing", "bag", "appliance", "accessory", "light"},
    "clothes and sport": {"clothing", "footwear", "accessory", "bag", "sport", "household thing", "toy"},
    "films": {"film"},
    "books": {"reading"},
    "recipes and drinks": {"food", "fruit", "vegetable", "drink"},
}  # fmt: skip
SOURCES = {  # source of titles: its domain
    "amazon-games": "games",
    "game_covers": "games",
    "amazon-baby": "baby products",
    "amazon-beauty": "beauty products",
    "luma-shop": "clothes and sport",
    "movielens-posters": "films",
    "book_covers": "books",
    "beers": "recipes and drinks",
    "chinese_dishes": "recipes and drinks",
    "cocktails": "recipes and drinks",
    "recipes": "recipes and drinks",
}
OUTCOMES = ("right domain", "says little", "wrong domain")
INVENTED, KIND = "invented", "kind right"
_PHRASE = re.compile(r"\b(?:with|from|by|for|of|about|in|on|to|based)\b")  # where the first noun phrase ends


def unseen(titled: Iterable[Shot]) -> dict[str, list[Shot]]:
    """The titles of the test split by domain; a domain without titles is left out.

    The names of films are in the test split, but training knows the films by name and year: there the domain is
    tested, not the title.
    """
    found: dict[str, list[Shot]] = {domain: [] for domain in ALLOWED}
    for shot in titled:
        domain = SOURCES.get(str(shot.facts["source"]))
        if domain and shot.split == "test":
            found[domain].append(shot)
    return {domain: shots for domain, shots in found.items() if shots}


def evaluate(backbone: CachedBackbone, titled: Iterable[Shot], count: int, seed: int) -> dict:
    """Describe `count` titles, evenly over the domains; shares with intervals for each domain and for all.

    "right domain", "says little" and "wrong domain" add up to one. "invented" is the share of descriptions with a fact
    that neither the title nor its source tells; "kind right" is over the titles whose kind is known.
    """
    domains = unseen(titled)
    rng = random.Random(seed)
    picked = {domain: _sample(shots, -(-count // len(domains)), rng) for domain, shots in domains.items()}
    told = describe(backbone, [as_item(shot, pictured=False) for shots in picked.values() for shot in shots])
    found: dict = {"domains": {}, "samples": []}
    every: list[tuple[str, Judgement]] = []
    for domain, shots in picked.items():
        texts = [told[shot.key].text for shot in shots]
        judged = [(outcome(text, domain), readers.judge(shot, text)) for shot, text in zip(shots, texts, strict=True)]
        every += judged
        found["domains"][domain] = _shares(judged)
        found["samples"] += [
            {"domain": domain, "title": shot.title, "text": text, "outcome": what, "invented": list(judgement.invented)}
            for shot, text, (what, judgement) in list(zip(shots, texts, judged, strict=True))[:6]
        ]
    return ({"all": _shares(every)} if every else {}) | found


def outcome(text: str, domain: str) -> str:
    """Whether a description of a title claims the right domain, another one, or says little.

    What is called a film is claimed to be one, whatever else it is called ("a game, adventure and comedy movie").
    """
    said = read(text)
    if said.claimed and "film" in groups_of(names_in(_PHRASE.split(text.lower())[0])):
        return "right domain" if "film" in ALLOWED[domain] else "wrong domain"
    if not said.claimed:
        return "says little"
    return "right domain" if groups_of(said.claimed) & ALLOWED[domain] else "wrong domain"


def _shares(judged: Sequence[tuple[str, Judgement]]) -> dict[str, dict[str, float]]:
    found = {each: _share([one == each for one, _ in judged]) for each in OUTCOMES}
    found[INVENTED] = _share([bool(judgement.invented) for _, judgement in judged])
    known = [judgement.kind_right for _, judgement in judged if judgement.kind_right is not None]
    return found | ({KIND: _share(known)} if known else {})


def _share(values: Sequence[bool]) -> dict[str, float]:
    return metrics.interval([float(value) for value in values]) | {"n": len(values)}


def _sample(shots: Sequence[Shot], count: int, rng: random.Random) -> list[Shot]:
    return rng.sample(sorted(shots, key=lambda shot: shot.key), min(count, len(shots)))
