"""Pictures: what is read, what is refused, and that nothing but pixels gets through."""

from __future__ import annotations

import io
import struct
import sys
import tracemalloc
import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageCms

from msr.config import Limits
from msr.intake import IntakeError, images, picture
from tests.intake_files import encoded, png, png_claiming

TWO_TONE = Image.new("RGB", (40, 20), "red")
TWO_TONE.paste("blue", (20, 0, 40, 20))  # left red, right blue


def near(pixel: tuple[int, ...], colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, colour, strict=True))


def exif(orientation: int = 1, gps: bool = False) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    if gps:
        tags[0x010F] = "SECRETMAKER"
        tags.get_ifd(0x8825)[1] = "N"
        tags.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)
    return tags


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_reads_each_format_by_content(kind: str) -> None:
    shot = picture(encoded(TWO_TONE, kind), "a picture").open()
    assert shot.mode == "RGB" and shot.size == (40, 20)
    assert near(shot.getpixel((4, 10)), (255, 0, 0), 30) and near(shot.getpixel((36, 10)), (0, 0, 255), 30)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (encoded(TWO_TONE, "GIF"), "a GIF"),
        (encoded(TWO_TONE, "TIFF"), "a TIFF"),
        (encoded(TWO_TONE, "BMP"), "a BMP"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "an SVG"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 64, "HEIC pictures? "),
        (b"\0\0\0\x18ftypavif" + b"\0" * 64, "a damaged AVIF picture or a video"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        (b"%PDF-1.7", "a PDF"),
        (b"hello", "not a picture"),
        (b"", "empty"),
    ],
)
def test_other_formats_are_named_in_the_refusal(data: bytes, said: str) -> None:
    with pytest.raises(IntakeError, match=rf"^holiday\.png: .*{said}"):
        picture(data, "holiday.png")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_animations_are_refused(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    with pytest.raises(IntakeError, match="animated"):
        picture(encoded(frames[0], kind, save_all=True, append_images=frames[1:]), "a")


def test_a_phone_still_with_a_second_view_is_no_animation() -> None:
    second = Image.new("RGB", (40, 20), "green")
    shot = picture(encoded(TWO_TONE, "MPO", save_all=True, append_images=[second]), "a").open()
    assert near(shot.getpixel((4, 10)), (255, 0, 0), 30)


def test_a_decompression_bomb_is_refused_before_decoding() -> None:
    bomb = encoded(Image.new("1", (9000, 9000)))  # 81 million pixels in some kilobytes
    assert len(bomb) < 20_000
    tracemalloc.start()
    with pytest.raises(IntakeError, match="too many pixels; at most 26 million"):
        picture(bomb, "a")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("side", [5100, 20_000, 60_000])  # just over the limit; where Pillow warns; where it raises
def test_every_oversize_gets_the_same_refusal(side: int) -> None:
    with pytest.raises(IntakeError, match="too many pixels"):
        picture(png_claiming(side, side), "a")


def test_too_many_bytes() -> None:
    data = png()
    assert picture(data, "a", Limits(max_image_bytes=len(data)))
    with pytest.raises(IntakeError, match="at most 0.0 are read"):
        picture(data, "a", Limits(max_image_bytes=len(data) - 1))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(kind: str, kept: float) -> None:
    data = encoded(Image.effect_noise((64, 64), 60).convert("RGB"), kind)
    with pytest.raises(IntakeError, match=r"^a: .*(damaged|not a picture)"):
        picture(data[: int(len(data) * kept)], "a")


def test_a_damaged_checksum_is_refused() -> None:
    data = bytearray(encoded(Image.effect_noise((64, 64), 60)))
    data[-14] ^= 0xFF  # in the checksum of the last IDAT
    with pytest.raises(IntakeError, match="damaged"):
        picture(bytes(data), "a")


def test_metadata_is_gone() -> None:
    data = encoded(TWO_TONE, "JPEG", exif=exif(gps=True), comment=b"SECRETCOMMENT", icc_profile=b"SECRETPROFILE" * 20)
    assert b"SECRETMAKER" in data and b"SECRETCOMMENT" in data and b"SECRETPROFILE" in data
    clean = picture(data, "a").data
    assert b"SECRET" not in clean and b"EXIF" not in clean and b"ICCP" not in clean
    assert not Image.open(io.BytesIO(clean)).getexif()


def test_webp_metadata_is_gone() -> None:
    data = encoded(TWO_TONE, "WEBP", exif=exif(gps=True), xmp=b"<x>SECRETXMP</x>")
    assert b"SECRETMAKER" in data and b"SECRETXMP" in data
    assert b"SECRET" not in picture(data, "a").data


@pytest.mark.parametrize("trailer", [b"PK\3\4 a ZIP behind", b"<script>alert(1)</script>"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_polyglot_loses_its_other_half(kind: str, trailer: bytes) -> None:
    clean = picture(encoded(TWO_TONE, kind) + trailer, "a").data
    assert trailer not in clean and len(clean) == int.from_bytes(clean[4:8], "little") + 8


@pytest.mark.parametrize(("orientation", "red_at"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom")])
def test_exif_orientation_is_applied(orientation: int, red_at: str) -> None:
    shot = picture(encoded(TWO_TONE, "JPEG", exif=exif(orientation), quality=95), "a").open()
    assert shot.size == ((40, 20) if orientation in (1, 3) else (20, 40))
    w, h = shot.size
    red = {"left": (3, h // 2), "right": (w - 4, h // 2), "top": (w // 2, 3), "bottom": (w // 2, h - 4)}[red_at]
    assert near(shot.getpixel(red), (255, 0, 0), 30)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_unreadable_exif_does_not_cost_the_picture(kind: str) -> None:
    assert picture(encoded(TWO_TONE, kind, exif=b"Exif\0\0no TIFF header"), "a").width == 40


def test_transparency_is_laid_over_white() -> None:
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0])
    assert near(picture(encoded(half), "a").open().getpixel((4, 4)), (127, 127, 127))
    assert near(picture(encoded(palette, transparency=0), "a").open().getpixel((4, 4)), (255, 255, 255))
    assert near(picture(encoded(Image.new("LA", (8, 8), (0, 0))), "a").open().getpixel((4, 4)), (255, 255, 255))
    assert near(picture(encoded(half, "WEBP"), "a").open().getpixel((4, 4)), (127, 127, 127))


def test_unusual_pixel_formats_keep_their_brightness() -> None:
    grey16 = Image.new("I;16", (8, 8), 0x8000)
    assert near(picture(encoded(grey16), "a").open().getpixel((4, 4)), (128, 128, 128))
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert near(picture(encoded(cmyk, "JPEG"), "a").open().getpixel((4, 4)), (255, 0, 0), 20)
    assert near(picture(encoded(Image.new("1", (8, 8), 1)), "a").open().getpixel((4, 4)), (255, 255, 255))
    assert near(picture(encoded(TWO_TONE.quantize(4)), "a").open().getpixel((4, 10)), (255, 0, 0))


def test_large_pictures_are_reduced_and_keep_their_shape() -> None:
    for kind in ("PNG", "JPEG"):
        shot = picture(encoded(Image.new("RGB", (1600, 400), "red"), kind), "a")
        assert (shot.width, shot.height) == (512, 128)
    assert picture(png(size=(100, 50)), "a", Limits(max_side=20)).width == 20


WIDE = {  # red, green and blue of wide colour spaces, as their profiles define them (D50, XYZ)
    "Adobe RGB": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), 2.2),
    "ProPhoto": ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491), 1.8),
}


def profile_of(red: Any, green: Any, blue: Any, gamma: float) -> bytes:
    """An ICC profile (version 2) of a display with these primaries."""

    def xyz(values: Any) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78 + 1)
    parts = {b"desc": text, b"wtpt": xyz((0.9642, 1.0, 0.8249)), b"rXYZ": xyz(red), b"gXYZ": xyz(green),
             b"bXYZ": xyz(blue), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}  # fmt: skip
    start, table, body = 128 + 4 + 12 * len(parts), b"", b""
    for name, data in parts.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data.ljust(-(-len(data) // 4) * 4, b"\0")
    white = b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1.0, 0.8249))
    head = struct.pack(">I4sI4s4s4s12s4s", start + len(body), b"", 0x02200000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp")
    return head.ljust(68, b"\0") + white.ljust(60, b"\0") + struct.pack(">I", len(parts)) + table + body


@pytest.mark.parametrize("space", WIDE)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_colours_of_a_wide_space_are_those_that_a_browser_shows(kind: str, space: str) -> None:
    teal, icc = Image.new("RGB", (16, 16), (0, 128, 128)), profile_of(*WIDE[space])
    given, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    wide = ImageCms.profileToProfile(teal, srgb, given)
    assert not near(wide.getpixel((8, 8)), (0, 128, 128))  # the numbers alone would show another colour
    data = encoded(wide, kind, icc_profile=icc, **({"lossless": True} if kind == "WEBP" else {"quality": 95}))
    assert near(picture(data, "a").open().getpixel((8, 8)), (0, 128, 128), 10)


def test_transparency_is_kept_under_a_profile_and_a_broken_or_unfit_one_costs_nothing() -> None:
    icc = profile_of(*WIDE["ProPhoto"])
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    assert near(picture(encoded(clear, icc_profile=icc), "a").open().getpixel((8, 8)), (255, 255, 255))
    for kind, image in (("PNG", Image.new("L", (16, 16), 128)), ("JPEG", Image.new("CMYK", (16, 16), (0, 0, 0, 127)))):
        for profile in (icc, icc[:200], b"x" * 300):
            assert near(picture(encoded(image, kind, icc_profile=profile), "a").open().getpixel((8, 8)), (128,) * 3, 20)


def test_a_photo_of_a_large_sensor_is_decoded_small() -> None:
    photo = encoded(Image.new("RGB", (8192, 6144), "red"), "JPEG", quality=30)
    shot = picture(photo, "a")
    assert (shot.width, shot.height) == (512, 384)
    whole = encoded(Image.new("L", (8192, 6144), 128), "JPEG", quality=30, progressive=True)
    with pytest.raises(IntakeError, match="26 million are read, and 52 million in a JPEG that is not progressive"):
        picture(whole, "a")


def test_16_bits_and_palettes_with_transparency() -> None:
    deep = Image.new("I;16", (8, 8), 0xFFFF)
    assert near(picture(encoded(deep), "a").open().getpixel((4, 4)), (255, 255, 255))
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    half_clear = encoded(palette, transparency=bytes([255, 128]))
    assert near(picture(half_clear, "a").open().getpixel((4, 4)), (255, 127, 127), 15)


def test_heic_is_read_by_pillow_heif_if_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    heic = b"\0\0\0\x18ftypheic" + b"\0" * 64
    images._formats.cache_clear()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(
        IntakeError, match=r"^a: HEIC pictures need pillow-heif. Install it .*or save the picture as JPEG"
    ):
        picture(heic, "a")
    registered = []
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=lambda: registered.append(1)))
    images._formats.cache_clear()
    with pytest.raises(IntakeError, match="^a: .*picture is damaged"):
        picture(heic, "a")
    assert registered == [1]
    images._formats.cache_clear()


