"""The head of a title: which of its words name the thing, and which only tell of it.

A title falls into parts at its punctuation and prepositions. The head is what the first part ends with that is a kind's
name, so "case" is the head of "silicone case for controllers", and "stroller hook" is a hook.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from train import kinds
from train import title_words as words
from train.kinds import ANY, Kind

Domains = Collection[str] | None

_COVERS = {  # things that are sold for other things: two in a row say no more than one
    "base", "bag", "box", "case", "clip", "cover", "faceplate", "grip", "handle", "holder", "hook", "mat", "pad",
    "pouch", "skin", "sleeve", "stand", "sticker", "strap",
}  # fmt: skip


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a title between its punctuation and prepositions, each with the preposition it depends on or ""."""
    start, side = 0, ""
    for found in words.BREAK.finditer(text):
        if piece := text[start : found.start()].strip():
            yield piece, side
        begins = "with" if found.group("w") is not None else (found.group("side") or "").lower()
        kept = side if side in words.ASIDE_TO_THE_END and not found.group("hard") else ""
        start, side = found.end(), begins or kept
    if piece := text[start:].strip():
        yield piece, side


def asides(text: str) -> str:
    """The short parts behind the first, where colour and material may stand."""
    return " , ".join(piece for piece, _ in list(pieces(text))[1:] if len(piece.split()) <= 4)


@dataclass(frozen=True)
class Head:
    kind: Kind
    many: bool  # said in the plural
    before: str  # the words of its part of the title that stand before it
    own: str  # the words that name it


def head_of(text: str, domains: Domains, evident: set[str]) -> Head | None:
    """From the end of the first part that ends with a kind.

    Names that need the domain's help come second, and what stands behind "by", which may be a part of a name, third.
    """
    weak: Head | None = None
    for wanted in ("", "by"):
        for piece, side in pieces(text):
            if side != wanted:
                continue
            part = re.findall(r"[^\s\"!?*]+", piece.lower().replace(" / ", "/"))
            found = _ending(part, domains, evident) or _ending(_first_of_several(part), domains, evident)
            if found and not found[1]:
                return found[0]
            weak = weak or (found and found[0])
        if weak:
            return weak
    return None


def _first_of_several(part: list[str]) -> list[str]:
    """What stands before "and": "primer and brightener" is a primer."""
    place = next((n for n, word in enumerate(part) if word in ("and", "&", "+")), 0)
    return part[:place]


def _ending(part: list[str], domains: Domains, evident: set[str]) -> tuple[Head, bool] | None:
    """(head, whether it is weak) of a part of a title whose last words may be loose."""
    part, grouped = list(part), ""
    while part:
        if found := kinds.ending(part, domains, evident):
            own, before = part[-found.count :], part[: -found.count]
            return _compound(found.kind, grouped, own, before, domains, evident), found.weak
        if len(part) > 1 and part[-1] in ("set", "kit") and not grouped:
            grouped = part.pop()
        elif len(part) > 1 and loose(part[-1]):
            part.pop()
        else:
            break
    return None


def loose(word: str) -> bool:
    """Whether a word may stand behind the head: a colour, a size, a number, a model's name."""
    return (
        word in words.LOOSE
        or any(letter.isdigit() for letter in word)
        or all(part in words.COLOURS for part in word.split("/"))
    )


def _compound(kind: Kind, grouped: str, own: list[str], before: list[str], domains: Domains, evident: set[str]) -> Head:
    """The head with the kind that stands directly before it, as in "stroller hook", and with "set" behind it."""
    many = own[-1].endswith("s") and not own[-1].endswith("ss") and not kind.name.endswith(("s", "dish"))
    many = many and kind.domain != "exercise"
    owner = kinds.ending(before, domains, evident) if kind.domain == ANY else None
    if owner and owner.kind.domain != "clothing" and not _COVERS & {*owner.kind.name.split(), *kind.name.split()[1:]}:
        own, before = [*before[-owner.count :], *own], before[: -owner.count]
        kind = Kind(owner.kind.domain, f"{owner.kind.name} {kind.name}")
    if grouped and "set" not in kind.name and "kit" not in kind.name:
        kind, many = Kind(kind.domain, f"{kind.name} {grouped}"), False
    return Head(kind, many, " ".join(before), " ".join(own))
