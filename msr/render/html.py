"""HTML that the page, the figures and the report share: escaping, items, numbers, influence and figures.

`text` is the one way from a string to HTML: every title and every model's text goes through it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msr.schema import Influence, Item, Picture, Unit

# Gradio compiles the HTML that it shows as a JavaScript template literal, so these are neutralised as well.
_TEMPLATE_MARKS = str.maketrans({"\\": "&#92;", "`": "&#96;", "$": "&#36;", "{": "&#123;", "}": "&#125;"})


class Addresses(Protocol):
    """Where pictures are served."""

    def url(self, picture: Picture) -> str: ...


class Inline:
    """Addresses that hold the pictures themselves, for a page that needs nothing else."""

    def url(self, picture: Picture) -> str:
        return picture.data_url()


def text(value: Any, limit: int = 2_000) -> str:
    """`value` as inert HTML, for content and for quoted attributes; over-long strings are cut."""
    plain = str(value)
    if len(plain) > limit:
        plain = plain[: limit - 1] + "…"
    return _inert(plain)


def _inert(plain: str) -> str:
    return html.escape(plain, quote=True).translate(_TEMPLATE_MARKS)


def notice(kind: str, title: str, lines: list[str] | None = None) -> str:
    """A calm message; `kind` is problem or hint. All arguments are plain text."""
    points = "".join(f"<li>{text(line)}</li>" for line in lines or [])
    role = "alert" if kind == "problem" else "note"
    body = f"<ul>{points}</ul>" if points else ""
    return f'<div class="notice {text(kind)}" role="{role}"><p>{text(title)}</p>{body}</div>'


# Items and the units of a run


def name(item: Item) -> str:
    """What to call an item in a sentence, as HTML; `bdi` keeps a right-to-left title from turning its surroundings."""
    return f"<bdi>{text(item.title)}</bdi>" if item.title else "<i>untitled picture</i>"


def plain_name(item: Item) -> str:
    """What to call an item in an attribute, escaped."""
    return text(item.title) if item.title else "untitled picture"


def unit_name(unit: Unit) -> str:
    """What to call a unit in a list of its kind, as HTML."""
    return f"<bdi>{text(unit.text)}</bdi>" if unit.text else f"<i>{text(unit.kind)}</i>"


def block_name(unit: Unit) -> str:
    """A block by its place, from 1; a recorded run may call it anything."""
    return f"Block {int(unit.key) + 1}" if unit.key.isdecimal() else text(unit.key)


def listed(names: Sequence[str]) -> str:
    """Names, HTML already, as a part of a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def thumb(item: Item | None, media: Addresses, extra: str = "", beside_name: bool = False) -> str:
    """The picture of an item, or a tile that says that there is none.

    `extra` are more CSS classes. A screen reader skips a picture that stands `beside_name`, or it would say it twice.
    """
    if item is None or item.picture is None:
        spoken = 'aria-hidden="true"' if beside_name else 'role="img" aria-label="no picture"'
        return f'<span class="{_classes("thumb no-picture", extra)}" {spoken}><span>Aa</span></span>'
    return image(item.picture, media, "" if beside_name else plain_name(item), extra)


def image(shown: Picture, media: Addresses, alt: str, extra: str = "") -> str:
    """A picture; `alt` is what it shows, escaped already."""
    return (
        f'<img class="{_classes("thumb", extra)}" src="{_inert(media.url(shown))}" alt="{alt}" '
        f'width="{shown.width}" height="{shown.height}" decoding="async">'
    )


# Numbers


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


def signed(nats: float) -> str:
    """A signed difference of logits; what rounds to zero has no sign."""
    return f"{nats:+.2f}".replace("-", "−") if abs(nats) >= 0.005 else "0.00"


def sign(nats: float) -> str:
    """The CSS class of what helped, counted against, or did neither."""
    return "up" if nats >= 0.005 else "down" if nats <= -0.005 else "none"


def bar_width(nats: float, scale: float) -> str:
    """The width of a bar in percent, of which 100 means `scale` or more."""
    return f"{100 * min(1.0, abs(nats) / scale):.1f}%"


# Influence of history items


@dataclass(frozen=True)
class Reading:
    """What taking one history item away did to one score; None where it was not measured."""

    item: Item
    regenerated: float | None
    direct: float | None

    @property
    def main(self) -> float:
        """The reading that a bar shows: the preference written anew, if there is one."""
        return self.regenerated if self.regenerated is not None else self.direct or 0.0


def paired(history: Sequence[Item], influence: Sequence[Influence]) -> list[Reading]:
    """Both readings of every history item that has one, in the order of the history."""
    found = {(row.history_id, row.reading): row.delta for row in influence}
    pairs = [Reading(i, found.get((i.id, "regenerated")), found.get((i.id, "direct"))) for i in history]
    return [r for r in pairs if r.regenerated is not None or r.direct is not None]


def influence_table(readings: Sequence[Reading], media: Addresses | None = None) -> str:
    """Every history item with its points, in a column for each reading that was measured.

    Items have their pictures if `media` says where these are.
    """
    columns = [
        (heading, values)
        for heading, values in (
            ("preference written anew", [r.regenerated for r in readings]),
            ("text left as it is", [r.direct for r in readings]),
        )
        if any(value is not None for value in values)
    ]
    heads = "".join(f'<th scope="col">{heading}</th>' for heading, _ in columns)
    rows = "".join(
        f'<tr><th scope="row"><div>{thumb(r.item, media) if media else ""}<span>{name(r.item)}</span></div></th>'
        + "".join(f"<td>{_points_cell(values[n])}</td>" for _, values in columns)
        + "</tr>"
        for n, r in enumerate(readings)
    )
    return (
        '<table class="influences"><caption>Points of P(Yes) that each history item adds, found by leaving it out'
        f'</caption><thead><tr><th scope="col">Without</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _points_cell(delta: float | None) -> str:
    if delta is None:
        return '<span class="quiet">–</span>'
    kind = "up" if delta >= 0.0005 else "down" if delta <= -0.0005 else "none"
    return f'<span class="delta {kind}">{points(delta)}</span>'


# Figures of measured evidence


def figure(kind: str, title: str, body: str, said: str = "") -> str:
    """A figure with its heading; `body` and the sentences in `said` are HTML already."""
    about = f"<p>{said}</p>" if said else ""
    return (
        f'<figure class="figure {kind}"><figcaption><h4>{text(title)}</h4><span class="tag measured">measured</span>'
        f"{about}</figcaption>{body}</figure>"
    )


def awaited_figure(kind: str, title: str) -> str:
    """A figure that is still being measured."""
    return figure(kind, title, '<div class="figure-awaited"><span class="skeleton"></span></div>')


def unavailable_figure(kind: str, title: str, why: str) -> str:
    """A figure that cannot be measured; `why` is plain text."""
    return figure(kind, title, f'<p class="figure-closed">{text(why)}</p>')


def scale_legend(strongest: float) -> str:
    """The scale of colours, from what counts against to what helps."""
    return (
        f'<p class="figure-scale"><span>counts against {signed(-strongest)}</span><i aria-hidden="true"></i>'
        f"<span>{signed(strongest)} helps</span></p>"
    )


def _classes(own: str, extra: str) -> str:
    return f"{own} {extra}" if extra else own
