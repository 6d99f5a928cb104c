"""The processor of a checkpoint, for pictures only.

The stock processors of SmolVLM2 and Qwen-VL bring a part for videos, which needs torchvision and more. Pictures do not:
SmolVLM2 reads them as Idefics3 does, with the same tokens, and Qwen-VL's processor does without that part.
"""

from __future__ import annotations

from transformers import AutoConfig, AutoProcessor, Idefics3Processor, Qwen2VLProcessor


class QwenPictures(Qwen2VLProcessor):
    """`Qwen2VLProcessor`, which Qwen2.5-VL's equals, without videos."""

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **kwargs) -> None:
        super().__init__(image_processor, tokenizer, None, chat_template, **kwargs)


_PICTURES_ONLY = {"smolvlm": Idefics3Processor, "qwen2_vl": QwenPictures, "qwen2_5_vl": QwenPictures}


def load(name: str):
    """The processor of a local folder or hub id; errors are those of `AutoProcessor.from_pretrained`."""
    kind = AutoConfig.from_pretrained(name, trust_remote_code=False).model_type
    return _PICTURES_ONLY.get(kind, AutoProcessor).from_pretrained(name, trust_remote_code=False)
