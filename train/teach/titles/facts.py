"""What a title states: the kind of thing, and platform, brand, colour, material, audience, size and count.

Nothing is looked up: a fact stands in the title's own words, or it is not there. `domains` says which kinds are
possible at all, where that is known: in a catalogue of games, "shell" is no seafood.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from train.teach.titles import kinds
from train.teach.titles import words as words
from train.teach.titles.kinds import ANY
from train.teach.titles.words import Domains, Head, asides, head_of, loose, pieces


@dataclass(frozen=True)
class Stated:
    """The facts of one title; what it does not state is empty. `kind` may be empty where `domain` is evident."""

    domain: str = ""
    kind: str = ""
    many: bool = False
    platforms: tuple[str, ...] = ()
    series: str = ""
    brand: str = ""
    colours: tuple[str, ...] = ()
    pattern: str = ""
    material: str = ""
    audience: str = ""
    size: str = ""
    count: str = ""
    parts: tuple[str, ...] = ()  # of food: what is in it
    tags: tuple[str, ...] = ()  # of a video: what it is tagged with
    download: bool = False


VIDEO_GAME, ACCESSORY, GAMING = "video game", "gaming accessory", "gaming product"
_MOST = 2  # platforms, colours, parts and tags
_NAMES = {platform: n for n, platform in enumerate(words.PLATFORMS)}
_PLATFORM = re.compile(
    r"(?<![\w'])(?:(?:Sony|Microsoft)\s)?(?:"
    + "|".join(f"(?P<p{n}>{pattern})" for pattern, n in _NAMES.items())
    + r")(?![\w'])",
    re.IGNORECASE,
)
_PUBLISHERS = {"nintendo", "sega", "atari", "activision"}  # they sell games too
_ALSO_NAMES = {"battery", "camera", "computer", "hammer", "lens", "radio", "sensor", "speaker", "switch", "tablet"}
_SOLD_APART = {"Skylanders", "Disney Infinity"}  # series of which most titles are of toys that go with the game
_OF_A_SERIES = set(
    words.listed("amiibo figure, expansion pack, power discs, season pass, starter pack, strategy guide, toy figure")
)
_EATEN = {"food", "drink"}
_SIZED = {"GB", "TB", "MB", "mAh", "inch", "ft"}  # units that devices are told by
_UNDRESSED = {"food", "drink", "exercise", "book", "film", "video"}  # of these no colour or material is told
_COLOUR_WORDS = {word for colour in words.COLOURS for word in colour.split()} | {"dark", "light"}


def plain(title: str) -> str:
    """The title on one line, without trade marks and curly quotes."""
    text = title.replace("’", "'").replace("‘", "'").replace("&amp;", "&").replace("“", '"').replace("”", '"')
    return " ".join(re.sub(r"[®™©]|\((?:TM|R)\)|&#\d+;", "", text).split()).strip(" .\"'")


def read(title: str, domains: Domains = None, names: bool = False) -> Stated:
    """What the title states, where the thing is of one of `domains` (None: of any).

    names: most titles are proper names here, as of games, so that "box" is a thing only beside such words as "for".
    """
    text = re.sub(r"^for\b", "", plain(words.DROPPED.sub(" ", title)), flags=re.IGNORECASE).strip()
    if tagged := _video(text, domains):
        return tagged
    if _possible("film", domains) and re.search(r"\((?:18|19|20)\d\d\)$", text):
        return Stated("film", "movie")
    platforms, rest, supports = _platforms(text) if _possible("game", domains) else ((), text, False)
    brand, brand_domain, rest = _brand(rest.lstrip(" ,"))
    series = kinds.series_in(text) if _possible("game", domains) else ""
    evident = {d for d, pattern in words.EVIDENT.items() if pattern.search(text)} | {brand_domain} - {""}
    evident |= {"game"} if platforms or series else set()
    evident = {domain for domain in evident if _possible(domain, domains)}
    count, rest = _count(rest)
    size, rest = _size(rest)
    audience, rest = _audience(rest)
    head = head_of(rest, domains, evident)
    if head and names and (head.kind.domain == ANY or head.kind.name in _ALSO_NAMES) and " " not in head.kind.name:
        beside = supports or brand or _PLATFORM.match(text) or words.THINGS.search(text)
        head = head if beside else None
    if head is None:
        return _unnamed(text, evident, brand, brand_domain, platforms, series, supports)
    kind, domain = head.kind.name, head.kind.domain
    if domain == ANY:
        domain = min(evident, default="")
    dressed = domain not in _UNDRESSED
    said = _phrases(f"{head.before} , {asides(rest)}", head.own)
    return Stated(
        domain,
        kind,
        head.many,
        platforms[:_MOST] if domain in ("game", "electronics", "") else (),
        series if kind in _OF_A_SERIES else "",
        brand if domain not in _EATEN or brand_domain in _EATEN else "",  # a pigeon soup is not by Pigeon
        _colours(rest, head, domain) if dressed else (),
        _first(said, words.PATTERNS) if dressed and domain not in ("game", "beauty") else "",
        _material(said, domain) if dressed else "",
        audience if domain not in ("food", "drink", "game") else "",
        size if domain not in ("game", "electronics") or size.split(" ")[-1] in _SIZED else "",
        count,
        _parts(text, f"{kind} {head.own}") if domain == "food" else (),
    )


def _possible(domain: str, domains: Domains) -> bool:
    return domains is None or domain in domains


def _unnamed(text, evident: set[str], brand, brand_domain, platforms, series, supports) -> Stated:
    """What is left to say where no word of the title names a kind."""
    if "game" in evident:
        if brand_domain == "game" and brand.lower() not in _PUBLISHERS:
            return Stated("game", ACCESSORY, platforms=platforms[:_MOST], brand=brand)
        # A game has its platform behind its name.
        device = supports or _PLATFORM.match(text) or words.DEVICES.search(text)
        if (device and not series) or (series in _SOLD_APART and not platforms):
            return Stated("game", GAMING, platforms=platforms[:_MOST], series=series)
        download = bool(words.DOWNLOAD.search(text))
        return Stated("game", VIDEO_GAME, platforms=platforms[:_MOST], series=series, download=download)
    domain = next((d for d in ("baby", "beauty", "food", "drink") if d in evident), "")
    return Stated(domain, brand=brand, parts=_parts(text, "") if domain == "food" else ())


def _brand(text: str) -> tuple[str, str, str]:
    """(brand, its domain, the title without it)."""
    found = kinds.brand_in(text)
    if not found:
        return "", "", text
    domain, name = kinds.brands()[found.group().lower()]
    front = re.sub(r"\bby $", "", text[: found.start()], flags=re.IGNORECASE)
    return name, domain, f"{front} {text[found.end() :]}".strip()


def _platforms(text: str) -> tuple[tuple[str, ...], str, bool]:
    """(platforms in their order, the title with breaks in their place, whether the thing is *for* a platform)."""
    found = list(_PLATFORM.finditer(text))
    names = [words.PLATFORMS[next(p for p, n in _NAMES.items() if match.group(f"p{n}"))] for match in found]
    served = [bool(re.search(r"\b(?:for|fits|with)\W*$", text[: match.start()], re.IGNORECASE)) for match in found]
    breaks = iter(" " if serves else " , " for serves in served)
    named = tuple(name for name in dict.fromkeys(names) if not any(n.startswith(f"{name} ") for n in names))
    return named, _PLATFORM.sub(lambda match: next(breaks), text), any(served)


def platforms_in(text: str) -> tuple[str, ...]:
    """The gaming platforms that a text names, each by its usual name."""
    return _platforms(text)[0]


def _count(text: str) -> tuple[str, str]:
    """("pack of three" or "24 pieces", the title without it)."""
    for pattern, unit in words.COUNTS:
        if found := re.search(pattern, text, re.IGNORECASE):
            said = found.group("n").lower()
            number = words.NUMBERS[int(said)] if said.isdigit() and int(said) < len(words.NUMBERS) else said
            rest = f"{text[: found.start()]} {text[found.end() :]}"
            if number in ("zero", "one"):
                return "", rest
            unit = unit or found.group(1).lower()
            return f"{number} pieces" if unit == "pieces" else f"{unit} of {number}", rest
    return "", text


def _size(text: str) -> tuple[str, str]:
    """("9 oz", the title without it)."""
    found = words.SIZE.search(text)
    if not found:
        return "", text
    unit = " ".join(found.group("unit").lower().replace(".", "").split())
    return f"{found.group('n')} {words.UNITS.get(unit, unit)}", f"{text[: found.start()]} {text[found.end() :]}"


def _audience(text: str) -> tuple[str, str]:
    """("women" or "boys and girls", the title without it)."""
    found = words.AUDIENCE.search(text)
    if not found:
        return "", text
    whom = [words.WHOM.get(word.lower(), word.lower()) for word in found.groups() if word]
    return " and ".join(dict.fromkeys(whom)), f"{text[: found.start()]} {text[found.end() :]}"


def _phrases(text: str, own: str) -> list[str]:
    """Pairs of words, then words, so that "faux leather" is found before "leather"; none of the kind's own."""
    said = [word.strip("%") for word in re.split(r"[\s,/]+", text.lower()) if word]
    pairs = [" ".join(pair) for pair in zip(said, said[1:], strict=False)]
    return [word for word in (*pairs, *said) if word not in own.split()]


