"""Judges a description of an item with a title: a wrong domain, invented facts, the right kind, or too little said.

Pure: strings in, a judgement out. What is true is given by the title and by what else is known of the item.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from train.teach.titles import facts, kinds
from train.teach.titles import words as words
from train.teach.titles.kinds import ANY

# Domains that may be told as each other: a bib is clothing to one and a baby product to another.
_NEAR = (
    {"baby", "home", "toy", "office", "pet", ANY},
    {"beauty", "home", "baby", ANY},
    {"game", "electronics", "toy", ANY},
    {"electronics", "home", "tool", "office", ANY},
    {"clothing", "sport", ANY},
    {"home", "tool", "office", "pet", "sport", ANY},
    {"food", "drink", "home", ANY},
    {"exercise", "sport", ANY},
)
_NAMED = {"book", "film", "video", "exercise", "animal"}
_GENERAL = {  # words for a whole domain
    "film": ("movie", "film", "documentary"),
    "game": ("video game", "game", "gaming"),
    "video": ("short video", "video clip"),
    "book": ("book", "novel"),
    "baby": ("baby product",),
    "beauty": ("beauty product", "cosmetic"),
    "clothing": ("clothing", "garment", "casual", "tshirt", "tshirts", "kurta", "saree"),
    "food": ("food", "dish"),
    "drink": ("drink", "beverage"),
    "exercise": ("exercise",),
    "animal": ("animal",),
    "electronics": ("electronic device",),
}
GENRES = words.listed(
    """action, adventure, animation, comedy, crime, documentary, drama, fantasy, film-noir, horror, musical, mystery,
    romance, sci-fi, thriller, war, western"""
)
_STYLES = words.listed("casual, formal, ethnic, sporty, rustic, retro, minimal, playful, elegant, vintage")
_DECADE = re.compile(r"\b(?:18|19|20)\d0s\b")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)|\b(?:" + "|".join(words.NUMBERS[2:]) + r")\b")
_HEDGES = re.compile(
    r"\bnot sure\b|\bunsure\b|\bnot clear\b|\bunknown\b|\bcould be\b|\bmay be\b|\bperhaps\b", re.IGNORECASE
)
_EMPTY = re.compile(r"says little|^(?:an?|the|some)? ?(?:item|thing|product|something)\b", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:not pictured|not sure): ", re.IGNORECASE)


@dataclass(frozen=True)
class Judgement:
    """`domains` are those that the text claims; `invented` are the facts it made up; `kind_right` is None where
    neither the title nor what is known of the item tells the kind."""

    domains: frozenset[str]
    wrong_domain: bool
    invented: tuple[str, ...]
    kind_right: bool | None
    hedged: bool
    says_little: bool


def judge(
    text: str, title: str, domain: str = "", kind: str = "", known: Iterable[str] = (), pictured: bool = False
) -> Judgement:
    """A description of an item, which saw the title (and perhaps a picture).

    Args:
        text: the description.
        title: the title, as it was shown.
        domain: what is true of the item ("game", "baby", "film", ... as in kinds.tsv); "": as the title tells.
        kind: the kind's name, one of kinds.tsv or any noun; "": as the title tells.
        known: other facts in words that the description may state, as a film's genres.
        pictured: the description saw a picture too, which may show any colour, material, pattern and style.
    """
    stated = facts.read(title, _possible(domain), names=domain == "game")
    domain = domain or stated.domain
    kind = kind or stated.kind
    allowed = f" {facts.plain(title)} {stated.series} {kind} {' '.join(known)} ".lower()
    said = re.sub(r"\btagged .*", "", _PREFIX.sub("", _unquoted(text)).lower())  # a tag is told, not claimed
    claimed = _domains(said, allowed)
    invented = [*_invented(said, allowed, pictured), *_names_of_others(_unquoted(text), allowed)]
    hedged = bool(_HEDGES.search(text))
    return Judgement(
        frozenset(claimed),
        bool(domain) and any(not _near(domain, other) for other in claimed),
        tuple(invented),
        _names(said, kind) if kind else None,
        hedged,
        not hedged and not claimed and not (kind and _names(said, kind)) and bool(_EMPTY.search(said)) or not said,
    )


def rates(judgements: Sequence[Judgement]) -> dict[str, float | int]:
    """Shares over descriptions of one sort of items; "kind right" is over those whose kind is known, hedged or not."""
    count = len(judgements)
    known = [one.kind_right for one in judgements if one.kind_right is not None]

    def share(found: Iterable[bool]) -> float:
        return sum(found) / count if count else 0.0

    return {
        "n": count,
        "wrong domain": share(one.wrong_domain for one in judgements),
        "invented": share(bool(one.invented) for one in judgements),
        "says little": share(one.says_little for one in judgements),
        "not sure": share(one.hedged for one in judgements),
        "n with a kind": len(known),
        "kind right": sum(known) / len(known) if known else 0.0,
    }


def _possible(domain: str) -> Collection[str] | None:
    """The domains whose kinds the title of such an item may name; a name of a book or film names none by chance."""
    if not domain:
        return None
    if domain in _NAMED:
        return {domain}
    return {domain, *(near for group in _NEAR if domain in group for near in group)}


def _near(one: str, other: str) -> bool:
    return one == other or any({one, other} <= group for group in _NEAR)


def _unquoted(text: str) -> str:
    """Without what a description quotes of the title: a quoted word claims nothing."""
    return re.sub(r'"[^"]*"?', " ", text)


def _has(text: str, phrase: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(phrase)}(?:s|es)?(?![\w-])", text) is not None


def _domains(said: str, allowed: str) -> set[str]:
    """The domains that a description claims, beyond repeating the title's own words."""
    claimed = {d for d, phrases in _GENERAL.items() if any(_has(said, p) and not _has(allowed, p) for p in phrases)}
    own = {d for d, phrases in _GENERAL.items() if any(_has(said, p) and _has(allowed, p) for p in phrases)}
    noun = re.split(r" (?:by|for|with|from|in)\b|[,.;]", said, maxsplit=1)[0]
    head = facts.read(noun)
    if head.kind and head.domain and not any(_has(allowed, form) for form in _forms(head.kind)):
        claimed.add(head.domain)
    return claimed - own if len(claimed) > 1 else claimed


