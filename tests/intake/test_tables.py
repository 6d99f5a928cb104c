"""`items.csv`: good tables in, bad ones refused with the row named, and no formula out."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msr import intake
from msr.config import LIMITS, Limits
from msr.intake import IntakeError, csv_cell
from msr.intake.tables import Row, read_table
from tests.intake_files import HEADER


def read(text: str | bytes, most: int = 100, limits: Limits = LIMITS) -> tuple[list[Row], list[str]]:
    return read_table(text.encode() if isinstance(text, str) else text, "items.csv", most, limits)


def table(text: str | bytes, most: int = 100, limits: Limits = LIMITS) -> list[Row]:
    return read(text, most, limits)[0]


def test_reads_quoted_cells_blank_lines_and_further_columns() -> None:
    rows = table('\ufeffID,colour, Title ,image\n\na,red,"Mug, ""large""",./pics//a.png\nb,,Bowl,\n')
    assert [(r.id, r.title, r.image, r.where) for r in rows] == [
        ("a", 'Mug, "large"', "./pics//a.png", "items.csv, row 3"),
        ("b", "Bowl", "", "items.csv, row 4"),
    ]


def test_timestamps_are_seconds_or_dates() -> None:
    rows = table("id,title,image,timestamp\na,x,,12.5\nb,x,,1970-01-01T00:01:00\nc,x,,1970-01-01T02:00:00+02:00\n")
    assert [r.timestamp for r in rows] == [12.5, 60.0, 0.0]
    assert [r.timestamp for r in table("id,title,image,timestamp\na,x,,\n")] == [None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column with titles or pictures; there are no columns"),
        ("id,price\na,9\n", "no column with titles or pictures; there are id, price, if ',' stands between"),
        ("id,title,image,title\na,x,,y\n", "column title is there twice"),
        (HEADER, "no items"),
        (HEADER + "a,\u200b,\n", "row 2: neither a title nor an image"),
        (HEADER + "a,x,\na,y,\na,z,\n", r"row 3: id 'a' is taken by row 2.* 2 of 3 rows cannot be used"),
        (HEADER + "a,Mug, large,\n", "row 2: 4 cells under 3 columns"),
        (HEADER + "a,Mug\n", "row 2: 2 cells under 3 columns"),
        (HEADER + 'a,"Mug,\n', "row 2: not a readable CSV row"),
        (HEADER + "a," + "x" * 200_000 + ",\n", "row 2: not a readable CSV row"),
        (HEADER + "a,x,\0\n", "NUL"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "NUL"),
        ("id,title,image,timestamp\na,x,,soon\n", "row 2: timestamp 'soon'"),
        ("id,title,image,timestamp\na,x,,nan\n", "row 2: timestamp 'nan'"),
        ("id,title,image,timestamp\na,x,,1\nb,x,,\n", "row 3: no timestamp, but other rows"),
        ((HEADER + "a,x,\n").encode("utf-16")[:-1], "not UTF-16"),
        ((HEADER + "a,x,\nb,Zażółć gęślą,\n").encode("cp1250"), "line 3 is not UTF-8 .* cannot be told"),
    ],
)
def test_bad_tables_are_refused_with_the_place(text: str | bytes, said: str) -> None:
    with pytest.raises(IntakeError, match=f"^items.csv.*{said}"):
        table(text)


def test_caps() -> None:
    rows = "".join(f"{n},x,\n" for n in range(10))
    assert len(table(HEADER + rows, most=10)) == 10
    with pytest.raises(IntakeError, match="more than 9 items"):
        table(HEADER + rows, most=9)
    with pytest.raises(IntakeError, match="larger than"):
        table(HEADER + rows, limits=Limits(max_csv_bytes=40))
    assert table(HEADER + "a,abcdef,\n", limits=Limits(max_title=3))[0].title == "abc"


