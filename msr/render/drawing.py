"""What all figures are drawn with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msr.schema import Item, Picture, Unit

MEASURED = '<span class="tag measured">measured</span>'


@dataclass(frozen=True)
class Pen:
    """`text` makes anything inert HTML, for content and quoted attributes; `address` says where a picture is had."""

    text: Callable[[Any], str]
    address: Callable[[Picture], str]

    def name(self, item: Item) -> str:
        return f"<bdi>{self.text(item.title)}</bdi>" if item.title else "<i>untitled picture</i>"

    def unit(self, unit: Unit) -> str:
        """What a unit is called in a list of its kind."""
        return f"<bdi>{self.text(unit.text)}</bdi>" if unit.text else f"<i>{self.text(unit.kind)}</i>"

    def block(self, unit: Unit) -> str:
        """A block by its place from 1; a recorded run may call it anything."""
        return f"Block {int(unit.key) + 1}" if unit.key.isdecimal() else self.text(unit.key)

    def thumb(self, item: Item | None) -> str:
        """The small picture that stands beside a name, so without a text of its own."""
        if item is None or item.picture is None:
            return '<span class="thumb no-picture" aria-hidden="true">Aa</span>'
        return self.picture(item.picture, "")

    def picture(self, shown: Picture, words: str) -> str:
        return (
            f'<img class="thumb" src="{self.text(self.address(shown))}" alt="{self.text(words)}" '
            f'width="{shown.width}" height="{shown.height}" decoding="async">'
        )

    def listed(self, named: list[str]) -> str:
        """Names, HTML already, as a part of a sentence."""
        return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def figure(kind: str, title: str, body: str, said: str = "") -> str:
    """A figure with its heading; all arguments but `title` are HTML already."""
    about = f"<p>{said}</p>" if said else ""
    return f'<figure class="figure {kind}"><figcaption><h4>{title}</h4>{MEASURED}{about}</figcaption>{body}</figure>'


def awaited(kind: str, title: str) -> str:
    """A figure that is still being measured."""
    return figure(kind, title, '<div class="figure-awaited"><span class="skeleton"></span></div>')


def signed(nats: float) -> str:
    return f"{nats:+.2f}".replace("-", "−") if abs(nats) >= 0.005 else "0.00"


def sign(nats: float) -> str:
    """The class of what helped, hurt, or did neither."""
    return "up" if nats >= 0.005 else "down" if nats <= -0.005 else "none"


def width(nats: float, scale: float) -> str:
    """The share of a full bar, in percent."""
    return f"{100 * min(1.0, abs(nats) / scale):.1f}%"
