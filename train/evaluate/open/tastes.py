"""Simulate users who like one kind of thing: does their preference name it, and is another one ranked first?

Histories and candidates are pictures that training never saw; the stages of the app describe and rank them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from msr.backbones.wrappers import CachedBackbone
from msr.stages import rank as ranking
from train import metrics
from train.evaluate.experiments import planted as texts
from train.evaluate.experiments import users as walk
from train.evaluate.model_system import result
from train.evaluate.open.said import names_in
from train.teach.pictures import Shot, app_item
from train.teach.things import things

BLOCKS, SIZE = 2, 3
OTHERS, FIRST = 20, 5  # candidates beside the liked one, and the places that count
NAME, GROUP = "type", "group"


@dataclass(frozen=True)
class OpenUser:
    """A user with one taste: an everyday name, or a group of at least two, of the history and of `liked` only."""

    name: str
    slot: str
    taste: str
    blocks: tuple[tuple[Shot, ...], ...]
    liked: Shot
    others: tuple[Shot, ...]


def planted(pool: Sequence[Shot], slot: str, count: int, seed: int) -> list[OpenUser]:
    """Simulate `count` users; names or groups with enough pictures in the pool take turns."""
    piles: dict[str, list[Shot]] = defaultdict(list)
    for shot in sorted(pool, key=lambda shot: shot.key):
        piles[str(shot.facts[slot])].append(shot)
    need = BLOCKS * SIZE + 1
    fits = [t for t, pile in sorted(piles.items()) if len(pile) >= need and (slot == NAME or len(_types(pile)) > 1)]
    rng = random.Random(f"{slot}/{seed}")
    rng.shuffle(fits)
    users = []
    for number in range(count if fits else 0):
        taste = fits[number % len(fits)]
        *seen, liked = rng.sample(piles[taste], need)
        other = [shot for name, pile in piles.items() if name != taste for shot in pile if not _is(shot, taste)]
        if len(other) < OTHERS:
            break
        blocks = tuple(tuple(seen[n : n + SIZE]) for n in range(0, len(seen), SIZE))
        users.append(OpenUser(f"{slot}-{seed}-{number}", slot, taste, blocks, liked, tuple(rng.sample(other, OTHERS))))
    return users


def evaluate(backbone: CachedBackbone, pool: Sequence[Shot], count: int, seed: int) -> dict:
    """Measure half of `count` users for each kind of taste: shares "named" and "among the first 5", with intervals."""
    found: dict = {}
    for slot, what in ((NAME, "one thing"), (GROUP, "a group of things")):
        told = [
            _walk(backbone, user)
            for user in tqdm(planted(pool, slot, count // 2, seed), f"tastes, {what}", unit="user")
        ]
        if told:
            found[what] = {
                "named": _share(one["named"] for one in told),
                f"among the first {FIRST} of {OTHERS + 1}": _share(one["rank"] <= FIRST for one in told),
                "auc": _share(metrics.auc(one["rank"], OTHERS) for one in told),
                "samples": told[:8],
            }
    return found


def named(text: str, user: OpenUser) -> bool:
    """Whether a preference names the taste: the name; or for a group, the group or most of the history's things."""
    said = {name.name for name in names_in(texts.current(text))}
    if user.slot == NAME:
        return user.taste in said
    words = {name.name for name in names_in(user.taste)} | {user.taste}
    members = _types(shot for block in user.blocks for shot in block)
    return bool(words & said) or user.taste in text.lower() or len(members & said) >= max(2, len(members) / 2)


def _walk(backbone: CachedBackbone, user: OpenUser) -> dict:
    blocks = [[app_item(shot, titled=True) for shot in block] for block in user.blocks]
    _, ((*_, text),) = walk.write(backbone, [blocks])
    offered = [app_item(shot, titled=True) for shot in (user.liked, *user.others)]
    recent = [item.title for block in blocks for item in block]
    logits = {c.item_id: c.answer.logit for c in result(ranking.score(backbone, text, recent, offered))}
    rank = metrics.midrank(logits.pop(user.liked.key), list(logits.values()))
    return {"taste": user.taste, "preference": text, "named": named(text, user), "rank": rank}


def _is(shot: Shot, taste: str) -> bool:
    """Whether a thing fits a taste of another name: a tabby fits cats, an eagle fits birds."""
    thing = things().by_name[str(shot.facts["type"])]
    return taste in (thing.name, thing.group, *thing.broader_names)


def _types(shots: Iterable[Shot]) -> set[str]:
    return {str(shot.facts["type"]) for shot in shots}


def _share(values: Iterable) -> dict[str, float]:
    found = [float(value) for value in values]
    return metrics.interval(found) | {"n": len(found)}
