"""Read from a description what a thing is called, plainly or as a guess, and judge whether that is true."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from train.teach.pictures import Facts
from train.teach.things import GROUPS, Thing, things

RIGHT, NARROWER, GROUP, HEDGED, NOTHING, WRONG = OUTCOMES = (
    "right", "narrower", "group", "hedged", "nothing", "wrong",
)  # fmt: skip

_HEDGE = re.compile(
    r"\b(?:not sure|unsure|not certain|uncertain|unclear|not clear|hard to (?:tell|say)|can(?:no|')t (?:tell|say)"
    r"|cannot (?:tell|say)|do(?:es)? not know|don't know|unknown|perhaps|possibly|maybe|probably|likely"
    r"|(?:might|may|could) be|looks?(?: a bit| most)? like|looks|seems?|appears?|resembles?)\b"
)
_FRAME = re.compile(
    r"^(?:(?:not pictured|no picture)\b\W*|(?:this|it|that)(?: one)? (?:is|shows)\b|it's\b|there (?:is|are)\b"
    r"|the (?:picture|photo|image|item|title) (?:shows|is|says)\b"
    r"|(?:an? |the )?(?:[\w-]+ ){0,2}(?:photo|photograph|picture|image|drawing|illustration|painting|cover|poster) of\b"
    r"|to be\b|\W+)\s*"
)
_TONE = re.compile(r"^(?:an? )?(?:[\w-]+ ){1,3}picture\b\W*")  # "a dark reddish picture, "
_COUNTED = re.compile(
    r"^(?:(?:an?|the|some|one|two|three|four|five|several|many|few|pairs?|pieces?|sets?|collections?|of)\s+)+"
)
_END = re.compile(
    r"[,;:().!?\"]|\s(?:with|without|for|in|on|from|by|at|near|over|under|to|that|which|who|is|are|was|has|and|or|as|than"
    r"|while|next|behind|through|wearing|holding|standing|sitting|stands|sits|runs|plays|jumps|rides|walks|lies|an?|the"
    r"|its|his|her|their)\s"
)
_TWO_COLOURS = re.compile(
    r"\b(?:black|white|red|blue|navy|green|yellow|brown|grey|gray|orange|pink|purple|beige|silver|gold) and (?=\w+ \w)"
)
_GENERIC = {
    "item", "items", "thing", "things", "object", "objects", "product", "products", "one", "something", "stuff",
    "kind", "sort", "type", "style", "colour", "color",
}  # fmt: skip
_EXCLUSIVE = {"animal", "bird", "sea animal", "bug"}  # groups where one kind rules out another


@dataclass(frozen=True)
class Name:
    """An everyday name or a group, and the words that the text used for it."""

    name: str
    word: str


@dataclass(frozen=True)
class Said:
    """What a text says: names `claimed` plainly, names `guessed` behind a hedge, and whether there is a hedge.

    Several names are the meanings of one word.
    """

    claimed: tuple[Name, ...]
    guessed: tuple[Name, ...]
    hedged: bool


def read(text: str) -> Said:
    """Read what a description says the thing is, from the head noun of its first phrase.

    >>> read("An animal, not sure which.").hedged
    True
    """
    lower = " ".join(text.lower().split())
    hedge = _HEDGE.search(lower)
    if not hedge:
        return Said(head(lower), (), False)
    before, after = lower[: hedge.start()], lower[hedge.end() :]
    return Said(head(before), head(_TONE.sub("", after.lstrip(" :,;-"))) or head(_next_clause(after)), True)


def head(phrase: str) -> tuple[Name, ...]:
    """The possible meanings of the head noun of a phrase; () if it names nothing."""
    known, rest = things(), phrase.strip()
    while (shorter := _FRAME.sub("", rest, count=1)) != rest:
        rest = shorter
    for group, said in GROUPS.items():
        core = re.sub("^an? ", "", said)
        if " " in core and core not in known.by_name and re.match(rf"(?:an? )?(?:[\w-]+ ){{0,2}}{core}(?!\w)", rest):
            return (Name(group, core),)
    rest = _TWO_COLOURS.sub("", f"{_COUNTED.sub('', rest)} ")
    while rest:  # "an action, adventure and fantasy movie": the noun may come after a list
        end = _END.search(rest)
        found = _noun(rest[: end.start()] if end else rest)
        if found is not None or not end or end.group().strip() not in (",", "and", "or"):
            return found or ()
        rest = rest[end.end() :]
    return ()


def _noun(phrase: str) -> tuple[Name, ...] | None:
    """The names of a phrase with one head noun; () if the noun says nothing ("thing"), None if no word is a name."""
    first, of, content = phrase.strip().partition(" of ")
    if _generic(first.split()):
        return _last_name(content.split()) if first.split()[-1] in ("kind", "sort", "type") else ()
    words = phrase.split()
    for start in range(words.index("of") if of else 0):  # "tug of war"
        whole = " ".join(words[start:])
        if found := tuple(name for name in _meant(whole) if not things().is_kind(whole, things().by_name[name.name])):
            return found
    found = _last_name(first.split())
    if of:  # "a cup of coffee" may mean either
        found += tuple(name for name in _last_name(content.split()) if name not in found)
    return found or None


def names_in(text: str) -> tuple[Name, ...]:
    """Every name in a text, longest first from the left: "board games and puzzles" has two."""
    words, start = re.findall(r"[\w'-]+", text.lower()), 0
    found: list[Name] = []
    while start < len(words):
        for end in range(min(len(words), start + 4), start, -1):
            if names := _meant(" ".join(words[start:end])):
                found += names
                start = end - 1
                break
        start += 1
    return tuple(dict.fromkeys(found))


def outcome(said: Said, facts: Facts) -> str:
    """One of OUTCOMES for a thing with these facts ("type", and "narrow" where it is known).

    "right": its everyday name, another word for it, a broader name ("bird" for an eagle) or its own kind. "narrower":
    a kind of it that the label neither confirms nor rules out. "group": only its group ("an animal"). "hedged": no
    claim, but a hedge; "nothing": neither. "wrong": all else that is claimed, hedged or not.
    """
    if not said.claimed:
        return HEDGED if said.hedged else NOTHING
    return min((_judged(name, facts) for name in said.claimed), key=OUTCOMES.index)


def guessed_right(said: Said, facts: Facts) -> bool:
    """Whether what stands behind the hedge is right."""
    return any(_judged(name, facts) == RIGHT for name in said.guessed)


def groups_of(names: tuple[Name, ...]) -> set[str]:
    """The groups that some names may belong to."""
    known = things().by_name
    return {known[name.name].group if name.name in known else name.name for name in names}


def _judged(said: Name, facts: Facts) -> str:
    known = things()
    true = known.by_name[str(facts["type"])]
    if said.name == true.name:
        return _kind(said, true, str(facts.get("narrow", "")))
    if said.name == true.broader:
        return RIGHT
    larger = (true.group, *true.broader_names)
    if said.name in larger or any(said.name in _whole_group(group) for group in larger):
        return GROUP
    claimed = known.by_name.get(said.name)
    if claimed and (true.name == claimed.broader or true.name in _whole_group(claimed.group)):
        return NARROWER
    return WRONG


def _kind(said: Name, true: Thing, narrow: str) -> str:
    """Of a thing that was called by its name, or by a word for a kind of it."""
    if not things().is_kind(said.word, true):
        return RIGHT
    if narrow and (said.word in narrow or narrow in said.word):
        return RIGHT
    return WRONG if narrow and true.group in _EXCLUSIVE else NARROWER


@cache
def _whole_group(group: str) -> frozenset[str]:
    """Names that say no more than a group does: "clothes" for clothing."""
    return frozenset(thing.name for thing in things().meanings(group) if thing.group == group)


def _meant(phrase: str) -> tuple[Name, ...]:
    found = tuple(Name(thing.name, phrase) for thing in things().meanings(phrase))
    return found or ((Name(phrase, phrase),) if phrase in GROUPS else ())


def _last_name(words: list[str]) -> tuple[Name, ...]:
    """The longest name that ends the words, but for what somebody does or what was done ("a dog running").

    Words that end in another noun name nothing that is known ("hair fibers").
    """
    if _generic(words):
        return ()
    for end in range(len(words), 0, -1):
        for start in range(end):
            if found := _meant(" ".join(words[start:end])):
                doing = words[end - 1].endswith("ing") and groups_of(found) == {"sport"}
                return (_last_name(words[:start]) if doing else ()) or found
        if not words[end - 1].endswith(("ing", "ed", "ly")):
            return ()
    return ()


def _generic(words: list[str]) -> bool:
    """Whether the words end in one that tells nothing ("a brown thing"), unless that is a part of a name."""
    ends = bool(words) and words[-1] in _GENERIC
    return ends and not any(_meant(" ".join(words[start:])) for start in range(len(words)))


def _next_clause(text: str) -> str:
    return _HEDGE.sub("", text.partition(",")[2])
