"""The pieces of a run's input that can be taken away, and how each is taken out of the prompts.

A history item, its description and a block work through the preference text and, the description excepted, through
the recent titles; a sentence is a part of the preference; image and title are the candidate's own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from msr import prompts
from msr.schema import UNITS, Block, Item, ItemSummary, Run, Unit
from msr.stages.preference import Described, described

ITEM, DESCRIPTION, BLOCK, SENTENCE, IMAGE, TITLE = KINDS = UNITS
REWRITTEN = (ITEM, DESCRIPTION, BLOCK)  # without one of these, the preference can be written anew
NOT_DESCRIBED = "Not described."
Removed = frozenset[Unit]  # units that are taken away together


@dataclass(frozen=True)
class Inputs:
    """What the scores of a run follow from.

    Ranks are counted among `candidates`. `drafts` are the run's own texts after each block: a preference that is
    written anew often repeats parts of them, which makes writing faster and never different.
    """

    history: tuple[Item, ...]
    blocks: tuple[Block, ...]
    summaries: dict[str, ItemSummary]
    preference: str
    candidates: tuple[Item, ...]
    drafts: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: Run) -> Inputs:
        """The inputs of a finished run; its recommendations are the candidates."""
        own = [preference for preference in run.preferences if not preference.edited]
        return cls(
            run.history,
            tuple(preference.block for preference in own),
            {s.item_id: s for s in run.summaries},
            run.preferences[-1].text,
            run.offered,
            tuple(preference.text for preference in own),
        )


def units(inputs: Inputs, kinds: Collection[str] = KINDS) -> tuple[Unit, ...]:
    """All units of some kinds, in the order of KINDS and of the input.

    Image and title are units if one candidate at least has both: nothing would be left of another. Raises ValueError
    for a kind that is unknown.
    """
    if wrong := set(kinds) - set(KINDS):
        raise ValueError(f"unit {min(wrong)!r}; there are {', '.join(KINDS)}")
    names = {item.id: item.title or item.id for item in inputs.history}
    both = any(apart(candidate) for candidate in inputs.candidates)
    found = {
        ITEM: [Unit(ITEM, item_id, name) for item_id, name in names.items()],
        DESCRIPTION: [Unit(DESCRIPTION, i, inputs.summaries[i].text) for i in names if i in inputs.summaries],
        BLOCK: [Unit(BLOCK, str(b.index), "; ".join(names[i] for i in b.item_ids)) for b in inputs.blocks],
        SENTENCE: [Unit(SENTENCE, str(n), text) for n, text in enumerate(sentences(inputs.preference))],
        IMAGE: [Unit(IMAGE, text="the picture")] if both else [],
        TITLE: [Unit(TITLE, text="the title")] if both else [],
    }
    return tuple(unit for kind in KINDS if kind in kinds for unit in found[kind])


def sentences(text: str) -> list[str]:
    """Sentences and their clauses, cut at a semicolon: often the whole preference is one sentence."""
    return [part for part in re.split(r"(?<=[.!?;])\s+", text.strip()) if part]


def apart(candidate: Item) -> bool:
    """Whether the image or the title can be taken away from the candidate without the other."""
    return bool(candidate.title) and candidate.picture is not None


def absent(inputs: Inputs, removed: Removed) -> set[str]:
    """Ids of the history items that are gone, themselves or with their block."""
    gone = {unit.key for unit in removed if unit.kind == ITEM}
    blocks = {unit.key for unit in removed if unit.kind == BLOCK}
    return gone.union(*(block.item_ids for block in inputs.blocks if str(block.index) in blocks))


def reading_without(inputs: Inputs, removed: Removed) -> list[list[Described]]:
    """What each preference step reads when units are gone; the blocks keep their bounds."""
    gone = absent(inputs, removed)
    mute = {unit.key for unit in removed if unit.kind == DESCRIPTION}
    summaries = {i: replace(s, text=NOT_DESCRIBED) if i in mute else s for i, s in inputs.summaries.items()}
    items = {item.id: item for item in inputs.history}
    return [[pair for pair in described(b, items, summaries) if pair[0].id not in gone] for b in inputs.blocks]


def text_without(inputs: Inputs, removed: Removed) -> str:
    """The preference as it stands, without some of its sentences; "" without all of them."""
    gone = {unit.key for unit in removed if unit.kind == SENTENCE}
    if not gone:
        return inputs.preference
    return " ".join(part for n, part in enumerate(sentences(inputs.preference)) if str(n) not in gone)


def titles_without(inputs: Inputs, removed: Removed, move_up: bool) -> list[str]:
    """Recent titles, oldest first. `move_up`: a title that was too old to be shown takes a free place."""
    gone = absent(inputs, removed)
    titled = [item for item in inputs.history if item.title]
    shown = titled if move_up else titled[-prompts.RECENT_TITLES :]
    return [item.title for item in shown if item.id not in gone]


def candidates_without(candidates: Sequence[Item], removed: Removed) -> list[Item]:
    """The candidates without their image or title; one that has only that stays as it is.

    Raises ValueError if both are removed: of a candidate something must be left to ask about.
    """
    kinds = {unit.kind for unit in removed} & {IMAGE, TITLE}
    if len(kinds) == 2:
        raise ValueError("a candidate without its image and its title is nothing to ask about")
    if not kinds:
        return list(candidates)
    less = {"picture": None} if IMAGE in kinds else {"title": ""}
    return [replace(candidate, **less) if apart(candidate) else candidate for candidate in candidates]
