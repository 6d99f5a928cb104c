"""The four supervised tasks of one adapter (docs/training.md): describe, preference, recommend, explain.

Every sampler is a function of a `random.Random`, so step k of a run is the same after a resume.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from msr import prompts
from msr.certainty import LEVELS, NAME
from msr.schema import Item, ItemSummary, Picture
from train.data.dataset import UserLog
from train.teach import targets
from train.teach.examples import Example, Slate
from train.teach.pictures import Shot
from train.teach.titles import readers
from train.teach.views import FeatureStore

TASTE_SLOTS = {  # what a simulated user's taste fixes
    "fashion": (("type", "colour"), ("type", "gender"), ("colour", "usage"), ("usage", "gender"), ("colour", "gender")),
    "drawn": (
        ("pattern", "colour"), ("material", "style"), ("pattern", "style"), ("colour", "style"), ("material", "colour"),
        ("type", "style"), ("type", "colour"), ("pattern", "material"),
    ),
    "object": (("group",), ("type",)),
    "picture": (("group",), ("type",)),
    readers.KIND: (("type",), ("type", "platform"), ("platform",), ("series",), ("type", "brand"), ("brand",)),
}  # fmt: skip


_USERS = (("fashion", 4), ("drawn", 4), ("object", 2), ("picture", 5), (readers.KIND, 5))  # kind, how many of them
_LEVELS = (0.7, 0.2, 0.1)  # how often a description is told that the name, the group or nothing is certain


def as_item(shot: Shot, titled: bool = True, pictured: bool = True) -> Item:
    """The shot as the pipeline would see it; the picture's digest is the key of its stored view."""
    pictured = pictured and shot.pictured
    title = shot.title if titled or not pictured else ""
    return Item(shot.key, title or ("" if pictured else "untitled"), Picture(b"", shot.key, 0, 0) if pictured else None)


def movie_blocks(
    movies: Mapping[str, Shot], log: UserLog, end: int, blocks: int = 3, size: int = 3
) -> list[list[Shot]]:
    """The last `blocks * size` movies before position `end` of a log, in blocks."""
    shots = [movies[i] for i in log.items[max(0, end - blocks * size) : end] if i in movies]
    return [shots[i : i + size] for i in range(0, len(shots), size)]


