"""Models behind one protocol (`base.Backbone`). Only this package imports transformers or peft."""

from __future__ import annotations

from collections.abc import Callable

from msr.backbones.protocol import Backbone, BackboneError
from msr.backbones.transformers import worker
from msr.config import BackboneConfig

__all__ = ["Backbone", "BackboneError", "load"]


def load(
    config: BackboneConfig | None = None, report: Callable[[str, float], None] = lambda message, fraction: None
) -> Backbone:
    """The backbone that `config` names; `report(message, fraction)` hears of the progress.

    Raises:
        BackboneError: it cannot be had; the message says why and what to do.
    """
    config = config or BackboneConfig()
    if config.name == "pocket" and config.weights != "full":
        raise BackboneError("4-bit weights are for large checkpoints; the pocket model comes in full ones only")
    if config.name.startswith("openai:"):
        from msr.backbones.remote import backbone

        return backbone.load(config, report)
    from msr.backbones.transformers import device

    device.hasten(device.pick_device(config.device))  # before there is a thread, whose memory it settles
    return worker.run(lambda: _in_this_process(config, report))


def _in_this_process(config: BackboneConfig, report: Callable[[str, float], None]) -> Backbone:
    if config.name != "pocket":
        from msr.backbones.transformers import loading

        return loading.load(config, report)
    from msr.backbones.pocket import backbone

    return backbone.load(config, report)
