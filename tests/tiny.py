"""The pocket model with few and random weights, built in this process, and prompts to ask it (other classes:
`tests.tiny_classes`).

It knows nothing, but each step of the real model runs in it: tokenizer, processor, tower, connector, language model.
"""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Dinov2Config,
    LlamaConfig,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

from msr.backbones.pocket.assemble import CHAT_TEMPLATE
from msr.backbones.pocket.backbone import PocketBackbone
from msr.backbones.pocket.model import IMAGE_TOKENS, LAYERS, PocketConfig, PocketLlava
from msr.backbones.pocket.sight import PIECES, Names
from msr.backbones.transformers.adapter import ADAPTER, PROMPT_KEY
from msr.prompts import IMAGE, PROMPT_VERSION, Prompt
from msr.schema import Picture
from msr.storage import TextCache
from tests.fakes import picture
from train.learn.model import LORA_TARGETS

VIEW, PATCH = 32, 4  # pixels on a side of a view and of a patch: 8x8 patches, 2x2 of them a cell
VISION, TEXT = 24, 32  # widths of the tower and of the language model
SEEN = VISION * len(LAYERS)  # features in each row of a view
DEPTH = -min(LAYERS) - 1  # of the tower, whose input is the first of LAYERS
SENTENCES = (
    "Would the user like this item? Answer Yes or No.",
    "The user appears to have a preference for striped navy mugs and red shirts.",
    "Describe the item in one sentence. A red plain mug. No picture. Yes No",
    "Preference so far: none. New items: Rewrite the preference. user assistant",
)


@functools.cache
def trained() -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", IMAGE],
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer.to_str()


def tokenizer(**options) -> PreTrainedTokenizerFast:
    """Byte-level BPE in the pocket model's chat format."""
    made = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(trained()),
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[IMAGE, "<|im_start|>"],
        **options,
    )
    made.chat_template = CHAT_TEMPLATE
    return made


def processor(patch_size: int, additional: int, strategy: str, **options) -> LlavaProcessor:
    side = {"height": VIEW, "width": VIEW}
    return LlavaProcessor(
        image_processor=BitImageProcessorPil(size=side, do_center_crop=False, crop_size=side),
        tokenizer=tokenizer(**options),
        patch_size=patch_size,
        num_additional_image_tokens=additional,
        vision_feature_select_strategy=strategy,
        chat_template=CHAT_TEMPLATE,
    )


def pocket_processor() -> LlavaProcessor:
    return processor(VIEW, IMAGE_TOKENS - 1, "full")


def text_config(vocabulary: int, **options) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=TEXT,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.25,  # large, so that answers differ between prompts
        tie_word_embeddings=True,
        **options,
    )


def pocket_model() -> PocketLlava:
    torch.manual_seed(0)
    words = tokenizer()
    vision = Dinov2Config(
        hidden_size=VISION,
        num_hidden_layers=DEPTH,
        num_attention_heads=2,
        image_size=VIEW,
        patch_size=PATCH,
        initializer_range=0.2,
    )
    config = PocketConfig(
        vision_config=vision,
        text_config=text_config(len(words)),
        image_token_index=words.convert_tokens_to_ids(IMAGE),
        image_seq_length=IMAGE_TOKENS,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
    )
    model = PocketLlava(config).eval()
    with torch.no_grad():  # the projector's default weights would make every picture nearly the same
        for weight in model.model.multi_modal_projector.parameters():
            weight.normal_(0, 0.3)
        sight = model.model.multi_modal_projector.sight
        sight.learn(names(8), 8)
        sight.write.weight *= 0.02  # so that no name is sure
    return model


def names(count: int, **columns: torch.Tensor) -> Names:
    """Names with random spellings, each a thing of its own in one of two groups; half are short, half are of photos."""
    places = torch.arange(count)
    spelling = torch.randn(count, PIECES, TEXT)
    spelling[places % 4 >= 2, 2] = 0.0
    usual = {
        "spelling": spelling,
        "thing": places,
        "broader": places,
        "group": places % 2,
        "photo": places % 2 == 0,
        "groups": torch.randn(2, TEXT),
    }
    return Names(**usual | columns)


IDENTITY = {
    "name": "tiny",
    "revision": "1",
    "tower": "tiny",
    "adapter": None,
    "adapter_sha256": None,
    "device": "cpu",
    "dtype": "float32",
    "versions": {},
}


def pocket_backbone(views: TextCache | None = None) -> PocketBackbone:
    return PocketBackbone(pocket_model(), pocket_processor(), IDENTITY, views or TextCache())


def save_checkpoint(folder: Path) -> Path:
    """The tiny pocket model as the folder that a real one is loaded from."""
    pocket_model().save_pretrained(folder)
    pocket_processor().save_pretrained(folder)
    return folder


def save_adapter(folder: Path, model, targets: str = LORA_TARGETS, seed: int = 3) -> Path:
    """A LoRA for `model` with random weights; `model` is spoiled."""
    torch.manual_seed(seed)
    wrapped = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=targets))
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_" in name:
                weight.normal_(0, 0.2)
    wrapped.save_pretrained(str(folder))
    weights = folder / ADAPTER
    save_file(load_file(weights), weights, {PROMPT_KEY: str(PROMPT_VERSION)})
    return folder


def asked(
    colour: str | None, title: str, preference: str = "The user appears to have a preference for mugs."
) -> Prompt:
    """A recommendation prompt of a candidate with a picture, or without one."""
    shown: tuple[Picture, ...] = (picture(colour),) if colour else ()
    what = f"{IMAGE} " if colour else ""
    return Prompt(f'{preference}\nWould the user like this item? Answer Yes or No.\n{what}"{title}"', shown)


MIXED = (
    asked("red", "a mug"),
    asked(None, "a much longer title than the others have, of a blue shirt"),
    asked("blue", "b"),
    asked("green", "a mug"),
    asked(None, "a mug"),
)
