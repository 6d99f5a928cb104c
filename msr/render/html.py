"""The one way from a string to HTML: every title and every model's text goes through `text`."""

from __future__ import annotations

import html
from typing import Any, Protocol

from msr.schema import Item, Picture

# Gradio compiles the HTML that it shows as a JavaScript template literal, so these are neutralised as well.
_TEMPLATE_MARKS = str.maketrans({"\\": "&#92;", "`": "&#96;", "$": "&#36;", "{": "&#123;", "}": "&#125;"})


class Addresses(Protocol):
    """Where pictures are served."""

    def url(self, picture: Picture) -> str: ...


def text(value: Any, limit: int = 2_000) -> str:
    """`value` as inert HTML, for content and for quoted attributes; over-long strings are cut."""
    plain = str(value)
    if len(plain) > limit:
        plain = plain[: limit - 1] + "…"
    return html.escape(plain, quote=True).translate(_TEMPLATE_MARKS)


def percent(score: float) -> str:
    """A probability as people read it; the ends are not rounded to certainty."""
    if 0 < score < 0.001:
        return "< 0.1 %"
    if 0.999 < score < 1:
        return "> 99.9 %"
    return f"{score * 100:.1f} %"


def points(delta: float) -> str:
    """A signed difference of probabilities in percentage points."""
    return f"{delta * 100:+.1f}".replace("-", "−")


def name(item: Item) -> str:
    """What to call an item in a sentence, as HTML; `bdi` keeps a right-to-left title from turning its surroundings."""
    return f"<bdi>{text(item.title)}</bdi>" if item.title else "<i>untitled picture</i>"


def plain_name(item: Item) -> str:
    """What to call an item in an attribute, escaped."""
    return text(item.title) if item.title else "untitled picture"


def thumb(item: Item, media: Addresses, extra: str = "") -> str:
    """The picture of an item, or a tile that says that there is none."""
    if item.picture is None:
        return f'<span class="thumb no-picture {extra}" role="img" aria-label="no picture"><span>Aa</span></span>'
    return (
        f'<img class="thumb {extra}" src="{text(media.url(item.picture))}" alt="{plain_name(item)}" '
        f'width="{item.picture.width}" height="{item.picture.height}" decoding="async">'
    )


def notice(kind: str, title: str, lines: list[str] | None = None) -> str:
    """A calm message; `kind` is problem or hint. All arguments are plain text."""
    listed = "".join(f"<li>{text(line)}</li>" for line in lines or [])
    role = "alert" if kind == "problem" else "note"
    body = f"<ul>{listed}</ul>" if listed else ""
    return f'<div class="notice {text(kind)}" role="{role}"><p>{text(title)}</p>{body}</div>'
