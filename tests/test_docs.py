"""The documentation is right: its links, paths, commands, options, tables and figures are those of the repository."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from msr.schema import InputProblem
from train import doc_tables

ROOT = Path(__file__).parents[1]
PAGES = [*doc_tables.pages(ROOT), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "assets/pocket/README.md"]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
MAINS = {"msr": "msr.cli", "train": "train.cli", "train.draw": "train.draw.__main__", "app.py": "app"}
OTHERS = {"--nproc_per_node", "--config_file"}  # options of torchrun and accelerate

LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?<![\w/.:-])(?:msr|train|tests|assets|docs|\.ci)/[\w./-]*\w/?")
INTERVAL = re.compile(r"(-?\d\.\d{3})\s\[(-?\d\.\d{3}),\s(-?\d\.\d{3})\]")


@pytest.fixture(params=NAMES)
def page(request) -> Path:
    return ROOT / request.param


# ---- Links and paths.


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"[*_`]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)}


def dead_links(text: str, page: Path) -> Iterator[str]:
    """Relative links of a page that lead to no file or no heading."""
    for link in LINK.findall(FENCE.sub("", text)):
        path, _, anchor = unquote(link).partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = page.parent / path if path else page
        known = anchors(text if target == page else target.read_text("utf-8")) if anchor and target.exists() else set()
        if not target.exists() or (anchor and anchor not in known):
            yield link


def test_links_lead_to_files_and_headings(page):
    assert list(dead_links(page.read_text("utf-8"), page)) == []


def test_a_dead_link_is_found():
    text = (
        "# One two\n[a](#one-two) [b](README.md) [c](https://example.org/x)\n[d](#one) [e](gone.md) [f](README.md#no)"
    )
    assert list(dead_links(text, ROOT / "CONTRIBUTING.md")) == ["#one", "gone.md", "README.md#no"]


def test_paths_that_a_page_names_exist(page):
    found = PATH.findall(re.sub(r"\w+://\S+", "", page.read_text("utf-8")))
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_every_page_of_docs_is_linked_from_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    linked = {(ROOT / link).resolve() for link in LINK.findall(readme)}
    assert {page for page in (ROOT / "docs").glob("*.md") if page.resolve() not in linked} == set()


def test_the_readme_can_be_read_in_ten_minutes():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 200
    commands = (
        "pip install -r requirements.txt && python app.py",
        "pip install -r tests/requirements.txt && python -m pytest",
    )
    shown = [line for line in lines if line.startswith(commands)]
    assert len(shown) == 2, "the two commands with which everybody begins"


def test_code_and_docs_refer_to_no_document_that_is_not_here():
    for path in [*ROOT.glob("msr/**/*.py"), *ROOT.glob("train/**/*.py"), ROOT / "app.py"]:
        text = path.read_text("utf-8")
        assert "DESIGN" not in text and "README, " not in text, path
        assert [name for name in re.findall(r"docs/[\w-]+\.md", text) if not (ROOT / name).exists()] == [], path


# ---- Commands: they are given to the real argument parsers, which then stop.


class Parsed(BaseException):
    """Ends a command once its arguments are known to be right; not an Exception, so that no command handles it."""


@pytest.fixture
def understood(monkeypatch, capsys):
    """Calls the main function of a command; returns the error of its parser, or an empty text."""
    monkeypatch.setenv("GOMP_SPINCOUNT", "1")  # what a command sets there is undone

    def parse_args(self, args=None, namespace=None):
        _, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)

    def call(program: str, arguments: list[str]) -> str:
        main = importlib.import_module(MAINS[program]).main
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        try:
            main()
        except Parsed:
            return ""
        except SystemExit as end:
            return "" if not end.code else capsys.readouterr().err
        raise AssertionError(f"{program} did not parse its arguments")

    return call


def blocks(text: str) -> Iterator[list[str]]:
    """The commands of the shell blocks of a page, as words; each ends at `&&`, `|` or a line's end."""
    for language, body in FENCE.findall(text):
        if language == "bash":
            for line in body.replace("\\\n", " ").splitlines():
                words = shlex.split(re.sub(r"(?:^|\s)#.*", "", line))
                while "&&" in words:
                    yield words[: words.index("&&")]
                    words = words[words.index("&&") + 1 :]
                yield words


def ours(words: list[str]) -> tuple[str, list[str]] | None:
    """The program of ours that a command starts, and its arguments."""
    for place, word in enumerate(words):
        if word in MAINS and words[place - 1] == ("python" if word == "app.py" else "-m"):
            return word, words[place + 1 :]
    return None


