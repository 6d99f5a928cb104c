"""Tiny, randomly initialised models of the classes that `--backbone` names, each with its processor, a tokenizer of
its family and the chat template of its checkpoints, all built in this process.

`KINDS` holds what each is asked like. The pocket model and the parts in common are in `tests.tiny`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import (
    CLIPVisionConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextProcessor,
    LlavaProcessor,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

from msr.backbones.pocket.assemble import CHAT_TEMPLATE
from msr.backbones.pocket.model import PocketLlava
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.loading import QwenPictures
from tests import tiny

TILE, PATCH = 16, 4  # pixels on a side of what a tower looks at, and of a patch
_PINPOINTS = [[TILE, 2 * TILE], [2 * TILE, TILE], [2 * TILE, 2 * TILE]]
_SHOWN = "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}<image>\n{% endfor %}"
_SAID = "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ part['text'] }}"
LLAVA_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}" + _SHOWN + _SAID + "{{ ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
NEXT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}[INST] " + _SHOWN + _SAID + "{% endfor %} [/INST]"
    "{% else %}{{ ' ' }}" + _SAID + "{% endfor %}</s>{% endif %}{% endfor %}"
)
SMOL_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}:{% else %}{{ ': ' }}{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
QWEN_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


# -- tokenizers ---------------------------------------------------------------------------------------------


def byte_level(special: Sequence[str], **roles: str) -> PreTrainedTokenizerFast:
    """Byte-level BPE, as SmolLM2 and Qwen have it."""
    made = Tokenizer.from_str(tiny.trained())
    made.add_special_tokens(list(special))
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<|endoftext|>", **roles)


@functools.cache
def _pieces() -> str:
    """SentencePiece's BPE with byte fallback, as Llama and Mistral have it: a word's token begins with its space."""
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False)
    trained.train_from_iterator(tiny.SENTENCES, trainer)
    state = json.loads(trained.to_str())["model"]
    vocabulary = state["vocab"] | {f"<0x{byte:02X}>": len(state["vocab"]) + byte for byte in range(256)}
    merges = [tuple(pair) for pair in state["merges"]]
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    space = decoders.Replace("▁", " ")
    made.decoder = decoders.Sequence([space, decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    made.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])])
    made.add_special_tokens(["<unk>", "<s>", "</s>", AddedToken("<image>", normalized=False), "<pad>"])
    return made.to_str()


def sentence_pieces() -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_pieces()),
        bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        additional_special_tokens=["<image>"],
    )  # fmt: skip


def smol_tokenizer() -> PreTrainedTokenizerFast:
    """A turn ends in another token than the tokenizer's end, as with Idefics3."""
    tiles = [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)]
    special = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *tiles]
    return byte_level(special, bos_token="<|im_start|>", eos_token="<|im_end|>", additional_special_tokens=special)


def qwen_tokenizer() -> PreTrainedTokenizerFast:
    special = ["<|vision_start|>", "<|image_pad|>", "<|video_pad|>", "<|vision_end|>"]
    return byte_level(special, eos_token="<|im_end|>", additional_special_tokens=special)


# -- processors ---------------------------------------------------------------------------------------------


def llava_processor() -> LlavaProcessor:
    side = {"height": TILE, "width": TILE}
    pictures = CLIPImageProcessorPil(size={"shortest_edge": TILE}, crop_size=side)
    return LlavaProcessor(pictures, sentence_pieces(), PATCH, "default", LLAVA_TEMPLATE, num_additional_image_tokens=1)


def next_processor() -> LlavaNextProcessor:
    side = {"height": TILE, "width": TILE}
    pictures = LlavaNextImageProcessorPil(size={"shortest_edge": TILE}, crop_size=side, image_grid_pinpoints=_PINPOINTS)
    return LlavaNextProcessor(
        pictures, sentence_pieces(), PATCH, "default", NEXT_TEMPLATE, num_additional_image_tokens=1
    )


