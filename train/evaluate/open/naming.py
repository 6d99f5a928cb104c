"""Measure what the model calls unseen pictures, and whether its stated confidence is calibrated."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from msr.backbones.wrappers import CachedBackbone
from msr.config import PipelineConfig
from msr.schema import Item, ItemSummary
from msr.stages import describe as summaries
from train import metrics
from train.evaluate.model_system import result
from train.evaluate.open.said import GROUP, HEDGED, OUTCOMES, RIGHT, Said, guessed_right, outcome, read
from train.teach.pictures import Shot, app_item
from train.teach.things import COMMONEST, REPORT

DOMAINS = {  # groups of things by domain
    "animals": ("animal", "bird", "sea animal", "bug"),
    "food and drink": ("food", "fruit", "vegetable", "drink"),
    "clothes": ("clothing", "footwear", "accessory", "bag"),
    "home": ("furniture", "home textile", "light", "kitchenware", "household thing", "appliance", "decoration"),
    "care": ("beauty product", "baby product", "medical thing"),
    "play": ("toy", "game", "sport", "musical instrument", "reading", "film", "character"),
    "work": ("tool", "electronics", "stationery", "weapon"),
    "traffic": ("vehicle", "car part"),
    "outside": ("place", "building", "plant", "room"),
    "people and signs": ("person", "body part", "symbol"),
}
DOMAIN = {group: domain for domain, groups in DOMAINS.items() for group in groups}
BINS = 10  # of equal width, for the reliability of the confidence
COVERAGES = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Named:
    """A picture, the description of it, and the verdict on the description."""

    shot: Shot
    text: str
    said: Said
    outcome: str
    confidence: float


def pick(shots: Sequence[Shot], count: int, rng: random.Random, *levels: Callable[[Shot], str]) -> list[Shot]:
    """Pick up to `count` shots, spread evenly over the values of the first level, within these over the second, ..."""
    return list(itertools.islice(_in_turn(shots, rng, levels), count))


def describe(backbone: CachedBackbone, items: Sequence[Item]) -> dict[str, ItemSummary]:
    """Descriptions by item id, as the app writes them."""
    return result(summaries.describe(backbone, items, PipelineConfig()))


def name(backbone: CachedBackbone, shots: Sequence[Shot]) -> list[Named]:
    """Describe each shot's picture without its title, and judge the descriptions."""
    told = describe(backbone, [app_item(shot, titled=False) for shot in shots])
    found = []
    for shot in shots:
        said = read(told[shot.key].text)
        found.append(Named(shot, told[shot.key].text, said, outcome(said, shot.facts), told[shot.key].confidence))
    return found