def _first(said: Sequence[str], known: dict[str, str]) -> str:
    return next((known[word] for word in said if word in known), "")


def _material(said: Sequence[str], domain: str) -> str:
    material = "" if domain == "beauty" else _first(said, words.MATERIALS)
    return material if domain not in ("game", "electronics") or material in words.DEVICE_MATERIALS else ""


def _colours(text: str, head: Head, domain: str) -> tuple[str, ...]:
    """Colours that stand directly before or behind the head, or in a part of the title that says nothing else."""
    allowed = words.PLAIN_COLOURS if domain in ("beauty", "electronics", "game") else words.COLOURS
    own = head.own.split()
    found = [] if domain == "beauty" else _named(head.before.split()[-4:], allowed)  # "green apple serum" is not green
    for piece, _ in pieces(text):
        part = [word for word in re.split(r"[\s/&]+|\band\b", piece.lower()) if word]
        if head.own in " ".join(part):
            found += _named(" ".join(part).partition(head.own)[2].split(), allowed)
        elif all(word in _COLOUR_WORDS or loose(word) for word in part) or part[-1] in words.MATERIALS:
            found += _named([word for word in part if word not in own], allowed)
    british = (re.sub(r"color\b", "colour", colour.replace("gray", "grey")) for colour in found)
    return tuple(dict.fromkeys(british))[:_MOST]