def _tiles(kind):
    return kind(size={"longest_edge": 2 * TILE}, max_image_size={"longest_edge": TILE})


def smol_processor(pictures=Idefics3ImageProcessorPil) -> Idefics3Processor:
    return Idefics3Processor(_tiles(pictures), smol_tokenizer(), image_seq_len=4, chat_template=SMOL_TEMPLATE)


def qwen_processor() -> QwenPictures:
    size = {"shortest_edge": TILE**2, "longest_edge": 4 * TILE**2}
    return QwenPictures(Qwen2VLImageProcessorPil(size=size, patch_size=PATCH), qwen_tokenizer(), QWEN_TEMPLATE)


# -- models -------------------------------------------------------------------------------------------------


def _clip() -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=tiny.VISION, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        image_size=TILE, patch_size=PATCH, projection_dim=16, initializer_range=0.2,
    )  # fmt: skip


def _text(words: PreTrainedTokenizerFast) -> dict:
    """The shape of `tiny.text_config`, for configurations of other classes."""
    return {
        "vocab_size": len(words), "hidden_size": tiny.TEXT, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048, "initializer_range": 0.25,
        "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id,
    }  # fmt: skip


def _made(kind, config, *parts: str):
    """The model with weights in `parts` of it large enough that pictures differ."""
    torch.manual_seed(0)
    model = kind(config).eval()
    with torch.no_grad():
        for part in parts:
            for name, weight in model.get_submodule(part).named_parameters():
                if "norm" not in name and "ln_q" not in name:
                    weight.normal_(0, 0.3)
        model.get_input_embeddings().weight[config.image_token_id] = 0  # no answer says it
    return model


