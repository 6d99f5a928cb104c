"""The model in training: frozen base, LoRA on the language model, the connector, and the two losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional
from transformers import AutoProcessor

from msr.backbones.pocket_model import PocketLlava
from msr.backbones.tokens import ChatTokens
from train.encode import IGNORE, Batch, Counts, Encoder

LORA_TARGETS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


class Learner(torch.nn.Module):
    """Computes losses from stored picture views; the vision tower never runs here."""

    def __init__(self, checkpoint: str, rank: int, alpha: int, train_connector: bool, dtype=torch.float32) -> None:
        super().__init__()
        self.processor = AutoProcessor.from_pretrained(checkpoint)
        base = PocketLlava.from_pretrained(checkpoint, dtype=dtype)
        base.requires_grad_(False)
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=LORA_TARGETS, base_model_name_or_path="pocket")
        self.peft = get_peft_model(base, config)
        self.tokens = ChatTokens(self.processor)
        self.inner = self.peft.base_model.model.model
        self.connector = self.inner.multi_modal_projector.float()
        self.connector.requires_grad_(train_connector)
        self.head = self.peft.base_model.model.lm_head
        self.yes_no = self.tokens.yes_no()
        self.swap = 0.08  # share of a training batch's image tokens

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    def encoder(self) -> Encoder:
        image = self.processor.image_token
        size = self.peft.base_model.model.config.image_seq_length
        return Encoder(self.tokens, self.tokens.tokenizer.convert_tokens_to_ids(image), size)

    def hidden(self, batch: Batch, views: torch.Tensor) -> torch.Tensor:
        """(B, T, D) last states; `views` is (pictures of the batch, 1 + cells, F + 6)."""
        embeds = self.inner.get_input_embeddings()(batch.ids)
        if len(batch.pictures):
            pictures = self._swapped(self.connector(views)).to(embeds.dtype)
            places = batch.ids == self.peft.base_model.model.config.image_token_id
            embeds = embeds.masked_scatter(places.unsqueeze(-1), pictures)
        mask = batch.mask
        if mask.ndim == 4:
            mask = embeds.new_zeros(mask.shape).masked_fill(~mask, torch.finfo(embeds.dtype).min)
        states = self.inner.language_model(
            inputs_embeds=embeds, attention_mask=mask, position_ids=batch.positions, use_cache=False
        )
        return states.last_hidden_state

    def _swapped(self, tokens: torch.Tensor) -> torch.Tensor:
        """In training some (B, IMAGE_TOKENS, D) tokens are another picture's.

        The connector knows the training pictures better than it will know new ones; a model that never met a wrong
        image token would believe it against the title.
        """
        if not self.training or len(tokens) < 2:
            return tokens
        other = tokens[torch.randperm(len(tokens))]
        return torch.where(torch.rand(tokens.shape[:2]).unsqueeze(-1) < self.swap, other, tokens)

    def loss(self, batch: Batch, views: torch.Tensor, whole: Counts) -> torch.Tensor:
        """The batch's share of the mean loss of a step that has `whole` labels in all; the shares add up to it."""
        share = self.slate_loss if batch.labels is None else self.answer_loss
        return share(batch, views, whole)

    def answer_loss(self, batch: Batch, views: torch.Tensor, whole: Counts | None = None) -> torch.Tensor:
        """Mean cross-entropy of answer tokens, in nats; logits exist only where a label is. `whole` as in `loss`."""
        states = self.hidden(batch, views)
        labels = batch.labels[:, 1:]
        keep = labels != IGNORE
        total = functional.cross_entropy(self.head(states[:, :-1][keep]).float(), labels[keep], reduction="sum")
        return total / (whole or batch.counts).tokens

    def answer_logits(self, batch: Batch, views: torch.Tensor) -> torch.Tensor:
        """(N,) Yes-minus-No logits at the answer positions of packed slates."""
        states = self.hidden(batch, views)[batch.reads[:, 0], batch.reads[:, 1]]
        yes, no = self.yes_no
        # One row of weights, not the difference of two products: in half precision that would lose digits.
        return functional.linear(states, self.head.weight[[yes]] - self.head.weight[[no]]).float().squeeze(-1)

    def slate_loss(self, batch: Batch, views: torch.Tensor, whole: Counts | None = None) -> torch.Tensor:
        """`preference_loss` of packed slates. `whole` as in `loss`."""
        return preference_loss(self.answer_logits(batch, views), batch.liked, batch.slate, whole or batch.counts)

    def trainable(self) -> dict[str, torch.Tensor]:
        return {name: p for name, p in self.named_parameters() if p.requires_grad}


def preference_loss(
    logits: torch.Tensor, liked: torch.Tensor, slate: torch.Tensor, whole: Counts, calibration: float = 0.3
) -> torch.Tensor:
    """Listwise softmax of each liked candidate against its slate's disliked ones, plus weighted BCE.

    BCE alone stays at chance for long; the listwise term alone leaves P(Yes) without a meaning. All of (N,): logits,
    Yes minus No; liked; slate, the number of a candidate's slate. Means are over the labels of `whole`, and the
    classes are balanced over them.
    """
    rivals = (slate[:, None] == slate) & ~liked | torch.eye(len(liked), dtype=torch.bool, device=liked.device)
    rows = logits.expand(len(liked), -1).masked_fill(~rivals, float("-inf"))[liked]
    listwise = functional.cross_entropy(rows, liked.nonzero().flatten(), reduction="sum")
    balance = logits.new_tensor(whole.disliked / max(1, whole.liked))
    yes_no = functional.binary_cross_entropy_with_logits(logits, liked.float(), pos_weight=balance, reduction="sum")
    return listwise / max(1, whole.liked) + calibration * yes_no / (whole.liked + whole.disliked)


def views_of(store, batch: Batch) -> torch.Tensor:
    """(pictures of the batch, 1 + cells, F + 6) from the feature store, where the batch is; empty without pictures."""
    keys: Sequence[str] = batch.pictures
    return torch.stack([store[k] for k in keys]).to(batch.ids.device) if keys else torch.empty(0)
