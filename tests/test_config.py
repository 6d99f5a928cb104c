from __future__ import annotations

import pytest

from msr.config import BackboneConfig, Limits, PipelineConfig


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        (PipelineConfig, "block_size", 0),
        (PipelineConfig, "block_size", 21),
        (PipelineConfig, "top", 0),
        (PipelineConfig, "explain_top", -1),
        (PipelineConfig, "describe_batch", 0),
        (PipelineConfig, "max_describe_tokens", 0),
        (PipelineConfig, "max_preference_tokens", 1025),
        (PipelineConfig, "max_rationale_tokens", -5),
        (Limits, "max_title", 0),
        (Limits, "max_pixels", -1),
        (BackboneConfig, "device", "tpu"),
        (BackboneConfig, "weights", "8bit"),
        (BackboneConfig, "dtype", "int8"),
    ],
)
def test_a_bad_value_is_named(config, name, value):
    with pytest.raises(ValueError, match=name) as problem:
        config(**{name: value})
    assert repr(value) in str(problem.value)


def test_defaults_are_valid_and_blocks_have_three_items():
    assert PipelineConfig().block_size == 3
    assert Limits().max_title == 200
    assert BackboneConfig().name == "pocket"


def test_bounds_themselves_are_allowed():
    assert PipelineConfig(block_size=20, top=200, explain_top=0).explain_top == 0
    assert PipelineConfig(block_size=1, top=1).top == 1
