"""The options of the model are the same in every program."""

from __future__ import annotations

import argparse
import os

import pytest

from msr import options
from msr.config import BackboneConfig
from msr.schema import InputProblem
from train import cli as train

MODEL = {"--backbone", "--weights", "--adapter", "--offline"}


def flags(parser: argparse.ArgumentParser, *path: str) -> dict[str, str | None]:
    """The help text of every option of a command, by name."""
    for name in path:
        commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        parser = commands.choices[name]
    return {flag: action.help for action in parser._actions for flag in action.option_strings}


def msr() -> argparse.ArgumentParser:
    return options.parser({name: print for name in ("app", "run", "describe", "index", "bench", "fetch")})


@pytest.mark.parametrize("command", ["app", "run", "describe", "index", "bench"])
def test_every_command_with_a_model_has_the_same_options(command):
    expected = {flag: text for flag, text in flags(msr(), "app").items() if flag in MODEL}
    found = flags(msr(), command)
    assert set(expected) == MODEL and expected.items() <= found.items()
    assert all(found.values()), "every option is explained"


@pytest.mark.parametrize("command", [("eval",), ("experiment", "planted"), ("experiment", "ablation")])
def test_training_evaluates_the_model_that_the_same_options_name(command):
    expected = {flag: text for flag, text in flags(msr(), "app").items() if flag in MODEL}
    assert expected.items() <= flags(train.parser(), *command).items()


@pytest.mark.parametrize("command", ["align", "sft"])
def test_training_can_be_kept_offline(command):
    assert "--offline" in flags(train.parser(), command)


def test_the_options_become_the_settings_of_the_model():
    parser = argparse.ArgumentParser()
    options.add_model(parser)
    assert options.model_config(parser.parse_args([])) == BackboneConfig()
    chosen = parser.parse_args(["--backbone", "some/model", "--weights", "4bit", "--adapter", "none", "--offline"])
    assert options.model_config(chosen) == BackboneConfig("some/model", "none", weights="4bit", offline=True)
    with pytest.raises(InputProblem, match="not a local folder"):
        options.model_config(parser.parse_args(["--adapter", "hub/name"]))


def test_offline_reaches_the_libraries_that_could_download(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "")  # what is set below is undone after the test
    options.go_offline()
    assert [os.environ[n] for n in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "PIP_NO_INDEX")] == ["1"] * 3
