from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from msr.storage import TextCache, content_key

KEY = content_key(kind="answer", prompt="a")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_key_depends_on_every_part_and_not_on_their_order():
    assert content_key(a=1, b=[2, "é"]) == content_key(b=[2, "é"], a=1)
    keys = {content_key(a=1, b=2), content_key(a=2, b=1), content_key(a="1", b=2), content_key(a=1), content_key(a=12)}
    assert len(keys) == 5
    assert len(KEY) == 64


@pytest.mark.parametrize("value", [{"text": "Ein grüner Rock — 緑 \U0001f457", "confidence": 0.25}, 0.5, "", [1, None]])
def test_a_value_outlives_the_object(tmp_path, value):
    TextCache(tmp_path).put(KEY, value)
    assert TextCache(tmp_path).get(KEY) == value
    assert TextCache(tmp_path).get(content_key(other=1)) is None


def test_files_are_sharded_and_no_temporary_file_stays(tmp_path):
    TextCache(tmp_path).put(KEY, "x")
    assert files(tmp_path) == [tmp_path / KEY[:2] / KEY[2:]]


def test_a_later_value_replaces_an_earlier_one(tmp_path):
    cache = TextCache(tmp_path)
    cache.put(KEY, "old")
    cache.put(KEY, "new")
    assert cache.get(KEY) == "new"
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-3],
        lambda data: data.replace(b"mug", b"mud"),
        lambda data: b"\xff\xfe\x00" + data,
        lambda data: data + b" ",
    ],
)
def test_a_damaged_entry_is_a_miss_and_removed(tmp_path, damage):
    cache = TextCache(tmp_path)
    cache.put(KEY, "a mug")
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get(KEY) is None
    assert files(tmp_path) == []
    cache.put(KEY, "a mug")
    assert cache.get(KEY) == "a mug"


def test_without_a_folder_it_remembers_in_memory_only():
    cache = TextCache()
    cache.put(KEY, "x")
    assert cache.get(KEY) == "x"
    assert TextCache().get(KEY) is None


def test_an_unwritable_folder_is_logged_once_and_memory_serves(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    cache = TextCache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        cache.put(KEY, "x")
        cache.put(content_key(other=1), "y")
    assert cache.get(KEY) == "x"
    assert cache.get(content_key(other=1)) == "y"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(tmp_path / "file" / "cache") in caplog.text


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("msr.storage._MEMORY_ENTRIES", 3)
    cache = TextCache()
    for n in range(5):
        cache.put(content_key(n=n), n)
    assert [cache.get(content_key(n=n)) for n in range(5)] == [None, None, 2, 3, 4]


def test_the_sweep_removes_what_was_used_least_recently(tmp_path):
    cache = TextCache(tmp_path, quota=10 * 4096)
    keys = [content_key(n=n) for n in range(10)]
    for age, key in enumerate(keys):
        cache.put(key, "small")
        os.utime(tmp_path / key[:2] / key[2:], (1000 + age, 1000 + age))
    assert len(files(tmp_path)) == 10, "the quota is not passed yet"
    assert cache.get(keys[0]) == "small"  # the oldest is in use again
    last = content_key(n=10)
    cache.put(last, "small")
    # 11 files of 4,096 bytes are over the quota of 10; the sweep keeps 80 % of it: 8 files.
    left = {path.parent.name + path.name for path in files(tmp_path)}
    assert left == {keys[0], *keys[4:], last}


def test_a_new_process_counts_what_is_there_already(tmp_path):
    for n in range(10):
        TextCache(tmp_path).put(content_key(n=n), "small")
    TextCache(tmp_path, quota=5 * 4096).put(content_key(n=10), "small")
    assert len(files(tmp_path)) == 4


def test_threads_never_see_half_an_entry(tmp_path):
    value = {"text": "word " * 2000}
    problems = []

    def work() -> None:
        cache = TextCache(tmp_path)
        for n in range(40):
            key = content_key(n=n % 5)
            if cache.get(key) not in (None, value):
                problems.append(n)
            cache.put(key, value)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(files(tmp_path)) == 5


def test_two_processes_share_a_folder(tmp_path):
    program = (
        "import sys; from pathlib import Path; from msr.storage import TextCache, content_key\n"
        "cache = TextCache(Path(sys.argv[1]), quota=20 * 4096)\n"
        "for n in range(150):\n"
        "    key = content_key(n=n % 30)\n"
        "    assert cache.get(key) in (None, n % 30)\n"
        "    cache.put(key, n % 30)\n"
    )
    root = Path(__file__).parent.parent
    runs = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=root) for _ in range(2)]
    assert [run.wait(30) for run in runs] == [0, 0]
    cache = TextCache(tmp_path)
    kept = [cache.get(content_key(n=n)) for n in range(30)]
    assert all(value in (None, n) for n, value in enumerate(kept))
    assert any(value is not None for value in kept)
