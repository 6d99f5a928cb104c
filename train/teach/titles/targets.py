"""What the model should answer about an item with a title: a short sentence of what the title states, and no more."""

from __future__ import annotations

import re

from train.teach.targets import capital, joined, plural, with_article
from train.teach.things import is_pair
from train.teach.titles import facts
from train.teach.titles.facts import Stated
from train.teach.titles.words import listed

LONGEST = 25  # words of a sentence
UNSURE = "not sure what this is"
SOME = {  # of a domain whose thing is not named
    "game": "a video game", "baby": "a baby product", "beauty": "a beauty product", "clothing": "a piece of clothing",
    "home": "a household thing", "electronics": "an electronic device", "food": "a dish", "drink": "a drink",
    "book": "a book", "video": "a short video", "toy": "a toy", "sport": "a piece of sports gear",
    "exercise": "an exercise", "film": "a movie", "pet": "a pet product", "tool": "a tool",
    "office": "an office product", "animal": "an animal",
}  # fmt: skip
_QUOTED = 8  # words of a title that an unsure answer repeats
_MASS = set(
    listed(
        """aftershave, baby food storage, baby wash, blush, body wash, brandy, bread, bronzer, cheese, chocolate,
        coffee, cologne, concealer, cutlery, deodorant, detergent, eye shadow, eyeliner, fabric, face powder, facial
        spray, foundation, gin, granola, hair color, hair conditioner, hair spray, hot chocolate, ice cream,
        incense, juice, lip gloss, lotion, makeup primer, makeup remover, mango, mascara, micellar water, milk, nail
        polish, nursery decor, oat milk, oil, pasta, perfume, pet food, porridge, powder, primer, rice, rum, setting
        spray, shampoo, shaving cream, shaving soap, soap, sour cream, soy milk, sunscreen, syrup, tea, tequila,
        toast, toilet paper, toothpaste, underwear, vodka, whisky, wine, wrapping paper, yoghurt"""
    )
)
_WORN_AS_PAIRS = set(
    listed(
        """baby mittens, baby shoes, boots, earphones, earrings, gloves, headphones, jeans, leggings, pajamas, pliers,
        sandals, scissors, shoes, shorts, skis, sneakers, socks, sunglasses, swim goggles, training pants,
        trekking poles, trousers, tweezers"""
    )
)
_IRREGULAR = {"knife": "knives", "shelf": "shelves", "bookshelf": "bookshelves"}


def sentence(stated: Stated, title: str, seen: str = "") -> str:
    """The description of an item with this title; `seen` is what its picture certainly shows, for want of a kind."""
    if not stated.kind and not (seen or stated.domain):
        return capital(unsure(title))
    return capital(_spelt(phrase(stated, seen)))


def seen_only(seen: str) -> str:
    """The description of a picture whose title is not shown."""
    covered = {SOME["game"], SOME["book"]}
    text = f"the cover of {seen}" if seen in covered else seen
    return capital("a person doing an exercise" if seen == SOME["exercise"] else _spelt(text))


def unsure(title: str) -> str:
    """The title's own words, where even the domain is not clear from them."""
    said = facts.plain(title).replace('"', "'").split()
    quoted = " ".join(said[:_QUOTED]) + ("…" if len(said) > _QUOTED else "")
    return f'{UNSURE}: "{quoted}"'


def _spelt(text: str) -> str:
    """With the abbreviations in capitals that our lists have in small letters."""
    return re.sub(r"\b(?:usb|led|tv|gps|vr|mp3)\b", lambda found: found.group().upper(), text)


def phrase(stated: Stated, seen: str = "") -> str:
    """The facts as a noun phrase in lower case."""
    if stated.kind == facts.VIDEO_GAME:
        return _game(stated)
    if stated.kind:
        front = [joined(stated.colours)] if stated.colours else []
        front += [word for word in (stated.pattern, stated.material) if word and word not in stated.kind]
        text = some(stated.kind, stated.many, front)
    else:
        text = seen or SOME[stated.domain]  # what is seen says more than the domain
    text += f" with {joined(stated.parts)}" if stated.parts else ""
    text += f" tagged {joined(stated.tags)}" if stated.tags else ""
    text += f" by {stated.brand}" if stated.brand else ""
    text += f" for {_platforms(stated)}" if stated.platforms else ""
    text += f" from the {_bare(stated.series)} series" if stated.series else ""
    text += f" for {stated.audience}" if stated.audience else ""
    return text + (f", {stated.count or stated.size}" if stated.count or stated.size else "")


def some(kind: str, many: bool, front: list[str]) -> str:
    """A kind with its adjectives and the right article, or none: "a blue cup", "a pair of jeans", "wooden blocks"."""
    many = many and kind not in _MASS
    noun = " ".join([*front, (_IRREGULAR.get(kind) or plural(kind)) if many else kind])
    if kind in _WORN_AS_PAIRS or is_pair(kind):
        return f"a pair of {noun}"
    mass = kind in _MASS or many or (kind.endswith("s") and not kind.endswith(("ss", "gps")))
    return noun if mass else _with_article(noun)


def _with_article(noun: str) -> str:
    if noun.startswith("usb"):
        return f"a {noun}"
    return f"an {noun}" if noun.startswith(("Xbox", "NES")) else with_article(noun)


def _game(stated: Stated) -> str:
    text = _with_article(f"{joined(stated.platforms)} game") if stated.platforms else "a video game"
    text += f" from the {_bare(stated.series)} series" if stated.series else ""
    return text + (", as a download" if stated.download else "")


def _platforms(stated: Stated) -> str:
    named = [p if p in ("PC", "Mac") else f"the {p}" for p in stated.platforms]
    return joined(named)


def _bare(series: str) -> str:
    return series.removeprefix("The ")
