"""Preference quality on held-out pictures: what texts and reasons claim, held against the known attributes."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence

from tqdm import tqdm

from msr import prompts
from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.schema import Item, Picture
from msr.storage import TextCache
from train import metrics
from train.data.dataset import CatalogueItem, Dataset
from train.data.splits import roles
from train.evaluate import preference_quality
from train.evaluate.comparison import EvalConfig, compare
from train.evaluate.experiments import users
from train.evaluate.model_system import ScoreLog
from train.evaluate.systems import Builder
from train.names import SYMBOLIC, UNIFORM
from train.teach import material as data
from train.teach import targets
from train.teach.material import Material
from train.teach.pictures import Shot
from train.teach.things import plural
from train.teach.vocabulary import Vocabulary

BLOCKS, TOP = 3, 3
KINDS = ("drawn", "fashion")


def preference_quality_figures(
    backbone: Backbone, material: Material, count: int, seed: int, texts: TextCache | None = None
) -> dict[str, dict]:
    """By kind of things, over `count` simulated users each (`train.evaluate.experiments.users`); what is in `texts` is not
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
        given, best = users.ranked(cached, user, TOP)
        history = [shot for block in user.blocks for shot in block]
        candidates = {shot.key: shot for shot in (user.liked, *user.others)}
        precisions.append(preference_quality.precision(given.preference, vocabulary, history))
        recalls.append(preference_quality.recall(given.preference, vocabulary, user.blocks[-1]))
        for shown in best:
            true = [*history, candidates[shown.item_id]]
            reasons.append(preference_quality.precision(shown.rationale, vocabulary, true))
    per_user = [_mean(reasons[n : n + TOP]) for n in range(0, len(reasons), TOP)]
    return {
        "users": len(people),
        "preference precision": preference_quality.summary(precisions),
        "preference recall": preference_quality.summary(recalls),
        "rationale precision": preference_quality.summary(per_user),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


# ---- Held-out figures of the pocket model, through the same code that serves the app.
#
# python -m train eval --dataset pictures --data DATA --adapter runs/sft --json runs/sft/run.json
#
# Descriptions of unseen pictures: does the text mention the true type, colour, gender or object? Unseen users: the last
# film of a sequence against 20 uniform negatives, beside popularity and with the pictures taken away.


def mentions(text: str, words: str) -> bool:
    """Whether `text` has `words` as whole words, in the singular or the plural."""
    forms = {words, plural(words)}
    if words == "wood":
        forms.add("wooden")
    return any(re.search(rf"(?<![a-z]){re.escape(form)}(?![a-z])", text.lower()) for form in forms)


def pictured(shot: Shot, titled: bool) -> Item:
    return Item(shot.key, shot.title if titled else "", Picture.from_pixels(shot.open()) if shot.pictured else None)


def descriptions(
    backbone: Backbone, shots: Sequence[Shot], attributes: Sequence[str], titled: bool, batch: int = 16
) -> dict:
    """Exact-mention rates by attribute, with the sentences of the first few shots."""
    hits: dict[str, list[float]] = {a: [] for a in attributes}
    samples, unfamiliar = [], 0
    config = PipelineConfig()
    for start in tqdm(range(0, len(shots), batch), desc="describing", unit="batch"):
        part = shots[start : start + batch]
        items = [pictured(s, titled) for s in part]
        familiar = [f >= 0.5 for f in backbone.familiarity([i.picture for i in items])]
        unfamiliar += familiar.count(False)
        asked = [prompts.describe(i, f) for i, f in zip(items, familiar, strict=True)]
        texts = [prompts.clean_answer(g.text) for g in backbone.generate(asked, config.max_describe_tokens)]
        for shot, text in zip(part, texts, strict=True):
            for attribute in attributes:
                if attribute in shot.facts:
                    hits[attribute].append(float(mentions(text, str(shot.facts[attribute]))))
        samples += [{"truth": targets.phrase(s), "text": t} for s, t in zip(part, texts, strict=True)]
    return {
        "pictures": len(shots),
        "called_unfamiliar": unfamiliar,
        "mention": {a: metrics.interval(v) | {"n": len(v)} for a, v in hits.items() if v},
        "samples": samples[:12],
    }


def film_figures(backbone: Backbone, material: data.Material, count: int, seed: int) -> dict:
    """The recommender on unseen users' last films, after the symbolic preference of what they saw before."""
    films = {
        s.key.removeprefix("movie/"): CatalogueItem(
            s.key.removeprefix("movie/"), s.title, s.path, tuple(s.facts.get("genres", ()))
        )
        for s in material.shots
        if s.kind == "movie"
    }
    builder = Builder(films, backbone, TextCache(), ScoreLog(), preference=SYMBOLIC)
    config = EvalConfig(count, 0, (UNIFORM,), ("random", "popularity", "item-knn", "titles-only", "mllm"), seed=seed)
    figures = compare(builder, roles(Dataset("movielens", films, material.logs)), config)
    return {"dataset": "movielens-posters", "users": figures["users"], "rows": figures["rows"]}


def evaluate(backbone: Backbone, material: data.Material, pictures: int, people: int, seed: int) -> dict:
    """The held-out part of run.json: descriptions by source, and unseen users."""
    started = time.monotonic()
    rng = random.Random(seed)
    found: dict = {}
    for kind, attributes in (
        ("fashion", ("type", "colour", "gender")),
        ("object", ("type",)),
        ("drawn", ("type", "colour", "pattern", "material", "style")),
    ):
        pool = [s for s in material.shots if s.kind == kind and s.split == "test"]
        if not pool:
            continue
        shots = rng.sample(pool, min(pictures, len(pool)))
        found[f"{kind}, picture only"] = descriptions(backbone, shots, attributes, titled=False)
        if kind == "fashion":
            found[f"{kind}, picture and title"] = descriptions(
                backbone, shots[: pictures // 2], attributes, titled=True
            )
    if people and material.logs:
        found["unseen users"] = film_figures(backbone, material, people, seed)
    return {"held_out": found, "held_out_seconds": round(time.monotonic() - started, 1), "held_out_seed": seed}
