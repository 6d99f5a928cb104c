"""Pictures: what is read, what is refused, and that nothing but pixels gets through."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from PIL import Image

from msr.config import Limits
from msr.intake import IntakeError, picture
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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_reads_the_three_formats_by_content(kind: str) -> None:
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
        (b"\0\0\0\x18ftypheic" + b"\0" * 64, "HEIC"),
        (b"%PDF-1.7", "a PDF"),
        (b"hello", "not a picture"),
        (b"", "empty"),
    ],
)
def test_other_formats_are_named_in_the_refusal(data: bytes, said: str) -> None:
    with pytest.raises(IntakeError, match=rf"^holiday\.png: .*{said}"):
        picture(data, "holiday.png")


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
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
    with pytest.raises(IntakeError, match="too many pixels; at most 20 million"):
        picture(bomb, "a")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("side", [4473, 20_000, 60_000])  # just over the limit; where Pillow warns; where it raises
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
