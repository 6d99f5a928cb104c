"""ZIP: every known trick is tried for real; nothing is ever written to disk."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from msr.config import LIMITS, Limits
from msr.intake import Budget, IntakeError, load_items
from msr.intake.files import relative_name
from tests.intake_files import HEADER, TWO, encoded, patched, png, write_zip

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
        "a\\..\\evil.png",
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
    zip64.write_bytes(data[:-22] + b"PK\6\7" + bytes(16) + data[-22:])
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the directory was read"))
    refused(many, "more than 10 files", Limits(max_zip_entries=10))
    refused(zip64, "more than 12000 files")


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
