"""What the loop validates by: the AUC of slates (sft) or the loss of answers (align), of what is not trained on."""

from __future__ import annotations

from collections.abc import Sequence

from train.encode import Counts, Example, Slate
from train.metrics import auc, midrank
from train.model import Learner, views_of


def slate_auc(learner: Learner, slates: Sequence[Slate], store, rows: int = 8) -> dict[str, float]:
    """{"auc"}: how often a liked candidate scores above a disliked one of its slate, ties as half; mean over liked.

    rows: slates of a forward pass. Every slate has liked and disliked candidates.
    """
    encoder, found = learner.encoder(), []
    for first in range(0, len(slates), rows):
        batch = encoder.slates(slates[first : first + rows]).to(learner.device)
        logits = learner.answer_logits(batch, views_of(store, batch))
        for place in batch.liked.nonzero().flatten().tolist():
            others = logits[(batch.slate == batch.slate[place]) & ~batch.liked].tolist()
            found.append(auc(midrank(logits[place].item(), others), len(others)))
    return {"auc": sum(found) / len(found)}


def mean_answer_loss(learner: Learner, examples: Sequence[Example], store, rows: int = 12) -> dict[str, float]:
    """{"loss"}: mean cross-entropy of the answers' tokens, in nats. rows: examples of a forward pass."""
    encoder = learner.encoder()
    batches = [
        encoder.answers(examples[first : first + rows]).to(learner.device) for first in range(0, len(examples), rows)
    ]
    whole = sum((batch.counts for batch in batches), Counts())
    return {"loss": sum(learner.answer_loss(batch, views_of(store, batch), whole).item() for batch in batches)}
