"""Warm-up of the connector: image tokens learn to be words before the language model is asked anything.

Each token of a picture is read by the language model's own word embeddings; a mixture over the tokens must put
probability on the content words of the picture's description. The language model does not run, so hundreds of
epochs cost minutes, and the model then starts from image tokens that already look like the words it knows.
"""

from __future__ import annotations

import random

import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from msr.backbones.pocket_model import GISTS
from train import targets
from train.features import FeatureStore
from train.sources import Shot

_FUNCTION_WORDS = " a an of photo in style for the and with is on at to from are . ,"


def vocabulary(shots: list[Shot], tokenizer) -> tuple[list[list[int]], list[int]]:
    """Content token ids of each shot's description, as indices into the second list of token ids."""
    drop = set(tokenizer(_FUNCTION_WORDS, add_special_tokens=False)["input_ids"]) | {
        tokenizer(mark, add_special_tokens=False)["input_ids"][0] for mark in (".", ",", " a", "-")
    }
    texts = [" " + (" ".join(s.facts["captions"]) if s.kind == "scene" else targets.phrase(s)) for s in shots]
    bags = [sorted(set(ids) - drop) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    kept = sorted({i for bag in bags for i in bag})
    place = {token: index for index, token in enumerate(kept)}
    return [[place[i] for i in bag] for bag in bags], kept


def warm_up(
    connector: nn.Module,
    embeddings: torch.Tensor,
    tokenizer,
    train: list[Shot],
    validation: list[Shot],
    store: FeatureStore,
    epochs: int,
    seed: int,
    batch: int = 128,
) -> dict[str, float]:
    """Trains `connector` in place on stored views; returns the validation losses before and after, in nats."""
    bags, kept = vocabulary(train + validation, tokenizer)
    words = embeddings[kept].float()
    norm = embeddings.float().norm(dim=1).mean()
    batch = min(batch, len(train))
    scale = nn.Parameter(torch.tensor(1.0))
    steps = epochs * (len(train) // batch)
    optimiser = torch.optim.AdamW([*connector.parameters(), scale], lr=1e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps + 1, pct_start=0.1)
    views = torch.stack([store[s.key].half() for s in train + validation])
    rng = random.Random(seed)

    def loss_of(rows: list[int], noise: float) -> torch.Tensor:
        seen = views[rows].float()
        tokens = connector(seen + noise * torch.randn_like(seen) * seen.std() if noise else seen)
        logp = functional.log_softmax(scale * (tokens / norm) @ words.T, dim=-1)
        goal = torch.zeros(len(rows), len(kept))
        for row, index in enumerate(rows):
            goal[row, bags[index]] = 1.0 / max(len(bags[index]), 1)
        gist = torch.logsumexp(logp[:, :GISTS], dim=1)
        cell = torch.logsumexp(logp[:, GISTS:], dim=1)
        spread = ((tokens.norm(dim=-1) / norm - 1) ** 2).mean()
        return -(goal * (gist + 0.3 * cell)).sum(1).mean() + 0.1 * spread

    held = list(range(len(train), len(train) + len(validation)))
    torch.manual_seed(seed)
    with torch.no_grad():
        before = loss_of(held, 0.0).item()
    bar = tqdm(total=steps, desc="warm-up", unit="step")
    for _ in range(epochs):
        order = list(range(len(train)))
        rng.shuffle(order)
        for start in range(0, len(order) - batch + 1, batch):
            loss = loss_of(order[start : start + batch], noise=0.1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}")
    bar.close()
    with torch.no_grad():
        after = loss_of(held, 0.0).item()
    return {"steps": steps, "validation_before": before, "validation_after": after}