def inline(text: str) -> Iterator[tuple[str, list[str]]]:
    """Commands within sentences, where a mention may leave options out: then the command must have a help text."""
    for code in CODE.findall(FENCE.sub("", text)):
        if found := ours(code.split()):
            program, arguments = found
            if not any(word.startswith("-") for word in arguments) or arguments[-1] == "...":
                names = [word for word in arguments if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
                arguments = [*names[:2], "--help"]
            yield program, arguments


def test_commands_are_understood_by_the_real_parsers(page, understood):
    text = page.read_text("utf-8")
    whole = [(*command, "") for command in map(ours, blocks(text)) if command]
    mentioned = [(*command, "the following arguments are required") for command in inline(text)]
    wrong = {
        f"{program} {' '.join(words)}": error
        for program, words, allowed in [*whole, *mentioned]
        if (error := understood(program, words)) and not (allowed and allowed in error)
    }
    assert wrong == {}


def test_a_wrong_command_is_found(understood):
    assert "--no-such" in understood("msr", ["fetch", "--no-such"])
    assert "invalid choice" in understood("train", ["no-such", "--help"])
    assert understood("app.py", ["--port", "many"]) and not understood("app.py", ["--port", "80"])
    text = (
        "```bash\npip x && python -m msr run \\\n  --history a#b  # a comment\n```\n`python -m train sft --out A ...`"
    )
    assert [ours(words) for words in blocks(text)] == [None, ("msr", ["run", "--history", "a#b"])]
    assert list(inline(text)) == [("train", ["sft", "--help"])]


def test_options_that_a_page_names_exist(page, monkeypatch):
    known: set[str] = set()

    def add_argument(self, *flags, **settings):
        known.update(flag for flag in flags if flag.startswith("--"))
        return added(self, *flags, **settings)

    added = argparse._ActionsContainer.add_argument
    monkeypatch.setattr(argparse._ActionsContainer, "add_argument", add_argument)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", lambda *_: (_ for _ in ()).throw(Parsed))
    monkeypatch.setenv("GOMP_SPINCOUNT", "1")
    for module in MAINS.values():
        with pytest.raises(Parsed):
            importlib.import_module(module).main()
    assert {"--backbone", "--history", "--dataset", "--seed", "--port"} <= known
    text = FENCE.sub("", page.read_text("utf-8"))
    named = {word for code in CODE.findall(text) for word in re.findall(r"(?<!\S)--[a-z][\w-]*", code)}
    assert named - known - OTHERS - ({"--engine"} if page.name == "CHANGELOG.md" else set()) == set()


# ---- Tables and figures.


def test_tables_say_what_their_json_says():
    for page in doc_tables.pages(ROOT):
        text = page.read_text("utf-8")
        assert doc_tables.filled(text, ROOT) == text, f"{page.name}: run python -m train tables"


def test_every_table_is_shown_somewhere():
    shown = {name for page in doc_tables.pages(ROOT) for name in re.findall(r"<!-- table: (.+?) -->", page.read_text())}
    assert shown == set(doc_tables.TABLES)


def test_a_changed_figure_is_written_into_the_page(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "assets/results").mkdir(parents=True)
    rows = [{"scored": 100, "recall": 0.5, "lowest": 0.25, "chance": 0.05}]
    record = json.dumps({"items": 2000, "top": 10, "rows": rows})
    (tmp_path / "assets/results/shortlist-recall.json").write_text(record)
    (tmp_path / "README.md").write_text("Nothing.\n")
    page = tmp_path / "docs/one.md"
    page.write_text("Before.\n<!-- table: shortlist recall -->\nold\n<!-- end of table -->\nAfter.\n")
    doc_tables.run(argparse.Namespace(root=tmp_path))
    assert (
        "| 100 | 0.50 | 0.25 | 0.05 |\n\n<!-- end of table -->\nAfter." in page.read_text()
        and "old" not in page.read_text()
    )
    again = page.read_text()
    doc_tables.run(argparse.Namespace(root=tmp_path))
    assert page.read_text() == again


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- table: no such -->\n<!-- end of table -->", "There is no table 'no such'"),
        (
            "<!-- table: films -->\n\n<!-- table: films -->\n<!-- end of table -->",
            "2 tables begin in a page and 1 of them",
        ),
    ],
)
def test_a_place_that_cannot_be_filled_is_refused(text, message, tmp_path):
    with pytest.raises(InputProblem, match=message):
        doc_tables.filled(text, ROOT)


def intervals(record: object) -> Iterator[tuple[str, str, str]]:
    """Every mean with its interval in a record, as text, and that of the opposite difference."""
    if isinstance(record, dict):
        if {"mean", "low", "high"} <= record.keys():
            mean, low, high = (record[name] for name in ("mean", "low", "high"))
            yield tuple(f"{value:.3f}" for value in (mean, low, high))
            yield tuple(f"{-value:.3f}" for value in (mean, high, low))
        for value in record.values():
            yield from intervals(value)
    elif isinstance(record, list):
        for value in record:
            yield from intervals(value)


@pytest.mark.parametrize("name", ["README.md", "docs/evaluation.md", "docs/explanations.md"])
def test_intervals_in_sentences_are_recorded_ones(name):
    known = {
        found
        for path in [*(ROOT / "assets/results").glob("*.json"), ROOT / "assets/pocket/training.json"]
        for found in intervals(json.loads(path.read_text("utf-8")))
    }
    known |= set(INTERVAL.findall((ROOT / "docs/experiments.md").read_text("utf-8")))
    known |= {(mean[1:], high[1:], low[1:]) for mean, low, high in known if {mean[0], low[0], high[0]} == {"-"}}
    said = INTERVAL.findall((ROOT / name).read_text("utf-8"))
    assert said and [one for one in said if one not in known] == []
