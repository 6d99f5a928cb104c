"""Everyday English names of things with their groups: our own list, `things.tsv`, and how labels are looked up in it.

A *name* is what a shopper or a child would say of one piece ("dog", "shoes", "rice"); a *kind* is a narrower word that
is understood and said as its name ("dalmatian" is a dog); *also* are other words for the same. A name may have a
broader name ("eagle" is a "bird"), and a group may belong to a larger one ("bird" to "animal").
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("things.tsv")

GROUPS = {  # group: what a thing is called of which only the group is certain
    "animal": "an animal",
    "bird": "a bird",
    "sea animal": "a sea animal",
    "bug": "a bug",
    "food": "something to eat",
    "fruit": "a fruit",
    "vegetable": "a vegetable",
    "drink": "a drink",
    "plant": "a plant",
    "clothing": "a piece of clothing",
    "footwear": "something to wear on the feet",
    "accessory": "an accessory",
    "bag": "a bag",
    "beauty product": "a beauty product",
    "baby product": "a baby product",
    "furniture": "a piece of furniture",
    "home textile": "a home textile",
    "light": "a light",
    "kitchenware": "a piece of kitchenware",
    "household thing": "a household thing",
    "tool": "a tool",
    "electronics": "an electronic device",
    "appliance": "a household appliance",
    "musical instrument": "a musical instrument",
    "toy": "a toy",
    "game": "a game",
    "reading": "something to read",
    "film": "a film",
    "stationery": "a piece of stationery",
    "sport": "something for sport",
    "vehicle": "a vehicle",
    "car part": "a car part",
    "room": "a room",
    "place": "an outdoor scene",
    "building": "a building",
    "person": "a person",
    "character": "a character",
    "body part": "a part of the body",
    "symbol": "a symbol",
    "medical thing": "a medical thing",
    "weapon": "a weapon",
    "decoration": "a decoration",
}
_GROUP_PLURALS = {  # of a group whose name has no plural
    "clothing": "clothes", "footwear": "things to wear on the feet", "reading": "things to read", "film": "films",
    "sport": "things for sport", "person": "people", "place": "outdoor scenes", "food": "food", "fruit": "fruit",
    "furniture": "furniture", "kitchenware": "kitchenware", "electronics": "electronics", "stationery": "stationery",
    "body part": "parts of the body",
}  # fmt: skip
_SENSES = ("clothing", "footwear", "accessory", "animal", "sea animal")  # of a word with two meanings
_LARGER = {
    "bird": "animal", "sea animal": "animal", "bug": "animal", "fruit": "food", "vegetable": "food",
    "footwear": "clothing",
}  # fmt: skip
UNSEEN = CALIBRATION, REPORT = "unseen-calibration", "unseen-report"  # splits of names that are kept out of training
ONE, PAIR, MASS, PLURAL = "one", "pair", "mass", "plural"

COMMONEST = (  # fifty things that people bring most
    "dog", "cat", "horse", "cow", "bird", "fish", "chair", "table", "sofa", "bed", "lamp", "car", "bus", "train",
    "bicycle", "airplane", "boat", "shoes", "shirt", "t-shirt", "trousers", "dress", "hat", "bag", "watch", "glasses",
    "book", "phone", "laptop", "television", "camera", "cup", "bottle", "bowl", "plate", "knife", "fork", "spoon",
    "apple", "banana", "orange", "bread", "cake", "pizza", "flower", "tree", "house", "umbrella", "clock", "ball",
)  # fmt: skip

_CONSONANT_SOUND = ("uni", "eu", "one", "uku", "ute", "usb", "use")
_VOWEL_SOUND = ("hour", "heir", "honest", "x-ray", "mp3", "led ", "lp ")
_IRREGULAR = {
    "mouse": "mice", "goose": "geese", "ox": "oxen", "tooth": "teeth", "foot": "feet", "man": "men", "child":
    "children", "person": "people", "sheep": "sheep", "fish": "fish", "deer": "deer", "moose": "moose", "reindeer":
    "reindeer", "bison": "bison", "shrimp": "shrimp", "swordfish": "swordfish", "knife": "knives", "leaf": "leaves",
    "shelf": "shelves", "loaf": "loaves", "wolf": "wolves", "scarf": "scarves", "calf": "calves", "thief": "thieves",
    "elf": "elves", "bookshelf": "bookshelves", "aircraft": "aircraft", "cactus": "cacti", "potato": "potatoes",
    "tomato": "tomatoes", "mango": "mangoes", "hero": "heroes", "dice": "dice",
}  # fmt: skip
_WRAPPERS = re.compile(
    r"^(?:an? |the )?(?:bag|bar|bottle|bowl|box|bunch|can|carton|case|cup|ear|glass|jar|loaf|pack|packet|pair|piece"
    r"|plate|set|slice|tin) of "
)
_AFTER_HEAD = re.compile(r"\s(?:with|w|for|in|on|and|from|at|to|by)\s.*|\s?[,+/(].*|\s\d.*")
_UNSURE_HEADS = {  # last words that tell too little of what the whole is ("punching bag", "light box")
    "animal", "art", "back", "bar", "base", "bell", "board", "book", "bow", "box", "bubble", "buffet", "case",
    "chart", "chute", "cover", "cube", "device", "dome", "drawing", "face", "fish", "fly", "food", "frame", "game",
    "hand", "head", "horn", "hospital", "house", "ice", "knob", "leg", "lock", "man", "mask", "monitor", "net", "pad",
    "paper", "part", "peanut", "person", "pick", "picture", "pin", "place", "plant", "play", "plug", "pole", "press",
    "print", "rail", "ring", "rod", "roll", "room", "screen", "set", "sign", "star", "station", "stick", "stone",
    "tail", "thing", "top", "torch", "track", "trainer", "wall", "water", "wheel", "wood",
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """One everyday name. `number` says how one piece is spoken of: one, pair, mass or plural.

    `kept_out` is empty for nine names in ten, else one of UNSEEN: no training shows the model a thing of that name.
    They were drawn by a hash of the name among those that neither COMMONEST nor the other data sets hold.
    """

    name: str
    group: str
    number: str
    broader: str
    also: tuple[str, ...]
    kinds: tuple[str, ...]
    kept_out: str = ""

    @property
    def broader_names(self) -> tuple[str, ...]:
        """What is true of the thing too, narrowest first: its broader name, its group and the group around it."""
        groups = (self.group, _LARGER.get(self.group, ""))
        return tuple(dict.fromkeys(name for name in (self.broader, *groups) if name and name != self.name))


@dataclass(frozen=True)
class Label:
    """What a data set's label means: an everyday name, and the narrower word for it where the label has one."""

    thing: Thing
    narrow: str = ""


