"""The model in training: frozen base, LoRA on the language model, the connector, and the two losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional
from transformers import AutoProcessor

from msr.backbones.pocket_model import PocketLlava
from msr.backbones.tokens import ChatTokens
from train.encode import IGNORE, Batch, Encoder

_SWAP = 0.08  # of the image tokens of a training batch
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
            mask = torch.zeros(mask.shape, dtype=embeds.dtype).masked_fill(~mask, torch.finfo(embeds.dtype).min)
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
        return torch.where(torch.rand(tokens.shape[:2]).unsqueeze(-1) < _SWAP, other, tokens)

    def answer_loss(self, batch: Batch, views: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of answer tokens; logits exist only where a label is."""
        states = self.hidden(batch, views)
        labels = batch.labels[:, 1:]
        keep = labels != IGNORE
        return functional.cross_entropy(self.head(states[:, :-1][keep]).float(), labels[keep])

    def answer_logits(self, batch: Batch, views: torch.Tensor) -> torch.Tensor:
        """(N,) Yes-minus-No logits at the answer positions of packed slates."""
        states = self.hidden(batch, views)[batch.reads[:, 0], batch.reads[:, 1]]
        yes, no = self.yes_no
        return functional.linear(states, self.head.weight[[yes, no]]).float() @ states.new_tensor([1.0, -1.0]).float()

    def slate_loss(self, batch: Batch, views: torch.Tensor, calibration: float = 0.3) -> torch.Tensor:
        """Listwise softmax of each liked candidate against its slate's disliked ones, plus weighted BCE.

        BCE alone stays at chance for long; the listwise term alone leaves P(Yes) without a meaning.
        """
        logits = self.answer_logits(batch, views)
        listwise = [
            functional.cross_entropy(
                torch.cat([logits[i : i + 1], logits[(batch.slate == s) & ~batch.liked]])[None], _ZERO
            )
            for i, s in enumerate(batch.slate.tolist())
            if batch.liked[i]
        ]
        balance = (~batch.liked).sum() / batch.liked.sum().clamp(min=1)
        yes_no = functional.binary_cross_entropy_with_logits(logits, batch.liked.float(), pos_weight=balance)
        return torch.stack(listwise).mean() + calibration * yes_no

    def trainable(self) -> dict[str, torch.Tensor]:
        return {name: p for name, p in self.named_parameters() if p.requires_grad}


_ZERO = torch.zeros(1, dtype=torch.long)


def views_of(store, batch: Batch) -> torch.Tensor:
    """(pictures of the batch, 1 + cells, F + 6) from the feature store; empty without pictures."""
    keys: Sequence[str] = batch.pictures
    return torch.stack([store[k] for k in keys]) if keys else torch.empty(0)
