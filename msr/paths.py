"""Where the program keeps what it can make again (the model, the texts that it wrote) and what it cannot."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_home() -> Path:
    """The folder of all caches, not created here: MSR_CACHE if set, else a folder in the platform's cache folder."""
    return _home("MSR_CACHE", "Library/Caches", "LOCALAPPDATA", "AppData/Local", "XDG_CACHE_HOME", ".cache")


def data_home() -> Path:
    """The folder of what people made here, not created: MSR_DATA if set, else one in the platform's data folder."""
    return _home(
        "MSR_DATA", "Library/Application Support", "APPDATA", "AppData/Roaming", "XDG_DATA_HOME", ".local/share"
    )


def _home(own: str, mac: str, windows: str, windows_default: str, xdg: str, default: str) -> Path:
    """The folder that the variable `own` names, else the one that each platform has for such things."""
    if chosen := os.environ.get(own):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / mac
    elif sys.platform == "win32":
        base = Path(os.environ.get(windows) or Path.home() / windows_default)
    else:
        # The XDG specification says that a relative path is to be ignored.
        named = Path(os.environ.get(xdg, ""))
        base = named if named.is_absolute() else Path.home() / default
    return base / "msr-studio"
