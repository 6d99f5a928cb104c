"""`prepare`: a self-contained folder that reads back the same, a report, and one-line errors with exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from msr import intake
from msr.intake import IntakeError
from tests.intake_files import encoded
from tests.train.data.readers.files import FOLDER, MICROLENS, MOVIELENS, write
from tests.train.data.readers.test_amazon import FILES as AMAZON
from train import cli as command
from train.data import prepare, readers
from train.data.dataset import CatalogueItem, Dataset, UserLog
from train.data.readers.assemble import catalogue, item
from train.data.readers.text_files import digest


def contents(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def unpictured(data: Dataset) -> list[CatalogueItem]:
    """The items in order, without saying where their pictures lie."""
    return [replace(item, image=None) for item in data.items.values()]


def run(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["train", "prepare", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        command.main()
    return end.value.code


@pytest.mark.parametrize(
    ("kind", "files", "options"),
    [
        ("microlens", MICROLENS, {}),
        ("movielens", MOVIELENS, {}),
        ("folder", FOLDER, {}),
        ("amazon", AMAZON, {"k_core": 2}),
        ("folder", {"items.csv": "id,title\nb,Blue\na,Red\n", "interactions.csv": "user,item\nu,b\nu,a\n"}, {}),
    ],
    ids=["microlens", "movielens", "folder", "amazon", "no times"],
)
def test_a_prepared_folder_reads_back_the_same(tmp_path, kind, files, options):
    data = readers.read(kind, write(tmp_path / "in", files), **options)
    prepare.write(data, tmp_path / "out")
    back = readers.read("folder", tmp_path / "out")
    assert back.users == data.users and list(back.items) == list(data.items) and unpictured(back) == unpictured(data)
    assert back.dropped == {}
    for one in data.items.values():
        seen = intake.picture(one.image.read_bytes(), "").data if one.image else None
        assert (back.items[one.id].image.read_bytes() if one.image else None) == seen
    prepare.write(back, tmp_path / "again")
    first, second = contents(tmp_path / "out"), contents(tmp_path / "again")
    assert {k: v for k, v in first.items() if k != "prepare.json"} == {
        k: v for k, v in second.items() if k != "prepare.json"
    }


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
IDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(IDS, st.tuples(TEXT, st.lists(TEXT, max_size=2)), min_size=1, max_size=4), IDS)
def test_any_titles_and_ids_read_back_the_same(tmp_path_factory, texts, user):
    items = catalogue((item(id, title, None, words) for id, (title, words) in texts.items()), Counter())
    if items:
        root = tmp_path_factory.mktemp("any")
        data = Dataset("folder", items, (UserLog(user, tuple(items)),))
        prepare.write(data, root / "out")
        back = readers.read("folder", root / "out")
        assert (back.items, back.users, back.dropped) == (data.items, data.users, {})


def test_the_folder_is_also_a_catalogue_of_the_app(tmp_path):
    prepare.write(readers.read("movielens", write(tmp_path / "in", MOVIELENS)), tmp_path / "out")
    items = intake.load_items(tmp_path / "out")
    assert [(item.id, item.title, item.picture is not None) for item in items] == [
        ("10", "Toy Story (1995)", True),
        ("20", "American President, The (1995)", False),
        ("30", "Alone (2000)", False),
    ]


def test_the_report_counts_and_hashes(tmp_path):
    files = MOVIELENS | {"posters/20.jpg": b"<html>not found", "movies.csv": MOVIELENS["movies.csv"] + "20,Again,\n"}
    source = write(tmp_path / "in", files)
    out = tmp_path / "out"
    report = prepare.write(readers.read("movielens", source), out)
    assert report == json.loads((out / "prepare.json").read_text("utf-8"))
    assert report == {
        "dataset": "movielens",
        "kept": {"users": 2, "items": 3, "items with a picture": 1, "interactions": 3},
        "seconds": [964981247, 1000000000],
        "noted": {"users with one item": 1, "interactions in the same second as the one before": 0},
        "dropped": {"items listed twice": 1, "pictures refused": 1},
        "refused": ["posters/20.jpg: this is a web page; only JPEG, PNG, WebP, AVIF or HEIC pictures are read."],
        "read": {name: digest(source / name) for name in ("ratings.csv", "movies.csv")},
        "written": {name: digest(out / name) for name in ("items.csv", "interactions.csv")},
    }
    assert prepare.told(report).splitlines() == [
        "users: 2",
        "items: 3",
        "items with a picture: 1",
        "interactions: 3",
        "kept, users with one item: 1",
        "dropped, items listed twice: 1",
        "dropped, pictures refused: 1",
        "  posters/20.jpg: this is a web page; only JPEG, PNG, WebP, AVIF or HEIC pictures are read.",
    ]


def test_equal_times_are_counted_and_titles_with_markup_read_back(tmp_path):
    files = {
        "items.csv": "id,title\na,&amp;lt;b&amp;gt; &amp;amp; Co\nb,<3 R&D\nc,C\n",
        "interactions.csv": "user,item,timestamp\nu,b,7\nu,a,7\nu,c,7\nv,a,1\n",
    }
    data = readers.read("folder", write(tmp_path / "in", files))
    report = prepare.write(data, tmp_path / "out")
    assert report["noted"] == {"users with one item": 1, "interactions in the same second as the one before": 2}
    assert data.users[0].items == ("b", "a", "c")  # as the file has them
    back = readers.read("folder", tmp_path / "out")
    assert unpictured(back) == unpictured(data) and back.items["a"].title == "&lt;b&gt; &amp; Co"


def test_an_item_whose_only_content_is_a_bad_picture_goes_with_its_interactions(tmp_path):
    files = {
        "items.csv": "id,title,image\na,Red,\nb,,images/b.png\n",
        "interactions.csv": "user,item,timestamp\nu,b,1\nu,a,2\nv,b,3\n",
        "images/b.png": b"\x89PNG but no more",
    }
    report = prepare.write(readers.read("folder", write(tmp_path / "in", files)), tmp_path / "out")
    assert report["kept"] == {"users": 1, "items": 1, "items with a picture": 0, "interactions": 1}
    assert report["dropped"] == {
        "interactions with unknown items": 2,
        "items without a title or a picture": 1,
        "pictures refused": 1,
        "users of whom nothing is left": 1,
    }
    assert readers.read("folder", tmp_path / "out").users == (UserLog("u", ("a",), (2,)),)


def test_pictures_lose_their_metadata_and_equal_ones_are_kept_once(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "GPS of my house"
    photo = encoded(Image.new("RGB", (2000, 1000), "red"), "JPEG", exif=exif)
    source = write(tmp_path / "in", MOVIELENS | {f"posters/{n}.jpg": photo for n in (10, 20)})
    prepare.write(readers.read("movielens", source), tmp_path / "out")
    (picture,) = (tmp_path / "out" / "images").iterdir()
    with Image.open(picture) as image:
        assert image.size == (512, 256) and not image.getexif()
    assert b"GPS" not in picture.read_bytes()


def test_nothing_is_left_of_a_run_that_is_interrupted(tmp_path, monkeypatch):
    data = readers.read("folder", write(tmp_path / "in", FOLDER))
    monkeypatch.setattr(prepare, "digest", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        prepare.write(data, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_folder_that_holds_something_is_not_touched(tmp_path):
    data = readers.read("folder", write(tmp_path / "in", FOLDER))
    (tmp_path / "empty").mkdir()
    prepare.write(data, tmp_path / "empty")
    before = contents(tmp_path / "empty")
    for out in (tmp_path / "empty", tmp_path / "in" / "items.csv"):
        with pytest.raises(IntakeError, match="is not empty"):
            prepare.write(data, out)
    assert contents(tmp_path / "empty") == before


# -- the command ----------------------------------------------------------------------------------------------


def test_the_command_prints_the_report(tmp_path, monkeypatch, capsys):
    root = write(tmp_path / "in", AMAZON)
    arguments = ("--dataset", "amazon", "--data", root, "--out", tmp_path / "out", "--k-core", 2)
    assert run(monkeypatch, *arguments) == 0
    assert "users: 3\n" in capsys.readouterr().out
    assert readers.read("folder", tmp_path / "out").items["a"].image


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dataset", "movielens", "--data", "{in}/gone"), "gone' is not a folder."),
        (("--dataset", "movielens", "--data", "{in}"), "No ratings.csv or ratings.dat in"),
        (("--dataset", "folder", "--data", "{in}", "--k-core", "5"), "--k-core is for --dataset amazon only."),
        (("--dataset", "folder", "--data", "{in}", "--download-images"), "--download-images is for --dataset amazon"),
        (("--dataset", "amazon", "--data", "{in}", "--k-core", "0"), "k_core is 0; it must be at least 1"),
        (("--dataset", "folder", "--data", "{in}", "--fallback", "{in}/items.csv"), "items.csv' is not a folder."),
        (("--dataset", "folder", "--data", "{in}", "--out", "{in}"), "is not empty. Name another"),
        (("--dataset", "folder", "--data", "{in}", "--out", "{in}/" + "x" * 300), "cannot be written (File name too"),
        (("--dataset", "folder", "--data", "{in}", "--out", "{in}/items.csv/x"), "cannot be written ("),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys, arguments, message):
    write(tmp_path / "in", FOLDER)
    given_ = [text.replace("{in}", str(tmp_path / "in")) for text in arguments]
    assert run(monkeypatch, "--out", tmp_path / "out", *given_) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and message in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_argument_is_exit_code_2_too(monkeypatch):
    assert run(monkeypatch, "--dataset", "netflix", "--data", "x", "--out", "y") == 2


def test_reading_data_does_not_load_a_model():
    code = "import sys, train.data.prepare; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0