def _invented(said: str, allowed: str, pictured: bool) -> list[str]:
    """Facts of the description that stand neither in the title nor in what is known."""
    allowed = _alike(allowed)
    said = _alike(said)
    found = [decade for decade in _DECADE.findall(said) if decade[:3] not in allowed]
    seen = () if pictured else (_STYLES, words.COLOURS, words.MATERIALS, words.PATTERNS.values())
    for known in (GENRES, *seen):
        found += [word for word in sorted(set(known)) if _has(said, word) and not _within(word, allowed)]
    platforms, given = facts.platforms_in(said), facts.platforms_in(allowed)
    found += [p for p in platforms if not any(g.startswith(p) for g in given)]
    plain = _DECADE.sub(" ", said)
    for platform in platforms:
        plain = plain.replace(platform.lower(), " ")
    numbers = {_digits(n) for n in _NUMBER.findall(plain)}
    stated = {_digits(n) for n in re.findall(r"\d+(?:\.\d+)?|[a-z]+", allowed)}
    return found + sorted(n for n in numbers if n not in stated)


def _names_of_others(text: str, allowed: str) -> list[str]:
    """Brands, series and people that a description tells of without the title."""
    named = re.findall(r" by ([A-Z0-9][^\s,]*(?: (?:& )?[A-Z0-9][^\s,]*)*)", text.rstrip(". "))
    named += re.findall(r" from the (.+?) series", text)
    found = [name for name in named if not _has(allowed, name.lower())]
    people = {_person(whom) for whom in re.findall(rf"\bfor ({words.PEOPLE})\b", text.lower())}
    given = {_person(whom) for whom in re.findall(rf"\b({words.PEOPLE})\b", allowed)}
    return found + sorted(people - given)


def _person(word: str) -> str:
    return words.WHOM.get(word, word)


def _alike(text: str) -> str:
    """Spellings that mean the same made one."""
    for other, one in (("gray", "grey"), ("color", "colour"), ("wood", "wooden"), ("woodenen", "wooden"),
                       ("stripes", "striped"), ("stripe ", "striped "), ("science fiction", "sci-fi")):  # fmt: skip
        text = text.replace(other, one)
    return text


def _within(word: str, allowed: str) -> bool:
    others = {other for table in (words.PATTERNS, words.MATERIALS) for other, one in table.items() if one == word}
    return any(_has(allowed, form) or form in allowed for form in {word, *others})


def _digits(number: str) -> str:
    return str(words.NUMBERS.index(number)) if number in words.NUMBERS else number


def _names(said: str, kind: str) -> bool:
    """Whether a description names the kind, by any of its names or by its last word, as in "cup" for "sippy cup"."""
    if kind == facts.VIDEO_GAME:
        return _has(said, "game") and not any(_has(said, other) for other in ("controller", "console", "card game"))
    return any(_has(said, form) for form in {*_forms(kind), *_last(kind)})


def _forms(kind: str) -> set[str]:
    """All names of a kind."""
    listed = {name for name, meant in kinds.names().items() if any(known.name == kind for known, _ in meant)}
    return {kind, kind.removesuffix("s"), *listed}


def _last(kind: str) -> set[str]:
    last = kind.split()[-1]
    return {last} if len(last) > 3 and last not in ("product", "part", "dish", "accessory", "kit", "pack") else set()
