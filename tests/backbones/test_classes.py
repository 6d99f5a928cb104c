"""What differs between the classes: tiles, shapes, positions, templates, and processors without their video part."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from msr.backbones.transformers import loading
from msr.backbones.transformers.tokens import ChatTokens
from msr.config import BackboneConfig
from msr.prompts import Prompt, quoted
from msr.schema import Picture, YesNo
from tests import tiny_classes
from tests.backbones import reference
from tests.backbones.test_local import close
from tests.tiny import MIXED, asked
from tests.tiny_classes import KINDS

SHAPES = ((24, 24), (60, 20), (20, 60), (64, 64), (9, 30))
BY_SHAPE = ("llava_next", "qwen2_vl", "qwen2_5_vl")  # how many tokens a picture takes
STOCK = {"smolvlm": "SmolVLMProcessor", "qwen2_vl": "Qwen2VLProcessor", "qwen2_5_vl": "Qwen2_5_VLProcessor"}


def shaped(size: tuple[int, int]) -> Picture:
    """A picture whose left and upper parts differ from the rest."""
    width, height = size
    image = Image.new("RGB", size, "white")
    image.paste((200, 30, 30), (0, 0, width // 2, height))
    image.paste((20, 40, 160), (0, 0, width, height // 3))
    return Picture.from_pixels(image)


PROMPTS = [Prompt('The user likes mugs.\n<image> "a mug"', (shaped(size),)) for size in SHAPES]
TWO = Prompt("<image> and then <image>, like it?", (shaped(SHAPES[1]), shaped(SHAPES[2])))


def expected(backbone, prompt: Prompt) -> YesNo:
    """By transformers' own forward pass."""
    row = reference.logits(backbone, prompt)[-1]
    return YesNo(*(float(row[token]) for token in backbone.tokens.yes_no()))


def test_pictures_of_any_shape_score_as_in_the_models_own_forward_pass(backbone):
    asked = [*PROMPTS, TWO]
    assert close(backbone.score(asked), [expected(backbone, prompt) for prompt in asked])
    assert close(backbone.score(PROMPTS), [backbone.score([prompt])[0] for prompt in PROMPTS])


def test_a_generation_goes_on_from_pictures_of_any_shape(backbone):
    for answer, prompt in zip(backbone.generate([TWO, *PROMPTS[:2]], 5), [TWO, *PROMPTS[:2]], strict=True):
        ids, _ = reference.greedy(backbone, prompt, 5)
        assert answer.text == backbone.tokens.tokenizer.decode(ids, skip_special_tokens=True).strip()


def test_a_window_of_attention_shorter_than_the_prefix_changes_nothing(monkeypatch):
    made = tiny_classes.MistralConfig
    monkeypatch.setattr(tiny_classes, "MistralConfig", lambda **shape: made(**shape | {"sliding_window": 16}))
    backbone = tiny_classes.backbone("llava_next")
    assert backbone.shared(MIXED) > 16
    assert close(backbone.score(MIXED), [expected(backbone, prompt) for prompt in MIXED])
    other = [asked(colour, "a mug", "The user appears to have a preference for bags.") for colour in ("red", "blue")]
    assert close(backbone.score(other), [expected(backbone, prompt) for prompt in other]), "nothing is cut back"
    monkeypatch.undo()
    assert not close(backbone.score(MIXED), tiny_classes.backbone("llava_next").score(MIXED)), "the window must matter"


def test_layers_that_keep_a_state_have_every_prompt_computed_whole():
    backbone = tiny_classes.backbone("llava")
    scores = backbone.score(MIXED)
    backbone.model.config.text_config.layer_types = ["full_attention", "linear_attention"]
    with reference.counted(backbone.model.get_decoder()) as sizes:
        assert close(backbone.score(MIXED), scores)
    assert sizes == [len(MIXED)]


@pytest.mark.parametrize("name", BY_SHAPE)
def test_a_picture_takes_tokens_by_its_shape(name):
    backbone = tiny_classes.backbone(name)
    backbone.score(PROMPTS)
    sizes = {size: len(backbone._pictures[shaped(size).digest].tokens) for size in SHAPES}
    assert len(set(sizes.values())) > 1
    for seen in backbone._pictures.values():
        assert seen.ids.count(backbone.tokens.image) == len(seen.tokens)


