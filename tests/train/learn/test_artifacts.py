"""What training leaves behind is what the app loads: the same scores, and no weight beside the published ones."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from msr.backbones.pocket import assemble
from msr.backbones.pocket import backbone as pocket_backbone
from msr.backbones.protocol import BackboneError
from msr.backbones.transformers.adapter import PROMPT_KEY, sha16
from msr.config import BackboneConfig
from msr.prompts import PROMPT_VERSION
from msr.schema import InputProblem
from tests import tiny
from tests.tiny import MIXED
from train.learn import artifacts
from train.learn.model import Learner
from train.teach.examples import Slate


@pytest.fixture(scope="module")
def run(learner, tmp_path_factory):
    """A run folder with the saved weights."""
    folder = tmp_path_factory.mktemp("run") / "sft"
    artifacts.save(learner, folder)
    return folder


def silent(message: str, fraction: float) -> None:
    pass


@pytest.fixture
def served(monkeypatch, checkpoint, run, tmp_path):
    """Loads the tiny pocket model as the app loads the real one."""
    monkeypatch.setenv("MSR_CACHE", str(tmp_path))
    monkeypatch.setattr(assemble, "fetch", lambda report: checkpoint)
    monkeypatch.setattr(assemble, "ASSETS", run)

    def load(adapter: str):
        return pocket_backbone.load(BackboneConfig("pocket", adapter, "cpu", "float32"), silent)

    return load


@torch.inference_mode()
def learned(learner, backbone) -> torch.Tensor:
    """The learner's packed Yes-minus-No logits, on the views that the backbone sees."""
    batch = learner.encoder().slates([Slate(MIXED, (True, False, False, False, False))])
    shown = {p.digest: p for prompt in MIXED for p in prompt.pictures}
    seen = backbone.model.model.see(backbone._pixels([shown[d] for d in batch.pictures])).half().float()
    return learner.answer_logits(batch, seen)


def test_the_app_scores_as_training_did(learner, served, run):
    backbone = served("bundled")
    scores = torch.tensor([a.logit for a in backbone.score(list(MIXED))])
    # The saved weights are in half precision.
    torch.testing.assert_close(scores, learned(learner, backbone), atol=0.05, rtol=0)
    with backbone.adapter_off():
        base = torch.tensor([a.logit for a in backbone.score(list(MIXED))])
    assert (base - scores).abs().max() > 0.5, "the adapter must matter here"
    identity = backbone.identity()
    assert identity["adapter"] == "bundled"
    assert identity["adapter_sha256"] == sha16(run / "adapter_model.safetensors")


def test_the_adapter_names_the_prompts_that_it_was_trained_with(run):
    with safe_open(run / "adapter_model.safetensors", framework="pt") as weights:
        assert weights.metadata()[PROMPT_KEY] == str(PROMPT_VERSION)


def test_a_run_folder_is_an_adapter_and_none_is_the_base(served, run):
    named, bare = served(str(run)), served("none")
    assert named.identity()["adapter"] == "sft"
    assert bare.identity()["adapter"] is None
    with named.adapter_off():
        assert named.score(list(MIXED)) == bare.score(list(MIXED))


def test_an_adapter_of_another_model_is_one_clear_error(served, tmp_path):
    weights = tiny.save_adapter(tmp_path / "other", tiny.pocket_model()) / "adapter_model.safetensors"
    wider = {n: torch.zeros(w.shape[0], w.shape[1] + 1) for n, w in load_file(weights).items()}
    save_file(wider, weights, {PROMPT_KEY: str(PROMPT_VERSION)})
    with pytest.raises(BackboneError, match="does not fit the pocket model"):
        served(str(tmp_path / "other"))
    with pytest.raises(BackboneError, match="does not fit the pocket model"):
        served(str(tmp_path / "nothing there"))


def test_a_connector_of_another_version_is_one_clear_error(served, run, tmp_path):
    shutil.copytree(run, tmp_path / "old")
    save_file({"gist.0.weight": torch.zeros(2, 2)}, tmp_path / "old" / "connector.safetensors")
    with pytest.raises(BackboneError, match="of another version"):
        served(str(tmp_path / "old"))


