"""Preference quality on held-out pictures: what texts and reasons claim, held against the known attributes."""

from __future__ import annotations

from collections.abc import Sequence

from tqdm import tqdm

from msr.backbones.base import Backbone
from msr.backbones.cached import CachedBackbone
from msr.cache import TextCache
from train import quality
from train.data import Material
from train.experiments import users, walk
from train.sources import Shot
from train.vocabulary import Vocabulary

BLOCKS, TOP = 3, 3
KINDS = ("drawn", "fashion")


def evaluate(
    backbone: Backbone, material: Material, count: int, seed: int, texts: TextCache | None = None
) -> dict[str, dict]:
    """By kind of things, over `count` simulated users each (`train.experiments.users`); what is in `texts` is not
    written again.

    {"users", "preference precision", "preference recall", "rationale precision"}, each {"mean", "low", "high", "n"}.
    The preference is the last one, its recall is of the attributes that the last block shares. A reason may speak of
    the history and of the candidate; it is averaged over the first three. A kind that the material lacks is left out.
    """
    found = {}
    for kind in KINDS:
        known = [shot for shot in material.shots if shot.kind == kind]
        if known:
            pool = [shot for shot in known if shot.split == "test"]
            people = list(users.planted(kind, pool, count, seed, BLOCKS))
            found[kind] = _kind(CachedBackbone(backbone, texts or TextCache()), kind, known, people)
    return found


def _kind(cached: CachedBackbone, kind: str, known: Sequence[Shot], people: Sequence[users.PlantedUser]) -> dict:
    vocabulary = Vocabulary(known)
    precisions, recalls, reasons = [], [], []
    for user in tqdm(people, f"preference quality, {kind}", unit="user"):
        given, best = walk.ranked(cached, user, TOP)
        history = [shot for block in user.blocks for shot in block]
        candidates = {shot.key: shot for shot in (user.liked, *user.others)}
        precisions.append(quality.precision(given.preference, vocabulary, history))
        recalls.append(quality.recall(given.preference, vocabulary, user.blocks[-1]))
        for shown in best:
            true = [*history, candidates[shown.item_id]]
            reasons.append(quality.precision(shown.rationale, vocabulary, true))
    per_user = [_mean(reasons[n : n + TOP]) for n in range(0, len(reasons), TOP)]
    return {
        "users": len(people),
        "preference precision": quality.summary(precisions),
        "preference recall": quality.summary(recalls),
        "rationale precision": quality.summary(per_user),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
