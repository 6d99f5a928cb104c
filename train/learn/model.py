"""The model in training: frozen base, LoRA on the language model, the connector, and the two losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from torch.nn import functional
from transformers import AutoProcessor

from msr.backbones.pocket.model import COLOUR, GRID, PocketLlava
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.tokens import ChatTokens
from msr.prompts import Prompt
from train.learn import attention
from train.learn.encode import IGNORE, Batch, Counts, Encoder

LORA_TARGETS = r".*(language_model|text_model).*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


class LoraLearner(torch.nn.Module, ABC):
    """A LoRA on a frozen model's language model, and the losses; a subclass says how prompts and pictures are read."""

    def __init__(self, base, tokens: ChatTokens, rank: int, alpha: int, name: str) -> None:
        super().__init__()
        base.requires_grad_(False)
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=LORA_TARGETS, base_model_name_or_path=name)
        self.peft = get_peft_model(base, config)
        self.tokens = tokens
        self.embed = base.get_input_embeddings()
        self.head = base.get_output_embeddings()
        self.language = base.get_decoder()
        self.yes_no = tokens.yes_no()

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    @property
    def layers(self) -> Sequence[torch.nn.Module]:
        """Those of the decoder, which hold nearly all of its weights and the whole LoRA."""
        return self.language.layers

    @abstractmethod
    def read(self, prompt: Prompt) -> tuple[list[int], torch.Tensor]:
        """A prompt's ids and positions, as at inference."""

    @abstractmethod
    def shown(self, views: Sequence[torch.Tensor]) -> torch.Tensor:
        """(N, D): the tokens of the viewed pictures (at least one), one after another."""

    def seeing(self, batch: Batch, dtype: torch.dtype) -> dict:
        """Attention-mask arguments for this batch."""
        if batch.segments is None:
            return {"attention_mask": batch.mask}
        sees = attention.dense(batch.segments)
        return {"attention_mask": torch.zeros_like(sees, dtype=dtype).masked_fill(~sees, torch.finfo(dtype).min)}

    def encoder(self) -> Encoder:
        return Encoder(self.tokens, self.read)

    def hidden(self, batch: Batch, views: Sequence[torch.Tensor]) -> torch.Tensor:
        """(B, T, D) last states; `views` are those of the batch's pictures, in their order."""
        embeds = self.embed(batch.ids)
        if batch.pictures:
            places = (batch.ids == self.tokens.image).unsqueeze(-1)
            embeds = embeds.masked_scatter(places, self.shown(views).to(embeds.dtype))
        states = self.language(
            inputs_embeds=embeds, position_ids=batch.positions, use_cache=False, **self.seeing(batch, embeds.dtype)
        )
        return states.last_hidden_state

    def loss(self, batch: Batch, views: Sequence[torch.Tensor], whole: Counts) -> torch.Tensor:
        """The batch's share of the mean loss of a step that has `whole` labels in all; the shares add up to it."""
        share = self.slate_loss if batch.labels is None else self.answer_loss
        return share(batch, views, whole)

    def answer_loss(self, batch: Batch, views: Sequence[torch.Tensor], whole: Counts | None = None) -> torch.Tensor:
        """Mean cross-entropy of answer tokens, in nats; logits exist only where a label is. `whole` as in `loss`."""
        states = self.hidden(batch, views)
        labels = batch.labels[:, 1:]
        keep = labels != IGNORE
        total = functional.cross_entropy(self.head(states[:, :-1][keep]).float(), labels[keep], reduction="sum")
        return total / (whole or batch.counts).tokens

    def answer_logits(self, batch: Batch, views: Sequence[torch.Tensor]) -> torch.Tensor:
        """(N,) Yes-minus-No logits at the answer positions of packed slates."""
        states = self.hidden(batch, views)[batch.reads[:, 0], batch.reads[:, 1]]
        yes, no = self.yes_no
        # One row of weights, not the difference of two products: in half precision that would lose digits.
        return functional.linear(states, self.head.weight[[yes]] - self.head.weight[[no]]).float().squeeze(-1)

    def slate_loss(self, batch: Batch, views: Sequence[torch.Tensor], whole: Counts | None = None) -> torch.Tensor:
        """`preference_loss` of packed slates. `whole` as in `loss`."""
        return preference_loss(self.answer_logits(batch, views), batch.liked, batch.slate, whole or batch.counts)

    def trainable(self) -> dict[str, torch.Tensor]:
        return {name: p for name, p in self.named_parameters() if p.requires_grad}