class Things:
    """All names, and where each word for them leads."""

    def __init__(self, things: Iterable[Thing]) -> None:
        self.all = tuple(things)
        self.by_name = {thing.name: thing for thing in self.all}
        self._meant: dict[str, list[Thing]] = {}
        for thing in self.all:
            if thing.group not in GROUPS or thing.number not in (ONE, PAIR, MASS, PLURAL):
                raise ValueError(f"{thing.name}: no group {thing.group!r} or number {thing.number!r}")
            if thing.broader and thing.broader not in self.by_name:
                raise ValueError(f"{thing.name}: its broader name {thing.broader!r} is not in the list")
            for word in (thing.name, *thing.also, *thing.kinds):
                owners = self._meant.setdefault(_key(word), [])
                if thing not in owners:
                    owners.append(thing)

    def meanings(self, word: str) -> tuple[Thing, ...]:
        """What a word or phrase may mean, in the singular or the plural; () if it is not in the list."""
        for form in _forms(word):
            if found := self._meant.get(_key(form)):
                return tuple(found)
        return ()

    def is_kind(self, word: str, thing: Thing) -> bool:
        """Whether a word that means the thing is one for a kind of it, not another word for the same."""
        forms = {_key(form) for form in _forms(word)}
        return forms.isdisjoint(map(_key, (thing.name, *thing.also))) and not forms.isdisjoint(map(_key, thing.kinds))

    def understand(self, label: str, groups: Iterable[str] = (), inverted: bool = False) -> Label | None:
        """What a label means, by the whole phrase or else by its head noun ("folding chair"); None if that is not sure.

        `groups` decides between two meanings of a word. `inverted` is for lists that also write "drill electric": there
        a head noun counts only where no word before it is known.
        """
        wanted = set(groups)
        for phrase in _readings(label):
            if found := self.meanings(phrase):
                thing = _one_of(found, wanted)
                return Label(thing, phrase if self.is_kind(phrase, thing) else "") if thing else None
        for phrase in _heads(label):
            words = phrase.split()
            for start in range(1, len(words)):
                head = " ".join(words[start:])
                if inverted and any(self.meanings(word) for word in words[:start]):
                    break
                if _UNSURE_HEADS.isdisjoint(_forms(head)) and (found := self.meanings(head)):
                    thing = _one_of(found, wanted)
                    return Label(thing, phrase) if thing else None
        return None


