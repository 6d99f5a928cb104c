"""Guesses of old encodings: right where they can be, and none where two are possible."""

from __future__ import annotations

import pytest

from msr.intake.encodings import IN_TABLES, IN_ZIPS, guess


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["红杯子.jpg"], "gbk"),
        (["茶杯.jpg", "桌子.png", "红色的台灯.jpg"], "gbk"),
        (["赤いカップ.jpg"], "cp932"),
        (["カップ.jpg"], "cp932"),
        (["Tシャツ.jpg"], "cp932"),
        (["表示ソ.jpg"], "cp932"),  # its last letters end with the byte of a backslash
        (["紅色杯子.jpg", "椅子.jpg"], "big5"),
        (["머그컵 빨강.jpg", "의자와 책상.png"], "euc_kr"),
        (["Café.jpg"], "cp437"),
        (["Crème brûlée.jpg", "pâte.jpg", "été.jpg", "âge.jpg"], "cp437"),
        (["Größe Übung.jpg", "él.jpg", "Ångström.jpg"], "cp437"),
        (["Кружка синяя.jpg"], "cp866"),
    ],
)
def test_names_in_zips(names: list[str], encoding: str) -> None:
    assert guess("\n".join(names).encode(encoding), IN_ZIPS) == encoding


@pytest.mark.parametrize(("names", "encoding"), [("머그컵.jpg", "euc_kr"), ("Zażółć gęślą", "cp852")])
def test_no_guess_where_two_encodings_fit_or_none(names: str, encoding: str) -> None:
    assert guess(names.encode(encoding), IN_ZIPS) is None


def test_capitals_of_western_texts_are_no_chinese() -> None:
    assert guess("Åre ski, À bientôt, Ärger, ÉCLAIR".encode("cp1252"), IN_TABLES) == "cp1252"