def samples(shots: Sequence[Shot], count: int, seed: int) -> dict[str, list[Shot]]:
    """Pick unseen pictures: `count` over all domains, half as many of the commonest things and of unseen classes."""
    test = [shot for shot in shots if shot.kind == "picture" and shot.split == "test"]
    unseen = [shot for shot in shots if shot.kind == "picture" and shot.split == REPORT]
    common = [shot for shot in test if shot.facts["type"] in COMMONEST]
    rng = random.Random(seed)
    return {
        "names": pick(test, count, rng, _domain),
        "commonest": pick(common, count // 2, rng, _type),
        "unseen classes": pick(unseen, count // 2, rng, _domain, _type),
    }


def shares(named: Sequence[Named]) -> dict[str, dict[str, float]]:
    """The share of each outcome, with intervals, and how often the guess behind a hedge is right."""
    found = {each: _share(one.outcome == each for one in named) for each in OUTCOMES}
    hedged = [guessed_right(one.said, one.shot.facts) for one in named if one.outcome == HEDGED]
    return found | ({"guess behind the hedge is right": _share(hedged)} if hedged else {})


def honest(named: Sequence[Named]) -> dict[str, float]:
    """The share of things of unseen classes that get a broader name, their group or a hedge."""
    return _share(one.outcome in (RIGHT, GROUP, HEDGED) for one in named)


def by_domain(named: Sequence[Named]) -> dict[str, dict[str, dict[str, float]]]:
    parts: dict[str, list[Named]] = defaultdict(list)
    for one in named:
        parts[_domain(one.shot)].append(one)
    return {domain: shares(parts[domain]) for domain in DOMAINS if domain in parts}


def confidence(named: Iterable[Named], draws: int = 1000) -> dict:
    """Compare the stated confidence of plain claims with the share of right ones.

    Returns the expected calibration error over BINS, the reliability of each bin, and the risk (share of wrong claims)
    among the surest claims, for several coverages. Pictures without a claim are left out.
    """
    pairs = np.array([(one.confidence, one.outcome == RIGHT) for one in named if one.said.claimed], dtype=float)
    pairs = pairs[~np.isnan(pairs[:, 0])] if len(pairs) else pairs
    if not len(pairs):
        return {"n": 0}
    rng = np.random.default_rng(0)
    again = [pairs[rng.integers(0, len(pairs), len(pairs))] for _ in range(draws)]
    found: dict = {"n": len(pairs), "mean confidence": round(float(pairs[:, 0].mean()), 4)}
    found["expected calibration error"] = _resampled(_calibration_error, pairs, again)
    found["risk"] = {str(c): _resampled(lambda part, c=c: _risk(part, c), pairs, again) for c in COVERAGES}
    found["reliability"] = [
        {"from": low / BINS, "confidence": round(float(part[:, 0].mean()), 4), "right": _share(part[:, 1])}
        for low in range(BINS)
        if len(part := pairs[_bin(pairs) == low])
    ]
    return found


def told(named: Sequence[Named], count: int = 12) -> list[Mapping[str, str]]:
    """The first descriptions with the truth, to read."""
    return [
        {"truth": str(one.shot.facts["type"]), "text": one.text, "outcome": one.outcome, "key": one.shot.key}
        for one in named[:count]
    ]


def _domain(shot: Shot) -> str:
    return DOMAIN[str(shot.facts["group"])]


def _type(shot: Shot) -> str:
    return str(shot.facts["type"])


def _in_turn(shots: Sequence[Shot], rng: random.Random, levels: Sequence[Callable[[Shot], str]]) -> Iterator[Shot]:
    """All shots in random order; the values of the first level take turns."""
    if not levels:
        ordered = sorted(shots, key=lambda shot: shot.key)
        yield from rng.sample(ordered, len(ordered))
        return
    piles: dict[str, list[Shot]] = defaultdict(list)
    for shot in shots:
        piles[levels[0](shot)].append(shot)
    queues = [list(_in_turn(piles[name], rng, levels[1:])) for name in rng.sample(sorted(piles), len(piles))]
    for turn in itertools.zip_longest(*queues):
        yield from (shot for shot in turn if shot is not None)


def _share(values: Iterable) -> dict[str, float]:
    found = [float(value) for value in values]
    return metrics.interval(found) | {"n": len(found)}


def _bin(pairs: np.ndarray) -> np.ndarray:
    return np.minimum((pairs[:, 0] * BINS).astype(int), BINS - 1)


def _calibration_error(pairs: np.ndarray) -> float:
    """The gap between confidence and share of right claims in a bin, averaged over claims."""
    bins = _bin(pairs)
    gaps = [abs(pairs[bins == b].mean(axis=0) @ (1, -1)) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def _risk(pairs: np.ndarray, coverage: float) -> float:
    """Share of wrong claims among the surest ones; claims of equal confidence keep their order."""
    kept = pairs[np.argsort(-pairs[:, 0], kind="stable")][: max(1, round(coverage * len(pairs)))]
    return float(1 - kept[:, 1].mean())


def _resampled(measure, pairs: np.ndarray, again: Sequence[np.ndarray]) -> dict[str, float]:
    low, high = np.quantile([measure(part) for part in again], (0.025, 0.975))
    return {
        "mean": round(measure(pairs), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "n": len(pairs),
    }