def test_saved_weights_start_another_learner(learner, make_learner, run):
    other = make_learner(seed=5)
    artifacts.load_into(other, run)
    ours = learner.trainable()
    for name, weight in other.trainable().items():
        torch.testing.assert_close(weight, ours[name], atol=2e-3, rtol=1e-3)


def test_weights_of_another_rank_or_of_other_layers_start_nothing(checkpoint, make_learner, run, tmp_path):
    with pytest.raises(
        InputProblem, match=r"adapter_model\.safetensors does not fit .* Give the --rank and the --backbone"
    ):
        artifacts.load_into(Learner(str(checkpoint), 4, 8, True), run)
    saved = load_file(run / "adapter_model.safetensors")
    first = min(saved)
    for weights, said in (
        ({k: v for k, v in saved.items() if k != first}, f"1 weights differ, such as {first}: missing there"),
        (saved | {"more": saved[first].clone()}, "1 weights differ, such as more: .* none here"),
    ):
        save_file(weights, tmp_path / "adapter_model.safetensors")
        with pytest.raises(InputProblem, match=said):
            artifacts.load_into(make_learner(), tmp_path)


def test_only_the_published_files_are_written_in_half_precision(run):
    assert {p.name for p in run.iterdir()} == set(artifacts.PUBLISHED)
    lora = load_file(run / "adapter_model.safetensors")
    assert len(lora) == 28
    assert all("lora_" in name and w.dtype == torch.float16 for name, w in lora.items())
    config = json.loads((run / "adapter_config.json").read_text())
    assert config["r"] == 2
    assert config["base_model_name_or_path"] == "pocket", "no folder of this machine"


def test_the_published_adapter_names_no_folder():
    published = assemble.ASSETS / "adapter_config.json"
    assert json.loads(published.read_text())["base_model_name_or_path"] == "pocket"


def test_the_hash_follows_adapter_and_connector(run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    assert artifacts.adapter_hash(copy) == artifacts.adapter_hash(run)
    for name in ("adapter_model.safetensors", "connector.safetensors"):
        data = bytearray((copy / name).read_bytes())
        data[-1] ^= 1
        before = artifacts.adapter_hash(copy)
        (copy / name).write_bytes(data)
        assert artifacts.adapter_hash(copy) != before


def test_the_lora_alone_can_start_a_learner_with_another_connector(learner, make_learner, run):
    other = make_learner(seed=5)
    fresh = {n: p.clone() for n, p in other.connector.state_dict().items()}
    artifacts.load_into(other, run, connector=False)
    assert all(torch.equal(p, fresh[n]) for n, p in other.connector.state_dict().items())
    ours = learner.trainable()
    for name, weight in other.trainable().items():
        if "lora_" in name:
            torch.testing.assert_close(weight, ours[name], atol=2e-3, rtol=1e-3)


def test_a_record_grows_by_parts_and_keeps_the_rest(tmp_path):
    artifacts.update_record(tmp_path, align={"steps": 3}, seed=7)
    whole = artifacts.update_record(tmp_path, sft={"steps": 5}, seed=8)
    assert artifacts.record(tmp_path) == whole == {"align": {"steps": 3}, "seed": 8, "sft": {"steps": 5}}
    assert [p.name for p in tmp_path.iterdir()] == ["training.json"]
    assert artifacts.update(tmp_path / "training.json", seed=9)["sft"] == {"steps": 5}
    assert set(artifacts.versions()) >= {"python", "torch", "transformers", "peft"}


def test_the_record_of_an_older_run_goes_on_under_the_new_name(tmp_path):
    (tmp_path / "run.json").write_text('{"align": {"steps": 3}}')
    artifacts.update_record(tmp_path, sft={"steps": 5})
    assert artifacts.record(tmp_path) == {"align": {"steps": 3}, "sft": {"steps": 5}}
    assert json.loads((tmp_path / "training.json").read_text()) == artifacts.record(tmp_path)


def test_views_are_kept_between_starts(served, tmp_path):
    first = served("none").score(list(MIXED))
    assert any((tmp_path / "views").rglob("*"))
    assert served("none").score(list(MIXED)) == first
