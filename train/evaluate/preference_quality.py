"""Preference quality: are the attributes that a text claims true of what it is about, and are the frequent ones said?

Precision is the share of claims that the known attributes support; recall is the share of the frequent attributes that
the text names. A text without claims has no precision, things without a frequent attribute no recall.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from train import metrics
from train.teach.pictures import Shot
from train.teach.targets import Word, words_of
from train.teach.vocabulary import Vocabulary, facts_of

FREQUENT = 0.5  # share of the items that have a frequent attribute, as in the targets of training


def precision(text: str, vocabulary: Vocabulary, true: Iterable[Shot]) -> float | None:
    """Share of the text's claims that some of the shots support, in [0, 1]."""
    known = set().union(*map(facts_of, true))
    claims = vocabulary.claims(text)
    return sum(bool(claim & known) for claim in claims) / len(claims) if claims else None


def frequent(shots: Sequence[Shot]) -> set[Word]:
    """Attribute words that at least half of the shots have, and two of them."""
    counts = Counter(word for shot in shots for word in words_of(shot))
    return {word for word, count in counts.items() if count >= max(2, FREQUENT * len(shots))}


def recall(text: str, vocabulary: Vocabulary, shots: Sequence[Shot]) -> float | None:
    """Share of the shots' frequent attributes that the text names, in [0, 1]."""
    wanted = frequent(shots)
    return len(wanted & vocabulary.named(text)) / len(wanted) if wanted else None


def of_histories(
    texts: Mapping[str, str], histories: Mapping[str, Sequence[Shot]], vocabulary: Vocabulary
) -> dict[str, dict[str, float] | None]:
    """{"precision", "recall"} of preference texts by user, each a `summary`."""
    return {
        "precision": summary(precision(text, vocabulary, histories[user]) for user, text in texts.items()),
        "recall": summary(recall(text, vocabulary, histories[user]) for user, text in texts.items()),
    }


def summary(values: Iterable[float | None]) -> dict[str, float] | None:
    """{"mean", "low", "high", "n"} over the users who have a value; None if nobody has."""
    known = [value for value in values if value is not None]
    return metrics.interval(known) | {"n": len(known)} if known else None
