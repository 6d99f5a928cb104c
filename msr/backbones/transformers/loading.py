"""Loads any local folder or hub id of an `AutoModelForImageTextToText` checkpoint as a backbone.

Pictures are all that is read. The stock processors of SmolVLM2 and Qwen-VL bring a part for videos, which needs
torchvision and more; here SmolVLM2's pictures are read as Idefics3 reads them, with the same tokens, and Qwen-VL's
processor is used without its part for videos.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, Idefics3Processor, Qwen2VLProcessor

from msr.backbones.pocket.wheels import Report
from msr.backbones.protocol import BackboneError, in_a_line
from msr.backbones.transformers.adapter import add_adapter
from msr.backbones.transformers.backbone import LocalBackbone
from msr.backbones.transformers.device import four_bit, pick_device, pick_dtype
from msr.config import BackboneConfig
from msr.prompts import IMAGE, Prompt
from msr.schema import Picture

_TRIED = "Is grass green?"  # read once at loading: do tokenizer, chat template and picture processor fit?


class QwenPictures(Qwen2VLProcessor):
    """`Qwen2VLProcessor` without videos; Qwen2.5-VL's processor is the same."""

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **kwargs) -> None:
        super().__init__(image_processor, tokenizer, None, chat_template, **kwargs)


_PICTURES_ONLY: dict[str, Any] = {"smolvlm": Idefics3Processor, "qwen2_vl": QwenPictures, "qwen2_5_vl": QwenPictures}


def load_processor(name: str):
    """The processor of a local folder or hub id; errors are those of `AutoProcessor.from_pretrained`."""
    kind = AutoConfig.from_pretrained(name, trust_remote_code=False).model_type
    return _PICTURES_ONLY.get(kind, AutoProcessor).from_pretrained(name, trust_remote_code=False)


def load(config: BackboneConfig, report: Report) -> LocalBackbone:
    """Load `config.name`; `config.adapter` may be a LoRA folder ("bundled" means none here).

    Raises:
        BackboneError: the checkpoint or the adapter cannot be loaded, or 4-bit weights are not possible here.
    """
    report(f"Loading {config.name}", 0.1)
    device = pick_device(config.device)
    dtype = pick_dtype(device, config.dtype)
    packed = four_bit(device, dtype) if config.weights == "4bit" else None
    try:
        processor = load_processor(config.name)
        loaded: Any = AutoModelForImageTextToText.from_pretrained(
            config.name,
            dtype=dtype,
            device_map={"": device},
            quantization_config=packed,
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        model, found = loaded
        wrong = sorted({*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])})
        if wrong:  # transformers would fill them with random numbers
            raise ValueError(f"{len(wrong)} of its weights are missing or have another shape, {wrong[0]} for one")
        backbone = LocalBackbone(model, processor, _identity(config, model, device.type, dtype, packed is not None))
        shown = Picture.from_pixels(Image.new("RGB", (64, 64), "red"))
        backbone.reading([Prompt(_TRIED), Prompt(f"{IMAGE}\n{_TRIED}", (shown,))])
        backbone.forget()
    except Exception as error:  # each library reports a wrong file in its own way
        raise BackboneError(
            f"the backbone {config.name!r} cannot be loaded: {in_a_line(error)}. Give a folder with a safetensors "
            "image-text checkpoint and its processor, or use --backbone pocket"
        ) from error
    if config.adapter not in ("bundled", "none"):
        folder = Path(config.adapter)
        add_adapter(backbone, folder, folder.name, config.name)
    report("The model is ready", 1.0)
    return backbone


def _identity(config: BackboneConfig, model, device: str, dtype, packed: bool) -> dict[str, Any]:
    return {
        "name": Path(config.name).name if Path(config.name).is_dir() else config.name,
        "revision": getattr(model.config, "_commit_hash", None) or "local",
        "adapter": None,
        "adapter_sha256": None,
        "device": device,
        "dtype": str(dtype).removeprefix("torch.") + (", 4-bit weights" if packed else ""),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }
