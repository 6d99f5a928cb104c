"""The pocket's language model, adapter merged, as a GGUF file for llama.cpp: weights in 8 bits, one scale for 32."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.constants import LlamaFileType, TokenType
from gguf.quants import quantize

LAYOUT = "1"  # raised when `export` writes something else
_BLOCK = 32  # weights that share a scale
_NAMES = {  # of a layer's matrices: ours, and what llama.cpp calls them
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_NORMS = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def export(language, tokenizer, eos: int, path: Path) -> None:
    """Writes `language`, a Llama decoder whose embeddings are its head too, in one move to `path`.

    eos: the token that ends an answer; tokenizer: byte-level BPE.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    writer = GGUFWriter(draft, "llama")
    try:
        _describe(writer, language.config)
        _vocabulary(writer, tokenizer, eos, language.config.vocab_size)
        _weights(writer, language)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _describe(writer: GGUFWriter, config) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)


def _vocabulary(writer: GGUFWriter, tokenizer, eos: int, size: int) -> None:
    """All `size` ids have a token; those that the tokenizer does not know are unused."""
    known = {number: token for token, number in tokenizer.get_vocab().items()}
    special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    kinds = [
        TokenType.UNUSED if n not in known else TokenType.CONTROL if n in special else TokenType.NORMAL
        for n in range(size)
    ]
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([known.get(n, f"[unused {n}]") for n in range(size)])
    writer.add_token_types(kinds)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(eos)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)


def _weights(writer: GGUFWriter, language) -> None:
    config = language.config
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    _add(writer, "token_embd", language.get_input_embeddings().weight)
    _add(writer, "output_norm", language.norm.weight)
    for number, layer in enumerate(language.layers):
        for ours, theirs in _NORMS.items():
            _add(writer, f"blk.{number}.{theirs}", layer.get_submodule(ours).weight)
        for ours, theirs in _NAMES.items():
            weight = layer.get_submodule(ours).weight
            if theirs in heads:
                weight = _interleaved(weight, heads[theirs])
            _add(writer, f"blk.{number}.{theirs}", weight)


def _interleaved(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """(heads * D, F): llama.cpp rotates neighbours, transformers the halves of a head."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _add(writer: GGUFWriter, name: str, weight: torch.Tensor) -> None:
    array = weight.detach().float().cpu().numpy()
    if array.ndim == 1:
        writer.add_tensor(f"{name}.weight", array)
    elif array.shape[1] % _BLOCK:
        writer.add_tensor(f"{name}.weight", array.astype(np.float16))
    else:
        eight = GGMLQuantizationType.Q8_0
        writer.add_tensor(f"{name}.weight", quantize(array, eight), raw_dtype=eight)
