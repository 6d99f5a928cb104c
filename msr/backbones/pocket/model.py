"""The pocket MLLM's architecture: LLaVA with a DINOv2 tower, a Llama text model and a pooling connector.

A picture becomes 8 tokens, because image tokens are what a laptop waits for. The tower was tuned to find what
is salient in a picture, and its last layers have lost some of what tells things apart; so the features are those of
three layers. The 16x16 patches of a 224 px view are averaged to 4x4 *cells*; each cell and the CLS token carry the mean
and deviation of the pixels' colours beside the features, because a self-supervised tower is trained to ignore colour.

The connector turns this view into tokens that stand for the picture's subjects (what it is, its colour, its group, ...;
see `train.learn.warmup`). They are made of the language model's own word embeddings, which a small model knows how to
read: what the thing is gets spelled (`msr.backbones.pocket.sight`), and the other subjects are mixtures of words.
(LLaVA: arXiv 2304.08485; DINOv2: arXiv 2304.07193.)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForImageTextToText, LlavaConfig, LlavaForConditionalGeneration, LlavaModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

from msr.backbones.pocket.sight import SILENT, Sight

GRID = 4  # cells on a side
IMAGE_TOKENS = 8
LAYERS = (-1, -2, -5)  # of the tower, whose features a view has; the last one first
COLOUR = 6  # mean and deviation of R, G, B
WORDS = 1024  # that mixtures may be made of
COLOUR_GAIN = 4.0  # brings colours, in [0, 1], to the size of the tower's features
MEAN = (0.485, 0.456, 0.406)  # of ImageNet: how DINOv2's pixels are normalised
STD = (0.229, 0.224, 0.225)


class PocketConfig(LlavaConfig):
    model_type = "pocket_llava"


class Connector(nn.Module):
    """(B, 1 + cells, F + 6) of `PocketModel.see` -> (B, IMAGE_TOKENS, D) in the language model's embedding space."""

    words: torch.Tensor
    prior: torch.Tensor

    def __init__(self, vision_dim: int, text_dim: int, hidden: int = 768) -> None:
        super().__init__()
        self.vision_dim = vision_dim
        self.read = nn.Linear(2 * vision_dim + COLOUR * GRID * GRID, hidden)
        self.drop = nn.Dropout(0.2)
        self.write = nn.Linear(hidden, IMAGE_TOKENS * text_dim)
        self.sharpness = nn.Parameter(torch.tensor(1.0))
        self.trace = nn.Parameter(torch.full((IMAGE_TOKENS, 1), 0.1))  # what shows of the point between the words
        self.sight = Sight(vision_dim, text_dim, 1 + GRID * GRID, COLOUR)
        self.register_buffer("words", torch.zeros(WORDS, text_dim))
        self.register_buffer("prior", torch.full((WORDS,), SILENT))

    def speak(self, words: torch.Tensor) -> None:
        """Makes (K, D) word embeddings, K at most WORDS, the vocabulary of the image tokens."""
        with torch.no_grad():
            self.words.zero_()[: len(words)] = words
            self.prior.fill_(SILENT)[: len(words)] = 0.0
            self.sharpness.fill_(1 / words.norm(dim=1).mean())

    def points(self, seen: torch.Tensor) -> torch.Tensor:
        """(B, IMAGE_TOKENS, D): where each token would lie, were it not drawn to words."""
        seen = seen.to(self.read.weight.dtype)
        cells, colours = seen[:, 1:, : self.vision_dim], seen[:, 1:, self.vision_dim :]
        colours = (colours - 0.5) * COLOUR_GAIN
        view = torch.cat([seen[:, 0, : self.vision_dim], cells.mean(dim=1), colours.flatten(1)], dim=-1)
        return self.write(self.drop(nn.functional.gelu(self.read(view)))).unflatten(-1, (IMAGE_TOKENS, -1))

    def word_logits(self, points: torch.Tensor) -> torch.Tensor:
        """(B, IMAGE_TOKENS, D) -> (B, IMAGE_TOKENS, WORDS): which words a token is near to."""
        return self.sharpness * points @ self.words.T + self.prior

    def read_out(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The tokens, and (B, 2) chances that the name and the group that they spell are right (`Known.certainty`)."""
        points = self.points(seen)
        mixtures = self.word_logits(points).softmax(dim=-1) @ self.words + self.trace * points
        known = self.sight(seen)
        return self.sight.spell(known, mixtures), known.certainty

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return self.read_out(seen)[0]


class PocketModel(LlavaModel):
    config_class = PocketConfig
    config: Any
    multi_modal_projector: Any  # a `Connector` in place of LLaVA's own

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.renew_connector()

    def renew_connector(self) -> None:
        """Replace the connector by one that has learned nothing: a checkpoint holds none."""
        seen = len(LAYERS) * self.config.vision_config.hidden_size
        self.multi_modal_projector = Connector(seen, self.config.text_config.hidden_size)

    def see(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) normalised pixels -> (B, 1 + cells, F + 6): CLS and pooled cells, each with its colours.

        F is the tower's width times the number of LAYERS; each layer goes through the tower's last norm.

        Frozen in every training stage, so training computes it once for a picture and keeps it.
        """
        layers = self.vision_tower(pixel_values, output_hidden_states=True).hidden_states
        states = torch.cat([self.vision_tower.layernorm(layers[n]) for n in LAYERS], dim=-1)
        side = pixel_values.shape[-1] // self.config.vision_config.patch_size
        patches = states[:, 1:].transpose(1, 2).unflatten(-1, (side, side))
        cells = nn.functional.adaptive_avg_pool2d(patches.float(), GRID).flatten(2).transpose(1, 2)
        features = torch.cat([states[:, :1].float(), cells], dim=1)
        rgb = pixel_values.float() * pixel_values.new_tensor(STD).float().view(3, 1, 1)
        rgb = rgb + pixel_values.new_tensor(MEAN).float().view(3, 1, 1)
        tiles = (
            rgb.unflatten(-1, (GRID, -1)).unflatten(-3, (GRID, -1)).permute(0, 2, 4, 1, 3, 5).flatten(4).flatten(1, 2)
        )
        every = rgb.flatten(2).unsqueeze(1)
        colours = torch.cat([torch.cat([t.mean(-1), t.std(-1)], dim=-1) for t in (every, tiles)], dim=1)
        return torch.cat([features, colours], dim=-1).to(pixel_values.dtype)

    def get_image_features(self, pixel_values: torch.Tensor, **kwargs):
        """As `LlavaModel.get_image_features`: `pooler_output` is a list of (IMAGE_TOKENS, D), one a picture."""
        tokens = self.multi_modal_projector(self.see(pixel_values))
        each: Any = list(tokens)
        return BaseModelOutputWithPooling(last_hidden_state=tokens, pooler_output=each)


class PocketLlava(LlavaForConditionalGeneration):
    """Loads through `AutoModelForImageTextToText` once this module is imported."""

    config_class = PocketConfig
    _keys_to_ignore_on_load_missing = [r"multi_modal_projector\."]  # it is trained, and comes with the adapter

    def __init__(self, config: PocketConfig) -> None:
        super().__init__(config)
        self.model = PocketModel(config)
        self.post_init()


AutoConfig.register("pocket_llava", PocketConfig, exist_ok=True)
AutoModelForImageTextToText.register(PocketConfig, PocketLlava, exist_ok=True)
