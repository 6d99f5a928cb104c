"""The backbone's contract on tiny models of every class. Tolerances are for float32."""

from __future__ import annotations

import itertools
import math
import threading

import pytest

from msr.backbones.protocol import StopRequested
from msr.backbones.transformers import backbone as local
from msr.backbones.transformers.batching import MUCH
from msr.certainty import NAME
from msr.prompts import Prompt
from msr.schema import Item, YesNo
from tests import tiny, tiny_classes
from tests.backbones import reference
from tests.fakes import COLOURS, picture
from tests.tiny import MIXED, asked

TOLERANCE = 1e-4
BEGIN = "They like striped mugs, " + "red cups and green bowls, " * 10 + "and a blue lamp with a round shade."
ABOUT = (("red", "a mug"), (None, "a much longer title, of a blue shirt"), ("blue", "b"), ("green", "a mug"))
LONG = [asked(*about, BEGIN) for about in ABOUT]


def close(answers: list[YesNo], others: list[YesNo]) -> bool:
    """Equal within the tolerance, one by one."""
    return len(answers) == len(others) and all(
        abs(a.yes - b.yes) < TOLERANCE and abs(a.no - b.no) < TOLERANCE for a, b in zip(answers, others, strict=True)
    )


def alone(backbone, prompts) -> list[YesNo]:
    return [backbone.score([p])[0] for p in prompts]


# -- score ----------------------------------------------------------------------------------------------------


def test_scores_behind_a_shared_prefix_equal_each_prompt_alone(backbone):
    together = backbone.score(list(MIXED))
    assert close(together, alone(backbone, MIXED))
    assert max(a.logit for a in together) - min(a.logit for a in together) > 0.5, "the prompts must differ to matter"


def test_scores_equal_the_models_own_forward_pass(backbone):
    yes, no = backbone.tokens.yes_no()
    last = [reference.logits(backbone, p)[-1] for p in MIXED]
    assert close(backbone.score(list(MIXED)), [YesNo(float(row[yes]), float(row[no])) for row in last])


def test_the_shared_prefix_is_computed_once(backbone):
    backbone.forget()
    with reference.counted(backbone.model.get_decoder()) as sizes:
        first = backbone.score(LONG)
        assert len(sizes) == 2 and sizes[0] == 1
        assert backbone.score(LONG) == first
    assert sizes == [*sizes[:2], sizes[1]], "the next candidates in this context find the prefix"


def test_several_contexts_in_one_call_equal_each_prompt_alone(backbone):
    contexts = ("striped mugs and cups " * 12, "dotted bags and boots " * 15, "striped mugs and lamps " * 12)
    prompts = [asked(*about, text) for text in contexts for about in ABOUT]
    backbone.forget()
    with reference.counted(backbone.model.get_decoder(), axis=1) as lengths:
        together = backbone.score(prompts)
    assert len(lengths) == 1, "they begin with too little in common for a pass of its own"
    assert close(together, alone(backbone, prompts))
    apart = max(
        sum(len(row.ids) for row in backbone.rows([asked(*about, text) for about in ABOUT])) for text in contexts
    )
    assert lengths[0] < apart - 3 * MUCH, "a context stands once in its line"


def test_what_a_context_begins_with_as_the_last_one_did_is_not_read_again(backbone):
    contexts = (f"{BEGIN} Recent: a cup", BEGIN, f"{BEGIN[:-20]} dotted bags", BEGIN[:-40])
    asked_of = [[asked(colour, "a mug", text) for colour in ("red", "blue")] for text in contexts]
    fresh = []
    for prompts in asked_of:
        backbone.forget_prefix()
        fresh.append(backbone.score(prompts))
    assert max(abs(a[0].logit - b[0].logit) for a, b in itertools.pairwise(fresh)) > 1e-3, "contexts must matter"
    backbone.forget_prefix()
    with reference.counted(backbone.model.get_decoder(), axis=1) as sizes:
        for prompts, expected in zip(asked_of, fresh, strict=True):
            assert close(backbone.score(prompts), expected)
    whole = [backbone.shared(prompts) for prompts in asked_of]
    assert sizes[0] == whole[0]
    assert all(read < length for read, length in zip(sizes[2::2], whole[1:], strict=True))


def test_a_longer_neighbour_changes_no_score(backbone):
    short = [asked("red", "a mug"), asked("blue", "b")]
    padded = backbone.score([*short, asked(None, "very long " * 30)])
    assert close(padded[:2], backbone.score(short))


