"""Simulate users with a hidden taste, which switches once, and take them through the stages of the app.

A taste is two attributes that all items of a block share. The two tastes of a user share no attribute, and items of one
have none of the other, so each word identifies its taste. Drawn items have other seeds than those of training; photos
are of the test split.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.evidence.units import Inputs
from msr.schema import InputProblem, Item, ItemSummary, Recommendation
from msr.stages import describe, explain, preference, rank
from train import draw
from train.evaluate.model_system import result
from train.teach import pictures
from train.teach.pictures import Shot, app_item
from train.teach.targets import Word, words_of
from train.teach.tasks import TASTE_SLOTS

SIZE = 3  # items in a block
CONFIG = PipelineConfig(block_size=SIZE)
NEGATIVES = 20
DRAWN_SEED = 900_000_000  # far from the seeds of training and of the demo
_TRIES = 400

Taste = frozenset[Word]


@dataclass(frozen=True)
class PlantedUser:
    """A user with the taste `before` in blocks 0 to `switch` - 1 and `after` in later ones.

    liked: an unseen item with all of `after`; others: items that do not have all of it.
    """

    name: str
    before: Taste
    after: Taste
    switch: int
    blocks: tuple[tuple[Shot, ...], ...]
    liked: Shot
    others: tuple[Shot, ...]


def planted(kind: str, pool: Sequence[Shot], count: int, seed: int, blocks: int = 5) -> Iterator[PlantedUser]:
    """Simulate users of "drawn" or "fashion" items, who switch after two blocks or later.

    User n is the same whatever the count.

    Raises InputProblem if the pool of photos is too small for two tastes.
    """
    for number in range(count):
        rng = random.Random(int.from_bytes(hashlib.sha256(f"{kind}/{seed}/{number}".encode()).digest()[:8]))
        things = DrawnPool(rng, number) if kind == "drawn" else PhotoPool(rng, pool)
        switch = 2 + number % (blocks - 3) if blocks > 3 else 1
        yield _user(f"{kind}-{seed}-{number}", things, switch, blocks)


class DrawnPool:
    """Draws items with the wanted attributes."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self._rng = rng
        self._seed = DRAWN_SEED + 1000 * number
        self._count = 0

    def taste(self) -> Taste:
        """A random taste."""
        while True:
            slots = self._rng.choice(TASTE_SLOTS["drawn"])
            words = {word for word in words_of(self._draw({})) if word[0] in slots}
            if len(words) == len(slots):
                return frozenset(words)

    def take(self, wanted: Taste, unwanted: Taste, count: int) -> list[Shot]:
        """Draw `count` items with all of `wanted` and none of `unwanted`."""
        wants = {slot: {"wooden": "wood"}.get(value, value) for slot, value in wanted}
        found: list[Shot] = []
        while len(found) < count:
            shot = self._draw(wants)
            if not unwanted & set(words_of(shot)):
                found.append(shot)
        return found

    def put_back(self, shots: Sequence[Shot]) -> None:
        """Do nothing: further items are drawn."""

    def others(self, taste: Taste, count: int) -> list[Shot]:
        """Draw `count` items that do not have all of a taste."""
        drawn = (self._draw({}) for _ in itertools.count())
        return list(itertools.islice((shot for shot in drawn if not taste <= set(words_of(shot))), count))

    def _draw(self, wants: dict[str, str]) -> Shot:
        self._count += 1
        return pictures.drawn_shot(draw.sample(self._rng, **wants), self._seed + self._count, self._rng)


class PhotoPool:
    """Takes photos from a pool, each one once."""

    def __init__(self, rng: random.Random, pool: Sequence[Shot]) -> None:
        self._rng = rng
        self._left = rng.sample(list(pool), len(pool))

    def taste(self) -> Taste:
        """A random taste that enough photos have."""
        counts: dict[Taste, int] = defaultdict(int)
        for shot in self._left:
            for slots in TASTE_SLOTS["fashion"]:
                taste = frozenset(word for word in words_of(shot) if word[0] in slots)
                counts[taste] += len(taste) == len(slots)
        common = sorted((t for t, n in counts.items() if n > 4 * SIZE), key=sorted)
        if len(common) < 2:
            raise InputProblem("too few held-out photos share two attributes; use the whole of fashion-products")
        return self._rng.choice(common)

    def take(self, wanted: Taste, unwanted: Taste, count: int) -> list[Shot]:
        """Take up to `count` photos with all of `wanted` and none of `unwanted`."""
        fits = [s for s in self._left if wanted <= set(words_of(s)) and not unwanted & set(words_of(s))][:count]
        self._left = [s for s in self._left if s not in fits]
        return fits

    def put_back(self, shots: Sequence[Shot]) -> None:
        """Return photos to the pool."""
        self._left += shots

    def others(self, taste: Taste, count: int) -> list[Shot]:
        """Up to `count` photos that do not have all of a taste; they stay in the pool."""
        return [shot for shot in self._left if not taste <= set(words_of(shot))][:count]


def _user(name: str, things: DrawnPool | PhotoPool, switch: int, blocks: int) -> PlantedUser:
    for _ in range(_TRIES):
        before, after = things.taste(), things.taste()
        if before & after:
            continue
        first = things.take(before, after, switch * SIZE)
        second = things.take(after, before, (blocks - switch) * SIZE + 1)
        if len(first) == switch * SIZE and len(second) == (blocks - switch) * SIZE + 1:
            *later, liked = second
            items = [*first, *later]
            cut = tuple(tuple(items[n : n + SIZE]) for n in range(0, len(items), SIZE))
            return PlantedUser(name, before, after, switch, cut, liked, tuple(things.others(after, NEGATIVES)))
        things.put_back([*first, *second])
    raise InputProblem("no two tastes with enough held-out photos; use the whole of fashion-products")


def shown(user: PlantedUser) -> list[list[Item]]:
    """The user's blocks as the app sees them."""
    return [[app_item(shot, titled=True) for shot in block] for block in user.blocks]


def write(
    backbone: CachedBackbone, users: Sequence[Sequence[Sequence[Item]]]
) -> tuple[dict[str, ItemSummary], list[list[str]]]:
    """Describe the items of several users, given as blocks, and write their preferences.

    Returns the descriptions by item id, and each user's texts after each block.
    """
    every = [item for blocks in users for block in blocks for item in block]
    unique = list({item.id: item for item in every}.values())
    described = result(describe.describe(backbone, unique, CONFIG))
    read = [[[(item, described[item.id]) for item in block] for block in blocks] for blocks in users]
    steps = list(preference.recompute(backbone, read, CONFIG.max_preference_tokens))
    return described, [[step[n] for step in steps[: len(blocks)]] for n, blocks in enumerate(users)]


def ranked(backbone: CachedBackbone, user: PlantedUser, top: int) -> tuple[Inputs, tuple[Recommendation, ...]]:
    """Rank and explain a user's candidates; return the inputs of the first `top`, and their recommendations."""
    blocks = shown(user)
    described, ((*_, text),) = write(backbone, [blocks])
    history = tuple(item for block in blocks for item in block)
    offered = {shot.key: app_item(shot, titled=True) for shot in (user.liked, *user.others)}
    scored = result(rank.score(backbone, text, [item.title for item in history], list(offered.values())))
    best = rank.recommendations(scored, offered, top)
    best, more = result(explain.explain(backbone, text, best, offered, CONFIG))
    candidates = tuple(offered[r.item_id] for r in best)
    return Inputs(history, preference.blocks(history, SIZE), described | more, text, candidates), best
