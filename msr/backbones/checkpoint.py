"""A backbone chosen by name: a local folder or a hub id of an `AutoModelForImageTextToText` checkpoint."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from transformers import AutoModelForImageTextToText

from msr.backbones import processors
from msr.backbones.base import BackboneError
from msr.backbones.device import four_bit, pick_device, pick_dtype
from msr.backbones.local import LocalBackbone
from msr.backbones.wheels import Report
from msr.config import BackboneConfig


def load(config: BackboneConfig, report: Report) -> LocalBackbone:
    """Loads `config.name`; `config.adapter` may be a LoRA folder ("bundled" means none here).

    Raises:
        BackboneError: the checkpoint or the adapter cannot be loaded, or 4-bit weights are not possible here.
    """
    report(f"Loading {config.name}", 0.1)
    device = pick_device(config.device)
    dtype = pick_dtype(device, config.dtype)
    packed = four_bit(device, dtype) if config.weights == "4bit" else None
    try:
        processor = processors.load(config.name)
        model = AutoModelForImageTextToText.from_pretrained(
            config.name,
            dtype=dtype,
            device_map={"": device},
            quantization_config=packed,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except (OSError, ValueError, ImportError, KeyError) as error:
        first = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
        raise BackboneError(
            f"the backbone {config.name!r} cannot be loaded: {first}. Give a folder with a safetensors image-text "
            "checkpoint and its processor, or use --backbone pocket"
        ) from error
    identity = {
        "name": Path(config.name).name if Path(config.name).is_dir() else config.name,
        "revision": getattr(model.config, "_commit_hash", None) or "local",
        "adapter": None,
        "adapter_sha256": None,
        "device": device.type,
        "dtype": str(dtype).removeprefix("torch.") + (", 4-bit weights" if packed else ""),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }
    backbone = LocalBackbone(model, processor, identity)
    if config.adapter not in ("bundled", "none"):
        from msr.backbones.pocket_backbone import ADAPTER, sha16

        folder = Path(config.adapter)
        try:
            backbone.merge_adapter(str(folder), folder.name, sha16(folder / ADAPTER))
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            raise BackboneError(f"the adapter in {folder} does not fit {config.name}: {error}") from error
    report("The model is ready", 1.0)
    return backbone
