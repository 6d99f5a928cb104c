"""Models behind one protocol (`protocol.Backbone`). In msr, only this package imports transformers or peft."""

from __future__ import annotations

from collections.abc import Callable

from msr.backbones.protocol import Backbone, BackboneError
from msr.backbones.transformers import worker
from msr.config import BackboneConfig

__all__ = ["Backbone", "BackboneError", "load"]


def load(
    config: BackboneConfig | None = None, report: Callable[[str, float], None] = lambda message, fraction: None
) -> Backbone:
    """Load the backbone that `config` names; `report(message, fraction)` is called with the progress.

    Raises:
        BackboneError: it cannot be loaded; the message says why and what to do.
    """
    config = config or BackboneConfig()
    if config.name == "pocket" and config.weights != "full":
        raise BackboneError("4-bit weights are for large checkpoints; leave --weights out for the pocket model")
    if config.name.startswith("openai:"):
        from msr.backbones.remote import backbone

        return backbone.load(config, report)
    from msr.backbones.transformers import device

    device.hasten(device.pick_device(config.device))  # before there are threads, whose memory it sets up
    return worker.run(lambda: _in_this_process(config, report))


def _in_this_process(config: BackboneConfig, report: Callable[[str, float], None]) -> Backbone:
    if config.name != "pocket":
        from msr.backbones.transformers import loading

        return loading.load(config, report)
    from msr.backbones.pocket import backbone

    return backbone.load(config, report)
