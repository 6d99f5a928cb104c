"""Teach the connector names of things: the vocabulary of `Sight`, its training and its calibration.

Every kind of shot speaks in its own words ("tshirt" in a shop, "t-shirt" elsewhere); `train.teach.things` tells which
of them mean the same thing, which thing is broader and what group it is in. Drawn things and posters are names of
their own: their image tokens show a style or a genre where those of photos show a group.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional
from tqdm import tqdm

from msr.backbones.pocket.sight import PIECES, Names, Sight
from msr.certainty import GROUP, NAME, NOTHING, Certainty
from train.metrics import calibration_error
from train.teach.pictures import Shot
from train.teach.things import GROUPS, UNSEEN, Thing, meant, things

_PHOTO = "photo"
_MEDIA = {"picture": _PHOTO, "fashion": _PHOTO, "object": _PHOTO, "drawn": "drawn", "movie": "poster"}  # by kind
_NEW = 0.2  # of the pictures that a user brings, the share of things that no training showed; the calibration's mix
_NOISE, _DROP, _SMOOTH = 0.4, 0.3, 0.1  # of a feature's deviation over the pictures; of what is read; of a label
_GROUPS = tuple(GROUPS)

Key = tuple[str, str]  # medium and word


class Vocabulary:
    """The names of some shots, and of everything that is broader."""

    def __init__(self, shots: Sequence[Shot]) -> None:
        self._means: dict[Key, Thing] = {}
        for key in sorted({key for shot in shots if (key := _key(shot))}):
            if thing := meant(key[1]):
                self._means[key] = thing
        self.taught = len(self._means)
        for thing in sorted(set(self._means.values()), key=lambda thing: thing.name):
            wider: Thing | None = thing
            while wider:
                self._means.setdefault((_PHOTO, wider.name), wider)
                wider = things().by_name.get(wider.broader)
        self._places = {key: place for place, key in enumerate(self._means)}
        self.things = tuple(self._means.values())  # what the name at each place means

    def place(self, shot: Shot) -> int | None:
        """That of the shot's name; None for a shot whose name is not known, or that has none."""
        key = _key(shot)
        return self._places.get(key) if key else None

    def spelled(self, tokenizer, embeddings: torch.Tensor) -> Names:
        """The vocabulary in the language model's (V, D) word embeddings."""

        def pieces(word: str) -> torch.Tensor:
            own = embeddings[tokenizer(" " + word, add_special_tokens=False)["input_ids"]].float()
            rest = own[2:].mean(dim=0) if len(own) >= PIECES else torch.zeros_like(own[0])
            return torch.stack([own[0], own[min(1, len(own) - 1)], rest])

        def mean(word: str) -> torch.Tensor:
            return embeddings[tokenizer(" " + word, add_special_tokens=False)["input_ids"]].float().mean(dim=0)

        home = [self._places[_PHOTO, thing.name] for thing in self.things]
        up = [self._places[_PHOTO, t.broader] if t.broader else p for t, p in zip(self.things, home, strict=True)]
        return Names(
            spelling=torch.stack([pieces(word) for _, word in self._means]),
            thing=torch.tensor(home),
            broader=torch.tensor(up),
            group=torch.tensor([_GROUPS.index(thing.group) for thing in self.things]),
            photo=torch.tensor([medium == _PHOTO for medium, _ in self._means]),
            groups=torch.stack([mean(group) for group in _GROUPS]),
        )


def _key(shot: Shot) -> Key | None:
    """The medium and the word of a shot; None if it has no name."""
    word = "movie" if shot.kind == "movie" else shot.facts.get("type")
    return (_MEDIA[shot.kind], str(word)) if word else None