def llava_model() -> LlavaForConditionalGeneration:
    words = sentence_pieces()
    config = LlavaConfig(
        vision_config=_clip(), text_config=tiny.text_config(len(words)), tie_word_embeddings=True,
        image_token_index=words.convert_tokens_to_ids("<image>"), image_seq_length=(TILE // PATCH) ** 2,
    )  # fmt: skip
    return _made(LlavaForConditionalGeneration, config, "model.multi_modal_projector")


def decisive_llava() -> LocalBackbone:
    """A LLaVA that `transformers serve` takes decisions with: Yes and No are one token each wherever they stand, and
    the template writes all special tokens."""
    words = tiny.tokenizer()
    words.add_tokens(["Yes", "No"])
    side = {"height": TILE, "width": TILE}
    pictures = CLIPImageProcessorPil(size={"shortest_edge": TILE}, crop_size=side)
    processor = LlavaProcessor(pictures, words, PATCH, "default", CHAT_TEMPLATE, num_additional_image_tokens=1)
    config = LlavaConfig(
        vision_config=_clip(), text_config=tiny.text_config(len(words)), tie_word_embeddings=True,
        image_token_index=words.convert_tokens_to_ids("<image>"), image_seq_length=(TILE // PATCH) ** 2,
    )  # fmt: skip
    model = _made(LlavaForConditionalGeneration, config, "model.multi_modal_projector")
    return LocalBackbone(model, processor, tiny.IDENTITY)


def next_model() -> LlavaNextForConditionalGeneration:
    words = sentence_pieces()
    text = MistralConfig(**_text(words), sliding_window=None)
    config = LlavaNextConfig(
        vision_config=_clip(), text_config=text, tie_word_embeddings=True, image_grid_pinpoints=_PINPOINTS,
        image_token_index=words.convert_tokens_to_ids("<image>"), image_seq_length=(TILE // PATCH) ** 2,
    )  # fmt: skip
    return _made(LlavaNextForConditionalGeneration, config, "model.multi_modal_projector")


def _smol(kind, config_kind):
    words = smol_tokenizer()
    vision = {
        "hidden_size": tiny.VISION, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": TILE, "patch_size": PATCH, "initializer_range": 0.2,
    }  # fmt: skip
    config = config_kind(
        vision_config=vision, text_config=tiny.text_config(len(words)), scale_factor=2, tie_word_embeddings=True,
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return _made(kind, config, "model.connector")


def idefics_model() -> Idefics3ForConditionalGeneration:
    return _smol(Idefics3ForConditionalGeneration, Idefics3Config)


def smolvlm_model() -> SmolVLMForConditionalGeneration:
    return _smol(SmolVLMForConditionalGeneration, SmolVLMConfig)


def _qwen(kind, config_kind, vision: dict):
    words = qwen_tokenizer()
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 1, 1]}
    tokens = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    ids = {f"{role}_token_id": words.convert_tokens_to_ids(f"<|{token}|>") for role, token in tokens.items()}
    config = config_kind(
        vision_config={"depth": 2, "num_heads": 2, "patch_size": PATCH, "initializer_range": 0.2, **vision},
        text_config={**_text(words), "bos_token_id": None, "rope_parameters": rope},
        tie_word_embeddings=True,
        **ids,
    )
    return _made(kind, config, "model.visual.merger")


def qwen2_model() -> Qwen2VLForConditionalGeneration:
    vision = {"embed_dim": 16, "hidden_size": tiny.TEXT, "mlp_ratio": 2}
    return _qwen(Qwen2VLForConditionalGeneration, Qwen2VLConfig, vision)


def qwen25_model() -> Qwen2_5_VLForConditionalGeneration:
    vision = {
        "hidden_size": 16, "out_hidden_size": tiny.TEXT, "intermediate_size": 24,
        "window_size": 2 * TILE // 2, "fullatt_block_indexes": [1],
    }  # fmt: skip
    return _qwen(Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLConfig, vision)


# -- all of them --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One class; `asks(text)` is what its checkpoints' users write by hand: pictures as the image token, in place."""

    kind: type
    model: Callable[[], torch.nn.Module]
    processor: Callable[[], object]
    asks: Callable[[str], str]

    def fits(self, model: torch.nn.Module) -> bool:
        return type(model) is self.kind

    def backbone(self) -> LocalBackbone:
        return LocalBackbone(self.model(), self.processor(), tiny.IDENTITY)


def _asks_smol(text: str) -> str:
    return f"<|im_start|>User:{'' if text.startswith('<image>') else ' '}{text}<end_of_utterance>\nAssistant:"


def _asks_qwen(text: str) -> str:
    shown = text.replace("<image>", "<|vision_start|><|image_pad|><|vision_end|>")
    system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    return f"{system}<|im_start|>user\n{shown}<|im_end|>\n<|im_start|>assistant\n"


def _asks_pocket(text: str) -> str:
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


KINDS = {
    "pocket": Kind(PocketLlava, tiny.pocket_model, tiny.pocket_processor, _asks_pocket),
    "llava": Kind(LlavaForConditionalGeneration, llava_model, llava_processor, lambda text: f"USER: {text} ASSISTANT:"),
    "llava_next": Kind(
        LlavaNextForConditionalGeneration, next_model, next_processor, lambda text: f"[INST] {text} [/INST]"
    ),
    "idefics3": Kind(Idefics3ForConditionalGeneration, idefics_model, smol_processor, _asks_smol),
    "smolvlm": Kind(
        SmolVLMForConditionalGeneration, smolvlm_model, lambda: smol_processor(SmolVLMImageProcessorPil), _asks_smol
    ),
    "qwen2_vl": Kind(Qwen2VLForConditionalGeneration, qwen2_model, qwen_processor, _asks_qwen),
    "qwen2_5_vl": Kind(Qwen2_5_VLForConditionalGeneration, qwen25_model, qwen_processor, _asks_qwen),
}


def backbone(name: str) -> LocalBackbone:
    return tiny.pocket_backbone() if name == "pocket" else KINDS[name].backbone()
