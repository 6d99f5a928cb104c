"""Warm-up of the connector: image tokens learn to be words before the language model is asked anything.

Every image token has a subject (`Connector`). What a picture shows is spelled by a namer of its own
(`train.learn.naming`); the other subjects are mixtures of words: the third token must become the colour's word, and so
on. The language model does not run, so a dozen epochs cost minutes, and it then starts from image tokens made of words
it knows.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import torch
from torch.nn import functional
from tqdm import tqdm

from msr.backbones.pocket.model import IMAGE_TOKENS, WORDS
from train.learn import naming
from train.teach.pictures import Shot
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
_LOOKS = {"object": "object", "picture": "object"}  # kinds that are described alike
_FUNCTION_WORDS = " a an of photo in for the and with is on at to from are . ,"
_NOISE = 0.5  # of a feature's deviation over the pictures
NAMING = 2  # epochs of the namer to one of the mixtures
_NORM = 0.1  # weight of the pull towards the length of a word embedding


def subjects(shot: Shot) -> dict[str, str | None]:
    """The words that each image token should look like, by subject; a subject without a fact is left free.

    What the thing is, and the group of photos, is spelled from the names (`train.learn.naming`).
    """
    facts = {name: value for name, value in shot.facts.items() if isinstance(value, str)}
    if shot.kind == "scene":
        return {"kind": " ".join(shot.facts["captions"])}
    if shot.kind == "movie":
        genres = dict(enumerate(shot.facts.get("genres", ())))
        words = {"pattern or public": genres.get(0), "material or use": genres.get(1)}
        return words | {"style or group": genres.get(2), "form": facts.get("decade"), "kind": "movie poster"}
    words = {"colour": facts.get("colour"), "kind": f"{_LOOKS.get(shot.kind, shot.kind)} picture"}
    if shot.kind == "fashion":
        return words | {"pattern or public": facts.get("gender"), "material or use": facts.get("usage")}
    if shot.kind in _LOOKS:
        return words
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
            if ids := sorted(set(ids) - drop):
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

    `validation` holds unseen pictures, those of things that no training shows among them: the chances of names and
    groups are calibrated on them. Returns steps, the validation losses before and after in nats, how often a validation
    picture's token is nearest to a right word, by kind of picture and subject, and the namer's figures.
    """
    named = _name(connector.sight, embeddings, tokenizer, train, validation, store, epochs, seed, 2 * batch)
    validation = [shot for shot in validation if not shot.kept_out]
    wanted, kept = goals(train + validation, tokenizer)
    words = embeddings[kept].float()
    norm = words.norm(dim=1).mean()
    connector.speak(words)
    batch = min(batch, len(train))
    steps = epochs * (len(train) // batch)
    learning = [p for name, p in connector.named_parameters() if not name.startswith("sight.")]
    optimiser = torch.optim.AdamW(learning, lr=1e-3, weight_decay=0.05)
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
    found = {"steps": steps, "validation_before": before, "validation_after": after, "nearest_word": shares}
    return found | {"naming": named}


def _name(sight, embeddings, tokenizer, train, validation, store, epochs: int, seed: int, batch: int) -> dict:
    """Teaches and calibrates the namer; returns how many names and pictures it has, and its figures by kind."""
    vocabulary = naming.Vocabulary(train)
    placed = [(shot, place) for shot in train if (place := vocabulary.place(shot)) is not None]
    if not placed:
        return {"names": 0, "pictures": 0}
    sight.learn(vocabulary.spelled(tokenizer, embeddings), vocabulary.taught)
    gists = _gists(sight, [shot for shot, _ in placed], store)
    naming.teach(sight, gists, [place for _, place in placed], NAMING * epochs, seed, batch)
    judged = [shot for shot in validation if "type" in shot.facts and naming.meant(str(shot.facts["type"]))]
    found: dict[str, Any] = {"names": vocabulary.taught, "pictures": len(placed)}
    if judged:
        naming.calibrate(sight, naming.Judge(sight, _gists(sight, judged, store), judged, vocabulary))
        shown = [shot for shot in judged if not shot.kept_out]
        for kind in sorted({shot.kind for shot in shown}):
            some = [shot for shot in shown if shot.kind == kind]
            found[kind] = naming.figures(naming.Judge(sight, _gists(sight, some, store), some, vocabulary))
    return found


def _gists(sight, shots: list[Shot], store: FeatureStore) -> torch.Tensor:
    """(N, G) in half precision."""
    parts = [torch.stack([store[s.key] for s in shots[i : i + 512]]) for i in range(0, len(shots), 512)]
    return torch.cat([sight.gist(part).half() for part in parts])
