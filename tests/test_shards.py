"""Several processes describe a catalogue as one would: every item once, in the order of the items."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from msr.shards import Shard, joined
from tests.backbones.served import free_port
from tests.intake_files import HEADER, png, write_folder

ROOT = Path(__file__).parents[1]
ITEMS = [(f"n{k}", f"item {k}", "a.png" if k % 2 else "") for k in range(7)]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_parts_hold_everything_once_and_merge_in_order(tmp_path, count):
    lines = [f"line {n}, which\u2028is one\x85line\n" for n in range(7)]
    out = tmp_path / "items.jsonl"
    shards = [Shard(n, count) for n in range(count)]
    for shard in shards:
        shard.file(out).write_text("".join(shard.part(lines)), encoding="utf-8")
    assert shards[0].merged(out) == "".join(lines)
    assert [shard.main for shard in shards] == [True] + [False] * (count - 1)


def test_a_process_alone_writes_the_result_itself(tmp_path, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert joined() == Shard(0, 1)
    assert joined().file(tmp_path / "items.jsonl") == tmp_path / "items.jsonl"


def test_a_number_beyond_the_count_is_named():
    with pytest.raises(ValueError, match="number is 2"):
        Shard(2, 2)


def describe(folder: Path, out: str, *before: str) -> subprocess.CompletedProcess:
    words = ["-m", "tests.fake_cli", "describe", "--items", str(folder / "shop"), "--out", str(folder / out)]
    environment = {**os.environ, "MSR_CACHE": str(folder / f"cache of {out}")}
    return subprocess.run(
        [sys.executable, *before, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180
    )


@pytest.mark.slow
def test_two_processes_describe_what_one_describes(tmp_path):
    table = HEADER + "".join(f"{item},{title},{image}\n" for item, title, image in ITEMS)
    write_folder(tmp_path, {"shop/items.csv": table, "shop/a.png": png()})
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={free_port()}"]
    two, one = describe(tmp_path, "two.jsonl", *torchrun), describe(tmp_path, "one.jsonl")
    assert (two.returncode, one.returncode) == (0, 0), two.stderr[-3000:]
    assert (tmp_path / "two.jsonl").read_text() == (tmp_path / "one.jsonl").read_text()
    assert (tmp_path / "one.jsonl").read_text().count("\n") == len(ITEMS)
    assert [path.name for path in tmp_path.glob("*part*")] == [], "the parts are put together"
    assert "describe 4/4" in two.stderr and "describe 3/3" in two.stderr
