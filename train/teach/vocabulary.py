"""Which attributes a text names, for things whose attributes are known."""

from __future__ import annotations

import re
from collections.abc import Iterable

from train.teach import targets
from train.teach.pictures import Shot
from train.teach.targets import Word
from train.teach.things import plural

Claim = frozenset[Word]  # one named word with everything that it may mean


class Vocabulary:
    """The attribute words of some shots, as texts say them: singular or plural, "wood" or "wooden"."""

    def __init__(self, shots: Iterable[Shot]) -> None:
        meant: dict[str, set[Word]] = {}
        for word in {word for shot in shots for word in facts_of(shot)}:
            for form in _forms(word):
                meant.setdefault(form, set()).add(word)
        self._meant = {form: frozenset(words) for form, words in meant.items()}
        # Longer names first, so that "navy blue" is not also "blue".
        longest = sorted(map(re.escape, meant), key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(longest)})(?![\w-])") if longest else None

    def claims(self, text: str) -> list[Claim]:
        """What a text names, each word once, in order."""
        found = self._pattern.findall(text.lower()) if self._pattern else []
        return list(dict.fromkeys(self._meant[form] for form in found))

    def named(self, text: str) -> set[Word]:
        """Every attribute word that the text may mean."""
        return set().union(*self.claims(text))


def facts_of(shot: Shot) -> set[Word]:
    """All attribute words that are true of a shot and that a preference may speak of."""
    return {("genres", genre) for genre in shot.facts.get("genres", ())} | set(targets.words_of(shot))


def _forms(word: Word) -> set[str]:
    slot, value = word
    forms = {value}
    if slot in ("type", "group", "genres"):
        forms.add(plural(value))
    return forms | ({"wood"} if value == "wooden" else set())
