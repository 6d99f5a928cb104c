"""Warm-up of the connector: image tokens learn to be words before the language model is asked anything.

Every image token has a subject and is a mixture of words (`Connector`): the first token must become the first word of
what the thing is, the third its colour, and so on. The language model does not run, so a dozen epochs cost minutes,
and it then starts from image tokens made of words it knows.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import torch
from torch.nn import functional
from tqdm import tqdm

from msr.backbones.pocket.model import IMAGE_TOKENS, WORDS
from train.teach.pictures import GROUPS, Shot
from train.teach.views import FeatureStore

SUBJECTS = (
    "thing",
    "rest of thing",
    "colour",
    "pattern or public",
    "material or use",
    "style or group",
    "form",
    "kind",
)
assert len(SUBJECTS) == IMAGE_TOKENS
_FUNCTION_WORDS = " a an of photo in for the and with is on at to from are . ,"
_NOISE = 0.5  # of a feature's deviation over the pictures
_NORM = 0.1  # weight of the pull towards the length of a word embedding


def subjects(shot: Shot) -> dict[str, str | None]:
    """The words that each image token should look like, by subject; a subject without a fact is left free."""
    facts = {name: value for name, value in shot.facts.items() if isinstance(value, str)}
    if shot.kind == "scene":
        return {"kind": " ".join(shot.facts["captions"])}
    if shot.kind == "movie":
        genres = dict(enumerate(shot.facts.get("genres", ())))
        words = {"thing": "movie", "pattern or public": genres.get(0), "material or use": genres.get(1)}
        return words | {"style or group": genres.get(2), "form": facts.get("decade"), "kind": "movie poster"}
    words = {"thing": facts.get("type"), "colour": facts.get("colour"), "kind": f"{shot.kind} picture"}
    if shot.kind == "fashion":
        return words | {"pattern or public": facts.get("gender"), "material or use": facts.get("usage")}
    if shot.kind == "object":
        return words | {"style or group": GROUPS.get(facts["type"])}
    names = {"pattern or public": "pattern", "material or use": "material", "style or group": "style", "form": "shape"}
    return words | {subject: facts.get(name) for subject, name in names.items()}


def goals(shots: list[Shot], tokenizer) -> tuple[list[dict[int, list[int]]], list[int]]:
    """For each shot the wanted words by image token, as indices into the second list: the WORDS commonest token ids."""
    drop = set(tokenizer(_FUNCTION_WORDS, add_special_tokens=False)["input_ids"])
    wanted: list[dict[int, list[int]]] = []
    for shot in shots:
        row = {}
        for subject, text in subjects(shot).items():
            ids = tokenizer(" " + text, add_special_tokens=False)["input_ids"] if text else []
            if ids and subject == "thing":
                row[0], row[1] = ids[:1], ids[1:] or ids[:1]
            elif ids := sorted(set(ids) - drop):
                row[SUBJECTS.index(subject)] = ids
        wanted.append(row)
    counts = Counter(i for row in wanted for ids in row.values() for i in ids)
    kept = sorted(sorted(counts, key=lambda i: (-counts[i], i))[:WORDS])
    place = {token: index for index, token in enumerate(kept)}
    rows = [{slot: [place[i] for i in ids if i in place] for slot, ids in row.items()} for row in wanted]
    return [{slot: ids for slot, ids in row.items() if ids} for row in rows], kept


def warm_up(
    connector: Any,
    embeddings: torch.Tensor,
    tokenizer,
    train: list[Shot],
    validation: list[Shot],
    store: FeatureStore,
    epochs: int,
    seed: int,
    batch: int = 128,
) -> dict:
    """Trains `connector` in place on stored views.

    Returns steps, the validation losses before and after in nats, and how often a validation picture's token is
    nearest to a right word, by kind of picture and subject.
    """
    wanted, kept = goals(train + validation, tokenizer)
    words = embeddings[kept].float()
    norm = words.norm(dim=1).mean()
    connector.speak(words)
    batch = min(batch, len(train))
    steps = epochs * (len(train) // batch)
    optimiser = torch.optim.AdamW(connector.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps + 1, pct_start=0.1)
    views = torch.stack([store[s.key].half() for s in train + validation])
    deviation = views[: len(train)].float().std(dim=0)
    rng = random.Random(seed)

    def read(rows: list[int], noise: float) -> tuple[torch.Tensor, torch.Tensor]:
        seen = views[rows].float()
        points = connector.points(seen + noise * torch.randn_like(seen) * deviation if noise else seen)
        return functional.log_softmax(connector.word_logits(points), dim=-1), points

    def loss_of(rows: list[int], noise: float) -> torch.Tensor:
        logp, points = read(rows, noise)
        places = [
            (n, slot, i, 1 / len(ids)) for n, r in enumerate(rows) for slot, ids in wanted[r].items() for i in ids
        ]
        row, slot, word, weight = (torch.tensor(column) for column in zip(*places, strict=True))
        length = ((points.norm(dim=-1) / norm - 1) ** 2).mean()
        return -(logp[row, slot, word] * weight).sum() / len(rows) + _NORM * length

    def validate() -> float:
        connector.eval()
        with torch.no_grad():
            return loss_of(held, 0.0).item()

    held = list(range(len(train), len(train) + len(validation)))
    torch.manual_seed(seed)
    before = validate()
    bar = tqdm(total=steps, desc="warm-up", unit="step")
    for _ in range(epochs):
        connector.train()
        order = list(range(len(train)))
        rng.shuffle(order)
        for start in range(0, len(order) - batch + 1, batch):
            loss = loss_of(order[start : start + batch], _NOISE)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}")
    bar.close()
    after = validate()
    with torch.no_grad():
        nearest = read(held, 0.0)[0].argmax(dim=-1).tolist()
    hits: dict[str, list[bool]] = {}
    for n, (shot, row) in enumerate(zip(validation, nearest, strict=True)):
        for slot, ids in wanted[len(train) + n].items():
            hits.setdefault(f"{shot.kind} {SUBJECTS[slot]}", []).append(row[slot] in ids)
    shares = {name: round(sum(right) / len(right), 3) for name, right in sorted(hits.items())}
    return {"steps": steps, "validation_before": before, "validation_after": after, "nearest_word": shares}