def test_the_order_of_candidates_changes_no_score(backbone):
    order = [3, 0, 4, 2, 1]
    straight = backbone.score(list(MIXED))
    assert close(backbone.score([MIXED[i] for i in order]), [straight[i] for i in order])


@pytest.mark.parametrize("colour", ["red", None])
def test_one_candidate_and_equal_candidates_are_scored(backbone, colour):
    one = backbone.score([asked(colour, "a mug")])
    assert len(one) == 1
    assert close(backbone.score([asked(colour, "a mug")] * 3), one * 3)


def test_prompts_that_share_nothing_but_the_chat_format_are_scored(backbone):
    prompts = [Prompt("Yes?"), Prompt("A question of another kind, with a longer text"), asked("red", "a mug", "Zzz")]
    assert close(backbone.score(prompts), alone(backbone, prompts))


def test_nothing_asked_is_nothing_answered(backbone):
    assert backbone.score([]) == []
    assert backbone.generate([], 5) == []


def test_another_picture_gives_another_score(backbone):
    red, blue = backbone.score([asked("red", "a mug"), asked("blue", "a mug")])
    assert abs(red.logit - blue.logit) > 0.01


# -- generate and stream ------------------------------------------------------------------------------------


def test_an_answer_is_the_greedy_one_and_confidence_its_geometric_mean(backbone):
    for prompt in (MIXED[0], MIXED[4]):
        ids, chances = reference.greedy(backbone, prompt, 6)
        (answer,) = backbone.generate([prompt], 6)
        assert answer.text == backbone.tokens.tokenizer.decode(ids, skip_special_tokens=True).strip()
        assert answer.confidence == pytest.approx(math.exp(sum(chances) / 6), rel=1e-3)


def test_a_batch_answers_as_each_prompt_alone(backbone):
    together = backbone.generate(list(MIXED), 12)
    for answer, prompt in zip(together, MIXED, strict=True):
        (single,) = backbone.generate([prompt], 12)
        assert answer.text == single.text
        assert answer.confidence == pytest.approx(single.confidence, rel=1e-3)


def test_an_answer_that_ends_early_is_not_changed_by_a_longer_neighbour():
    backbone = tiny.pocket_backbone()
    first, second = MIXED[0], MIXED[1]
    ids, chances = reference.greedy(backbone, first, 8)
    others, _ = reference.greedy(backbone, second, 8)
    end = next(k for k in range(2, 8) if ids[k] not in ids[:k] and ids[k] not in others)
    words = backbone.tokens.tokenizer
    words.eos_token = words.convert_ids_to_tokens(ids[end])  # from now on this token ends a turn
    answers = backbone.generate([first, second], 8)
    assert answers[0].text == words.decode(ids[: end + 1]).strip()
    assert answers[0].confidence == pytest.approx(math.exp(sum(chances[: end + 1]) / (end + 1)), rel=1e-3)
    assert answers[1].text == words.decode(others).strip()


@pytest.mark.parametrize("index", range(len(MIXED)))
def test_a_stream_grows_and_ends_with_what_generate_says(backbone, index):
    texts = list(backbone.stream(MIXED[index], 14))
    assert texts[-1] == backbone.generate([MIXED[index]], 14)[0].text
    assert all(len(a) <= len(b) for a, b in zip(texts, texts[1:], strict=False))


def test_a_stream_comes_in_pieces(backbone):
    assert max(len(list(backbone.stream(p, 24))) for p in MIXED[:2]) > 1


