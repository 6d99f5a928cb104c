from __future__ import annotations

from pathlib import Path

from msr import storage


def test_the_environment_decides_first(monkeypatch, tmp_path):
    monkeypatch.setenv("MSR_CACHE", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert storage.cache_home() == tmp_path


def test_linux_follows_xdg_and_ignores_a_relative_path(monkeypatch):
    monkeypatch.delenv("MSR_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/xdg")
    assert storage.cache_home() == Path("/var/xdg/msr-studio")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert storage.cache_home() == Path("/home/ada/.cache/msr-studio")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert storage.cache_home() == Path("/home/ada/.cache/msr-studio")


def test_other_platforms_have_their_own_places(monkeypatch):
    monkeypatch.delenv("MSR_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/Users/ada")
    monkeypatch.setattr("sys.platform", "darwin")
    assert storage.cache_home() == Path("/Users/ada/Library/Caches/msr-studio")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/Local")
    assert storage.cache_home() == Path("/Local/msr-studio")


def test_what_people_made_is_not_kept_with_the_caches(monkeypatch, tmp_path):
    monkeypatch.delenv("MSR_DATA", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert storage.data_home() == Path("/home/ada/.local/share/msr-studio")
    monkeypatch.setenv("MSR_DATA", str(tmp_path))
    assert storage.data_home() == tmp_path
