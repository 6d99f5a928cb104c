from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from msr.retrieval import spaces
from msr.retrieval.index import WIDTH, Index, build, top
from msr.retrieval.spaces import PictureSpace, TextSpace, ViewStore
from msr.schema import InputProblem, Item, Picture
from tests.fakes import FakeBackbone, catalogue, items, noise, picture


def nearest(index: Index, query: np.ndarray, offered: list[Item], count: int) -> list[Item]:
    """The `count` nearest of the offered items, nearest first."""
    ordered, places = index.vectors_of(offered)
    return [ordered[row] for row in top(places, query, count)]


def made(offered=None, **options) -> Index:
    return build(catalogue(60) if offered is None else offered, FakeBackbone().views, "tower", **options)


def test_what_says_and_shows_the_same_is_nearest():
    offered = [
        Item("a", "striped mug", picture("red")),
        Item("b", "striped mug", picture("blue")),
        Item("c", "wooden chair", picture("red")),
        Item("d", "leather bag", picture("green")),
        Item("e", "striped blanket", picture("red")),
    ]
    index = made(offered)
    query = index.place(["striped mug"], FakeBackbone().views([picture("red")]))
    found = [item.id for item in nearest(index, query, offered, 5)]
    assert found[0] == "a" and found[-1] == "d"
    by_text = [item.id for item in nearest(index, index.place(["striped mug"], None), offered, 2)]
    assert by_text == ["a", "b"]


def test_the_order_of_the_catalogue_changes_nothing():
    assert made(catalogue(60)[::-1]).digest == made().digest


def test_a_saved_index_finds_the_same(tmp_path):
    index = made()
    index.save(tmp_path)
    again = Index.open(tmp_path)
    assert again.digest == index.digest
    for text in ("striped mug", "edition 7", "no word of it", ""):
        query = index.place([text], FakeBackbone().views([picture("blue")]))
        assert np.allclose(query, again.place([text], FakeBackbone().views([picture("blue")])), atol=1e-6)
        assert nearest(index, query, catalogue(60), 10) == nearest(again, query, catalogue(60), 10)
    assert len(list(tmp_path.glob("*.npy"))) == 1
    replace(index, tower="another").save(tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 1, "what an older index held is swept"


def test_an_update_places_only_what_is_new_or_changed():
    before = made()
    fake = FakeBackbone()
    kept = catalogue(60)[5:]
    changed = [replace(kept[0], title="a green lamp of another name"), *kept[1:], Item("new", "a new mug", noise(3))]
    after = build(changed, fake.views, "tower", before=before)
    assert set(after.ids) == {item.id for item in changed}
    assert sum(fake.calls.values()) == 1, "two pictures, in one batch"
    old = dict(zip(before.ids, before.vectors, strict=True))
    for item_id, vector in zip(after.ids, after.vectors, strict=True):
        if item_id not in ("new", kept[0].id):
            assert np.array_equal(vector, old[item_id])
    assert not np.array_equal(after.vectors[after.ids.index(kept[0].id)], old[kept[0].id])


def test_an_update_without_changes_is_the_same_index():
    before = made()
    fake = FakeBackbone()
    assert build(catalogue(60), fake.views, "tower", before=before).digest == before.digest
    assert not fake.calls


def test_an_index_is_fitted_anew_for_a_doubled_catalogue_or_another_tower():
    before = made(catalogue(10))
    assert made(catalogue(25), before=before).digest == made(catalogue(25)).digest
    assert build(catalogue(10), FakeBackbone().views, "another", before=before).tower == "another"


def test_descriptions_are_read_beside_titles():
    offered = [Item("a", "Echo"), Item("b", "Fjord"), Item("c", "Tango")]
    index = made(offered, descriptions={"b": "A striped mug.", "c": "A wooden chair.", "a": "A leather bag."})
    assert nearest(index, index.place(["striped mug"], None), offered, 1)[0].id == "b"


def test_only_candidates_are_found_and_unknown_ones_are_refused():
    index, offered = made(), catalogue(60)
    query = index.place([offered[0].title], None)
    assert offered[0] not in nearest(index, query, offered[1:], 59)
    assert len(nearest(index, query, offered[:3], 10)) == 3
    with pytest.raises(InputProblem, match="does not hold 1 of 61"):
        nearest(index, query, [*offered, Item("z", "lamp")], 10)


@pytest.mark.parametrize(
    "offered",
    [
        [Item("a", "one mug")],
        [Item("a", "mug"), Item("b", "mug")],
        [Item("a", picture=picture()), Item("b", picture=picture("blue"))],
        [Item("a", "…!"), Item("b", "?")],
        [Item("a", "mug"), Item("b", picture=picture("blue"))],
    ],
)
def test_small_and_bare_catalogues_are_indexed(offered, tmp_path):
    made(offered).save(tmp_path)
    index = Index.open(tmp_path)
    assert index.vectors.shape == (len(offered), WIDTH) and np.isfinite(index.vectors).all()
    assert len(nearest(index, index.place(["mug"], None), offered, 5)) == len(offered)


def test_what_an_index_did_not_make_is_neither_written_over_nor_removed(tmp_path):
    (tmp_path / ".hidden").write_text("mine")
    made().save(tmp_path)
    theirs = {"labels.npy": b"mine", "arrays.npz": b"mine", "0123456789abcdef.npy": b"mine", "notes.txt": b"mine"}
    for name, data in theirs.items():
        (tmp_path / name).write_bytes(data)
    before = Index.open(tmp_path).digest
    made(catalogue(50)).save(tmp_path)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: kept[name] for name in theirs} == theirs and kept[".hidden"] == b"mine"
    assert f"{before}.npy" not in kept and f"{before}.npz" not in kept
    assert len(kept) == len(theirs) + 4


