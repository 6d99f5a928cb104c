"""The kinds of things that titles speak of, by domain: our own lists in `kinds.tsv`, `brands.tsv` and `series.txt`.

A kind has several names ("stroller": pushchair, pram, jogger). A name that is written "~cup" means this kind only where
something else in the title speaks of the domain, as "cup" does between baby things.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent
ANY = "thing"  # the domain of kinds that are sold everywhere: bags, boxes, hooks
_LONGEST = 5  # words of a name


@dataclass(frozen=True)
class Kind:
    domain: str
    name: str


@lru_cache
def names() -> dict[str, tuple[tuple[Kind, bool], ...]]:
    """Every name of a kind with what it may mean, and whether only the domain's presence makes it mean that."""
    found: dict[str, list[tuple[Kind, bool]]] = {}
    with (_FOLDER / "kinds.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            kind = Kind(row["domain"], row["kind"])
            for name in (kind.name, *(n for n in row["forms"].split(", ") if n)):
                meanings = found.setdefault(name.removeprefix("~"), [])
                if all(kind != known for known, _ in meanings):
                    meanings.append((kind, name.startswith("~")))
    return {name: tuple(meanings) for name, meanings in found.items()}


@lru_cache
def brands() -> dict[str, tuple[str, str]]:
    """A brand in lower case: its domain and its own spelling."""
    found: dict[str, tuple[str, str]] = {}
    with (_FOLDER / "brands.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            for brand in row["brands"].split(", "):
                found.setdefault(brand.lower(), (row["domain"], brand))
    return found


@lru_cache
def series() -> dict[str, str]:
    """A name of a series of video games, in lower case: the series."""
    lines = (_FOLDER / "series.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(": ") for line in lines if line)
    return {name: title for title, _, several in pairs for name in several.split(", ")}


@lru_cache
def _pattern(listed: str) -> re.Pattern[str]:
    keys = brands() if listed == "brands" else series()
    longest = sorted(map(re.escape, keys), key=len, reverse=True)
    return re.compile(rf"(?<![\w'])(?:{'|'.join(longest)})(?![\w'])", re.IGNORECASE)


def brand_in(text: str) -> re.Match[str] | None:
    """The brand that a title begins with, or that it is "by"."""
    pattern = _pattern("brands")
    by = re.search(r"(?<!licensed )\bby ", text, re.IGNORECASE)
    return pattern.match(text) or (pattern.match(text, by.end()) if by else None)


def series_in(text: str) -> str:
    """The series of video games that a text names, or ""."""
    found = _pattern("series").search(text)
    return series()[found.group().lower()] if found else ""


@dataclass(frozen=True)
class Ending:
    """The kind that the last `count` words of a part of a title name; `weak`: only because of the domain."""

    kind: Kind
    count: int
    weak: bool


def ending(words: Sequence[str], domains: Collection[str] | None, evident: Collection[str]) -> Ending | None:
    """What the last words name, in the singular or the plural, where only `domains` are possible (None: all).

    The longest name wins; of several kinds of one name, one of an `evident` domain.
    """
    for count in range(min(_LONGEST, len(words)), 0, -1):
        for form in _singulars(" ".join(words[-count:])):
            meant = [
                (kind, weak)
                for kind, weak in names().get(form, ())
                if (domains is None or kind.domain in domains) and (not weak or kind.domain in evident)
            ]
            if meant:
                kind, weak = min(meant, key=lambda pair: pair[0].domain not in evident)
                return Ending(kind, count, weak)
    return None


def _singulars(name: str) -> Iterator[str]:
    """The name itself, then what it may be the plural of."""
    yield name
    if name.endswith("s") and not name.endswith("ss"):
        yield name[:-1]
        if name.endswith("es"):
            yield name[:-2]
        if name.endswith("ies"):
            yield name[:-3] + "y"
        if name.endswith("ves"):
            yield from (name[:-3] + "f", name[:-3] + "fe")