class Tasks:
    """Samplers over one split's shots and logs."""

    def __init__(self, shots: Sequence[Shot], logs: Sequence[UserLog], store: FeatureStore) -> None:
        self.store = store
        self.shots: dict[str, list[Shot]] = defaultdict(list)
        self.movies = {s.key.removeprefix("movie/"): s for s in shots if s.kind == "movie"}
        self._movies = list(self.movies.values())
        self._shown = [s for s in self._movies if not s.pictured or s.key in store]
        self.logs = [log for log in logs if len(log.items) >= 12]
        by_type: dict[str, dict[str, list[Shot]]] = defaultdict(lambda: defaultdict(list))
        for shot in shots:
            if shot.kind == readers.KIND:
                shot = readers.with_facts(shot)
            if shot.kind not in ("movie", readers.KIND) and shot.key not in store:
                continue
            self.shots[shot.kind].append(shot)
            by_type[shot.kind][str(shot.facts.get("source" if shot.kind == readers.KIND else "type"))].append(shot)
        self.by_type = {kind: sorted(types.items()) for kind, types in by_type.items()}
        self._by_word: dict[str, dict[targets.Word, list[Shot]]] = {}
        self._slots: dict[str, list[tuple[str, ...]]] = {}  # those of TASTE_SLOTS that some shot can fill
        for kind in TASTE_SLOTS:
            index: dict[targets.Word, list[Shot]] = defaultdict(list)
            filled = {frozenset(word[0] for word in targets.words_of(shot)) for shot in self.shots[kind]}
            self._slots[kind] = [slots for slots in TASTE_SLOTS[kind] if any(has.issuperset(slots) for has in filled)]
            for shot in self.shots[kind]:
                for word in targets.words_of(shot):
                    index[word].append(shot)
            self._by_word[kind] = index

    # -- describe -----------------------------------------------------------------------------------------

    def shot(self, kind: str, rng: random.Random) -> Shot:
        """A shot of a kind; types (or sources) are drawn by the root of their frequency, so rare ones are seen."""
        if kind == "movie":
            return rng.choice(self._movies)
        types = self.by_type[kind]
        weights = [len(shots) ** 0.5 for _, shots in types]
        return rng.choice(rng.choices(types, weights)[0][1])

    def describe(self, rng: random.Random, kinds: dict[str, float]) -> Example:
        shot = self.shot(rng.choices(list(kinds), list(kinds.values()))[0], rng)
        if shot.kind == readers.KIND:
            return self._describe_titled(shot, rng)
        pictured = shot.key in self.store and not (shot.title and rng.random() < 0.08)
        titled = bool(shot.title) and (not pictured or shot.kind == "movie" or rng.random() < 0.5)
        level = rng.choices(LEVELS, _LEVELS)[0] if pictured else NAME
        item = as_item(shot, titled, pictured)
        view = self.store.get(shot.key) if pictured else None
        if shot.kind == "scene" and level == NAME:
            return Example(prompts.describe(item), targets.capital(rng.choice(shot.facts["captions"])))
        return Example(prompts.describe(item, level), targets.describe(shot, view, level, pictured, bool(item.title)))

    def _describe_titled(self, shot: Shot, rng: random.Random) -> Example:
        """An item with a title; its picture is hidden at times, and so is the title where the picture says enough."""
        pictured = shot.key in self.store and rng.random() < 0.6
        titled = not pictured or "seen" not in shot.facts or rng.random() < 0.75
        level = rng.choices(LEVELS, _LEVELS)[0] if pictured and titled else NAME
        answer = readers.target(shot, titled, pictured and level == NAME)
        return Example(prompts.describe(as_item(shot, titled, pictured), level), answer)

    # -- simulated users --------------------------------------------------------------------------------------

    def like(self, kind: str, taste: Sequence[targets.Word], rng: random.Random, count: int) -> list[Shot]:
        """Shots that have every word of a taste, as many as there are up to `count`."""
        pools = [self._by_word[kind].get(word, []) for word in taste]
        smallest = min(pools, key=len)
        fitting = [s for s in smallest if set(taste) <= set(targets.words_of(s))]
        return rng.sample(fitting, min(count, len(fitting)))

    def taste(self, kind: str, rng: random.Random) -> list[targets.Word]:
        """The words of one random shot at one of the kind's taste slots."""
        while True:
            slots = rng.choice(self._slots[kind])
            words = [w for w in targets.words_of(self.shot(kind, rng)) if w[0] in slots]
            if len({w[0] for w in words}) == len(slots):
                return words[: len(slots)]

    def history(
        self, rng: random.Random, blocks: int, size: int = 3
    ) -> tuple[list[list[Shot]], str, list[targets.Word]]:
        """Blocks of a user with a taste that may switch once, with some items at random; and the final taste."""
        shares = {k: w for k, w in _USERS if self._slots[k]}
        kind = rng.choices(list(shares), list(shares.values()))[0]
        taste = self.taste(kind, rng)
        switch = rng.randrange(1, blocks) if blocks > 1 and rng.random() < 0.5 else None
        made: list[list[Shot]] = []
        for index in range(blocks):
            if index == switch:
                taste = self.taste(kind, rng)
            block = self.like(kind, taste, rng, size)
            while len(block) < size:
                block.append(self.shot(kind, rng))
            if rng.random() < 0.25:
                block[rng.randrange(size)] = self.shot(kind, rng)
            rng.shuffle(block)
            made.append(block)
        return made, kind, taste

    def _user_blocks(self, rng: random.Random, blocks: int) -> list[list[Shot]]:
        if self.logs and rng.random() < 0.25:
            log = rng.choice(self.logs)
            return movie_blocks(self.movies, log, rng.randrange(9, len(log.items)), blocks)
        return self.history(rng, blocks, size=3 if rng.random() < 0.85 else rng.choice((1, 2, 4, 5)))[0]

    # -- preference, explain, recommend -------------------------------------------------------------------

    def preference(self, rng: random.Random) -> Example:
        """One recurrent step somewhere in a user's blocks."""
        blocks = self._user_blocks(rng, rng.choice((1, 2, 3)))
        taste, previous = targets.Taste(), ""
        for block in blocks[:-1]:
            taste = taste.update(block)
            previous = taste.text()
        last = blocks[-1]
        if last[0].kind == readers.KIND:
            shown = [(shot, shot.key in self.store and rng.random() < 0.6) for shot in last]
            said = [(as_item(s, pictured=p), ItemSummary(s.key, readers.target(s, pictured=p))) for s, p in shown]
            return Example(prompts.preference(previous, said), taste.update(last).text())
        unpictured = {s.key for s in last if not s.pictured or (s.title and rng.random() < 0.06)}
        untitled = {s.key for s in last if s.key not in unpictured and (not s.title or rng.random() < 0.06)}
        said, known = [], []
        for shot in last:
            item = as_item(shot, shot.key not in untitled, shot.key not in unpictured)
            view = self.store.get(shot.key)
            text = targets.describe(shot, view, pictured=shot.key not in unpictured)
            if shot.key in unpictured and "says little" in text:
                text = targets.capital("not pictured: " + targets.phrase(shot))
            elif shot.key in unpictured:
                shot = replace(shot, facts=targets.title_facts(shot))
            known.append(shot)
            said.append((item, ItemSummary(shot.key, text)))
        blind = sum(s.key in unpictured for s in last)
        nameless = sum(s.key in untitled for s in last) if any(s.title for s in last) else 0
        answer = taste.update(known).text(known, blind, nameless)
        return Example(prompts.preference(previous, said), answer)

    def _final(self, blocks: Sequence[Sequence[Shot]]) -> targets.Taste:
        taste = targets.Taste()
        for block in blocks:
            taste = taste.update(block)
        return taste

    def explain(self, rng: random.Random) -> Example:
        blocks = self._user_blocks(rng, rng.choice((1, 2, 3)))
        taste = self._final(blocks)
        kind = blocks[-1][-1].kind
        pool = self.like(kind, taste.main[:2], rng, 3) if kind in TASTE_SLOTS and rng.random() < 0.6 else []
        shot = rng.choice(pool) if pool else self.shot(kind, rng)
        matches = len(set(targets.words_of(shot)) & set(taste.main))
        liked = rng.random() < (0.1, 0.6, 0.9)[min(matches, 2)]
        if shot.kind == readers.KIND:
            text = readers.target(shot, pictured=shot.key in self.store)
        else:
            text = targets.describe(shot, self.store.get(shot.key))
        return Example(prompts.explain(taste.text(), as_item(shot), text, liked), targets.explain(taste, shot, liked))

    def simulated_slate(self, rng: random.Random, liked: int = 2, disliked: int = 6) -> Slate:
        """A simulated user: items of the final taste against others, some of which share a part of it."""
        while True:
            blocks, kind, taste = self.history(rng, rng.choice((1, 2, 3)))
            seen = {s.key for block in blocks for s in block}
            good = [s for s in self.like(kind, taste, rng, liked + len(seen)) if s.key not in seen][:liked]
            if good:
                break
        bad: list[Shot] = []
        while len(bad) < disliked:
            near = rng.random() < 0.3 and len(taste) > 1
            shot = rng.choice(self.like(kind, [rng.choice(taste)], rng, 8)) if near else self.shot(kind, rng)
            if not set(taste) <= set(targets.words_of(shot)) and shot.key not in seen:
                bad.append(shot)
        return self._slate(blocks, good, bad, titled=rng.random() < 0.7)

    def movie_slate(self, rng: random.Random, liked: int = 4, disliked: int = 12) -> Slate:
        """A real user: the next movies of the log against uniform negatives the user never touched.

        Half of the slates show no pictures. The others hold only movies whose poster's view is stored and movies
        that have no poster, so that a missing view says nothing about a movie.
        """
        log = rng.choice(self.logs)
        end = rng.randrange(9, len(log.items))
        pictured = rng.random() < 0.5
        shown = self._shown if pictured else self._movies
        good = [self.movies[i] for i in log.items[end : end + 3 * liked] if i in self.movies]
        good = [s for s in good if not pictured or not s.pictured or s.key in self.store][:liked]
        if not good:
            return self.movie_slate(rng, liked, disliked)
        touched = set(log.items)
        bad: list[Shot] = []
        while len(bad) < disliked:
            if (shot := rng.choice(shown)).key.removeprefix("movie/") not in touched:
                bad.append(shot)
        return self._slate(movie_blocks(self.movies, log, end), good, bad, titled=True, pictured=pictured)

    def _slate(self, blocks, good: Sequence[Shot], bad: Sequence[Shot], titled: bool, pictured: bool = True) -> Slate:
        text = self._final(blocks).text()
        recent = [s.title for block in blocks for s in block if titled]
        items = [as_item(s, titled, pictured and s.key in self.store) for s in (*good, *bad)]
        return Slate(
            tuple(prompts.recommend(text, recent, item) for item in items),
            tuple([True] * len(good) + [False] * len(bad)),
        )