@pytest.mark.parametrize("name", ["labels.npy", "arrays.npz", "notes.txt", "views/admin.py", "src/index.json"])
def test_a_folder_of_something_else_is_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"mine")
    for use in (Index.at, Index.open, made().save):
        with pytest.raises(InputProblem, match="which no index made.*Name a new or an empty folder"):
            use(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]


@pytest.mark.parametrize("text", ['{"pages": []}', '{"layout": 1, "name": "../../secret"}', "<html>", "[" * 100_000])
def test_an_index_json_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    for use in (Index.at, Index.open, made().save):
        with pytest.raises(InputProblem, match=r"cannot be read .* else name another folder"):
            use(tmp_path)
    assert (tmp_path / "index.json").read_text() == text


def test_a_folder_without_an_index_says_how_to_build_one(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputProblem, match=r"holds no index\. Build one: python -m msr index --cat"):
            Index.open(folder)
        assert Index.at(folder) is None
    (tmp_path / "file").write_text("")
    with pytest.raises(InputProblem, match="is not a folder"):
        Index.open(tmp_path / "file")


def test_what_is_said_about_a_damaged_index_helps(tmp_path):
    tower = "0123456789abcdef"
    before = build(catalogue(60), FakeBackbone().views, tower, folder=tmp_path)
    before.save(tmp_path)
    next(tmp_path.glob("*.npy")).write_bytes(b"")
    for use in (Index.at, Index.open):
        with pytest.raises(InputProblem, match=r"cannot be read .* delete .*index\.json and build it anew"):
            use(tmp_path)
    (tmp_path / "index.json").unlink()
    fake = FakeBackbone()
    build(catalogue(60), fake.views, tower, before=Index.at(tmp_path), folder=tmp_path).save(tmp_path)
    assert Index.open(tmp_path).digest == before.digest and not fake.calls, "all pictures had been looked at"


def test_damage_anywhere_is_found_or_harmless(tmp_path):
    """Cuts and flipped bits all over the files of an index: refused, or the same index."""
    index = made()
    index.save(tmp_path)
    query = index.place(["striped mug"], None)
    draw = np.random.default_rng(0)
    refused = 0
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        places = [*range(0, min(len(whole), 120), 7), *draw.integers(0, len(whole), 25).tolist(), len(whole) - 1]
        for place in places:
            flipped = bytearray(whole)
            flipped[place] ^= 1 << int(draw.integers(8))
            for damaged in (whole[:place], bytes(flipped)):
                path.write_bytes(damaged)
                try:
                    again = Index.open(tmp_path)
                except InputProblem:
                    refused += 1
                    continue
                assert again.digest == index.digest and np.array_equal(again.vectors, index.vectors)
                assert np.array_equal(query, again.place(["striped mug"], None))
        path.write_bytes(whole)
    assert refused > 150


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(spaces, "SHARD", 32)
    offered = [Item(f"{n:04d}", f"item {n}", noise(n, 8)) for n in range(32 + 40)]
    fake = FakeBackbone()

    def see(pictures):
        if fake.calls["views"] * 8 >= 32 + 16:
            raise KeyboardInterrupt
        return fake.views(pictures)

    with pytest.raises(KeyboardInterrupt):
        build(offered, see, "tower", folder=tmp_path)
    again = FakeBackbone()
    index = build(offered, again.views, "tower", folder=tmp_path)
    assert 0 < again.calls["views"] <= 5, "the first shard was kept"
    assert index.digest == build(offered, FakeBackbone().views, "tower").digest


