from __future__ import annotations

import csv
import io
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from msr import reviews
from msr.reviews import ReviewLog, Target
from msr.schema import InputProblem
from tests.test_schema import RUN

ONE, TWO, THREE = (Target("run", "description", item, f"A {item}.") for item in ("mug", "lamp", "bag"))


def test_what_there_is_to_judge():
    assert [(t.kind, t.item) for t in reviews.targets(RUN)] == [
        ("description", "h0"),
        ("preference", "0"),
        ("reason", "c0"),
    ]


def test_the_last_word_counts_and_all_words_stay(tmp_path):
    log = ReviewLog(tmp_path / "deep" / "reviews.jsonl")
    log.add(ONE, "ann", "wrong", "no mug")
    log.add(ONE, "ann", "partly")
    log.add(TWO, "bob", "faithful")
    assert [(j.reviewer, j.verdict) for j in log.latest()] == [("ann", "partly"), ("bob", "faithful")]
    assert len(log.path.read_text().splitlines()) == 3
    assert ReviewLog(log.path).latest() == log.latest()
    assert list(log.by("ann", "run")) == [ONE.key] and log.by("ann", "other") == {}


def test_a_line_is_on_disk_when_the_process_is_killed(tmp_path):
    path = tmp_path / "reviews.jsonl"
    script = (
        "import os, sys; from pathlib import Path; from msr.reviews import *; log = ReviewLog(Path(sys.argv[1]));"
        "log.add(Target('r', 'reason', 'i', 'text'), 'ann', 'wrong'); os.kill(os.getpid(), 9)"
    )
    root = Path(reviews.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", script, path], cwd=root).returncode == -9
    with path.open("a") as file:
        file.write('{"reviewer": "torn')  # and another was killed while it wrote
    log = ReviewLog(path)
    log.add(ONE, "bob", "partly")
    assert [j.reviewer for j in ReviewLog(path).latest()] == ["ann", "bob"]


@pytest.fixture
def room() -> Iterator[Callable[[int], None]]:
    """Lets no file of this process grow beyond so many bytes, as a disk that is almost full does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("fits", [0, 1, 100])
def test_what_is_cut_by_a_full_disk_is_not_confirmed(tmp_path, room, fits):
    log = ReviewLog(tmp_path / "reviews.jsonl")
    log.add(ONE, "ann", "wrong")
    whole = log.path.read_bytes()
    room(len(whole) + fits)
    with pytest.raises(OSError, match="File too large|No space left"):
        log.add(TWO, "ann", "partly")
    assert [j.item for j in log.latest()] == ["mug"] and log.path.read_bytes() == whole
    room(resource.RLIM_INFINITY)
    log.add(TWO, "ann", "faithful")
    assert ReviewLog(log.path).latest() == log.latest() and len(log.latest()) == 2


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x1c", "\r", "\n", "\x0b"])
def test_any_character_comes_back(tmp_path, mark):
    log = ReviewLog(tmp_path / "reviews.jsonl")
    log.add(Target("run", "reason", "i", f"one{mark}two"), "ann", "wrong", f"a{mark}b")
    assert ReviewLog(log.path).latest() == log.latest()


@pytest.mark.parametrize(
    ("name", "verdict", "said"), [("", "wrong", "Enter your name"), ("ann", "good", "faithful, partly, wrong")]
)
def test_what_is_no_judgement_is_refused(name, verdict, said):
    with pytest.raises(InputProblem, match=said):
        ReviewLog().add(ONE, name, verdict)


def test_no_more_judgements_are_kept_than_there_is_room_for(tmp_path, monkeypatch):
    monkeypatch.setattr(reviews, "MOST", 2)
    path = tmp_path / "reviews.jsonl"
    log = ReviewLog(path)
    log.add(ONE, "ann", "wrong")
    log.add(ONE, "ann", "faithful")
    for full in (log, ReviewLog(path)):
        with pytest.raises(InputProblem, match="There are 2 judgements"):
            full.add(TWO, "ann", "wrong")
    assert path.read_text("utf-8").count("\n") == 2


def test_one_caller_has_a_share_of_the_room_and_a_rate(monkeypatch):
    monkeypatch.setattr(reviews, "EACH", 3)
    monkeypatch.setattr(reviews, "A_MINUTE", 2)
    now = [0.0]
    monkeypatch.setattr(reviews.time, "monotonic", lambda: now[0])
    log = ReviewLog()
    for reviewer in ("ann", "another name"):
        log.add(ONE, reviewer, "wrong", caller="192.0.2.1")
    with pytest.raises(InputProblem, match="At most 2 judgements a minute"):
        log.add(TWO, "ann", "wrong", caller="192.0.2.1")
    log.add(TWO, "bob", "wrong", caller="192.0.2.2")
    now[0] = 61
    log.add(TWO, "ann", "wrong", caller="192.0.2.1")
    now[0] = 122
    with pytest.raises(InputProblem, match="You gave 3 judgements"):
        log.add(THREE, "eve", "wrong", caller="192.0.2.1")
    log.add(THREE, "bob", "wrong", caller="192.0.2.2")
    assert len(log.latest()) == 5


def test_agreement_by_hand():
    log = ReviewLog()
    for target, ann, bob in ((ONE, "faithful", "faithful"), (TWO, "wrong", "wrong"), (THREE, "faithful", "wrong")):
        log.add(target, "ann", ann)
        log.add(target, "bob", bob)
    log.add(ONE, "eve", "faithful")
    told = {a.reviewers: a for a in reviews.agreements(log.latest())}
    both = told["ann", "bob"]
    # by chance they agree in 2/3 * 1/3 + 1/3 * 2/3 = 4/9 of the texts: (2/3 - 4/9) / (1 - 4/9) = 0.4
    assert (both.shared, both.percent, both.kappa) == (3, pytest.approx(2 / 3), pytest.approx(0.4))
    assert told["ann", "eve"].percent == 1 and told["ann", "eve"].kappa is None


def test_exports_read_back_and_run_nothing(tmp_path):
    log = ReviewLog()
    log.add(Target("r", "reason", "i", '=HYPERLINK("x")\nline'), "ann", "wrong", "@note, with a comma")
    (row,) = csv.DictReader(io.StringIO(reviews.to_csv(log.latest())))
    assert row["text"].startswith("'=HYPERLINK") and row["note"] == "'@note, with a comma"
    (line,) = reviews.to_jsonl(log.latest()).splitlines()
    assert json.loads(line)["text"].startswith("=HYPERLINK")
