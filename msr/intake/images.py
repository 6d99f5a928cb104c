"""Decode untrusted picture files into a `Picture`, within the limits of one request.

A `Picture` holds RGB pixels and nothing else. A `Budget` limits the pixels and the seconds of a request, and ends the
work when the caller has disconnected.
"""

from __future__ import annotations

import functools
import hashlib
import io
import math
import re
import time
from collections.abc import Callable

from PIL import Image, ImageCms, UnidentifiedImageError, features

from msr.config import LIMITS, Limits
from msr.intake.text import IntakeError
from msr.schema import Picture

READ = "JPEG, PNG, WebP, AVIF or HEIC"
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".heic", ".heif")

_ORIENTATION = 0x0112  # the EXIF tag
_ROTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")  # kinds of HEIC in its first bytes
_SCAN = b"\xff\xda"  # the marker before each scan of a JPEG; never occurs within a scan
_PNG, _CHUNKS = b"\x89PNG\r\n\x1a\n", 20_000  # how it begins, and the most chunks of one
_SCANS_A_PICTURE = 10  # this many scans take about as long as decoding the picture once
_OTHER_KINDS = {
    b"GIF8": "a GIF", b"8BPS": "a Photoshop file", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"BM": "a BMP",
    b"%PDF": "a PDF", b"PK\3\4": "a ZIP",
}  # fmt: skip


class Spent(IntakeError):
    """The budget is spent; nothing more is read for this request."""


class Budget:
    """Counts decoded pixels and time. Without arguments it is unlimited, for files that the user of the program names.

    `gone` tells whether the caller has disconnected. Either all of the input is read, or nothing.
    """

    def __init__(
        self, pixels: float = math.inf, seconds: float = math.inf, gone: Callable[[], bool] = lambda: False
    ) -> None:
        self._pixels, self._left = pixels, pixels
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._gone = gone

    @classmethod
    def of(cls, limits: Limits, gone: Callable[[], bool] = lambda: False) -> Budget:
        """A budget for one request of a visitor."""
        return cls(limits.max_total_pixels, limits.max_seconds, gone)

    def spend(self, where: str, pixels: int = 0) -> None:
        """Count `pixels`; call it before each piece of work. Raises Spent."""
        self._left -= pixels
        if self._left < 0:
            raise Spent(
                f"{where}: all pictures together have too many pixels; at most {self._pixels / 1e6:g} million are read "
                "at a time. Bring fewer or smaller ones."
            )
        if time.monotonic() > self._end:
            raise Spent(
                f"{where}: reading took longer than {self._seconds:g} seconds and was ended. "
                "Bring fewer or smaller files."
            )
        if self._gone():
            raise Spent(f"{where}: the caller has disconnected.")


def picture(source: bytes, where: str, limits: Limits = LIMITS, budget: Budget | None = None) -> Picture:
    """Decode a still (JPEG, PNG, WebP, AVIF, or HEIC if pillow-heif is installed) to at most `max_side` pixels a side.

    It is known by its content, not by its name. The result is upright, in sRGB, on a white background and without
    metadata. Bytes that this function made are kept unchanged, so an exported picture can be read back as the same
    picture. `where` names the source in an IntakeError; `budget` is checked before anything is decoded.
    """
    if len(source) > limits.max_image_bytes:
        raise IntakeError(
            f"{where}: the picture has {_mb(len(source))} MB; at most {_mb(limits.max_image_bytes)} are read."
        )
    try:
        with _open(source, where, limits) as image:
            (budget or Budget()).spend(where, _cost(image, source, where, limits))
            image.verify()
        with _open(source, where, limits) as image:  # verify() leaves an image unusable
            if _is_clean(source) and max(image.size) <= limits.max_side:
                image.load()
                return Picture(source, hashlib.sha256(source).hexdigest()[:32], *image.size)
            return Picture.from_pixels(_upright(image, limits.max_side))
    except IntakeError:
        raise
    except Exception as error:  # decoders raise many kinds of errors for broken files
        raise IntakeError(f"{where}: the picture is damaged and cannot be decoded. Save it again.") from error