def _named(said: Sequence[str], allowed: Collection[str]) -> list[str]:
    """The colours among words, two-word names first."""
    said = [part for word in said for part in word.strip(",").split("/") if part]
    found, place = [], 0
    while place < len(said):
        pair = " ".join(said[place : place + 2])
        if pair != said[place] and pair in words.COLOURS:
            found.append(pair)
            place += 1
        elif said[place] in allowed:
            found.append(said[place])
        place += 1
    return found


def _parts(text: str, kind: str) -> tuple[str, ...]:
    """What food is made with: the ingredients that the title names beside the kind."""
    said = re.findall(r"[a-z]+", text.lower())
    return tuple(dict.fromkeys(w for w in said if w in words.PARTS and w.rstrip("s") not in kind))[:_MOST]


def _video(title: str, domains: Domains) -> Stated | None:
    """A short video is known by its hashtags; tags of one to three words that name a topic are told."""
    tags = [tag.strip(" .,!").lower() for tag in re.findall(r"(?:^|\s)#\s?([^#]+)", title)]
    if not tags or not _possible("video", domains):
        return None
    short = [tag for tag in tags if re.fullmatch(r"[a-z' -]{3,30}", tag) and len(tag.split()) <= 3]
    topical = [tag for tag in short if words.TOPICS & set(tag.split())]
    return Stated("video", "short video", tags=tuple(dict.fromkeys(topical))[:_MOST])