def by_digest(pictures: Sequence[Picture]) -> dict[str, Picture]:
    return {shown.digest: shown for shown in pictures}


def test_views_without_their_names_are_looked_at_again(tmp_path):
    shown = [noise(n, 8) for n in range(4)]
    ViewStore(tmp_path).ensure(by_digest(shown), FakeBackbone().views)
    next(tmp_path.glob("*.json")).unlink()
    fake = FakeBackbone()
    store = ViewStore(tmp_path)
    store.ensure(by_digest(shown), fake.views)
    assert fake.calls["views"] == 1 and store.take(by_digest(shown)).shape == (4, 3)


def damaged(name: str, text: str | bytes):
    return lambda folder: (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def saved(array: np.ndarray):
    return lambda folder: np.save(folder / "00000.npy", array)


@pytest.mark.parametrize(
    "damage",
    [
        damaged("00000.npy", b""), damaged("00000.npy", b"\x93NUMPY\x01"), damaged("00000.json", "[" * 100_000),
        damaged("00000.json", "7"), damaged("00000.json", "{"), damaged("00000.json", '["a"]'),
        damaged("00000.json", "[[], [], [], []]"), lambda folder: (folder / "00000.npy").unlink(),
        saved(np.full((4, 3), np.nan, np.float16)), saved(np.zeros((4, 3), np.int64)), saved(np.zeros(4, np.float16)),
        lambda folder: (folder / "00000.npy").open("r+b").truncate(140),
    ],
)  # fmt: skip
def test_the_pictures_of_a_damaged_shard_are_looked_at_again(tmp_path, damage):
    shown = [noise(n, 8) for n in range(8)]
    first = ViewStore(tmp_path)
    for half in (shown[:4], shown[4:]):
        first.ensure(by_digest(half), FakeBackbone().views)
    expected = np.array(first.take(by_digest(shown)))
    del first  # the file of its views is about to be cut
    damage(tmp_path)
    for looks in (1, 0):
        fake = FakeBackbone()
        store = ViewStore(tmp_path)
        store.ensure(by_digest(shown), fake.views)
        assert fake.calls["views"] == looks
        assert np.array_equal(store.take(by_digest(shown)), expected)
    assert len(list(tmp_path.iterdir())) == 4


def test_the_search_equals_a_full_sort_with_ties_by_row():
    draw = np.random.default_rng(0)
    vectors = draw.integers(-2, 3, (500, WIDTH)).astype(np.float32)
    query = np.zeros(WIDTH, np.float32)
    query[:2] = 1
    full = sorted(range(500), key=lambda row: (-float(vectors[row] @ query), row))
    for count in (0, 1, 10, 499, 500, 900):
        assert top(vectors, query, count) == full[:count]


def test_places_are_unit_rows_and_unknown_words_are_nowhere():
    space = TextSpace.fit(["red mug", "blue mug", "green chair"])
    placed = space.place(["red mug", "Zzz"])
    assert np.linalg.norm(placed[0]) == pytest.approx(1, abs=1e-5) and not placed[1].any()
    views = np.random.default_rng(0).standard_normal((20, 6)).astype(np.float32)
    assert np.linalg.norm(PictureSpace.fit(views).place(views), axis=1) == pytest.approx(np.ones(20), abs=1e-5)


def test_items_of_history_and_catalogue_may_share_pictures():
    assert made([*items(3), *catalogue(3)]).vectors.shape == (6, WIDTH)
