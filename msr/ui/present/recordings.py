"""Recorded runs as cards to watch without a model."""

from __future__ import annotations

from msr.ui.html import text
from msr.ui.shelf import Shelf

RECORDINGS_SCRIPT = """
element.addEventListener('click', (event) => {
  const card = event.target.closest('button[data-recording]');
  if (card) trigger('present', { key: card.dataset.recording });
});
"""


def recordings(shelf: Shelf) -> str:
    """A button for each recorded run; nothing where there is none."""
    if not shelf.recorded:
        return ""
    cards = "".join(
        f'<button type="button" data-recording="{text(kept.key)}"><span class="play" aria-hidden="true"></span>'
        f"<span><b>{text(kept.name)}</b><small>{len(kept.run.history)} items, {len(kept.run.preferences)} "
        f"preference texts</small></span></button>"
        for kept in shelf.recorded
    )
    head = '<p><span class="tag recorded">recorded</span> Watch a run, no model needed</p>'
    return f'<div class="recordings">{head}{cards}</div>'
