"""CSV tables as they are written, and as they are damaged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from msr.intake import IntakeError
from train.data.readers import text_files


def rows(path: Path, data: str | bytes, dropped: Counter[str] | None = None) -> list[list[str]]:
    """The id and title of each row, and its optional note."""
    path = path / "t.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    found = text_files.read_table(
        path, ("id", "title"), list, Counter() if dropped is None else dropped, optional=("note",)
    )
    return list(found)


@pytest.mark.parametrize(
    "data",
    [
        "id,title\n1,Red mug\n2,Blue mug\n",
        "id,title\r\n1,Red mug\r\n2,Blue mug",
        "\ufeffid,title\n1,Red mug\n\n  \n2,Blue mug\n",
        '"id","title"\n"1","Red mug"\n"2","Blue mug"\n',
        "price,title, id \n3,Red mug,1\n4, Blue mug ,2\n",
        'sep=;\r\nID;Title;"price, EUR"\r\n1;Red mug;3,50\r\n2;Blue mug;4\r\n',
        "id:token\ttitle:token_seq\n1\tRed mug\n2\tBlue mug\n",
    ],
    ids=["plain", "CRLF, no end", "BOM, blank lines", "quotes", "other columns and order", "semicolons", "RecBole"],
)
def test_the_same_table_in_many_writings(tmp_path, data):
    assert rows(tmp_path, data) == [["1", "Red mug", ""], ["2", "Blue mug", ""]]


def test_quotes_hold_commas_quotes_and_line_breaks(tmp_path):
    data = 'id,title,note\n1,"a, ""b""",x\n2,"over\ntwo\r\nlines",y\n'
    assert rows(tmp_path, data) == [["1", 'a, "b"', "x"], ["2", "over\ntwo\r\nlines", "y"]]


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path):
    dropped = Counter()
    data = 'id,title\n1,a\n2,"b\n' + "".join(f"{n},c\n" for n in range(3, 60))
    assert len(rows(tmp_path, data, dropped)) == 58
    assert dropped == {"malformed lines in t.csv": 1}


@pytest.mark.parametrize(
    "line",
    ["4", "4,d,e", '4,"d"e', b"4,caf\xe9", '4,"d'],
    ids=["cell missing", "cell too many", "text after a quote", "Latin-1", "open quote at the end"],
)
def test_a_malformed_line_is_counted_and_the_others_are_kept(tmp_path, line):
    dropped = Counter()
    line = line.encode() if isinstance(line, str) else line
    assert [row[0] for row in rows(tmp_path, b"id,title\n1,a\n2,b\n3,c\n" + line + b"\n", dropped)] == ["1", "2", "3"]
    assert dropped == {"malformed lines in t.csv": 1}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "line 1: no column id, title; expected id,title"),
        ("id:title\n1:a\n", "line 1: no column id, title"),
        ("id,name\n1,a\n", "line 1: no column title"),
        ("id,title,id\n1,a,1\n", "line 1: column id is there twice"),
        ("id,title\n", "holds no data"),
        ("id,title\n1\n2\n3,c\n", "line 2: 1 cells under 2 columns. 2 of 3 lines"),
        ("id,title\n1,a\n".encode("utf-16"), "line 1: not UTF-8 text; save"),
        (b"\x89PNG\r\n\x1a\n\0\0", "line 1: not UTF-8 text"),
        ('id,"title\n', "line 1: unexpected end of data"),
    ],
    ids=["empty", "colons", "column", "twice", "header alone", "half", "UTF-16", "picture", "quote"],
)
def test_a_file_of_another_format_is_refused_with_its_line(tmp_path, data, message):
    with pytest.raises(IntakeError) as refusal:
        rows(tmp_path, data)
    assert str(refusal.value).startswith("t.csv") and message in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("964982703", 964982703000),
        ("964982703.25", 964982703250),
        ("1583378629552", 1583378629552),
        ("1.583E+12", 1583000000000),
        ("1583378629552123", 1583378629552),
        ("1583378629552123456", 1583378629552),
        ("+5", 5000),
        ("2020-03-05", 1583366400000),
        ("2020-03-05T03:23:49Z", 1583378629000),
        ("2020-03-05 03:23:49 UTC", 1583378629000),
        ("2020/3/5 05:23:49+02:00", 1583378629000),
    ],
)
def test_units_of_times_are_told_apart_by_their_size(text, milliseconds):
    assert text_files.moment(text) == milliseconds


@pytest.mark.parametrize(
    "text", ["", "-1", "nan", "inf", "1e999", "1_000", "5/3/2020", "1" * 21, "0x1f", "١", "1969-12-31"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is not a time since 1970"):
        text_files.moment(text)


def test_a_table_that_may_lack_its_header(tmp_path):
    path = tmp_path / "t.csv"
    for head in ("", "id,title\n", "\ufeff"):
        path.write_text(f'{head}2,Rainy street food\n3,"Cat, on a roof"\n', encoding="utf-8")
        found = text_files.read_table(path, ("id", "title"), list, Counter(), may_lack_header=True)
        assert list(found) == [["2", "Rainy street food"], ["3", "Cat, on a roof"]]
