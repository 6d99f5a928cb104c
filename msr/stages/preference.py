"""Rewrite one preference text at every block of the history (arXiv 2408.09698, section 3.3)."""

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
    """Cut the history into consecutive blocks of `size` items, oldest first; the last may be smaller."""
    return tuple(
        Block(n, tuple(item.id for item in history[start : start + size]))
        for n, start in enumerate(range(0, len(history), size))
    )


def described(block: Block, items: Mapping[str, Item], summaries: Mapping[str, ItemSummary]) -> list[Described]:
    """The items of a block with their descriptions, in order: what one step reads."""
    return [(items[item_id], summaries[item_id]) for item_id in block.item_ids]


def update(
    backbone: Backbone,
    previous: str,
    block: Block,
    read: Sequence[Described],
    max_new_tokens: int,
    stop: threading.Event | None = None,
) -> Generator[PreferenceText, None, Preference]:
    """Do one step: yield the text as it grows and, last, the whole text, cleaned; returns that.

    Each state of the text is yielded only when the next one arrives, so exactly one event is final, the last, even if
    the whole text comes at once. Raises StopRequested.
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
    """Write the preferences of several histories at once, one batch for each step; yields all texts after every step.

    Each history is a sequence of blocks. An empty block is skipped, and a history without items has the text "".
    `drafts` holds, for each step, a text that the answers may repeat (`Prompt.draft`). A prompt that histories share
    with each other, or with the run that they vary, is answered once if the backbone caches. Raises StopRequested.
    """
    texts = [""] * len(histories)
    for step in range(max(map(len, histories), default=0)):
        reading = [n for n, history in enumerate(histories) if step < len(history) and history[step]]
        draft = drafts[step] if step < len(drafts) else ""
        asked = [prompts.preference(texts[n], histories[n][step], draft) for n in reading]
        for n, answer in zip(reading, backbone.generate(asked, max_new_tokens, stop), strict=True):
            texts[n] = prompts.clean_answer(answer.text)
        yield list(texts)
