"""The recurrent preference: one text, rewritten at every block of the history (arXiv 2408.09698, section 3.3)."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing

from msr import prompts
from msr.backbones.protocol import Backbone
from msr.events import PreferenceText
from msr.schema import Block, Item, ItemSummary, Preference

Described = tuple[Item, ItemSummary]


def blocks(history: Sequence[Item], size: int) -> tuple[Block, ...]:
    """Consecutive blocks of `size` items, oldest first; the last may be smaller."""
    return tuple(
        Block(n, tuple(item.id for item in history[start : start + size]))
        for n, start in enumerate(range(0, len(history), size))
    )


def described(block: Block, items: Mapping[str, Item], summaries: Mapping[str, ItemSummary]) -> list[Described]:
    """What one step reads: the block's items with their descriptions, in order."""
    return [(items[item_id], summaries[item_id]) for item_id in block.item_ids]


def update(
    backbone: Backbone,
    previous: str,
    block: Block,
    read: Sequence[Described],
    max_new_tokens: int,
    stop: threading.Event | None = None,
) -> Generator[PreferenceText, None, Preference]:
    """One step: yields the growing text, at last the cleaned whole; returns that. Raises StopRequested.

    A text is passed on when the next word of it arrives, so the last event is the only final one even if the whole
    text comes at once.
    """
    text = ""
    with closing(backbone.stream(prompts.preference(previous, read), max_new_tokens, stop)) as growing:
        for grown in growing:
            if text:
                yield PreferenceText(Preference(block, text), final=False)
            text = grown
    finished = Preference(block, prompts.clean_answer(text))
    yield PreferenceText(finished, final=True)
    return finished


def recompute(
    backbone: Backbone,
    histories: Sequence[Sequence[Sequence[Described]]],
    max_new_tokens: int,
    stop: threading.Event | None = None,
    drafts: Sequence[str] = (),
) -> Iterator[list[str]]:
    """Walks several histories at once, one batch a step; yields their texts so far after every step.

    `drafts`: for each step, a text that the answers may repeat (`Prompt.draft`).

    Each history is a sequence of blocks; an empty block is skipped, and a history without items has the text "".
    Prompts that histories share, among them those of a run that is being varied, are answered once if the backbone
    remembers. Raises StopRequested.
    """
    texts = [""] * len(histories)
    for step in range(max(map(len, histories), default=0)):
        reading = [n for n, history in enumerate(histories) if step < len(history) and history[step]]
        draft = drafts[step] if step < len(drafts) else ""
        asked = [prompts.preference(texts[n], histories[n][step], draft) for n in reading]
        for n, answer in zip(reading, backbone.generate(asked, max_new_tokens, stop), strict=True):
            texts[n] = prompts.clean_answer(answer.text)
        yield list(texts)