@cache
def things() -> Things:
    """The list of `things.tsv`."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return Things(
            Thing(
                r["name"], r["group"], r["number"], r["broader"], _words(r["also"]), _words(r["kinds"]), r["kept_out"]
            )
            for r in rows
        )


@cache
def meant(word: str) -> Thing | None:
    """The thing that a word of any data set means, where it may mean several the likeliest; None for a word that the
    list does not have."""
    known = things()
    if word in known.by_name:
        return known.by_name[word]
    label = known.understand(word, _SENSES)
    return label.thing if label else next(iter(known.meanings(word)), None)


def many(group: str) -> str:
    """Things of a group: "animals", "clothes", "things to read"."""
    return _GROUP_PLURALS.get(group) or plural(group)


def is_pair(name: str) -> bool:
    """Whether one piece of it is spoken of as a pair: "a pair of trousers"."""
    return any(t.number == PAIR and (name.endswith("s") or name == t.name) for t in things().meanings(name))


def with_article(phrase: str) -> str:
    """ "a dog", "an hourglass"; the phrase is taken as one thing."""
    start = phrase.lower()
    vowel = start.startswith(_VOWEL_SOUND) or start[:1] in "aeiou" and not start.startswith(_CONSONANT_SOUND)
    return f"{'an' if vowel else 'a'} {phrase}"


def one(name: str, before: str = "") -> str:
    """One piece of a name as English says it: "a dog", "a pair of trousers", "rice", with words `before` the name.

    >>> one("trousers", "black")
    'a pair of black trousers'
    """
    phrase = f"{before} {name}".strip()
    known = things().by_name.get(name)
    number = known.number if known else PAIR if is_pair(name) else ONE
    if number == PAIR:
        return f"a pair of {phrase}"
    return phrase if number in (MASS, PLURAL) else with_article(phrase)


def plural(name: str) -> str:
    """Many of a name: "dogs", "trousers", "rice"."""
    known = things().by_name.get(name)
    if known and known.number != ONE or is_pair(name):
        return name
    first, _, last = name.rpartition(" ")
    front = f"{first} " if first else ""
    if last in _IRREGULAR:
        return front + _IRREGULAR[last]
    for end, many in (("man", "men"), ("fish", "fish"), ("mouse", "mice"), ("foot", "feet")):
        if last.endswith(end) and last not in ("human",):
            return front + last[: -len(end)] + many
    if last.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if last.endswith("y") and last[-2:-1] not in tuple("aeiou") else f"{name}s"


def singular(name: str) -> str:
    """A plural as said of one piece: "Watches" -> "watch"; what is said as a pair stays: "Heels" -> "heels"."""
    lower = name.lower()
    if lower == "trunk":  # a shop's slip
        return "trunks"
    if is_pair(lower) or things().by_name.get(lower):
        return lower
    return next((form for form in _forms(lower)[1:] if plural(form) == lower and things().meanings(form)), lower)


def _words(cell: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in cell.split(",")) if word)


def _key(word: str) -> str:
    """Letters and digits only, so that "hair brush", "hair-brush" and "hairbrush" are one."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


_MANY = {many: single for single, many in _IRREGULAR.items() if many != single}


def _forms(word: str) -> list[str]:
    """The word, then what it may be the plural or the singular of."""
    lower = " ".join(word.lower().split())
    first, _, last = lower.rpartition(" ")
    front = f"{first} " if first else ""
    forms = [lower]
    if last in _MANY:
        forms.append(front + _MANY[last])
    elif last.endswith("men"):
        forms.append(lower[:-2] + "an")
    if last.endswith("s") and not last.endswith("ss"):
        forms.append(lower[:-1])
        if last.endswith("ies"):
            forms.append(f"{lower[:-3]}y")
        if last.endswith("es"):
            forms.append(lower[:-2])
    elif len(last) > 2:
        forms += [f"{lower}s", f"{lower}es"]
    return forms


def _readings(label: str) -> list[str]:
    """A label as it stands, then with counts, wrappings and what follows the head noun taken away."""
    whole = " ".join(label.lower().replace("_", " ").split())
    bare = re.sub(r"^\d[\w+-]*(?= \w+ )", "", whole).strip()  # "5-piece toy set"; "10-piece coffee" is no coffee
    bare = re.sub(r"^chest of \d+ drawers", "chest of drawers", bare)
    content = _WRAPPERS.sub("", bare)
    return [phrase for phrase in dict.fromkeys((whole, bare, content, *_heads(content))) if phrase]


def _heads(label: str) -> list[str]:
    """The label up to what follows its head noun, then without a last "set" or an "of"."""
    head = _AFTER_HEAD.sub("", " ".join(_WRAPPERS.sub("", label.lower()).split()))
    core = head if head.startswith("chest of") else re.sub(r" of .*| set$", "", head)
    return list(dict.fromkeys((head, core)))


def _one_of(found: tuple[Thing, ...], groups: set[str]) -> Thing | None:
    """The meaning that the groups leave, if that is one."""
    if len(found) == 1:
        return found[0]
    fitting = [thing for thing in found if thing.group in groups]
    return fitting[0] if len(fitting) == 1 else None