def test_small_and_narrow_pictures() -> None:
    assert (picture(png(size=(1, 1)), "a").width, picture(png(size=(20, 1)), "a").width) == (1, 20)
    for size in ((21, 1), (1, 4000), (20_000, 900)):
        with pytest.raises(IntakeError, match="one side may be at most 20 times the other"):
            picture(png(size=size), "a")


def test_a_picture_that_comes_back_is_the_same_picture() -> None:
    once = picture(encoded(Image.effect_noise((700, 300), 80)), "a")
    assert picture(once.data, "again") == once


def test_a_truncated_picture_that_looks_clean_is_still_decoded() -> None:
    body = picture(encoded(Image.effect_noise((64, 64), 60)), "a").data[20:400]
    sizes = [(len(body) + extra).to_bytes(4, "little") for extra in (12, 0)]
    with pytest.raises(IntakeError, match="damaged"):
        picture(b"RIFF" + sizes[0] + b"WEBPVP8 " + sizes[1] + body, "a")


def test_clean_bytes_larger_than_asked_are_reduced() -> None:
    large = picture(png(size=(300, 300)), "a")
    assert picture(large.data, "a", Limits(max_side=100)).width == 100


def test_a_png_of_very_many_chunks_is_refused_before_they_are_read():
    plain = png("red")
    head, rest = plain[:33], plain[33:]  # the signature and IHDR, and what follows
    note = b"a\0b"
    chunk = struct.pack(">I", len(note)) + b"tEXt" + note + struct.pack(">I", zlib.crc32(b"tEXt" + note))
    assert picture(head + 50 * chunk + rest, "few").width == 8
    with pytest.raises(IntakeError, match="many: a PNG of more than 20,000 chunks. Save it again"):
        picture(head + 30_000 * chunk + rest, "many")