def test_a_failure_while_streaming_reaches_the_reader(backbone, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the model broke")

    monkeypatch.setattr(backbone, "_encode", broken)
    with pytest.raises(RuntimeError, match="the model broke"):
        list(backbone.stream(MIXED[0], 5))


# -- stop ---------------------------------------------------------------------------------------------------


def ask(backbone, method: str, stop: threading.Event):
    """One question that takes hundreds of forward passes if nobody stops it (two, to score)."""
    if method == "score":
        return backbone.score(LONG, stop)
    if method == "generate":
        return backbone.generate(list(MIXED), 600, stop)
    return list(backbone.stream(MIXED[0], 600, stop))


@pytest.mark.parametrize("method", ["score", "generate", "stream"])
def test_a_stop_beforehand_computes_nothing(backbone, method):
    stop = threading.Event()
    stop.set()
    with reference.counted(backbone.model.get_decoder()) as sizes, pytest.raises(StopRequested):
        ask(backbone, method, stop)
    assert sizes == []


@pytest.mark.parametrize(("method", "at"), [("score", 1), ("generate", 4), ("stream", 4)])
def test_a_stop_meanwhile_ends_the_work_within_a_forward_pass(backbone, method, at):
    stop = threading.Event()
    backbone.forget()
    language = backbone.model.get_decoder()
    with (
        reference.counted(language, lambda count: stop.set() if count == at else None) as sizes,
        pytest.raises(StopRequested),
    ):
        ask(backbone, method, stop)
    assert at <= len(sizes) <= at + 1
    assert len(backbone.score([MIXED[4]])) == 1, "the backbone serves the next question"


def test_a_stop_ends_the_looking_at_pictures():
    backbone = tiny.pocket_backbone()
    stop = threading.Event()
    prompts = [asked(colour, "a mug") for colour in COLOURS]
    tower = backbone.model.model.vision_tower
    with (
        reference.counted(tower, lambda count: stop.set()) as sizes,
        pytest.raises(StopRequested),
    ):
        backbone.score(prompts, stop)
    assert sizes == [3], "seven pictures are two passes"


def test_a_stream_that_is_closed_early_leaves_no_work(backbone):
    backbone.score([MIXED[4]])  # from here on the thread that works is there
    before = threading.active_count()
    with reference.counted(backbone.model.get_decoder()) as sizes:
        growing = backbone.stream(MIXED[0], 600)
        next(growing)
        growing.close()
        done = len(sizes)
        assert len(backbone.score([MIXED[4]])) == 1, "the turn was given back"
    assert len(sizes) == done + 1 < 600
    assert threading.active_count() == before


def test_all_questions_are_answered_on_one_thread(backbone):
    names = set()
    note = backbone.model.get_decoder().register_forward_pre_hook(
        lambda module, inputs: names.add(threading.current_thread().name)
    )
    try:
        backbone.score([MIXED[4]])
        backbone.generate([MIXED[0]], 2)
        list(backbone.stream(MIXED[0], 2))
        asker = threading.Thread(target=backbone.score, args=([MIXED[4]],))
        asker.start()
        asker.join()
    finally:
        note.remove()
    assert len(names) == 1 and threading.current_thread().name not in names


# -- pictures -----------------------------------------------------------------------------------------------


def test_a_picture_is_looked_at_once(backbone):
    shown = picture("purple", 40)
    prompt = Prompt("<image>\nDescribe the item in one sentence.", (shown,))
    with reference.counted(backbone.model.get_encoder("image")) as sizes:
        backbone.certainty([shown])
        backbone.generate([prompt, prompt], 3)
        list(backbone.stream(prompt, 3))
        backbone.score([prompt, asked(None, "a mug")])
        backbone.certainty([shown])
    assert len(sizes) == 1


def test_pictures_beyond_the_store_are_looked_at_again(monkeypatch):
    monkeypatch.setattr(local, "_PICTURES_KEPT", 2)
    backbone = tiny.pocket_backbone()
    prompts = [asked(colour, "a mug") for colour in COLOURS[:5]]
    together = backbone.score(prompts)
    assert close(together, alone(tiny.pocket_backbone(), prompts))
    assert close(backbone.score(prompts[3:] + prompts[:2]), together[3:] + together[:2])
    assert len(backbone._pictures) <= 4


def test_items_in_a_prompt_are_shown_in_their_order(backbone):
    shown = (picture("red"), picture("blue"))
    straight = Prompt("<image> then <image>", shown)
    swapped = Prompt("<image> then <image>", shown[::-1])
    yes, no = backbone.tokens.yes_no()
    for prompt in (straight, swapped):
        row = reference.logits(backbone, prompt)[-1]
        assert close(backbone.score([prompt]), [YesNo(float(row[yes]), float(row[no]))])
    assert not close(backbone.score([straight]), backbone.score([swapped]))


def test_a_general_model_cannot_tell_how_far_it_knows_a_picture():
    known = tiny_classes.backbone("llava").certainty([picture("red"), picture("blue")])
    assert len(known) == 2 and all(math.isnan(one.name) and one.level == NAME for one in known)


def test_an_item_is_what_prompts_make_of_it(backbone):
    from msr import prompts

    item = Item("1", "a mug", picture("red"))
    ((ids, embeds, places),) = backbone._encode([prompts.describe(item)], None)
    expected = reference.inputs(backbone, prompts.describe(item))["input_ids"][0].tolist()
    assert ids == expected
    assert len(embeds) == places.shape[-1] == len(ids)
