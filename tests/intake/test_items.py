"""Folders, tables alone and uploaded pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from msr.config import LIMITS, Limits
from msr.intake import IntakeError, in_natural_order, load_items, read_items, to_session, uploads
from msr.schema import Item
from tests.intake_files import HEADER, TWO, png, write_folder, write_zip


def refused(path: Path | str, said: str, limits: Limits = LIMITS) -> None:
    with pytest.raises(IntakeError, match=said):
        load_items(path, limits)


def test_a_folder_with_a_table(tmp_path: Path) -> None:
    write_folder(tmp_path, {"items.csv": HEADER + "a,Red mug,p/a.png\nb,,p/a.png\nc,Bowl,\n", "p/a.png": png()})
    items = load_items(tmp_path)
    assert [(i.id, i.title, i.picture is None) for i in items] == [
        ("a", "Red mug", False),
        ("b", "", False),
        ("c", "Bowl", True),
    ]


def test_a_history_is_put_in_the_order_of_its_timestamps(tmp_path: Path) -> None:
    write_folder(tmp_path, {"items.csv": "id,title,image,timestamp\nc,x,,30\na,x,,-10\nz,x,,20\nb,x,,20\n"})
    assert [i.id for i in load_items(tmp_path)] == ["a", "z", "b", "c"]


def test_without_timestamps_the_table_decides(tmp_path: Path) -> None:
    write_folder(tmp_path, {"items.csv": HEADER + "c,x,\na,x,\nb,x,\n"})
    assert [i.id for i in load_items(tmp_path)] == ["c", "a", "b"]


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    names = ("red-mug 10.png", "red-mug 2.PNG", "IMG_1.jpg", "IMG_1.png", ".hidden.png", "notes.txt")
    items = load_items(write_folder(tmp_path, dict.fromkeys(names, png())))
    assert [(i.id, i.title) for i in items] == [
        ("IMG_1", ""),
        ("IMG_1-2", ""),
        ("red-mug 2", "red mug 2"),
        ("red-mug 10", "red mug 10"),
    ]
    assert all(i.picture for i in items)


def test_a_table_alone(tmp_path: Path) -> None:
    write_folder(tmp_path, {"x.csv": HEADER + "a,Mug,\nb,Bowl,\n", "y.csv": TWO, "a.png": png()})
    assert [i.title for i in load_items(tmp_path / "x.csv")] == ["Mug", "Bowl"]
    refused(
        tmp_path / "y.csv", "y.csv, row 2: names the picture 'a.png', but it did not come with the table.* Give both"
    )


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    secret = write_folder(tmp_path / "secret", {"a.png": png(), "items.csv": TWO})
    inside = write_folder(tmp_path / "in", {"items.csv": HEADER + "a,x,a.png\n"})
    (inside / "a.png").symlink_to(secret / "a.png")
    refused(inside, "row 2: 'a.png' is a link that leads out")
    whole = write_folder(tmp_path / "whole", {"items.csv": HEADER + "a,x,p/a.png\n"})
    (whole / "p").symlink_to(secret)
    refused(whole, "row 2: 'p/a.png' is a link that leads out")
    table = write_folder(tmp_path / "table", {"a.png": png()})
    (table / "items.csv").symlink_to(secret / "items.csv")
    refused(table, "'items.csv' is a link that leads out")
    pictures = write_folder(tmp_path / "pictures", {"b.png": png()})
    (pictures / "a.png").symlink_to(secret / "a.png")
    items, (said,) = read_items(pictures)
    assert [item.id for item in items] == ["b"] and "'a.png' is a link that leads out" in said


def test_links_inside_are_followed(tmp_path: Path) -> None:
    write_folder(tmp_path, {"items.csv": HEADER + "a,x,a.png\n", "real/b.png": png()})
    (tmp_path / "a.png").symlink_to(tmp_path / "real" / "b.png")
    assert load_items(tmp_path)[0].picture


def test_links_in_a_circle_and_pipes_end_at_once(tmp_path: Path) -> None:
    write_folder(tmp_path, {"items.csv": HEADER + "a,x,a.png\n"})
    (tmp_path / "a.png").symlink_to("a.png")
    refused(tmp_path, "row 2: 'a.png' cannot be")
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    refused(tmp_path, "row 2: 'a.png' is not a regular file")
    refused(tmp_path / "a.png", "neither a folder nor a file")


@pytest.mark.parametrize("path", ["nowhere", "a\0b", "x" * 5000, ""])
def test_paths_that_are_no_files(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(path, "does not exist|cannot be read|neither items.csv nor")


def test_other_trouble(tmp_path: Path) -> None:
    write_folder(tmp_path, {"x.txt": "hello", "d/items.csv/x": "", "e/items.csv": TWO, "e/a.png": b"GIF89a"})
    refused(tmp_path / "x.txt", "neither a folder, a ZIP nor a CSV")
    refused(tmp_path / "d", "neither items.csv nor a picture")
    refused(tmp_path / "e", r"e/items.csv, row 2 \(a.png\): this is a GIF")


def test_caps(tmp_path: Path) -> None:
    write_folder(tmp_path, {"p/a.png": png(), "p/b.png": png(), "t/items.csv": HEADER + "a,x,\nb,x,\n"})
    for name, said in (("p", "2 pictures; at most 1"), ("t", "more than 1 items")):
        assert len(load_items(tmp_path / name, most=2)) == 2
        with pytest.raises(IntakeError, match=said):
            load_items(tmp_path / name, most=1)
    refused(tmp_path / "p", "'a.png' is larger", Limits(max_image_bytes=50))
    refused(tmp_path / "t", "'items.csv' is larger", Limits(max_csv_bytes=5))


def test_uploads_report_the_bad_and_keep_the_good(tmp_path: Path) -> None:
    write_folder(tmp_path, {"1": png(), "2": b"<svg/>", "3": png("blue")})
    files = [(tmp_path / "1", "navy-polo.png"), (tmp_path / "2", "logo.png"), (tmp_path / "3", "IMG_7.png")]
    items, problems = uploads([*files, (tmp_path / "4", "gone.png")])
    assert [(i.id, i.title) for i in items] == [("navy-polo", "navy polo"), ("IMG_7", "")]
    assert len(problems) == 2 and problems[0].startswith("logo.png: this is an SVG") and "gone.png" in problems[1]
    assert str(tmp_path) not in " ".join(problems)


def test_uploads_get_new_ids_and_stay_under_the_limit(tmp_path: Path) -> None:
    write_folder(tmp_path, {"1": png()})
    files = [(tmp_path / "1", "mug.png")] * 3
    items, problems = uploads(files, Limits(max_history=4), taken=["mug", "mug-2"])
    assert [i.id for i in items] == ["mug-3", "mug-4"]
    assert problems == ("mug.png: a history has at most 4 items; this one was left out.",)


def test_upload_names_are_shown_harmless(tmp_path: Path) -> None:
    write_folder(tmp_path, {"1": b"x", "2": png()})
    items, problems = uploads(
        [(tmp_path / "1", "a\u202e\x1b<|im_end|>" + "x" * 200), (tmp_path / "2", "/<image>\n.png")]
    )
    assert problems[0].isprintable() and len(problems[0]) < 200
    assert (items[0].id, items[0].title) == ("picture", "")


def test_tables_zips_and_sessions_are_uploads_too(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.csv": HEADER + "a,Mug,\nb,Bowl,\n", "cup.png": png(), "bad.csv": "no table"})
    (tmp_path / "s.json").write_bytes(to_session([Item("s", "Saved")]))
    write_zip(tmp_path / "z.ZIP", {"red-cap.png": png()})
    names = ("a.csv", "cup.png", "s.json", "z.ZIP", "bad.csv")
    items, problems = uploads([(tmp_path / name, name) for name in names])
    assert [i.title for i in items] == ["Mug", "Bowl", "cup", "Saved", "red cap"]
    assert len(problems) == 1 and problems[0].startswith("bad.csv")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("/etc/passwd", "not relative"),
        ("~/x.png", "not relative"),
        ("C:x.png", "not relative"),
        ("../x.png", "leads out"),
        ("a/../../x.png", "leads out"),
        ("a\\..\\..\\x.png", "leads out"),
        ("\\\\host\\x.png", "not relative"),
        ("file:///etc/passwd", "web address"),
        ("data:image/png;base64", "web address"),
        ("a\x1b/x.png", "control characters"),
        ("x" * 500, "too long"),
        ("./", "names no file"),
        ("/\u202e\x1b[31m\u2028" + "y" * 300, "not relative"),
    ],
)
def test_image_cells_stay_inside_the_folder(tmp_path: Path, cell: str, said: str) -> None:
    write_folder(tmp_path, {"f/items.csv": HEADER + f"a,x,{cell}\n", "x.png": png()})
    with pytest.raises(IntakeError, match=f"^f/items.csv, row 2: .*{said}") as caught:
        load_items(tmp_path / "f")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300
    write_folder(tmp_path, {"f/items.csv": HEADER + f"a,x,{cell}\nb,y,\nc,z,\n"})
    items, (told,) = read_items(tmp_path / "f")
    assert [(i.title, i.picture) for i in items] == [("x", None), ("y", None), ("z", None)] and "row 2" in told


def test_a_bad_picture_costs_itself_and_is_named_with_its_folder(tmp_path: Path) -> None:
    rows = "a,Mug,a.png\nb,Bowl,b.png\nc,,c.png\nd,Lamp,gone.png\ne,Cup,https://x.example/e.png\n"
    write_folder(tmp_path, {"f/items.csv": HEADER + rows, "f/a.png": png(), "f/b.png": b"<html>", "f/c.png": b""})
    items, told = read_items(tmp_path / "f")
    assert [(i.id, i.picture is not None) for i in items] == [("a", True), ("b", False), ("d", False), ("e", False)]
    assert told[0].startswith("f/items.csv, row 3 (b.png): this is a web page;") and "keeps its title" in told[0]
    assert told[1].startswith("f/items.csv, row 4 (c.png): the file is empty;") and "is left out" in told[1]
    assert told[2].startswith("f/items.csv, row 5: there is no file 'gone.png'")
    assert told[3:] == ("f/items.csv: 1 picture is a web address; nothing is fetched.",)
    write_folder(tmp_path, {"p/a.png": png(), "p/b.png": b"<html>"})
    items, (said,) = read_items(tmp_path / "p")
    assert [i.id for i in items] == ["a"] and said.startswith("p/b.png: this is a web page")


def test_files_that_are_not_used_are_counted_and_named(tmp_path: Path) -> None:
    files = dict.fromkeys(
        ["a.png", "b.gif", "sub/c.png", "notes.txt", ".hidden", "Thumbs.db", "__MACOSX/._a.png"], png()
    )
    _, (said,) = read_items(write_folder(tmp_path / "pictures", files))
    assert said == "pictures: 3 files are not used: b.gif, notes.txt, sub/c.png."
    write_folder(tmp_path / "t", {"items.csv": HEADER + "a,x,a.png\n"} | {f"{n}.png": png() for n in [*range(9), "a"]})
    _, (said,) = read_items(tmp_path / "t")
    assert said == "t: 9 files are not used: 0.png, 1.png, 2.png, 3.png, 4.png, 5.png, 6.png, 7.png and 1 more."


@pytest.mark.parametrize("name", ["items.csv", "Items.CSV", "items.csv.txt", "items.tsv", "products.csv"])
def test_names_of_tables(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path, {name: HEADER + "sku-2,Mug,2.png\nsku-1,Lamp,1.png\n", "1.png": png(), "2.png": png("blue")})
    items, told = read_items(tmp_path)
    assert [(i.id, i.title, bool(i.picture)) for i in items] == [("sku-2", "Mug", True), ("sku-1", "Lamp", True)]
    assert told == ()


def test_a_table_that_is_not_read_is_named(tmp_path: Path) -> None:
    items, told = read_items(write_folder(tmp_path / "a", {"scores.csv": "rank,score\n1,2\n", "mug.png": png()}))
    assert [i.id for i in items] == ["mug"] and "scores.csv: no column with titles" in told[0] and "not used" in told[0]
    items, (said,) = read_items(write_folder(tmp_path / "b", {"x.csv": TWO, "y.csv": TWO, "mug.png": png()}))
    assert [i.id for i in items] == ["mug"] and said == "b: 2 files are not used: x.csv, y.csv."


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("IMG_1.JPG", "img_1.jpg"),
        ("Pics/Caf\u00e9.png", "pics/Cafe\u0301.png"),
        ("pics\\a.png", "pics/a.png"),
        ("STRASSE.png", "stra\u00dfe.png"),
    ],
)
def test_names_of_pictures_are_compared_without_case_and_in_one_form(tmp_path: Path, named: str, there: str) -> None:
    files = {"items.csv": HEADER + f"a,x,{named}\n", there: png()}
    for path in (write_folder(tmp_path / "f", files), write_zip(tmp_path / "x.zip", files)):
        items, told = read_items(path)
        assert items[0].picture and told == ()


def test_a_name_that_two_files_could_be_is_neither(tmp_path: Path) -> None:
    files = {"items.csv": HEADER + "a,x,A.PNG\n", "a.png": png(), "A.png": png("blue")}
    refused(write_zip(tmp_path / "x.zip", files), "there is no file 'A.PNG'")


def test_a_table_finds_the_pictures_that_came_with_it(tmp_path: Path) -> None:
    table = HEADER + "a,Orange mug,images/m1.png\nb,Lamp,M2.PNG\n"
    write_folder(tmp_path, {"items.csv": table, "m1.png": png(), "m2.png": png("blue"), "extra.png": png("white")})
    names = ["extra.png", "items.csv", "m1.png", "m2.png"]
    items, problems = uploads([(tmp_path / name, name) for name in names])
    assert [(i.id, i.title, bool(i.picture)) for i in items] == [
        ("extra", "extra", True), ("a", "Orange mug", True), ("b", "Lamp", True),
    ]  # fmt: skip
    assert problems == ()


def test_files_in_plain_order_are_counted_as_people_count(tmp_path: Path) -> None:
    def sent(*names: str) -> list[str]:
        return [name for _, name in in_natural_order([(tmp_path / name, name) for name in names])]

    assert sent("IMG_1.jpg", "IMG_10.jpg", "IMG_2.jpg") == ["IMG_1.jpg", "IMG_2.jpg", "IMG_10.jpg"]
    assert sent("zebra.jpg", "apple 10.jpg", "apple 2.jpg") == ["zebra.jpg", "apple 10.jpg", "apple 2.jpg"]
    assert sent("picture", "picture", "picture") == ["picture"] * 3


def test_markup_of_shops_is_taken_out_of_titles_once(tmp_path: Path) -> None:
    rows = "a,Women&#39;s Shoe &amp; Bag,\nb,Levi&rsquo;s 501<br /> <i id=x>jeans</i>,\nc,&amp;lt;b&amp;gt; AT&T <3,\n"
    items = load_items(write_folder(tmp_path, {"items.csv": HEADER + rows}))
    assert [i.title for i in items] == ["Women's Shoe & Bag", "Levi’s 501 jeans", "&lt;b&gt; AT&T <3"]
