"""llama.cpp writes what the same weights write in PyTorch, stops when it is told to, and leaves pictures alone."""

from __future__ import annotations

import itertools
import math
import re
import threading
from pathlib import Path

import pytest
import torch

from msr import backbones, prompts
from msr.backbones import exported, llamacpp
from msr.backbones.base import BackboneError, StopRequested
from msr.backbones.cached import model_key
from msr.backbones.llamacpp import LlamaCppBackbone, Writer
from msr.cache import TextCache
from msr.config import BackboneConfig
from msr.schema import Item
from tests import tiny
from tests.fakes import picture

pytest.importorskip("xllamacpp", reason="llama.cpp comes with the package xllamacpp (tests/requirements.txt)")

TEXTS = [
    prompts.preference("", [(Item("1", "a red mug"), prompts.ItemSummary("1", "A red plain mug."))]),
    prompts.explain("The user appears to have a preference for navy shirts.", Item("2", "a hat"), "A hat.", True),
    prompts.describe(Item("3", "striped navy shirts and quite a long title")),
]
SEEN = prompts.describe(Item("4", "a mug", picture("red")))
LONG = prompts.Prompt("mug " * 2100)


@pytest.fixture(scope="module")
def plain() -> tiny.PocketBackbone:
    return tiny.pocket_backbone()


def backbone_on(file: Path) -> LlamaCppBackbone:
    made = LlamaCppBackbone(tiny.pocket_model(), tiny.pocket_processor(), tiny.IDENTITY, TextCache())
    made.writer = Writer(file, 1)
    return made


@pytest.fixture(scope="module")
def quick(plain, tmp_path_factory) -> LlamaCppBackbone:
    file = tmp_path_factory.mktemp("export") / "tiny.gguf"
    exported.export(plain.model.get_decoder(), plain.tokens.tokenizer, plain.tokens.eos, file)
    return backbone_on(file)


@pytest.fixture
def exact(plain, tmp_path, monkeypatch) -> LlamaCppBackbone:
    """With weights of 16 bits: random ones decide narrowly, and 8 bits of a row of 32 say too little of them."""
    monkeypatch.setattr(exported, "_BLOCK", 10_000)
    exported.export(plain.model.get_decoder(), plain.tokens.tokenizer, plain.tokens.eos, tmp_path / "tiny.gguf")
    return backbone_on(tmp_path / "tiny.gguf")


def letters(text: str) -> str:
    return "".join(re.findall(r"[ -~]", text))


def test_the_same_weights_write_the_same(plain, exact):
    ours, theirs = plain.generate(TEXTS, 12), exact.generate(TEXTS, 12)
    for one, other in zip(ours, theirs, strict=True):
        assert letters(other.text) == letters(one.text), "random weights write halves of characters too"
    assert len({answer.text for answer in theirs}) == len(TEXTS)
    for prompt in TEXTS:
        (one,), (other,) = plain.generate([prompt], 1), exact.generate([prompt], 1)
        assert math.log(other.confidence) == pytest.approx(math.log(one.confidence), abs=0.01)


def test_eight_bits_change_little(plain, quick):
    for prompt in TEXTS:
        (ours,), (theirs,) = plain.generate([prompt], 1), quick.generate([prompt], 1)
        assert theirs.text == ours.text
        assert math.log(theirs.confidence) == pytest.approx(math.log(ours.confidence), abs=0.3)


def test_a_streamed_text_grows_to_the_generated_one(quick):
    pieces = list(quick.stream(TEXTS[0], 12))
    assert pieces[-1] == quick.generate(TEXTS[:1], 12)[0].text
    assert len(pieces) > 1
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(pieces))


@pytest.mark.parametrize("prompt", [SEEN, LONG], ids=["a picture", "a text that is too long"])
def test_what_llama_cpp_cannot_read_is_written_by_pytorch(plain, quick, monkeypatch, prompt):
    (expected,) = plain.generate([prompt], 5)
    mixed = quick.generate([TEXTS[0], prompt, TEXTS[1]], 5)
    assert mixed[1].text == expected.text
    assert [mixed[0].text, mixed[2].text] == [answer.text for answer in quick.generate([TEXTS[0], TEXTS[1]], 5)]
    monkeypatch.setattr(quick.writer, "write", lambda *args: pytest.fail("llama.cpp was asked"))
    assert list(quick.stream(prompt, 5))[-1] == expected.text


def test_without_the_adapter_pytorch_writes(quick, monkeypatch):
    assert quick.identity()["engine"] == "llama.cpp"
    with quick.adapter_off():
        monkeypatch.setattr(quick.writer, "write", lambda *args: pytest.fail("llama.cpp was asked"))
        assert quick.generate(TEXTS[:1], 3) and quick.identity()["engine"] is None


def test_texts_of_another_engine_are_other_texts(plain, quick):
    assert model_key(quick.identity()) == model_key(plain.identity()) | {"engine": "llama.cpp"}
    assert "engine" not in model_key(plain.identity())


def test_a_stop_ends_the_writing(quick):
    stop = threading.Event()
    growing = quick.stream(TEXTS[0], 90, stop)
    next(growing)
    stop.set()
    with pytest.raises(StopRequested):
        list(growing)
    with pytest.raises(StopRequested):
        quick.generate(TEXTS, 5, stop)
    assert quick.generate(TEXTS, 5), "it can be asked again"


def test_a_stop_in_mid_text_is_heard(quick):
    asked = []

    def check() -> None:
        asked.append(0)
        if len(asked) == 4:
            raise StopRequested

    with pytest.raises(StopRequested):
        quick.writer.write([quick.tokens.prompt_ids(TEXTS[0])], 200, check)
    assert len(asked) == 4


def test_heads_are_rotated_as_llama_cpp_does():
    rows = torch.arange(8.0).unsqueeze(1)  # two heads of four
    assert exported._interleaved(rows, 2).flatten().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_an_export_replaces_nothing_until_it_is_whole(plain, tmp_path, monkeypatch):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"older")
    monkeypatch.setattr(exported, "_weights", lambda *args: (_ for _ in ()).throw(OSError("No space left")))
    with pytest.raises(OSError, match="No space"):
        exported.export(plain.model.get_decoder(), plain.tokens.tokenizer, plain.tokens.eos, file)
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"] and file.read_bytes() == b"older"


def test_an_export_is_made_once_for_an_adapter_and_old_ones_go(quick, tmp_path, monkeypatch):
    monkeypatch.setenv("MSR_CACHE", str(tmp_path))
    made = []
    monkeypatch.setattr(exported, "export", lambda *args: (made.append(args[-1]), args[-1].write_bytes(b"x")))
    for adapter in ("a", "a", "b", "c", "d"):
        monkeypatch.setitem(quick._identity, "adapter_sha256", adapter)
        file = llamacpp._exported(quick, lambda message, fraction: None)
        assert file.exists()
    assert len(made) == 4
    assert len(list((tmp_path / "llama.cpp").iterdir())) == 3


def test_other_models_have_no_such_engine():
    with pytest.raises(BackboneError, match="pocket model's texts only"):
        backbones.load(BackboneConfig("some/model", engine="llama.cpp"))
    with pytest.raises(ValueError, match="engine is 'fast'"):
        BackboneConfig(engine="fast")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(llamacpp.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackboneError, match="pip install xllamacpp"):
        llamacpp.load(BackboneConfig(engine="llama.cpp"), lambda message, fraction: None)
