"""ZIP: every known trick is tried for real; nothing is ever written to disk."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from msr.config import LIMITS, Limits
from msr.intake import Budget, IntakeError, load_items, read_items, title
from msr.intake.files import relative_name
from tests.intake_files import HEADER, TWO, encoded, patched, png, write_zip


def unmarked(path: Path, files: dict[bytes, bytes]) -> Path:
    """A ZIP whose names are these bytes, without the mark of UTF-8."""
    stand_in = {f"{n:03}".ljust(len(name), "~"): (name, data) for n, (name, data) in enumerate(files.items())}
    write_zip(path, {name: data for name, (_, data) in stand_in.items()})
    for plain, (name, _) in stand_in.items():
        patched(path, plain.encode(), name)
    return path


def zip64(path: Path, files: dict[str, Any]) -> Path:
    """A ZIP with a zip64 record, as programs write it that do not know how long a ZIP will be."""
    data = write_zip(path, files).read_bytes()
    entries, length, start = struct.unpack("<HII", data[-12:-2])
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, length, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(data) - 22, 1)
    end = data[-22:-14] + b"\xff" * 12 + data[-2:]
    path.write_bytes(data[:-22] + record + locator + end)
    return path


GOOD = {"items.csv": TWO, "a.png": png()}


def refused(path: Path, said: str, limits: Limits = LIMITS) -> None:
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(IntakeError, match=said):
        load_items(path, limits)
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize("top", ["", "My things/"])
def test_reads_a_zip_with_its_table_at_the_top_or_in_one_folder(tmp_path: Path, top: str) -> None:
    junk = {"__MACOSX/My things/._items.csv": b"x", "__MACOSX/x": b"x", ".DS_Store": b"x"}
    items = load_items(write_zip(tmp_path / "x.zip", {top + n: d for n, d in GOOD.items()} | junk))
    assert [(i.id, i.title, bool(i.picture)) for i in items] == [("a", "Red mug", True), ("b", "Blue mug", False)]


def test_reads_pictures_alone_and_a_zip_without_its_suffix(tmp_path: Path) -> None:
    items = load_items(write_zip(tmp_path / "noname", {"p/shoe 10.png": png(), "p/shoe 9.png": png(), "p/x.txt": "x"}))
    assert [i.id for i in items] == ["shoe 9", "shoe 10"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "a/../../evil.png",
        "/etc/evil.png",
        "C:/evil.png",
        "./C:/evil.png",
        "a\\..\\..\\evil.png",
        "\\\\host\\evil.png",
        "a\x01b",
    ],
)
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    refused(write_zip(tmp_path / "x.zip", GOOD | {name: b"x"}), "file name")


def test_a_nul_that_hides_the_end_of_a_name(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", GOOD | {"b.png_.exe": b"x"})
    refused(patched(path, b"b.png_.exe", b"b.png\0.exe"), "control characters")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("link.png")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    refused(write_zip(tmp_path / "x.zip", [*GOOD.items(), (info, "/etc/passwd")]), "link or a device")


def test_an_encrypted_entry(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", GOOD)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\1\2")
    data[at + 8] |= 1
    path.write_bytes(data)
    refused(path, "'a.png' is encrypted")


@pytest.mark.parametrize("name", ["more.zip", "more.tar.gz", "MORE.7Z"])
def test_an_archive_inside(tmp_path: Path, name: str) -> None:
    refused(write_zip(tmp_path / "x.zip", GOOD | {name: b"x"}), "archive inside")


def test_a_name_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning):
        path = write_zip(tmp_path / "x.zip", [*GOOD.items(), ("a.png", png("blue"))])
    refused(path, "'a.png' is there twice")
    refused(write_zip(tmp_path / "y.zip", GOOD | {"./a.png": png("blue")}), "'a.png' is there twice")


def test_a_ratio_bomb(tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "x.zip", GOOD | {"big.png": bytes(10_000_000)}), "more than 200 times its size")


def test_too_much_in_all(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", GOOD | {f"{n}.bin": bytes(range(256)) * 40 for n in range(10)})
    refused(path, "when unpacked", Limits(max_zip_bytes=100_000))
    assert load_items(path, Limits(max_zip_bytes=110_000))


def test_a_file_too_large_to_open(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", GOOD)
    refused(path, "refused: larger than", Limits(max_zip_bytes=path.stat().st_size - 1))


def test_a_picture_that_many_rows_name_is_decoded_once(tmp_path: Path) -> None:
    large = encoded(Image.new("RGB", (5000, 4000), "red"), "WEBP", lossless=True, method=0)
    table = HEADER + "".join(f"{n},x,a.webp\n" for n in range(5000))
    path = write_zip(tmp_path / "x.zip", {"items.csv": table, "a.webp": large})
    assert path.stat().st_size < 20_000
    items = load_items(path, budget=Budget(pixels=20_000_000))
    assert len(items) == 5000 and all(item.picture is items[0].picture for item in items)


def test_one_file_too_large(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", GOOD)
    refused(path, r"row 2: 'a.png' is larger", Limits(max_image_bytes=50))
    refused(path, r"'items.csv' is larger", Limits(max_csv_bytes=10))


def test_a_size_that_lies(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("items.csv", HEADER + "a,x,a.png\n")
        archive.writestr("a.png", bytes(5_000_000))
    refused(patched(path, struct.pack("<I", 5_000_000), struct.pack("<I", 99)), "'a.png' in the ZIP is damaged")


def test_too_many_entries(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", GOOD | {f"{n}.txt": b"" for n in range(20)})
    refused(path, "more than 20 files", Limits(max_zip_entries=20))
    assert load_items(path, Limits(max_zip_entries=22))


def test_a_huge_directory_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = write_zip(tmp_path / "many.zip", {"x" * 200 + str(n): b"" for n in range(50)})
    zip64 = write_zip(tmp_path / "zip64.zip", GOOD)
    data = zip64.read_bytes()
    record = b"PK\6\6" + bytes(36) + struct.pack("<QQ", 2**40, 0)
    locator = b"PK\6\7" + bytes(4) + struct.pack("<Q", len(data) - 22) + bytes(4)
    zip64.write_bytes(data[:-22] + record + locator + data[-22:])
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the directory was read"))
    refused(many, "more than 10 files", Limits(max_zip_entries=10))
    refused(zip64, "more than 12000 files")


def test_zip64_is_read_and_its_record_stands_where_it_says(tmp_path: Path) -> None:
    path = zip64(tmp_path / "x.zip", GOOD)
    assert [item.id for item in load_items(path)] == ["a", "b"]
    data = path.read_bytes()
    at = data.rindex(b"PK\6\7") + 8
    path.write_bytes(data[:at] + struct.pack("<Q", 5) + data[at + 8 :])
    refused(path, "damaged, or no ZIP")


def test_names_as_old_windows_programs_write_them(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"shop~items.csv": HEADER + "a,x,pics/a.png\n", "shop~pics~a.png": png()})
    patched(patched(path, b"shop~items.csv", b"shop\\items.csv"), b"shop~pics~a.png", b"shop\\pics\\a.png")
    items, told = read_items(path)
    assert items[0].picture and told == ()
    assert any("\\" in info.orig_filename for info in zipfile.ZipFile(path).infolist())


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Café", "utf-8"),
        ("Cafe\u0301", "utf-8"),
        ("赤いカップ", "cp932"),
        ("红杯子", "gbk"),
        ("Größe", "cp437"),
        ("Кружка", "cp866"),
    ],
)
def test_names_that_do_not_say_their_encoding(tmp_path: Path, name: str, encoding: str) -> None:
    path = unmarked(tmp_path / "x.zip", {f"{name}.png".encode(encoding): png()})
    (item,), told = read_items(path)
    assert (item.id, item.title, told) == (title(name), title(name), ())


@pytest.mark.parametrize(("name", "encoding"), [("머그컵", "euc_kr"), ("Łódź", "cp1250"), ("杯", "gbk")])
def test_a_table_knows_names_whose_encoding_cannot_be_told(tmp_path: Path, name: str, encoding: str) -> None:
    raw = f"{name}.png".encode(encoding)
    items, told = read_items(
        unmarked(tmp_path / "x.zip", {b"items.csv": (HEADER + f"a,x,{name}.png\n").encode(), raw: png()})
    )
    assert items[0].picture and told == ()


def test_pictures_whose_names_cannot_be_read_are_numbered_and_that_is_said(tmp_path: Path) -> None:
    names = ("머그컵", "의자")
    items, (said,) = read_items(unmarked(tmp_path / "x.zip", {f"{n}.png".encode("euc_kr"): png() for n in names}))
    assert [(i.id, i.title) for i in items] == [("picture", ""), ("picture-2", "")]
    assert said == "x.zip: 2 file names are in an unknown encoding and not used. Make the ZIP with UTF-8 names."


def test_the_utf8_name_that_info_zip_adds(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("mug.png")
    info.extra = struct.pack("<HHBI", 0x7075, 5 + len("杯.png".encode()), 1, zlib.crc32(b"mug.png")) + "杯.png".encode()
    assert load_items(write_zip(tmp_path / "x.zip", [(info, png())]))[0].id == "杯"


@pytest.mark.parametrize("beside", ["Thumbs.db", ".DS_Store", "desktop.ini", "__MACOSX/shop/._a.png", "README.txt"])
def test_what_lies_beside_the_one_folder_does_not_hide_it(tmp_path: Path, beside: str) -> None:
    path = write_zip(tmp_path / "x.zip", {f"shop/{name}": data for name, data in GOOD.items()} | {beside: b"x"})
    items, told = read_items(path)
    assert [item.id for item in items] == ["a", "b"]
    assert told == (("x.zip: 1 file is not used: README.txt.",) if beside == "README.txt" else ())


def test_an_unusual_compression(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("items.csv", TWO)
    refused(path, "unusual way")


@pytest.mark.parametrize("data", [b"PK\3\4", b"PK\3\4" + b"junk" * 100, b"PK\5\6" + b"\xff" * 18])
def test_broken_archives(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    refused(tmp_path / "x.zip", "'x.zip' is refused")


def test_damaged_content(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("items.csv", TWO)
        archive.writestr("a.png", png())
    refused(patched(path, b"Red mug", b"Red rum"), "'items.csv' in the ZIP is damaged")


def test_a_file_that_the_table_names_is_missing(tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "x.zip", {"items.csv": TWO}), r"x.zip/items.csv, row 2: there is no file 'a.png'")


def test_nothing_to_read(tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "x.zip", {"a/items.csv": TWO, "b/items.csv": TWO}), "neither items.csv nor")
    refused(write_zip(tmp_path / "y.zip", {}), "neither items.csv nor")


names = st.one_of(
    st.text(),
    st.lists(st.sampled_from(["..", ".", "", "a", "C:", "~", "con", "a b"])).map("/".join),
    st.text("./\\:ab\0"),
)


@settings(deadline=None)
@given(names)
@example("./C:/evil.png")
@example(".//http://x")
def test_every_name_that_passes_stays_below_its_folder(name: str) -> None:
    try:
        safe = relative_name(name, "here")
    except IntakeError:
        return
    parts = PurePosixPath(safe).parts
    assert parts and ".." not in parts and "\0" not in safe and relative_name(safe, "here") == safe
    for flavour in (PurePosixPath, PureWindowsPath):
        assert not flavour(safe).is_absolute() and not flavour(safe).drive and not flavour(safe).root
        assert flavour("/srv/in", safe).is_relative_to("/srv/in")
