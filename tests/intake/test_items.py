"""Folders, tables alone and uploaded pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from msr.config import LIMITS, Limits
from msr.intake import IntakeError, load_items, to_session, uploads
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
    refused(tmp_path / "y.csv", "y.csv, row 2: names the picture 'a.png'.* Give the folder")


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
    refused(pictures, "'a.png' is a link that leads out")


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
    refused(tmp_path / "d", "neither items.csv nor a JPEG")
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
