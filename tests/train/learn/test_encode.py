"""Examples as tensors: labels on answers alone, the scorer's own prompts, candidates that do not see each other."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import torch

from msr import prompts
from msr.backbones.transformers.batching import common
from msr.certainty import GROUP
from msr.prompts import Prompt
from msr.schema import Item, ItemSummary
from tests import tiny
from tests.fakes import picture
from tests.tiny import MIXED, SEEN, asked
from tests.train.tiny_run import CONFIG, STORE, draw
from train.learn.encode import IGNORE, Batch, Encoder, Steps
from train.learn.loop import fit
from train.teach.examples import Example, Slate

RED, BLUE = picture("red"), picture("blue")
MUG = Item("1", "a red mug", RED)
SHIRT = Item("2", "", BLUE)
HAT = Item("3", "a hat")
PREFERENCE = "The user appears to have a preference for mugs."
EVERY_PROMPT = {
    "describe": prompts.describe(MUG),
    "describe without title": prompts.describe(SHIRT, GROUP),
    "describe without picture": prompts.describe(HAT),
    "preference": prompts.preference(PREFERENCE, [(MUG, ItemSummary("1", "A red mug.")), (HAT, ItemSummary("3", "?"))]),
    "recommend": prompts.recommend(PREFERENCE, ["a hat", "a mug"], MUG),
    "recommend without title": prompts.recommend("", [], SHIRT),
    "explain": prompts.explain(PREFERENCE, HAT, "A hat.", True),
}
EXAMPLES = [
    Example(EVERY_PROMPT["describe"], "A red plain mug."),
    Example(EVERY_PROMPT["describe without picture"], "Not pictured: a hat, and quite a long answer."),
    Example(EVERY_PROMPT["preference"], "Yes"),
]


@pytest.fixture(scope="module")
def encoder(learner) -> Encoder:
    return learner.encoder()


def view(digest: str) -> torch.Tensor:
    return torch.randn(17, SEEN + 6, generator=torch.Generator().manual_seed(sum(digest.encode())))


def views(keys: list[str]) -> torch.Tensor:
    return torch.stack([view(key) for key in keys]) if keys else torch.empty(0)


# -- answers ------------------------------------------------------------------------------------------------


def test_only_answer_tokens_carry_a_label(encoder):
    batch = encoder.answers(EXAMPLES)
    words = encoder.tokens.tokenizer
    for row, example in enumerate(EXAMPLES):
        labelled = batch.labels[row] != IGNORE
        answer = [*words(example.answer, add_special_tokens=False)["input_ids"], words.eos_token_id]
        start = len(encoder.prompt_ids(example.prompt))
        assert labelled.nonzero().flatten().tolist() == list(range(start, start + len(answer)))
        assert batch.labels[row][labelled].tolist() == batch.ids[row][labelled].tolist() == answer


def test_a_row_is_the_prompt_the_answer_and_masked_padding(encoder):
    batch = encoder.answers(EXAMPLES)
    lengths = batch.mask.sum(1).tolist()
    assert max(lengths) == batch.ids.shape[1] > min(lengths)
    for row, example in enumerate(EXAMPLES):
        prompt = encoder.prompt_ids(example.prompt)
        assert batch.ids[row, : len(prompt)].tolist() == prompt
        assert batch.mask[row].tolist() == [1] * lengths[row] + [0] * (batch.ids.shape[1] - lengths[row])
        assert (batch.ids[row, lengths[row] :] == encoder.tokens.pad).all()
    assert batch.pictures == [RED.digest]
    assert batch.tokens == batch.ids.numel()


@pytest.mark.parametrize("name", EVERY_PROMPT)
def test_the_training_prefix_is_the_scorers_prompt_token_for_token(encoder, name):
    prompt = EVERY_PROMPT[name]
    backbone = tiny.pocket_backbone()
    ((scored, _, _),) = backbone._encode([prompt], None)
    assert encoder.prompt_ids(prompt) == scored
    assert encoder.tokens.yes_no() == backbone.tokens.yes_no()


@pytest.mark.parametrize("name", EVERY_PROMPT)
def test_a_prompt_ends_where_the_answer_begins(encoder, name):
    ids = encoder.prompt_ids(EVERY_PROMPT[name])
    text = encoder.tokens.tokenizer.decode(ids)
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n"), "nothing of an answer follows"
    assert text.count("<|im_start|>") == 2


def test_the_order_of_pictures_is_the_order_of_the_prompts(encoder):
    batch = encoder.answers([Example(prompts.describe(i), "A.") for i in (SHIRT, HAT, MUG, SHIRT)])
    assert batch.pictures == [BLUE.digest, RED.digest, BLUE.digest]


# -- slates -------------------------------------------------------------------------------------------------

OTHERS = tuple(prompts.recommend("A much longer preference text of another user.", ["a hat"], i) for i in (HAT, MUG))
SLATES = [Slate(MIXED, (True, False, False, True, False)), Slate(OTHERS, (False, True))]


def full_prompt_logit(learner, encoder: Encoder, prompt: Prompt) -> float:
    """Yes minus No at the end of one whole prompt: plain causal attention, every logit computed."""
    ids = torch.tensor([encoder.prompt_ids(prompt)])
    places, pictures = torch.arange(ids.shape[1])[None], [p.digest for p in prompt.pictures]
    plain = Batch(ids, places, pictures, torch.ones_like(ids))
    logits = learner.head(learner.hidden(plain, views(plain.pictures)))[0, -1]
    yes, no = learner.yes_no
    return float(logits[yes] - logits[no])


@torch.inference_mode()
def test_packed_candidates_score_as_their_full_prompts_alone(learner, encoder):
    batch = encoder.slates(SLATES)
    packed = learner.answer_logits(batch, views(batch.pictures))
    alone = [full_prompt_logit(learner, encoder, p) for slate in SLATES for p in slate.prompts]
    torch.testing.assert_close(packed, torch.tensor(alone), atol=1e-4, rtol=0)
    assert max(alone) - min(alone) > 0.1


@torch.inference_mode()
def test_a_candidate_does_not_see_the_others(learner, encoder):
    other = asked("yellow", "quite another thing")
    one, two = (encoder.slates([Slate((MIXED[0], MIXED[1], last), (True, False, False))]) for last in (MIXED[2], other))
    first, second = (learner.answer_logits(b, views(b.pictures)) for b in (one, two))
    torch.testing.assert_close(first[:2], second[:2], atol=1e-5, rtol=0)
    assert abs(float(first[2] - second[2])) > 1e-3


def test_a_slate_holds_its_prefix_once_and_no_answer(encoder):
    batch = encoder.slates(SLATES[:1])
    full = [encoder.prompt_ids(p) for p in MIXED]
    prefix = common(full, encoder.tokens.image)
    assert prefix > 20
    assert batch.ids.shape == (1, prefix + sum(len(f) - prefix for f in full))
    ends = [int(column) for _, column in batch.reads]
    assert [batch.ids[0, e].item() for e in ends] == [f[-1] for f in full], "read at the end of each prompt"
    assert [int(batch.positions[0, e]) for e in ends] == [len(f) - 1 for f in full]
    assert batch.liked.tolist() == [True, False, False, True, False]


def test_every_read_belongs_to_its_slate(encoder):
    batch = encoder.slates(SLATES)
    assert batch.slate.tolist() == batch.reads[:, 0].tolist() == [0] * 5 + [1] * 2
    assert batch.labels is None and batch.mask is None


class WhoEncodes:
    """Stands in for an encoder: what it makes of examples is how many they are, and the process it was in."""

    def encode(self, examples):
        return len(examples), os.getpid()


def numbered(rng):
    """A step whose task is the first number that its generator gives, with seven examples."""
    return str(rng.random()), list(range(7))


@pytest.mark.parametrize("workers", [0, 2])
def test_steps_come_in_order_and_follow_from_seed_and_number(workers):
    steps = Steps(numbered, WhoEncodes(), 5, 3)
    made = list(steps.iterate(range(4, 9), workers))
    assert [step.task for step in made] == [steps[number].task for number in range(4, 9)]
    assert len({step.task for step in made}) == 5
    assert [[size for size, _ in step.parts] for step in made] == [[3, 2, 2]] * 5, "seven are dealt out to three parts"
    elsewhere = {pid for step in made for _, pid in step.parts} - {os.getpid()}
    assert len(elsewhere) == workers


def test_fewer_examples_than_parts_make_a_part_each():
    (step,) = Steps(lambda rng: ("few", [1, 2]), WhoEncodes(), 5, 3).iterate(range(1), 0)
    assert [size for size, _ in step.parts] == [1, 1]


def test_a_run_with_workers_learns_what_one_without_does(make_learner, tmp_path):
    alone = fit(make_learner(seed=1), CONFIG, draw, STORE, tmp_path / "alone")
    fed = fit(make_learner(seed=1), replace(CONFIG, workers=2), draw, STORE, tmp_path / "fed")
    assert fed["losses"] == alone["losses"]
    assert (fed["tokens"], fed["pairs"]) == (alone["tokens"], alone["pairs"])
