"""Lines of plain and packed files, and what becomes of those that cannot be used."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from msr.intake import IntakeError
from tests.train.data.readers.files import gzipped
from train.data.readers import text_files


def number(line: bytes) -> int:
    return int(text_files.decode(line))


def test_lines_are_numbered_whether_packed_or_not(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\nthree")
    (tmp_path / "a.txt.gz").write_bytes(gzipped("one\r\ntwo\nthree"))
    for name in ("a.txt", "a.txt.gz"):
        assert list(text_files.read_lines(tmp_path / name)) == [(1, b"one\r\n"), (2, b"two\n"), (3, b"three")]


def test_a_line_without_end_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_LINE", 10)
    (tmp_path / "a").write_bytes(b"x" * 95 + b"\nshort\n" + b"y" * 10 + b"\n")
    read = list(text_files.read_lines(tmp_path / "a"))
    assert [(n, len(line)) for n, line in read] == [(1, 11), (2, 6), (3, 11)]
    with pytest.raises(ValueError, match="longer than"):
        text_files.decode(read[0][1])


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"no gzip at all", lambda data: data[:30] + b"\0" * 40]
)
def test_a_damaged_gzip_is_refused_with_its_line(tmp_path, damage):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(damage(gzipped("".join(f"line {n * 7919 % 1000}\n" for n in range(200)))))
    with pytest.raises(IntakeError, match=r"^a\.jsonl\.gz, line \d+: the file is cut off or damaged"):
        list(text_files.read_lines(path))


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(IntakeError, match=r"^gone\.csv cannot be read \(No such file"):
        list(text_files.read_lines(tmp_path / "gone.csv"))


def test_malformed_lines_are_counted_and_skipped(tmp_path):
    dropped = Counter()
    records = enumerate([b"1\n", b"two\n", b"3\n"], 1)
    assert list(text_files.sift(tmp_path / "a.csv", records, number, dropped)) == [1, 3]
    assert dropped == {"malformed lines in a.csv": 1}


def test_a_file_of_which_half_is_malformed_is_refused_with_the_first_bad_line(tmp_path):
    records = enumerate([b"1\n", b"two\n", b"3\n", b"four\n"], 5)
    with pytest.raises(IntakeError, match=r"^a\.csv, line 6: invalid literal.* 2 of 4 lines are malformed"):
        list(text_files.sift(tmp_path / "a.csv", records, number, Counter()))


def test_a_file_without_data_is_refused(tmp_path):
    with pytest.raises(IntakeError, match="holds no data"):
        list(text_files.sift(tmp_path / "a.csv", [], number, Counter()))


@pytest.mark.parametrize("bad", ["", "  ", "a\nb", "a\0", "a\u202eb", "\ud800", "x" * 101, None, 7])
def test_ids_are_visible_text(bad):
    with pytest.raises(ValueError, match="id"):
        text_files.checked_id(bad)


def test_an_id_loses_the_spaces_around_it_and_nothing_else():
    assert text_files.checked_id(' ../A b,"é ') == '../A b,"é'
    assert text_files.checked_id("1.5E+9") == "1.5E+9"


def test_the_digest_is_the_start_of_the_sha_256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert text_files.digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()[:16]
