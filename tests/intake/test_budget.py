"""Cheap input, dear work: what one request may cost is counted before the work is done."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image

from msr.config import Limits
from msr.intake import Budget, IntakeError, from_session, load_items, picture, title, to_session, uploads
from msr.schema import Item
from tests import fakes
from tests.intake_files import HEADER, encoded, jpeg_of_scans, png, write_folder, write_zip

FEW = Limits(max_total_pixels=200)  # three pictures of 64 pixels


def test_pictures_of_a_request_share_their_pixels(tmp_path: Path) -> None:
    pictures = {f"{n}.png": png(colour) for n, colour in enumerate(("red", "blue", "white", "black"))}
    folder, packed = write_folder(tmp_path / "f", pictures), write_zip(tmp_path / "x.zip", pictures)
    assert len(load_items(folder)) == len(load_items(packed, budget=Budget.of(Limits()))) == 4
    with pytest.raises(IntakeError, match=r"^x.zip/3\.png: all pictures together have too many pixels; at most 0.0002"):
        load_items(packed, budget=Budget.of(FEW))
    some = [(folder / name, name) for name in pictures]
    assert len(uploads(some[:3], budget=Budget.of(FEW))[0]) == 3
    items, (said,) = uploads([*some, *some], budget=Budget.of(FEW))
    assert items == () and "Bring fewer or smaller ones" in said
    saved = to_session([Item(str(n), "", fakes.picture(size=8)) for n in range(4)])
    with pytest.raises(IntakeError, match="item 4: all pictures together"):
        from_session(saved, budget=Budget.of(FEW))


def test_a_jpeg_of_many_scans_is_refused_undecoded() -> None:
    hostile = jpeg_of_scans(5000, (4000, 4000))
    assert len(hostile) < 700_000
    began = time.process_time()
    with pytest.raises(IntakeError, match="a JPEG of 5000 scans; at most 100 are read"):
        picture(hostile, "a")
    assert time.process_time() - began < 2  # decoding it takes more than a minute


def test_scans_count_as_pixels_and_usual_ones_are_read() -> None:
    usual = encoded(Image.effect_noise((40, 40), 60).convert("RGB"), "JPEG", progressive=True)
    assert picture(usual, "a", budget=Budget(pixels=1600)).width == 40
    many = jpeg_of_scans(50, (40, 40))
    assert picture(many, "a", budget=Budget(pixels=5 * 1600))
    with pytest.raises(IntakeError, match="too many pixels"):
        picture(many, "a", budget=Budget(pixels=5 * 1600 - 1))


def test_a_caller_who_left_is_not_read_for(tmp_path: Path) -> None:
    table = HEADER + "".join(f"{n},x,\n" for n in range(9))
    path = write_zip(tmp_path / "x.zip", {"items.csv": table})
    asked = []
    with pytest.raises(IntakeError, match="row 5: the caller has disconnected"):
        load_items(path, budget=Budget(gone=lambda: asked.append(1) or len(asked) > 3))
    assert len(asked) == 4


def test_time_ends_the_work_and_takes_nothing_in(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.png": png(), "b.png": png("blue")})
    late = Budget(seconds=0)
    items, (said,) = uploads([(tmp_path / name, name) for name in ("a.png", "b.png")], budget=late)
    assert items == () and said.startswith("a.png: reading took longer than 0 seconds and was ended.")


def test_rows_of_many_files_are_counted_together(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.csv": HEADER + "a,Mug,\nb,Bowl,\n"})
    items, problems = uploads([(tmp_path / "a.csv", "a.csv")] * 50, Limits(max_history=4))
    assert len(items) == 4 and len(problems) == 48


@pytest.mark.parametrize("text", ["<|" * 800 + "|>" * 800, "\ufdfa" * 3200])
def test_no_title_is_dear(text: str) -> None:
    began = time.process_time()
    for _ in range(20):
        cleaned = title(text)
    assert time.process_time() - began < 1
    assert title(cleaned) == cleaned and "<|" not in cleaned
