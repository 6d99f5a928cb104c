from __future__ import annotations

import math
import zlib

import pytest

from msr import prompts
from msr.backbones.wrappers import CachedBackbone
from msr.events import Explained, StageProgress
from msr.evidence.pipeline import influence
from msr.evidence.units import Inputs
from msr.schema import Item, ItemSummary, Recommendation, YesNo
from msr.stages.preference import blocks, described, update
from msr.storage import TextCache
from tests.fakes import FakeBackbone, items, picture


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def run(fake, history, descriptions, candidates, size=3, *, regenerate=True):
    """Events, recommendations with influence, and the preference of the whole history."""
    backbone = CachedBackbone(fake, TextCache())
    cut = blocks(history, size)
    summaries = {item.id: ItemSummary(item.id, text) for item, text in zip(history, descriptions, strict=True)}
    by_id = {item.id: item for item in (*history, *candidates)}
    texts = [""]
    for block in cut:
        *_, last = update(backbone, texts[-1], block, described(block, by_id, summaries), 90)
        texts.append(last.preference.text)
    answers = backbone.score([prompts.recommend(texts[-1], [item.title for item in history], c) for c in candidates])
    scored = zip(candidates, answers, strict=True)
    recommended = tuple(Recommendation(n, c.id, c.title, a.score) for n, (c, a) in enumerate(scored, start=1))
    given = Inputs(tuple(history), cut, summaries, texts[-1], tuple(candidates), tuple(texts[1:]))
    work = influence(backbone, given, recommended, tuple(answers), 90, regenerate=regenerate)
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as end:
            return events, end.value, texts[-1]


def regenerated(*args):
    """Deltas of each recommendation by history id, where the preference is written anew."""
    return _deltas(run(*args)[1], "regenerated")


def direct(*args):
    """The same where it stays."""
    return _deltas(run(*args, regenerate=False)[1], "direct")


def _deltas(recommended, reading):
    assert {e.reading for r in recommended for e in r.influence} == {reading}
    return [{e.history_id: e.delta for e in r.influence} for r in recommended]


def test_deltas_by_hand_where_the_preference_text_changes():
    history = [Item("h0", "plain mug", picture("red")), Item("h1", "striped mug", picture("blue"))]
    asked = FakeBackbone(), history, ["A red plain mug.", "A blue striped mug."], [Item("c", "red"), Item("d", "mug")]
    _, _, text = run(*asked)
    (red, mug), (red_direct, mug_direct) = regenerated(*asked), direct(*asked)
    assert text == "The user appears to have a preference for mug."
    # "red" is nowhere in the whole context: logit -2. Without h1 the text is "... mug and plain and red.": logit
    # -1.5. Without h0 it is "... blue and mug and striped.": still -2. Striking a title alone changes nothing.
    assert red == {"h0": 0.0, "h1": pytest.approx(sigmoid(-2.0) - sigmoid(-1.5))}
    assert red_direct == {"h0": 0.0, "h1": 0.0}
    # "mug" is in the text and in two titles: logit -0.5; without either item, in the text and in one title: -1.
    helped = pytest.approx(sigmoid(-0.5) - sigmoid(-1.0))
    assert mug == {"h0": helped, "h1": helped}
    assert mug_direct == {"h0": helped, "h1": helped}


def test_without_its_only_item_a_history_has_no_preference():
    fake = FakeBackbone()
    history = [Item("h0", "plain mug", picture("red"))]
    asked = fake, history, ["A red plain mug."], [Item("c", "mug")]
    # whole: in the text and in the title (-1); nothing known (-2); the text alone (-1.5)
    assert regenerated(*asked) == [{"h0": pytest.approx(sigmoid(-1.0) - sigmoid(-2.0))}]
    assert direct(*asked) == [{"h0": pytest.approx(sigmoid(-1.0) - sigmoid(-1.5))}]
    assert any(p.text.startswith(f"{prompts.UNKNOWN}\nWould") for p in fake.prompts["score"])


class Sensitive(FakeBackbone):
    """Every preference text is one of a kind, so nothing is shared by accident."""

    def _answer(self, prompt):
        return f"Text {zlib.crc32(prompt.text.encode())}."


