"""`items.csv`: good tables in, bad ones refused with the row named, and no formula out."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msr.config import LIMITS, Limits
from msr.intake import IntakeError, csv_cell
from msr.intake.tables import Row, read_table
from tests.intake_files import HEADER


def table(text: str | bytes, most: int = 100, limits: Limits = LIMITS) -> list[Row]:
    return read_table(text.encode() if isinstance(text, str) else text, "items.csv", most, limits)


def test_reads_quoted_cells_blank_lines_and_further_columns() -> None:
    rows = table('\ufeffID,colour, Title ,image\n\na,red,"Mug, ""large""",./pics//a.png\nb,,Bowl,\n')
    assert [(r.id, r.title, r.image, r.where) for r in rows] == [
        ("a", 'Mug, "large"', "pics/a.png", "items.csv, row 3"),
        ("b", "Bowl", "", "items.csv, row 4"),
    ]


def test_timestamps_are_seconds_or_dates() -> None:
    rows = table("id,title,image,timestamp\na,x,,12.5\nb,x,,1970-01-01T00:01:00\nc,x,,1970-01-01T02:00:00+02:00\n")
    assert [r.timestamp for r in rows] == [12.5, 60.0, 0.0]
    assert [r.timestamp for r in table("id,title,image,timestamp\na,x,,\n")] == [None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column id, title, image"),
        ("id,title\na,x\n", "no column image"),
        ("id;title;image\na;x;\n", "commas"),
        ("id\ttitle\timage\na\tx\t\n", "commas"),
        ("id,title,image,title\na,x,,y\n", "column title is there twice"),
        (HEADER, "no items"),
        (HEADER + "a,x,\na,y,\n", r"row 3: id 'a' is taken by row 2"),
        (HEADER + "a,x,\na\u200b,y,\n", r"row 3: id 'a' is taken by row 2"),
        (HEADER + " ,x,\n", "row 2: the id is empty"),
        (HEADER + "a,x,\nb,\u200b,\n", "row 3: neither a title nor an image"),
        (HEADER + "a,Mug, large,\n", "row 2: 4 cells under 3 columns"),
        (HEADER + "a,Mug\n", "row 2: 2 cells under 3 columns"),
        (HEADER + 'a,"Mug,\n', "row 2: not a readable CSV row"),
        (HEADER + "a," + "x" * 200_000 + ",\n", "row 2: not a readable CSV row"),
        (HEADER + "a,x,\0\n", "NUL"),
        ("id,title,image,timestamp\na,x,,soon\n", "row 2: timestamp 'soon'"),
        ("id,title,image,timestamp\na,x,,nan\n", "row 2: timestamp 'nan'"),
        ("id,title,image,timestamp\na,x,,1\nb,x,,\n", "row 3: no timestamp, but other rows"),
        ((HEADER + "a,x,\n").encode("utf-16"), "UTF-16"),
        ((HEADER + "a,x,\nb,Caf\xe9,\n").encode("cp1252"), "line 3 is not UTF-8"),
    ],
)
def test_bad_tables_are_refused_with_the_place(text: str | bytes, said: str) -> None:
    with pytest.raises(IntakeError, match=f"^items.csv.*{said}"):
        table(text)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("/etc/passwd", "not relative"),
        ("~/x.png", "not relative"),
        ("C:x.png", "not relative"),
        ("../x.png", "leads out"),
        ("a/../../x.png", "leads out"),
        ("a\\x.png", "backslash"),
        ("http://127.0.0.1/x.png", "web address"),
        ("file:///etc/passwd", "web address"),
        ("data:image/png;base64", "web address"),
        ("a\x1b/x.png", "control characters"),
        ("x" * 500, "too long"),
        ("./", "names no file"),
    ],
)
def test_image_cells_stay_inside_the_folder(cell: str, said: str) -> None:
    with pytest.raises(IntakeError, match=f"^items.csv, row 2: .*{said}"):
        table(HEADER + f"a,x,{cell}\n")


def test_a_refusal_repeats_nothing_invisible_and_no_flood() -> None:
    with pytest.raises(IntakeError, match="not relative to the table") as caught:
        table(HEADER + "a,x,/\u202e\x1b[31m\u2028" + "y" * 300 + "\n")
    message = str(caught.value)
    assert message.isprintable() and "\u202e" not in message and len(message) < 200


def test_caps() -> None:
    rows = "".join(f"{n},x,\n" for n in range(10))
    assert len(table(HEADER + rows, most=10)) == 10
    with pytest.raises(IntakeError, match="more than 9 items"):
        table(HEADER + rows, most=9)
    with pytest.raises(IntakeError, match="larger than"):
        table(HEADER + rows, limits=Limits(max_csv_bytes=40))
    assert table(HEADER + "a,abcdef,\n", limits=Limits(max_title=3))[0].title == "abc"


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
