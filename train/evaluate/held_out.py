"""Evaluate the pocket model on held-out pictures and users, with the code that serves the app.

    python -m train eval --dataset pictures --data DATA --adapter runs/sft --json runs/sft/training.json

Descriptions of unseen pictures: does the text mention the true type, colour, gender or object? Unseen users: the last
film of each is ranked against 20 uniform negatives, by the model with and without pictures and by baselines.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence

from tqdm import tqdm

from msr import prompts
from msr.backbones.protocol import Backbone
from msr.certainty import NAME
from msr.config import PipelineConfig
from msr.storage import TextCache
from train import metrics
from train.data.dataset import CatalogueItem, Dataset
from train.data.splits import roles
from train.evaluate.comparison import EvalConfig, compare
from train.evaluate.model_system import ScoreLog
from train.evaluate.systems import Builder
from train.names import SYMBOLIC, UNIFORM
from train.teach import targets
from train.teach.material import Material
from train.teach.pictures import Shot, app_item
from train.teach.things import plural


def mentions(text: str, words: str) -> bool:
    """Whether `text` contains `words` as whole words, in the singular or the plural."""
    forms = {words, plural(words)}
    if words == "wood":
        forms.add("wooden")
    return any(re.search(rf"(?<![a-z]){re.escape(form)}(?![a-z])", text.lower()) for form in forms)


def descriptions(
    backbone: Backbone, shots: Sequence[Shot], attributes: Sequence[str], titled: bool, batch: int = 16
) -> dict:
    """Describe pictures, and return how often each attribute is mentioned, with the first texts as samples."""
    hits: dict[str, list[float]] = {a: [] for a in attributes}
    samples, hedged = [], 0
    config = PipelineConfig()
    for start in tqdm(range(0, len(shots), batch), desc="describing", unit="batch"):
        part = shots[start : start + batch]
        items = [app_item(s, titled) for s in part]
        levels = [known.level for known in backbone.certainty([i.picture for i in items if i.picture])]
        hedged += len(levels) - levels.count(NAME)
        asked = [prompts.describe(i, level) for i, level in zip(items, levels, strict=True)]
        texts = [prompts.clean_answer(g.text) for g in backbone.generate(asked, config.max_describe_tokens)]
        for shot, text in zip(part, texts, strict=True):
            for attribute in attributes:
                if attribute in shot.facts:
                    hits[attribute].append(float(mentions(text, str(shot.facts[attribute]))))
        samples += [{"truth": targets.phrase(s), "text": t} for s, t in zip(part, texts, strict=True)]
    return {
        "pictures": len(shots),
        "hedged": hedged,
        "mention": {a: metrics.interval(v) | {"n": len(v)} for a, v in hits.items() if v},
        "samples": samples[:12],
    }


def film_figures(backbone: Backbone, material: Material, count: int, seed: int) -> dict:
    """Rank unseen users' last films, after a symbolic preference of their earlier ones."""
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


def evaluate(backbone: Backbone, material: Material, pictures: int, people: int, seed: int) -> dict:
    """The held-out figures for a training record: descriptions by source of pictures, and unseen users."""
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