@pytest.mark.parametrize(
    "text",
    [
        'id;title;image;price, EUR\na;"Mug; large";;9,50\nb;Bowl;;1\n',
        '"id";"title";"image";"price"\n"a";"Mug; large";"";"9,50"\n"b";"Bowl";"";""\n',
        "id\ttitle\timage\tprice\na\tMug; large\t\t\nb\tBowl\t\t\n",
        "id|title|image|price\na|Mug; large||\nb|Bowl||\n",
        "sep=;\r\nid;title;image;price\r\na;'Mug;;\r\nb;Bowl;;\r\n".replace("'Mug", '"Mug; large"'),
        "SEP=,\nid,title,image,price,,\na,Mug; large,,,,\nb,Bowl,,,,\n",
        "id,title,image,price\ra,Mug; large,,\rb,Bowl,,\r",
        '\ufeff"ID","Title","IMAGE","price"\na,Mug; large,,\nb,Bowl,,\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_separators_line_ends_and_unicode_encodings(text: str, encoding: str) -> None:
    rows, told = read(text.encode(encoding))
    assert [(r.id, r.title, r.image) for r in rows] == [("a", "Mug; large", ""), ("b", "Bowl", "")]
    assert told == [f"items.csv: columns that are not used: {'price, EUR' if 'EUR' in text else 'price'}."]


@pytest.mark.parametrize(
    ("titles", "encoding"),
    [
        (["Café noir", "Größe – “fein” €5", "Øl på Ærø"], "cp1252"),
        (["Кружка синяя", "Стул (белый)"], "cp1251"),
        (["赤いカップ", "Tシャツ", "木の椅子"], "cp932"),
        (["红杯子", "椅子与桌子", "台灯"], "gbk"),
        (["紅色的杯子", "木頭椅子"], "big5"),
        (["머그컵 빨강", "의자와 책상"], "euc_kr"),
    ],
)
def test_old_encodings_are_guessed_and_named(titles: list[str], encoding: str) -> None:
    text = HEADER + "".join(f"{n},{title},\n" for n, title in enumerate(titles))
    rows, (told,) = read(text.encode(encoding))
    assert [row.title for row in rows] == [intake.title(title) for title in titles]
    assert f"it was read as {encoding}. If letters are wrong, save it as" in told


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf16_of_chinese_titles(encoding: str) -> None:
    rows = table((HEADER + "a,一個紅色的杯子,\nb,一把木頭椅子和桌子,\n").encode(encoding))
    assert [row.title for row in rows] == ["一個紅色的杯子", "一把木頭椅子和桌子"]


def test_a_quoted_line_break_is_a_space_in_the_title() -> None:
    assert [r.title for r in table(HEADER + 'a,"Mug\r\nlarge",\nb,Bowl,\n')] == ["Mug large", "Bowl"]


def test_a_bad_row_costs_itself_and_is_named() -> None:
    rows, told = read(HEADER + "a,x,\nb,Mug, large,\nc,y,\na,again,\nd,z,\n,,\ne\u200b,,\nf,v,\n")
    assert [row.id for row in rows] == ["a", "c", "d", "f"]
    assert [sentence.partition(":")[0] for sentence in told] == [
        "items.csv, row 3",
        "items.csv, row 5",
        "items.csv, row 8",
    ]
    assert "4 cells under 3 columns" in told[0] and "id 'a' is taken by row 2" in told[1] and "neither" in told[2]
    assert all(sentence.endswith("The row is left out.") for sentence in told)


def test_of_many_bad_rows_the_first_are_named_and_all_counted() -> None:
    rows, told = read(HEADER + "".join(f"{n},x,\n" for n in range(50)) + "0,x,\n" * 45)
    assert len(rows) == 50 and len(told) == 21 and told[-1] == "items.csv: 25 more rows are left out."


def test_a_row_without_an_id_is_known_by_its_title() -> None:
    assert [r.id for r in table("title\nMug\nMug\nBowl\n")] == ["Mug", "Mug-2", "Bowl"]
    assert [(r.id, r.title) for r in table("id,title,image\n,Mug,\n007,Bowl,\n7,Cup,\n,,a.png\n")] == [
        ("Mug", "Mug"), ("007", "Bowl"), ("7", "Cup"), ("a.png", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("times", "order"),
    [
        (("1683378629000", "1583378629", "1783378629"), "bac"),
        (("1683378629123456", "1583378629", "1783378629000000000"), "bac"),
        (("2023-05-06", "2020-03-05T03:23:49Z", "2026-07-07 12:00:00 UTC"), "bac"),
        (("2023/5/6", "1583378629", "2026-07-07T12:00:00+02:00"), "bac"),
        (("5", "5", "5"), "abc"),
    ],
)
def test_seconds_milliseconds_and_dates_are_told_apart(times: tuple[str, ...], order: str) -> None:
    rows = table("id,title,timestamp\n" + "".join(f"{i},x,{t}\n" for i, t in zip("abc", times, strict=True)))
    assert "".join(r.id for r in sorted(rows, key=lambda row: row.timestamp or 0)) == order


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_formulas_are_defused_on_export(text: str) -> None:
    assert csv_cell(text) == "'" + text


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_exported_cells_never_begin_a_formula(text: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([csv_cell(text), "end"])
    cell = next(csv.reader(io.StringIO(buffer.getvalue(), newline="")))[0]
    assert cell.removeprefix("'") == text.removeprefix("'") and not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
