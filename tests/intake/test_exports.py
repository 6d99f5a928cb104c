"""Exports of shops and of lists of books, films and places, by their own column names."""

from __future__ import annotations

import pytest

from msr.config import LIMITS
from msr.intake.tables import Row, read_table

SHOPIFY = """Handle,Title,Body (HTML),Vendor,Type,Variant SKU,Variant Price,Image Src,Image Position
mug,Orange mug,"<p>It is, <b>ours</b></p>",Acme,Mugs,M1,9.99,https://cdn.example/x.jpg,1
mug,,,,,M2,10.99,https://cdn.example/y.jpg,2
lamp,Sorrel &amp; ash lamp,,Acme,Lamps,L1,30,https://cdn.example/z.jpg,1
"""
WOOCOMMERCE = """ID,Type,SKU,Name,Published,Parent,Images,Regular price
44,variable,woo-mug,Orange mug,1,,"https://x.example/a.jpg, https://x.example/b.jpg",9
45,variation,woo-mug-l,"Orange mug - large",1,woo-mug,,11
46,simple,woo-lamp,Lamp,1,,,30
"""
ETSY = """TITLE,DESCRIPTION,PRICE,CURRENCY_CODE,QUANTITY,TAGS,MATERIALS,IMAGE1,IMAGE2,SKU
Orange mug,d,9,USD,1,t,m,https://i.example/x.jpg,,M1
Lamp,d,9,USD,1,t,m,https://i.example/y.jpg,,
"""
LETTERBOXD = """Date,Name,Year,Letterboxd URI
2024-01-02,Heat,1995,https://boxd.example/2a
2024-01-01,Alien,1979,https://boxd.example/2b
"""
DIARY = """Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date
2024-03-01,Heat,1995,https://boxd.example/a,4,,,2024-02-01
2024-03-01,Alien,1979,https://boxd.example/b,5,,,2024-01-31
"""
GOODREADS = """Book Id,Title,Author,Author l-f,ISBN,ISBN13,My Rating,Date Read,Date Added,Bookshelves
10,"Dune (Dune, #1)",Frank Herbert,"Herbert, Frank","=""0441"" ","=""978"" ",5,,2023/01/31,sf
11,Emma,Jane Austen,"Austen, Jane",,,4,2022/05/01,2022/4/1,classics
"""
IMDB = """Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Year,Genres
tt0113277,9,2024-02-03,Heat,Heat,https://imdb.example/tt0113277/,Movie,8.3,1995,"Crime, Drama"
tt0078748,8,2024-01-03,Alien,Alien,https://imdb.example/tt0078748/,Movie,8.5,1979,Horror
"""
TAKEOUT = """Title,Note,URL,Tags,Comment
,,,,
Blue cafe,,https://maps.example/1,,
"Museum, old",,https://maps.example/2,,
"""
RECBOLE = "item_id:token\tmovie_title:token_seq\tclass:token_seq\n2\tHeat\tCrime\n"


def read(text: str) -> tuple[list[Row], str]:
    rows, told = read_table(text.encode(), "export.csv", 100, LIMITS)
    return sorted(rows, key=lambda row: row.timestamp or 0), " ".join(told)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (SHOPIFY, [("mug", "Orange mug"), ("lamp", "Sorrel & ash lamp")]),
        (WOOCOMMERCE, [("44", "Orange mug"), ("46", "Lamp")]),
        (ETSY, [("M1", "Orange mug"), ("Lamp", "Lamp")]),
        (LETTERBOXD, [("https://boxd.example/2b", "Alien"), ("https://boxd.example/2a", "Heat")]),
        (DIARY, [("https://boxd.example/b", "Alien"), ("https://boxd.example/a", "Heat")]),
        (GOODREADS, [("11", "Emma"), ("10", "Dune (Dune, #1)")]),
        (IMDB, [("tt0078748", "Alien"), ("tt0113277", "Heat")]),
        (TAKEOUT, [("https://maps.example/1", "Blue cafe"), ("https://maps.example/2", "Museum, old")]),
        (RECBOLE, [("2", "Heat")]),
    ],
    ids=["shopify", "woocommerce", "etsy", "letterboxd", "diary", "goodreads", "imdb", "takeout", "recbole"],
)
def test_one_row_a_product_in_order_of_time(text: str, items: list[tuple[str, str]]) -> None:
    assert [(row.id, row.title) for row in read(text)[0]] == items


def test_what_is_not_used_is_counted_and_named() -> None:
    said = read(SHOPIFY)[1]
    assert "columns that are not used: Body (HTML), Vendor, Variant SKU, Variant Price, Image Position." in said
    assert "1 row is not used: variants or further pictures of products above." in said
    assert "1 row is not used: variants" in read(WOOCOMMERCE)[1]
    assert "Author, Author l-f, ISBN, ISBN13, My Rating, Date Read, Bookshelves" in read(GOODREADS)[1]


def test_a_date_that_is_not_in_every_row_orders_nothing() -> None:
    rows, said = read("Title,Date Read\nEmma,2024-01-02\nDune,\nHeat,2023-01-01\n")
    assert [row.title for row in rows] == ["Emma", "Dune", "Heat"]
    assert "columns that are not used: Date Read." in said


def test_our_own_names_come_first() -> None:
    rows, said = read("SKU,Name,id,title,image,Image Src\ns,n,1,Mug,a.png,https://x.example/b.png\n")
    assert (rows[0].id, rows[0].title, rows[0].image) == ("1", "Mug", "a.png")
    assert "not used: SKU, Name, Image Src." in said