@pytest.mark.parametrize("name", ["qwen2_vl", "qwen2_5_vl"])
def test_positions_follow_the_shape_of_a_picture(name):
    backbone = tiny_classes.backbone(name)
    (row,) = backbone._encode([PROMPTS[1]], None)  # 60x20 pixels: 16x4 patches, 8x2 cells
    places = row.positions[:, torch.tensor(row.ids) == backbone.tokens.image]
    first = places[0, 0]
    time, high, wide = (places - first).tolist()
    assert (time, high, wide) == ([0] * 16, [0] * 8 + [1] * 8, [*range(8), *range(8)])
    after = row.ids.index(backbone.tokens.image) + 16
    assert row.positions[:, after].tolist() == [int(first) + 8] * 3


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_stays_where_it_stands_so_that_candidates_share_what_is_before(name):
    processor = KINDS[name].processor()
    before, after = KINDS[name].asks('likes mugs\n<image> "a mug"').split(processor.image_token)
    assert ChatTokens(processor).chat('likes mugs\n<image> "a mug"') == [before, after]
    assert "likes mugs" in before and "a mug" in after


@pytest.mark.parametrize("name", KINDS)
def test_ids_are_those_of_the_whole_text_though_what_is_shared_is_tokenised_once(name):
    tokens = ChatTokens(KINDS[name].processor())
    image = tokens._processor.image_token
    said = ['likes mugs\n<image> "a mug"', "likes mugs\n<image>", "<image> and  <image>two", "no picture"]
    shown = [[[tokens.image]] * text.count("<image>") for text in said]
    whole = [tokens._tokenized(image.join(tokens.chat(text)))["input_ids"] for text in said]
    assert tokens.prompts_ids(said, shown) == whole
    assert tokens._splits, "or nothing was gained"


@pytest.mark.parametrize(
    ("name", "yes", "end"),
    [
        ("pocket", "Yes", "<|im_end|>"),
        ("llava", "▁Yes", "</s>"),
        ("llava_next", "▁Yes", "</s>"),
        ("idefics3", "ĠYes", "<end_of_utterance>"),
        ("smolvlm", "ĠYes", "<end_of_utterance>"),
        ("qwen2_vl", "Yes", "<|im_end|>"),
    ],
)
def test_answers_begin_and_end_as_the_template_writes_them(name, yes, end):
    tokens = ChatTokens(KINDS[name].processor())
    words = tokens.tokenizer
    assert words.convert_ids_to_tokens(tokens.yes_no()[0]) == yes
    assert words.convert_ids_to_tokens(tokens.eos) == end
    assert set(tokens.ends) == {tokens.eos, words.eos_token_id}
    assert tokens.answer_ids("Yes")[0] == tokens.yes_no()[0]
    assert words.decode(tokens.answer_ids("A red mug.")[:-1]).strip() == "A red mug."


def test_a_template_that_ends_in_a_space_leaves_it_to_the_answer():
    processor = KINDS["llava"].processor()
    plain = ChatTokens(processor)
    before, answers = plain.prompt_ids("Hello"), plain.yes_no()
    processor.chat_template = processor.chat_template.replace("'ASSISTANT:'", "'ASSISTANT: '")
    spaced = ChatTokens(processor)
    assert spaced.prompt_ids("Hello") == before
    assert spaced.yes_no() == answers


def test_an_answer_that_would_melt_into_the_prompt_is_refused():
    processor = KINDS["pocket"].processor()
    processor.chat_template = processor.chat_template.replace("assistant\n{% endif %}", "An answer: Y{% endif %}")
    with pytest.raises(ValueError, match="one token"):
        ChatTokens(processor).answer_ids("es")


@pytest.mark.parametrize("name", KINDS)
def test_no_title_holds_a_special_token(name):
    tokens = ChatTokens(KINDS[name].processor())
    special = tokens.tokenizer.all_special_tokens
    title = quoted(" mug ".join(special), limit=2000)
    assert len(special) > 1 and title.count("mug") == len(special) - 1
    assert not {*tokens.tokenizer(title, add_special_tokens=False)["input_ids"]} & {*tokens.tokenizer.all_special_ids}


@pytest.mark.parametrize("name", [name for name in KINDS if name != "pocket"])
def test_a_checkpoint_loads_as_it_is_published(name, tmp_path):
    made = tiny_classes.backbone(name)
    made.model.save_pretrained(tmp_path)
    made.processor.save_pretrained(tmp_path)
    described = tmp_path / "processor_config.json"
    stored = json.loads(described.read_text())
    stored["processor_class"] = STOCK.get(name, stored["processor_class"])
    described.write_text(json.dumps(stored))
    loaded = loading.load(BackboneConfig(str(tmp_path), "none", "cpu", "float32"), lambda message, fraction: None)
    assert close(loaded.score([*MIXED, *PROMPTS]), made.score([*MIXED, *PROMPTS]))
