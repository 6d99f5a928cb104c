"""The command: one JSON with every figure, tables, and refusals in one line."""

import csv
import json
import sys

import pytest
from PIL import Image

from msr import backbones
from msr.backbones.protocol import Generation
from tests.fakes import FakeBackbone
from train import cli as command
from train.evaluate.open import benchmark
from train.teach import labelled_pictures
from train.teach.things import REPORT, things
from train.teach.titles import readers


def word(number):
    """A word of its own for each number: variants of one title would share a split."""
    return f"qx{chr(97 + number % 26)}{chr(97 + number // 26)}"


@pytest.fixture
def evaluate(monkeypatch, tmp_path, capsys):
    """Runs the command over a few pictures and returns its exit code, what it printed and its JSON."""
    names = ["dog", "cat", "spoon", "chair", next(t.name for t in things().all if t.kept_out == REPORT)]
    folder = tmp_path / "data" / "pictures"
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "source", "label", "caption", "title"])
        for number in range(300):
            Image.new("RGB", (8, 8), (number % 256, 0, number // 256)).save(folder / "images" / f"{number}.png")
            writer.writerow([f"{number}.png", "words_photo", names[number % 2 if number < 250 else number % 5], "", ""])
        writer.writerows(
            [f"{n}.webp", "recipes", "", "", f"Soup with {chr(97 + n % 26)}x{chr(97 + n // 26)}"] for n in range(100)
        )

    class Describer(FakeBackbone):
        def generate(self, prompts, max_new_tokens, stop=None):
            return [Generation("A photo of a dog." if p.pictures else "A soup.", 0.9) for p in prompts]

    monkeypatch.setattr(backbones, "load", lambda config: Describer())
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))

    def run(*options, data="data"):
        out = tmp_path / "open.json"
        asked = ["train", "eval", "--dataset", "open", "--data", str(tmp_path / data), "--json", str(out), *options]
        monkeypatch.setattr(sys, "argv", asked)
        with pytest.raises(SystemExit) as end:
            command.main()
        told = capsys.readouterr()
        return end.value.code, told.out + told.err, json.loads(out.read_text()) if out.exists() else None

    return run


def test_all_figures_in_one_file_and_tables_of_them(evaluate):
    code, told, figures = evaluate("--pictures", "16", "--titles", "4", "--users", "4")
    assert code == 0
    assert figures["dataset"] == "open" and figures["seed"] == 1 and figures["model"]["name"]
    names = figures["names"]
    assert names["all"]["right"]["n"] == sum(shares["right"]["n"] for shares in names["domains"].values())
    assert 0 < names["all"]["right"]["mean"] < 1
    assert names["all"]["right"]["mean"] + names["all"]["wrong"]["mean"] == pytest.approx(1)
    assert figures["unseen classes"]["all"]["wrong"]["mean"] == 1
    assert figures["unseen classes"]["group or not sure"]["mean"] == 0
    assert figures["commonest"]["all"]["right"]["n"] <= 8
    assert figures["confidence"]["n"] == names["all"]["right"]["n"] + figures["unseen classes"]["all"]["right"]["n"]
    assert figures["titles"]["all"]["right domain"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 4}
    assert "names: animals" in told and "recipes and drinks" in told and "expected calibration error" in told


def test_what_either_reader_trains_on_is_in_no_part_of_the_benchmark(tmp_path):
    """An item with a label and a title has two splits: by product, and by the words of its title."""
    (tmp_path / "pictures").mkdir()
    with (tmp_path / "pictures" / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "source", "label", "caption", "title"])
        writer.writerows(
            [f"{n}.png", "flipkart", "", "", f"Qx{chr(97 + n % 26)}{chr(97 + n // 26)} Zq"] for n in range(80)
        )
        names = [f"qx{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(400)]
        writer.writerows([f"{name}.webp", "ikea", "rug", "", f"Rug, {name}"] for name in names)
    pictures, titled = benchmark.unseen(tmp_path)
    every = [*labelled_pictures.read(tmp_path / "pictures"), *readers.load(tmp_path)]
    trained = {shot.key for shot in every if shot.split in ("train", "validation")}
    assert titled
    assert trained.isdisjoint(shot.key for shot in (*pictures, *titled))
    parts = {shot.key: set() for shot in every}
    for shot in every:
        parts[shot.key].add(shot.split == "test")
    assert {True, False} in parts.values(), "the two splits of an item differ at times"


def test_nothing_is_measured_that_is_not_asked_for(evaluate):
    code, _, figures = evaluate("--pictures", "4", "--titles", "0", "--users", "0")
    assert code == 0 and "titles" not in figures and "tastes" not in figures
    code, told, figures = evaluate("--pictures", "0", "--titles", "4", "--users", "0")
    assert code == 0 and "recipes and drinks" in told
    assert "names" not in figures, "the JSON is written anew"


def test_data_without_pictures_is_refused_in_one_line(evaluate, tmp_path):
    (tmp_path / "empty").mkdir()
    code, told, figures = evaluate(data="empty")
    assert code == 2 and figures is None
    assert "pictures/labels.csv" in told and "Traceback" not in told