def test_an_item_leaves_its_own_block_and_the_others_keep_their_bounds():
    fake = Sensitive()
    run(fake, items(5), ["A mug."] * 5, [Item("c", "mug")], size=2)
    titles = [item.title for item in items(5)]
    read = [
        [titles.index(line.split('"')[1]) for line in prompt.text.splitlines() if line.startswith("-")]
        for prompt in fake.prompts["generate"]
    ]
    assert read[:2] == [[1], [0]], "first block, without h0 and without h1; otherwise it is known from the run"
    assert read[2:6] == [[2, 3], [2, 3], [3], [2]], "second block, without h0, h1, h2 and h3"
    assert read[6:] == [[4]] * 4, "third block, without any but h4; without h4 it is empty"


class Half(FakeBackbone):
    def identity(self):
        return {**super().identity(), "dtype": "bfloat16"}


@pytest.mark.parametrize("fake, times", [(FakeBackbone(), 1), (Half(), 2)])
def test_the_ranking_is_scored_again_only_in_half_precision(fake, times):
    history, candidate = items(2), Item("c", "mug")
    _, _, text = run(fake, history, ["A mug.", "A red mug."], [candidate])
    whole = prompts.recommend(text, [item.title for item in history], candidate)
    assert fake.prompts["score"].count(whole) == times


def test_no_prompt_is_answered_twice():
    fake = FakeBackbone()
    run(fake, items(7), [f"A mug of kind {n}." for n in range(7)], [Item("c", "mug")], size=3)
    written = fake.prompts["generate"] + fake.prompts["stream"]
    assert len(written) == len(set(written))
    assert len(fake.prompts["score"]) == len(set(fake.prompts["score"]))


def test_one_generate_batch_a_block_and_few_scoring_calls():
    fake = Sensitive()
    history = items(7)
    run(fake, history, [f"A mug of kind {n}." for n in range(7)], [Item("c", "mug"), Item("d", "lamp")], size=3)
    assert fake.calls["generate"] == 3
    assert len(fake.prompts["generate"]) == 3 + 6 + 6
    assert fake.calls["score"] == 1 + 1


def test_a_title_that_is_not_shown_has_no_direct_influence():
    history = items(10)  # a prompt shows the last 8 titles
    (first,) = direct(FakeBackbone(), history, ["A mug."] * 10, [Item("c", "mug")])
    assert first["h0"] == first["h1"] == 0.0
    assert first["h2"] > 0.0  # "dotted mug"


def test_equal_titles_are_told_apart():
    fake = FakeBackbone()
    history = [Item("h0", "mug", picture("red")), Item("h1", "mug", picture("blue")), Item("h2", "", picture("green"))]
    (mug,) = direct(fake, history, ["A red mug.", "A blue mug.", "A green item."], [Item("c", "mug")])
    assert mug["h0"] == mug["h1"] > 0.0, "one of two equal titles is struck, not both"
    assert mug["h2"] == 0.0
    assert not any('Recent: ""' in prompt.text for prompt in fake.prompts["score"])


def test_the_whole_is_scored_in_the_same_batch_as_its_variations():
    class Batchy(FakeBackbone):
        """Scores that depend on the batch, as rounding does in half precision."""

        def identity(self):
            return {**super().identity(), "dtype": "bfloat16"}

        def score(self, prompts, stop=None):
            return [YesNo(a.yes + n * 0.1, a.no) for n, a in enumerate(super().score(prompts, stop))]

    candidates = [Item("c", "lamp"), Item("d", "lamp shade")]
    _, recommended, _ = run(Batchy(), items(2), ["A red mug.", "A blue mug."], candidates)
    assert [e.delta for r in recommended for e in r.influence] == [0.0] * 4, "no item has to do with lamps"


def test_rows_are_ordered_and_events_end_in_the_explained():
    history = items(4)
    events, recommended, _ = run(FakeBackbone(), history, ["A mug."] * 4, [Item("c", "mug"), Item("d", "lamp")])
    rows = [(e.history_id, e.reading) for e in recommended[1].influence]
    assert rows == [(f"h{n}", "regenerated") for n in range(4)]
    assert [(r.rank, r.item_id) for r in recommended] == [(1, "c"), (2, "d")]
    # 2 blocks and 4 items
    assert events[:-2] == [StageProgress("influence", done, 6) for done in range(7)]
    assert events[-2:] == [Explained(r) for r in recommended]
