"""Each unit takes itself out of the prompts, and nothing else."""

from __future__ import annotations

import pytest

from msr import prompts
from msr.events import Finished
from msr.evidence.probe import Probe
from msr.evidence.units import Inputs, sentences, units
from msr.pipeline import Pipeline
from msr.schema import Item, Unit
from tests.evidence.worlds import inputs, probe, shown
from tests.fakes import FakeBackbone, catalogue, items

TEXT = "The user likes mugs; earlier lamps. One item had no title."
GIVEN = inputs(["red mug", "blue lamp", "red bag", "old chair"], [shown("c", "mug"), Item("d", "lamp")], TEXT)


def asked(reading: str, *removed: Unit) -> tuple[list[str], list[str]]:
    """The texts of the scoring prompts and of the generation prompts."""
    backbone = FakeBackbone()
    list(probe(GIVEN, backbone).logits([frozenset(removed)], reading))
    return [p.text for p in backbone.prompts["score"]], [p.text for p in backbone.prompts["generate"]]


def unit(kind: str, key: str = "") -> Unit:
    (found,) = [u for u in units(GIVEN) if (u.kind, u.key) == (kind, key)]
    return found


def test_units_are_listed_by_kind_with_words_for_a_reader():
    told = [(u.kind, u.key, u.text) for u in units(GIVEN, ("item", "block", "sentence", "image", "title"))]
    assert told[:4] == [("item", f"h{n}", GIVEN.history[n].title) for n in range(4)]
    assert told[4:6] == [("block", "0", "red mug; blue lamp; red bag"), ("block", "1", "old chair")]
    assert told[6:9] == [("sentence", str(n), part) for n, part in enumerate(sentences(TEXT))]
    assert told[9:] == [("image", "", "the picture"), ("title", "", "the title")]
    assert sentences(TEXT) == ["The user likes mugs;", "earlier lamps.", "One item had no title."]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'page'"):
        units(GIVEN, ("item", "page"))


def test_directly_only_the_title_of_an_item_goes():
    (first, _), written = asked("direct", unit("item", "h1"))
    assert first.splitlines()[0] == TEXT
    assert first.splitlines()[1] == 'Recent: "red mug"; "red bag"; "old chair"'
    assert not written


def test_regenerated_the_item_was_never_there():
    scored, written = asked("regenerated", unit("item", "h1"))
    assert len(written) == 2, "two blocks"
    assert not any("blue lamp" in text for text in [*scored, *written])
    assert "red mug" in written[0] and "red bag" in written[0]


def test_a_block_goes_with_all_of_its_items():
    scored, written = asked("regenerated", unit("block", "0"))
    assert len(written) == 1
    assert 'Recent: "old chair"' in scored[0]


def test_a_description_leaves_the_title():
    scored, written = asked("regenerated", unit("description", "h0"))
    assert '"red mug": Not described.' in written[0]
    assert '"blue lamp": A blue lamp.' in written[0]
    assert '"red mug"' in scored[0]


def test_a_sentence_goes_and_the_others_stay():
    (first, _), written = asked("direct", unit("sentence", "1"))
    assert first.splitlines()[0] == "The user likes mugs; One item had no title."
    assert not written
    (first, _), _ = asked("direct", *(unit("sentence", str(n)) for n in range(3)))
    assert first.splitlines()[0] == prompts.UNKNOWN


def test_image_and_title_go_where_the_other_is_left():
    scored, _ = asked("direct", unit("image"))
    assert [text.splitlines()[-1] for text in scored] == ['"mug"', '"lamp"']
    scored, _ = asked("direct", unit("title"))
    assert [text.splitlines()[-1] for text in scored] == [prompts.IMAGE, '"lamp"']
    with pytest.raises(ValueError, match="nothing to ask about"):
        asked("direct", unit("image"), unit("title"))


def test_sentences_of_a_text_that_is_written_anew_cannot_go():
    with pytest.raises(ValueError, match="direct"):
        asked("regenerated", unit("item", "h0"), unit("sentence", "0"))


def test_a_finished_run_knows_its_inputs():
    *_, done = Pipeline(FakeBackbone()).run(items(4), catalogue(5), top=3)
    assert isinstance(done, Finished)
    given = Inputs.of(done.run)
    (logits,) = Probe(FakeBackbone(), given).logits([frozenset()], "direct")
    scored = {c.item_id: c.answer.logit for c in done.run.scores}
    assert logits == tuple(scored[item.id] for item in given.candidates)
    assert len(units(given, ("item", "block"))) == 6
