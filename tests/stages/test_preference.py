from __future__ import annotations

import pytest

from msr.backbones.wrappers import CachedBackbone
from msr.events import PreferenceText
from msr.schema import Block, ItemSummary
from msr.stages.preference import blocks, described, recompute, update
from msr.storage import TextCache
from tests.fakes import FakeBackbone, items

HISTORY = items(6)
DESCRIBED = [
    (item, ItemSummary(item.id, text))
    for item, text in zip(
        HISTORY,
        ["A red mug.", "A blue mug.", "A red lamp.", "A blue lamp.", "A red lamp.", "A red bag."],
        strict=True,
    )
]


def finish(work):
    """The events in order, and the returned value."""
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as end:
            return events, end.value


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (0, 3, []),
        (1, 3, [["h0"]]),
        (3, 3, [["h0", "h1", "h2"]]),
        (5, 2, [["h0", "h1"], ["h2", "h3"], ["h4"]]),
    ],
)
def test_blocks_are_consecutive_and_the_last_may_be_smaller(count, size, expected):
    cut = blocks(items(count), size)
    assert [list(block.item_ids) for block in cut] == expected
    assert [block.index for block in cut] == list(range(len(expected)))


def test_a_step_reads_the_previous_text_and_its_own_block_only():
    fake = FakeBackbone()
    summaries = {item.id: summary for item, summary in DESCRIBED}
    block = Block(1, ("h2", "h3"))
    read = described(block, {item.id: item for item in HISTORY}, summaries)
    finish(update(fake, "The user likes mugs.", block, read, 90))
    (prompt,) = fake.prompts["stream"]
    assert prompt.text == (
        "Preference so far: The user likes mugs.\n"
        "New items:\n"
        '- "dotted mug": A red lamp.\n'
        '- "checked shirt": A blue lamp.\n'
        "Rewrite the preference."
    )


def test_the_text_grows_and_ends_in_one_final_event():
    block = Block(0, ("h0", "h1"))
    events, returned = finish(update(FakeBackbone(), "", block, DESCRIBED[:2], 90))
    texts = [event.preference.text for event in events]
    assert texts[0] == "The"
    assert all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:], strict=False))
    assert texts[-1] == "The user appears to have a preference for mug."
    assert [event.final for event in events] == [False] * (len(events) - 1) + [True]
    assert returned == events[-1].preference
    assert returned.block == block


def test_a_known_text_is_one_final_event():
    fake = FakeBackbone()
    cached = CachedBackbone(fake, TextCache())
    block = Block(0, ("h0", "h1"))
    first, returned = finish(update(cached, "", block, DESCRIBED[:2], 90))
    events, again = finish(update(cached, "", block, DESCRIBED[:2], 90))
    assert len(first) > 1
    assert events == [PreferenceText(returned, final=True)]
    assert again == returned
    assert fake.calls["stream"] == 1


def test_the_final_text_is_cleaned():
    class Rambling(FakeBackbone):
        def _answer(self, prompt):
            return "Likes mugs. And also <|im_end|> it"

    events, returned = finish(update(Rambling(), "", Block(0, ("h0",)), DESCRIBED[:1], 90))
    assert returned.text == "Likes mugs."
    assert events[-1].preference.text == "Likes mugs."


def test_closing_an_update_closes_the_stream():
    fake = FakeBackbone()
    work = update(fake, "", Block(0, ("h0",)), DESCRIBED[:1], 90)
    next(work)
    assert fake.streaming == 1
    work.close()
    assert fake.streaming == 0


def test_recompute_walks_histories_in_step_and_equals_one_by_one():
    fake = FakeBackbone()
    first, second = [DESCRIBED[:2], DESCRIBED[2:4]], [DESCRIBED[1:2], DESCRIBED[2:4], DESCRIBED[4:]]
    steps = list(recompute(fake, [first, second], 90))
    assert fake.calls["generate"] == 3, "one batch a step"
    assert len(steps) == 3
    for n, history in enumerate((first, second)):
        text = ""
        for block in history:
            text = finish(update(FakeBackbone(), text, Block(0, ()), block, 90))[1].text
        assert steps[-1][n] == text


def test_recompute_skips_empty_blocks_and_knows_nothing_of_nobody():
    fake = FakeBackbone()
    steps = list(recompute(fake, [[DESCRIBED[:2], [], DESCRIBED[4:]], [DESCRIBED[:2], DESCRIBED[4:]], [[]]], 90))
    assert steps[-1][0] == steps[-1][1] != ""
    assert steps[-1][2] == ""
    assert list(recompute(fake, [], 90)) == []


def test_recompute_answers_a_shared_prompt_once():
    fake = FakeBackbone()
    cached = CachedBackbone(fake, TextCache())
    known = finish(update(cached, "", Block(0, ()), DESCRIBED[:2], 90))[1].text
    histories = [[DESCRIBED[:2], DESCRIBED[2:3]], [DESCRIBED[:2], DESCRIBED[3:4]], [DESCRIBED[:2], DESCRIBED[2:3]]]
    steps = list(recompute(cached, histories, 90))
    assert steps[0] == [known] * 3
    assert len(fake.prompts["generate"]) == 2, "the first block was streamed before, two second blocks are equal"


def test_recomputed_texts_are_cleaned_before_they_are_read_again():
    class Rambling(FakeBackbone):
        def _answer(self, prompt):
            return "Likes mugs. And also <|im_end|> it"

    fake = Rambling()
    steps = list(recompute(fake, [[DESCRIBED[:2], DESCRIBED[2:4]]], 90))
    assert steps == [["Likes mugs."], ["Likes mugs."]]
    assert fake.prompts["generate"][1].text.startswith("Preference so far: Likes mugs.\nNew items:")


def test_recompute_drafts_each_step_with_its_own_text():
    fake = FakeBackbone()
    list(recompute(fake, [[DESCRIBED[:2], DESCRIBED[2:4]]], 90, drafts=["Likes mugs.", "Likes lamps."]))
    assert [prompt.draft for prompt in fake.prompts["generate"]] == ["Likes mugs.", "Likes lamps."]
