"""Words of the preference text and of the candidate's title, shaded by what each adds to the logit."""

from __future__ import annotations

from msr.render.drawing import Pen, figure, sign, signed
from msr.schema import Measured, Word

TITLE = "Which words it read"
_PARTS = {"preference": "The preference text", "title": "The candidate's title"}
_DEEPEST = 42  # percent of colour behind the strongest word; more would make it hard to read


def words(found: Measured, pen: Pen) -> str:
    strongest = max((abs(word.weight) for word in found.words), default=0.0) or 1.0
    body = "".join(
        f"<section><h5>{name}</h5><p>{' '.join(_word(word, strongest, pen) for word in part)}</p></section>"
        for key, name in _PARTS.items()
        if (part := [word for word in found.words if word.part == key])
    )
    most = sorted(found.words, key=lambda word: -abs(word.weight))[:3]
    listed = ", ".join(f"“{pen.text(word.text)}” {signed(word.weight)}" for word in most)
    said = (
        "Gradient times input of each word, in nats of the Yes-minus-No logit: a first-order estimate, not a removal. "
        f"Strongest: {listed}."
    )
    return figure("words", TITLE, f"{legend(strongest)}{body}", said)


def legend(strongest: float) -> str:
    """The scale of colours, from what counts against to what helps."""
    return (
        f'<p class="figure-scale"><span>counts against {signed(-strongest)}</span><i aria-hidden="true"></i>'
        f"<span>{signed(strongest)} helps</span></p>"
    )


def _word(word: Word, strongest: float, pen: Pen) -> str:
    depth = _DEEPEST * abs(word.weight) / strongest
    return f'<span class="word {sign(word.weight)}" style="--d:{depth:.1f}%">{pen.text(word.text)}</span>'
