"""Check a LoRA folder: it must hold safetensors weights and a configuration that loads no code."""

from __future__ import annotations

import json
from pathlib import Path

from msr.intake.files import read_file
from msr.intake.text import IntakeError, shown

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_MAX_CONFIG = 2**20  # bytes
# Settings with which PEFT imports a module that the file names, or reads further files.
_REACHING_OUT = ("auto_mapping", "megatron_config", "loftq_config", "corda_config", "eva_config")


def adapter_folder(path: Path | str) -> Path:
    """The resolved path of a local folder with a LoRA adapter that is safe to load. Raises IntakeError.

    Pickled weights (`.bin`) are refused. The backbone checks whether the shapes fit the model.
    """
    folder = Path(path)
    name = shown(str(path))
    if not folder.is_dir():
        raise IntakeError(f"The adapter {name} is not a local folder. Adapters are not downloaded; give a folder.")
    if not (folder / WEIGHTS).is_file():
        why = " Its .bin weights can hold code and are not read: save it as safetensors." if _pickled(folder) else ""
        raise IntakeError(f"The adapter {name} has no {WEIGHTS}.{why}")
    _check_config(read_file(folder / CONFIG, _MAX_CONFIG, f"The adapter {name}"), f"The adapter {name}: {CONFIG}")
    _check_weights(folder / WEIGHTS, f"The adapter {name}: {WEIGHTS}")
    return folder.resolve()


def _pickled(folder: Path) -> bool:
    return any(p.suffix in (".bin", ".pt", ".pth", ".pkl") for p in folder.iterdir())


def _check_config(data: bytes, where: str) -> None:
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise IntakeError(f"{where} is not a JSON object.")
    if config.get("peft_type") != "LORA":
        raise IntakeError(f"{where}: peft_type is {shown(str(config.get('peft_type')))}; only LORA is read.")
    if wild := [key for key in _REACHING_OUT if config.get(key)]:
        raise IntakeError(f"{where}: {wild[0]} could load code or further files. Save the adapter without it.")


def _check_weights(path: Path, where: str) -> None:
    """Read the header, so that a truncated file is found now and not while a model is loaded."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as tensors:
            names = list(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise IntakeError(f"{where} is damaged ({shown(str(error))}). Copy it again.") from None
    if not any("lora_" in name for name in names):
        raise IntakeError(f"{where} holds no LoRA weights.")
