"""What the model should answer, true by construction: texts made from known facts and from what pixels say.

*describe* names the facts of one shot. *preference* is a symbolic summariser over attribute counts whose next text
follows from the previous text and the block alone, as the model has to work (arXiv 2408.09698, section 3.3).
*explain* names only attributes that the candidate has.
"""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from msr.certainty import NAME, NOTHING
from train.teach.pictures import Facts, Shot
from train.teach.things import GROUPS, is_pair, many, meant, one, plural, things, with_article

Word = tuple[str, str]  # attribute, value

# Attributes that a preference speaks of, in the order in which it names them.
SLOTS = {
    "fashion": ("type", "colour", "gender", "usage"),
    "drawn": ("pattern", "colour", "material", "style", "type"),
    "object": ("group", "type"),
    "picture": ("group", "type"),
    "title": ("type", "platform", "series", "brand", "material", "colour"),
    "movie": ("genres", "decade"),
    "scene": (),
}
_MAIN, _EARLIER = 5, 3  # how many words a preference keeps
_GENRES = 3  # how many of a movie's genres are spoken of


def joined(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _bare(noun: str) -> str:
    """One of a noun, pairs without "a pair of": "a mug", "trousers"."""
    return noun if is_pair(noun) else one(noun)


def _fashion(facts: Facts) -> str:
    kind = str(facts.get("type", "item"))
    words = [str(facts[a]) for a in ("colour", "usage") if a in facts and str(facts[a]) not in kind]
    gender = facts.get("gender")
    if gender == "unisex":
        words.append("unisex")
    phrase = " ".join([*words, kind])
    phrase = f"a pair of {phrase}" if is_pair(kind) else with_article(phrase)
    return phrase + (f" for {gender}" if gender and gender != "unisex" else "")


def _drawn(facts: Facts) -> str:
    material = {"wood": "wooden"}.get(str(facts.get("material")), facts.get("material"))
    words = [str(w) for w in (facts.get("colour"), facts.get("pattern"), material, facts["type"]) if w]
    phrase = " ".join(words)
    phrase = phrase if facts["type"] == "headphones" else with_article(phrase)
    phrase += f", {facts['shape']}" if "shape" in facts else ""
    return phrase + (f", in a {facts['style']} style" if "style" in facts else "")


def phrase(shot: Shot, facts: Facts | None = None) -> str:
    """The facts as a noun phrase in lower case; `facts` may be fewer than the shot's."""
    facts = shot.facts if facts is None else facts
    if shot.kind == "fashion":
        return _fashion(facts)
    if shot.kind == "drawn":
        return _drawn(facts)
    if shot.kind in ("object", "picture"):
        return one(str(facts["type"]))
    if shot.kind == "title":
        return str(facts["said"]) or "not clear what it is"
    if shot.kind == "movie":
        genres = list(facts.get("genres", ()))[:_GENRES]
        text = with_article(f"{joined(genres)} movie") if genres else "a movie"
        return text + (f" from the {facts['decade']}" if "decade" in facts else "")
    return str(facts["captions"][0])


def tone(view) -> str:
    """Brightness and hue of a picture from the mean colour in its stored view (1 + cells, F + 6)."""
    red, green, blue = (float(v) for v in view[0, -6:-3])
    light = (red + green + blue) / 3
    spread = max(red, green, blue) - min(red, green, blue)
    if spread < 0.08:
        return "dark" if light < 0.35 else "bright" if light > 0.68 else "grey"
    hue = ("reddish", "greenish", "bluish")[(red, green, blue).index(max(red, green, blue))]
    if hue == "reddish" and green - blue > 0.6 * (red - blue):
        hue = "yellowish"
    return f"dark {hue}" if light < 0.35 else f"bright {hue}" if light > 0.68 else hue


def colour(view) -> str:
    """The everyday colour of a picture's middle, from the stored view's four middle cells."""
    middle = [view[1 + cell, -6:-3] for cell in (5, 6, 9, 10)]
    red, green, blue = (sum(float(cell[n]) for cell in middle) / 4 for n in range(3))
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if value < 0.2:
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.8 else "grey" if value > 0.35 else "dark grey"
    if 0.02 < hue < 0.13 and (value < 0.75 or saturation < 0.4):
        return "brown" if value < 0.75 else "beige"
    return next(name for name, end in _HUES if hue < end)


_HUES = (
    ("red", 0.03), ("orange", 0.1), ("yellow", 0.19), ("green", 0.46), ("turquoise", 0.53), ("blue", 0.7),
    ("purple", 0.83), ("pink", 0.95), ("red", 1.01),
)  # fmt: skip


def capital(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def describe(shot: Shot, view=None, level: str = NAME, pictured: bool = True, titled: bool = False) -> str:
    """The target of the *describe* task. Without a picture only what the title says is claimed.

    `level` is what is certain of the picture; a title that says what the thing is makes up for it.
    """
    if not pictured:
        return capital(f"not pictured: {_from_title(shot)}")
    if level != NAME and not (titled and (shot.kind == "movie" or "type" in title_facts(shot))):
        return capital(_hedged(shot, view, level))
    if shot.kind == "movie" and view is not None:
        return capital(f"{phrase(shot)}, with a {tone(view)} poster")
    return capital(phrase(shot))


def _hedged(shot: Shot, view, level: str) -> str:
    """The group where that is certain, and what the pixels show."""
    look = shot.facts.get("colour") or colour(view)
    known = things().understand(str(shot.facts.get("type", "film" if shot.kind == "movie" else "")))
    if level == NOTHING or known is None:
        return f"not sure what this is; it looks {look}"
    return f"{GROUPS[known.thing.group]}, not sure which; it looks {look}"


def _from_title(shot: Shot) -> str:
    known = title_facts(shot)
    if shot.kind != "movie" and "type" not in known:
        return "an item of which the title says little"
    return phrase(shot, known)


def title_facts(shot: Shot) -> Facts:
    """The facts that the title tells; a movie's is known by name."""
    if shot.kind == "movie":
        return shot.facts
    said = f" {shot.title.lower()} ".replace("-", " ").replace("t shirt", "tshirt")
    known: Facts = {}
    for name, value in shot.facts.items():
        if name == "captions":
            continue
        words = {str(value), str(value) + "s", plural(str(value)), {"wood": "wooden"}.get(str(value), str(value))}
        if any(f" {word.replace('-', ' ')} " in said for word in words):
            known[name] = value
    if shot.kind == "fashion" and "men" in known.values() and " women " in said:
        known.pop("gender")
    return known


def words_of(shot: Shot) -> list[Word]:
    """The attribute words of a shot that a preference may speak of."""
    words: list[Word] = []
    for slot in SLOTS[shot.kind]:
        value = shot.facts.get(slot)
        for word in value[:_GENRES] if isinstance(value, tuple) else (value,):
            if word and word != "plain":
                words.append((slot, "wooden" if word == "wood" else str(word)))
    return words


@dataclass(frozen=True)
class Taste:
    """The symbolic state behind a preference text: what it names now, and what it names as past."""

    main: tuple[Word, ...] = ()
    earlier: tuple[Word, ...] = ()

    def update(self, block: Sequence[Shot]) -> Taste:
        """One recurrent step. A word that half of the block shares leads; a known word stays while it is seen.

        What was named and is not seen moves to "earlier" for one block, then goes.
        """
        counts = Counter(word for shot in block for word in words_of(shot))
        need = 1 if len(block) == 1 else max(2, (len(block) + 1) // 2)
        order = {word: place for place, word in enumerate(counts)}
        shared = sorted((w for w in counts if counts[w] >= need), key=lambda w: (-counts[w], order[w]))
        kept = [w for w in (*self.main, *self.earlier) if counts[w] and w not in shared]
        main = [*shared, *kept][:_MAIN]
        if not main:
            main = [w for w in counts if w[0] in ("type", "genres")][:3]
        gone = [w for w in self.main if not counts[w] and w not in main]
        return Taste(tuple(main), tuple(gone[:_EARLIER]))

    def text(self, block: Sequence[Shot] = (), unpictured: int = 0, untitled: int = 0) -> str:
        """The preference as the model should write it; `unpictured`, `untitled` count items of the last block."""
        text = f"The user appears to have a preference for {wish(self.main)}"
        text += f"; earlier for {wish(self.earlier)}." if self.earlier else "."
        for count, what in ((unpictured, "picture"), (untitled, "title")):
            if count:
                number = ("One item", "Two items", "Three items")[count - 1] if count < 4 else f"{count} items"
                text += f" {number} had no {what}."
        return text


def wish(words: Sequence[Word]) -> str:
    """Attribute words as what somebody likes: "striped navy items in a retro style, such as mugs and hats"."""
    slots: dict[str, list[str]] = {}
    for slot, word in words:
        slots.setdefault(slot, []).append(word)
    if not slots:
        return "varied things"
    if "genres" in slots or set(slots) == {"decade"}:
        text = f"{joined(slots.get('genres', ['various']))} movies"
        return text + (f" from the {joined(slots['decade'])}" if "decade" in slots else "")
    if "group" in slots:
        text = joined([many(group) for group in slots["group"]])
        inside = {t: _belongs(t, slots["group"]) for t in slots.get("type", ())}
        members = [plural(t) for t in inside if inside[t] and t not in slots["group"]]
        others = [plural(t) for t in inside if not inside[t]]
        text += f", such as {joined(members)}" if members else ""
        return text + (f", and {joined(others)}" if others else "")
    front = [joined(slots[s]) for s in ("pattern", "colour", "material", "usage") if s in slots]
    front += ["unisex"] if "unisex" in slots.get("gender", ()) else []
    people = [g for g in slots.get("gender", ()) if g != "unisex"]
    types = [plural(t) for t in slots.get("type", ())]
    text = f" for {joined(people)}" if people else ""
    text += f" for the {joined(slots['platform'])}" if "platform" in slots else ""
    text += f" from the {joined(slots['series'])} series" if "series" in slots else ""
    text += f" by {joined(slots['brand'])}" if "brand" in slots else ""
    text += f" in a {joined(slots['style'])} style" if "style" in slots else ""
    if len(types) == 1 or not (front or text):
        return " ".join([*front, joined(types)]) + text
    return " ".join([*front, "items"]) + text + (f", such as {joined(types)}" if types else "")


def _belongs(kind: str, groups: Sequence[str]) -> bool:
    thing = meant(kind)
    return bool(thing and {thing.group, *thing.broader_names} & set(groups))


def _said(words: Sequence[Word]) -> str:
    """Attributes of one item as a predicate: "striped and navy", "for men", "a comedy"."""
    parts = []
    for slot, word in words:
        if slot in ("type", "group"):
            parts.append(_bare(word))
        elif slot == "gender":
            parts.append("unisex" if word == "unisex" else f"for {word}")
        elif slot == "style":
            parts.append(f"in a {word} style")
        elif slot == "genres":
            parts.append(f"{with_article(word)} movie")
        elif slot == "decade":
            parts.append(f"from the {word}")
        elif slot == "platform":
            parts.append(f"for the {word}")
        elif slot == "series":
            parts.append(f"from the {word} series")
        elif slot == "brand":
            parts.append(f"by {word}")
        else:
            parts.append(word)
    return joined(parts)


def explain(taste: Taste, shot: Shot, liked: bool) -> str:
    """The target of the *explain* task: what the candidate shares with the preference, or what it lacks."""
    have = set(words_of(shot))
    match = [w for w in taste.main if w in have]
    lack = [w for w in taste.main if w not in have]
    if match and liked:
        return f"It is {_said(match)}, which the user appears to like."
    if match:
        return f"It is {_said(match)}" + (f", but the user looks for {wish(lack)}." if lack else ", but that is all.")
    if liked:
        return f"It shares little with the stated preference: it is {phrase(shot)}."
    return f"It is {phrase(shot)}, while the user prefers {wish(taste.main)}."