class Learner(LoraLearner):
    """The pocket model; its connector may learn too. The tower never runs here: pictures are stored views, each
    (1 + cells, F + 6)."""

    def __init__(self, checkpoint: str, rank: int, alpha: int, train_connector: bool, dtype=torch.float32) -> None:
        processor = AutoProcessor.from_pretrained(checkpoint)
        base = PocketLlava.from_pretrained(checkpoint, dtype=dtype)
        super().__init__(base, ChatTokens(processor), rank, alpha, "pocket")
        self.processor = processor
        self.inner = base.model
        self.inner.renew_connector()
        self.connector = self.inner.multi_modal_projector
        self.connector.requires_grad_(train_connector)
        self.connector.sight.requires_grad_(False)  # its chances are calibrated
        self.swap = 0.08  # share of a training batch's image tokens
        attention.teach(self.language)
        for layer in self.peft.modules():
            if isinstance(layer, LoraLayer):
                layer.cast_input_dtype_enabled = False  # autocast does; twice costs a tenth of a step
        self._image_ids = [self.tokens.image] * base.config.image_seq_length

    @property
    def view(self) -> tuple[int, int]:
        """The shape of a view."""
        return 1 + GRID * GRID, self.connector.vision_dim + COLOUR

    def read(self, prompt: Prompt) -> tuple[list[int], torch.Tensor]:
        ids = self.tokens.prompt_ids(prompt, [self._image_ids] * len(prompt.pictures))
        return ids, torch.arange(len(ids))

    def seeing(self, batch: Batch, dtype: torch.dtype) -> dict:
        if self.device.type != "cpu":  # its fused attention is faster over all scores than `branches` over some
            answers = batch.segments is None
            return {"attention_mask": attention.dense(batch.mask - 1 if answers else batch.segments)}
        if batch.segments is None:
            return super().seeing(batch, dtype)
        return {"branches": attention.branches(batch.segments)}

    def shown(self, views: Sequence[torch.Tensor]) -> torch.Tensor:
        return self._swapped(self.connector(torch.stack(list(views)))).flatten(0, 1)

    def _swapped(self, tokens: torch.Tensor) -> torch.Tensor:
        """In training some (B, IMAGE_TOKENS, D) tokens are another picture's.

        The connector knows the training pictures better than it will know new ones; a model that never met a wrong
        image token would believe it against the title.
        """
        if not self.training or len(tokens) < 2:
            return tokens
        other = tokens[torch.randperm(len(tokens)).to(tokens.device)]
        swapped = (torch.rand(tokens.shape[:2]) < self.swap).to(tokens.device)  # drawn alike on every device
        return torch.where(swapped.unsqueeze(-1), other, tokens)


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


def views_of(store, batch: Batch) -> list[torch.Tensor]:
    """The views of the batch's pictures, from a store by key, on the device of the batch."""
    return [store[key].to(batch.ids.device) for key in batch.pictures]


class CheckpointLearner(LoraLearner):
    """Trains a LoRA on any checkpoint: LLaVA, LLaVA-NeXT, Idefics3, SmolVLM, Qwen-VL.

    Tower and projector are not trained, so a picture is encoded once, by the backbone that answers later. The backbone
    always answers with the LoRA as it is at that time.
    """

    def __init__(self, backbone: LocalBackbone, rank: int, alpha: int) -> None:
        super().__init__(backbone.model, backbone.tokens, rank, alpha, backbone.identity()["name"])
        self.backbone = backbone

    @property
    def store(self) -> _Pictures:
        """The store in which `views_of` finds the tokens of pictures that were read."""
        return _Pictures(self.backbone)

    def read(self, prompt: Prompt) -> tuple[list[int], torch.Tensor]:
        (row,) = self.backbone.rows([prompt])
        return row.ids, row.positions.cpu()

    def shown(self, views) -> torch.Tensor:
        return torch.cat(list(views))

    def train(self, mode: bool = True) -> CheckpointLearner:
        super().train(mode)
        self.backbone.model.get_encoder("image").eval()  # pictures are encoded as at inference
        return self


class _Pictures:
    """A store of image tokens (N, D) by the picture's digest."""

    def __init__(self, backbone: LocalBackbone) -> None:
        self._backbone = backbone

    def __getitem__(self, digest: str) -> torch.Tensor:
        return self._backbone.seen(digest).tokens
