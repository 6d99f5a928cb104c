"""Prompts side by side in a line: who sees what, and where the answers are."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, MistralConfig

from msr.backbones.transformers.batching import MUCH, Row, common, packable, packed

IMAGE = 99


def row(*ids: int) -> Row:
    return Row(list(ids), torch.tensor(ids, dtype=torch.float32)[:, None], torch.arange(len(ids)))


def seen(inputs: dict[str, torch.Tensor], line: int, column: int, before: int = 0) -> list[float]:
    """The tokens that the token at a place sees behind the cache."""
    visible = inputs["attention_mask"][line, 0, column, before:] == 0
    return inputs["inputs_embeds"][line, visible, 0].tolist()


def test_a_prompt_sees_itself_and_what_it_begins_with_alike():
    prompts = [row(1, 2, 3, 4), row(1, 2, 5), row(1, 6, 7), row(8, 9)]
    inputs, line, column = packed(prompts, IMAGE)
    assert line.tolist() == [0] * 4
    assert inputs["inputs_embeds"][0, :, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert inputs["position_ids"].tolist() == [[0, 1, 2, 3, 2, 1, 2, 0, 1]]
    for prompt, at in zip(prompts, column.tolist(), strict=True):
        assert seen(inputs, 0, at) == prompt.ids
    assert seen(inputs, 0, 5) == [1, 6], "a token sees no later one"


def test_the_last_token_and_pictures_are_never_shared():
    same = [row(1, IMAGE, 3), row(1, IMAGE, 3), row(1, 2), row(1, 2)]
    inputs, _, column = packed(same, IMAGE)
    assert inputs["inputs_embeds"][0, :, 0].tolist() == [1, IMAGE, 3, IMAGE, 3, 2, 2]
    assert [seen(inputs, 0, at) for at in column.tolist()] == [prompt.ids for prompt in same]


def test_prompts_that_begin_with_much_alike_stay_together():
    long = list(range(1000, 1000 + 100))
    alike, other = [*long[: MUCH + 1], 1, 2], [*long[: MUCH - 1], *range(70)]
    inputs, line, column = packed([row(*ids) for ids in (long, alike, other)], IMAGE, before=2)
    assert line.tolist() == [0, 0, 1]
    assert inputs["attention_mask"].shape == (2, 1, 102, 104)
    assert (inputs["attention_mask"][..., :2] == 0).all(), "all see what is in the cache"
    for ids, at, number in zip((long, alike, other), column.tolist(), line.tolist(), strict=True):
        assert seen(inputs, number, at, before=2) == ids
    unseeing = (inputs["attention_mask"][..., 2:] != 0).all(-1)
    assert not unseeing.any(), "padding sees something, or its states would not be numbers"


def test_lines_are_about_equally_long():
    lengths = [22, 23, 23, 24, 24, 25, 26, 26, 27, 28, 29, 30] * 5
    prompts = [row(*range(100 * n, 100 * n + length)) for n, length in enumerate(lengths)]
    inputs, line, column = packed(prompts, -1)
    count, width, _ = inputs["inputs_embeds"].shape
    assert count * width < 1.02 * sum(lengths)
    assert 64 < width < 140
    assert len({*zip(line.tolist(), column.tolist(), strict=True)}) == len(prompts)
    for prompt, number, at in zip(prompts, line.tolist(), column.tolist(), strict=True):
        assert seen(inputs, number, at) == prompt.ids


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_positions_of_several_axes_and_the_models_precision_are_kept(dtype):
    rows = [Row([1, 2], torch.ones(2, 4, dtype=dtype), torch.arange(2).expand(3, -1))] * 2
    inputs, *_ = packed(rows, IMAGE)
    assert inputs["position_ids"].shape == (3, 1, 3)
    assert inputs["attention_mask"].dtype == dtype


def test_what_is_common_ends_before_a_difference_a_picture_and_the_last_token():
    assert common([[1, 2, 3, 4], [1, 2, 5, 6]], IMAGE) == 2
    assert common([[1, IMAGE, 3, 4], [1, IMAGE, 3, 5]], IMAGE) == 1
    assert common([[1, 2], [1, 2, 3]], IMAGE) == 1
    assert common([[1, 2, 3]], IMAGE) == 2
    assert common([[1], [1, 2]], IMAGE) == 0


def test_windows_and_attention_with_masks_of_its_own_are_not_packed():
    def config(kind, attention, **more):
        made = kind(num_hidden_layers=2, **more)
        made._attn_implementation = attention
        return made

    assert packable(config(LlamaConfig, "sdpa"))
    assert packable(config(LlamaConfig, "eager"))
    assert not packable(config(LlamaConfig, "flash_attention_2"))
    assert not packable(config(MistralConfig, "sdpa", sliding_window=16))
    assert packable(config(MistralConfig, "sdpa", sliding_window=None))