def _open(source: bytes, where: str, limits: Limits) -> Image.Image:
    """Open an image without decoding it. Raises IntakeError for its format, frames, chunks or size."""
    if source.startswith(_PNG) and _has_many_chunks(source):
        raise IntakeError(f"{where}: a PNG of more than {_CHUNKS:,} chunks. Save it again without metadata.")
    try:
        image = Image.open(io.BytesIO(source), formats=_formats())
    except UnidentifiedImageError:
        raise IntakeError(f"{where}: {_refusal(source)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise IntakeError(_too_large(where, limits)) from None
    width, height = image.size
    small = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    if width * height > (limits.max_jpeg_pixels if small else limits.max_pixels):
        raise IntakeError(_too_large(where, limits))
    if max(width, height) > limits.max_aspect * min(width, height):
        raise IntakeError(
            f"{where}: the picture is {width} x {height} pixels; one side may be at most "
            f"{limits.max_aspect:g} times the other. Crop it."
        )
    # An MPO or a HEIC is a still photo, which may have further views in the same file.
    if image.format not in ("MPO", "HEIF") and getattr(image, "n_frames", 1) > 1:
        raise IntakeError(f"{where}: an animated picture; only stills are read. Save one frame.")
    return image


def _has_many_chunks(source: bytes) -> bool:
    """Whether a PNG has more chunks than any program writes: each costs time before the first pixel is seen."""
    at = len(_PNG)
    for _ in range(_CHUNKS):
        if at >= len(source):
            return False
        at += 12 + int.from_bytes(source[at : at + 4], "big")  # length, name, content, checksum
    return at < len(source)


def _cost(image: Image.Image, source: bytes, where: str, limits: Limits) -> int:
    """The cost of decoding in pixels; each scan of a progressive JPEG adds to it. Raises IntakeError for too many."""
    width, height = image.size
    scans = source.count(_SCAN) if source.startswith(b"\xff\xd8") else 1
    if scans > limits.max_scans:
        raise IntakeError(f"{where}: a JPEG of {scans} scans; at most {limits.max_scans} are read. Save it again.")
    return width * height * max(1, scans // _SCANS_A_PICTURE)


def _upright(image: Image.Image, side: int) -> Image.Image:
    """A new RGB image: reduced, upright, on a white background."""
    try:
        rotation = _ROTATION.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # the picture can be used without its EXIF data
        rotation = None
    image.draft(None, (2 * side, 2 * side))  # decodes a large JPEG at a smaller size; has no effect on other formats
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16 bits a pixel
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode != mode and not (image.mode == "CMYK" and profile):  # a profile says what the inks look like
        image = image.convert(mode)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    image = _in_srgb(image, profile)
    if rotation is not None:
        image = image.transpose(rotation)
    pixels = Image.new("RGB", image.size, "white")
    pixels.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return pixels


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture with the colours that its profile gives to its numbers; sRGB is assumed without a usable profile."""
    if not profile:
        return image
    try:
        colours = image.convert("RGB") if image.mode == "RGBA" else image
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(colours, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # broken, or of another kind of picture (grey)
        return image.convert("RGBA" if image.mode == "RGBA" else "RGB")
    if converted is not None and image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted or image


@functools.cache
def _formats() -> tuple[str, ...]:
    """The formats that Pillow reads here."""
    formats = ["JPEG", "PNG", "WEBP", *(["AVIF"] if features.check("avif") else [])]
    if _heic():
        formats.append("HEIF")
    return tuple(formats)


def _heic() -> bool:
    """Make Pillow read HEIC with pillow-heif; whether that is installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _is_clean(source: bytes) -> bool:
    """Are the bytes one lossy WebP chunk, as `Picture.from_pixels` writes it, without metadata, alpha or other data?"""
    return (
        source[:4] == b"RIFF"
        and source[8:16] == b"WEBPVP8 "
        and int.from_bytes(source[16:20], "little") in (len(source) - 20, len(source) - 21)
    )


def _refusal(source: bytes) -> str:
    """Why a file is no picture that is read here."""
    brand = source[8:12] if source[4:8] == b"ftyp" else b""
    if brand in _HEIC:
        if "HEIF" in _formats():
            return "this HEIC picture is damaged. Save it again."
        return "HEIC pictures need pillow-heif. Install it (pip install pillow-heif), or save the picture as JPEG."
    if brand in (b"avif", b"avis") and "AVIF" not in _formats():
        return "Pillow was built without AVIF here. Save the picture as JPEG."
    return f"{_kind(source)}; only {READ} pictures are read."


def _kind(source: bytes) -> str:
    """The likely kind of a refused file, for the error message."""
    for magic, kind in _OTHER_KINDS.items():
        if source.startswith(magic):
            return f"this is {kind}"
    if source[4:8] == b"ftyp":
        return "this is a damaged AVIF picture or a video"
    if b"<svg" in source[:4096].lower():
        return "this is an SVG"
    if re.search(rb"<(!doctype )?html", source[:1024].lower()):
        return "this is a web page"
    return "this is not a picture" if source else "the file is empty"


def _too_large(where: str, limits: Limits) -> str:
    return (
        f"{where}: the picture has too many pixels; at most {limits.max_pixels / 1e6:g} million are read, and "
        f"{limits.max_jpeg_pixels / 1e6:g} million in a JPEG that is not progressive. Reduce it."
    )


def _mb(size: int) -> str:
    return f"{size / 2**20:.1f}"
