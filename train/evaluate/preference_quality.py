"""Measure preference quality: is what a text claims true of the items, and does it name their frequent attributes?

Precision is the share of claims that known attributes support. Recall is the share of frequent attributes that the text
names. A text without claims has no precision, and items without a frequent attribute have no recall.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tqdm import tqdm

from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone
from msr.storage import TextCache
from train import metrics
from train.evaluate.experiments import users
from train.teach.material import Material
from train.teach.pictures import Shot
from train.teach.targets import Word, words_of
from train.teach.vocabulary import Vocabulary, facts_of

BLOCKS, TOP = 3, 3  # blocks of a simulated user's history, and recommendations whose reasons are read
KINDS = ("drawn", "fashion")
FREQUENT = 0.5  # share of the items that have a frequent attribute, as in the targets of training


def precision(text: str, vocabulary: Vocabulary, true: Iterable[Shot]) -> float | None:
    """Share of the text's claims that some of the shots support, in [0, 1]."""
    known = set().union(*map(facts_of, true))
    claims = vocabulary.claims(text)
    return sum(bool(claim & known) for claim in claims) / len(claims) if claims else None


def frequent(shots: Sequence[Shot]) -> set[Word]:
    """Attribute words that at least half of the shots have, and at least two shots."""
    counts = Counter(word for shot in shots for word in words_of(shot))
    return {word for word, count in counts.items() if count >= max(2, FREQUENT * len(shots))}


def recall(text: str, vocabulary: Vocabulary, shots: Sequence[Shot]) -> float | None:
    """Share of the shots' frequent attributes that the text names, in [0, 1]."""
    wanted = frequent(shots)
    return len(wanted & vocabulary.named(text)) / len(wanted) if wanted else None


def of_histories(
    texts: Mapping[str, str], histories: Mapping[str, Sequence[Shot]], vocabulary: Vocabulary
) -> dict[str, dict[str, float] | None]:
    """{"precision", "recall"} of users' preference texts, each a `summary`."""
    return {
        "precision": summary(precision(text, vocabulary, histories[user]) for user, text in texts.items()),
        "recall": summary(recall(text, vocabulary, histories[user]) for user, text in texts.items()),
    }


def summary(values: Iterable[float | None]) -> dict[str, float] | None:
    """{"mean", "low", "high", "n"} over users with a value; None if there are none."""
    known = [value for value in values if value is not None]
    return metrics.interval(known) | {"n": len(known)} if known else None


def of_simulated_users(
    backbone: Backbone, material: Material, count: int, seed: int, texts: TextCache | None = None
) -> dict[str, dict]:
    """Measure preference quality on `count` simulated users of each kind (`train.evaluate.experiments.users`).

    Texts in the cache `texts` are not written again. The figures of a kind are {"users", "preference precision",
    "preference recall", "rationale precision"}, the latter three as {"mean", "low", "high", "n"}. Only the last
    preference text counts, and its recall is of attributes that the last block shares. A reason can be about the
    history and the candidate; its precision is averaged over the first three recommendations. A kind without material
    is left out.
    """
    found = {}
    for kind in KINDS:
        known = [shot for shot in material.shots if shot.kind == kind]
        if known:
            pool = [shot for shot in known if shot.split == "test"]
            people = list(users.planted(kind, pool, count, seed, BLOCKS))
            found[kind] = _of_kind(CachedBackbone(backbone, texts or TextCache()), kind, known, people)
    return found


def _of_kind(cached: CachedBackbone, kind: str, known: Sequence[Shot], people: Sequence[users.PlantedUser]) -> dict:
    vocabulary = Vocabulary(known)
    precisions, recalls, reasons = [], [], []
    for user in tqdm(people, f"preference quality, {kind}", unit="user"):
        given, best = users.ranked(cached, user, TOP)
        history = [shot for block in user.blocks for shot in block]
        candidates = {shot.key: shot for shot in (user.liked, *user.others)}
        precisions.append(precision(given.preference, vocabulary, history))
        recalls.append(recall(given.preference, vocabulary, user.blocks[-1]))
        for shown in best:
            true = [*history, candidates[shown.item_id]]
            reasons.append(precision(shown.rationale, vocabulary, true))
    per_user = [_mean(reasons[n : n + TOP]) for n in range(0, len(reasons), TOP)]
    return {
        "users": len(people),
        "preference precision": summary(precisions),
        "preference recall": summary(recalls),
        "rationale precision": summary(per_user),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