def teach(sight: Sight, gists: torch.Tensor, places: Sequence[int], epochs: int, seed: int, batch: int = 256) -> None:
    """Trains the namer in place on (N, G) gists of pictures with the place of each one's name."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    wanted = torch.tensor(places)
    with torch.no_grad():
        sight.centre.copy_(gists.float().mean(dim=0))
        sight.spread.copy_(gists.float().std(dim=0).clamp_min(1e-4))
    batch = min(batch, len(gists))
    steps = epochs * (len(gists) // batch)
    learning = [p.requires_grad_(True) for p in sight.parameters()]
    optimiser = torch.optim.AdamW(learning, lr=1e-3, weight_decay=0.05, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps + 1, pct_start=0.1)
    bar = tqdm(total=steps, desc="naming", unit="step")
    for _ in range(epochs):
        order = list(range(len(gists)))
        rng.shuffle(order)
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start : start + batch]
            some = gists[rows].float()
            some = some + _NOISE * torch.randn_like(some) * sight.spread
            with torch.autocast(some.device.type, torch.bfloat16):  # half the time, and the noise is much larger
                logits = sight.logits(some, _DROP)
            loss = _loss(logits.float(), wanted[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            bar.update()
    bar.close()
    sight.requires_grad_(False)  # it is calibrated next, so it must not change any more


def _loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Cross-entropy whose smoothing goes to the names that are taught."""
    logp = functional.log_softmax(logits, dim=-1)
    taught = logits > logits.amax(dim=-1, keepdim=True) - 1e3
    smooth = -(logp * taught).sum(dim=-1) / taught.sum(dim=-1)
    return ((1 - _SMOOTH) * functional.nll_loss(logp, wanted, reduction="none") + _SMOOTH * smooth).mean()


class Judge:
    """Whether what a `Sight` says of pictures is right: N shots, each of a type that `meant` knows, and their gists."""

    def __init__(self, sight: Sight, gists: torch.Tensor, shots: Sequence[Shot], vocabulary: Vocabulary) -> None:
        self._sight, self._vocabulary = sight, vocabulary
        self._gists = gists
        self.truths = [_truth(shot) for shot in shots]
        self.new = np.array([shot.kept_out in UNSEEN for shot in shots])

    @torch.no_grad()
    def look(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N, 2) calibrated chances of name and group, and two times (N,): is the name right, is the group?"""
        parts = [self._sight.known(self._gists[i : i + 1024].float()) for i in range(0, len(self._gists), 1024)]
        names = torch.cat([part.names.argmax(dim=1) for part in parts]).tolist()
        groups = torch.cat([part.groups.argmax(dim=1) for part in parts]).tolist()
        said = [self._vocabulary.things[place].name for place in names]
        right = [name in (t.name, *t.broader_names) for name, t in zip(said, self.truths, strict=True)]
        alike = [_GROUPS[g] in (t.group, *t.broader_names) for g, t in zip(groups, self.truths, strict=True)]
        return torch.cat([part.certainty for part in parts]).numpy(), np.array(right), np.array(alike)


def _truth(shot: Shot) -> Thing:
    if thing := meant(str(shot.facts["type"])):
        return thing
    raise ValueError(f"{shot.key}: its type {shot.facts['type']!r} is not in the list of things")


def calibrate(sight: Sight, judge: Judge) -> None:
    """Fits slope and offset of both chances on pictures that were not trained on, new things among them."""
    weights = np.ones(len(judge.new))
    if 0 < judge.new.sum() < len(judge.new):
        weights[judge.new] = _NEW / judge.new.mean()
        weights[~judge.new] = (1 - _NEW) / (1 - judge.new.mean())
    sight.trust.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    for _ in range(3):  # which name is said depends on how far names are trusted
        chances, *right = judge.look()
        for which, truth in enumerate(right):
            if truth.all() or not truth.any():
                continue  # nothing to tell apart
            sure = np.clip(chances[:, which].astype(float), 1e-6, 1 - 1e-6)
            odds = np.log(sure / (1 - sure))
            fitted = LogisticRegression(C=1e3).fit(odds[:, None], truth, weights)
            slope, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
            sight.trust[which] *= slope
            sight.trust[which, 1] += offset


def figures(judge: Judge) -> dict[str, float]:
    """Shares of pictures: the likeliest name or group is right; told by name, by group or not at all; a wrong name or
    group is told; and how far the chances are from what they promise."""
    chances, name, group = judge.look()
    levels = np.array([Certainty(*row).level for row in chances.tolist()])
    told = {level: float((levels == level).mean()) for level in (NAME, GROUP, NOTHING)}
    found = {
        "pictures": len(name),
        "name right": name.mean(),
        "group right": group.mean(),
        **{f"told {level}": share for level, share in told.items()},
        "named right": ((levels == NAME) & name).mean(),
        "wrong name told": ((levels == NAME) & ~name).mean(),
        "wrong group told": ((levels == GROUP) & ~group).mean(),
        "calibration error, name": calibration_error(chances[:, 0], name),
        "calibration error, group": calibration_error(chances[:, 1], group),
    }
    return {key: round(float(value), 4) for key, value in found.items()}
