"""`python -m msr` on a fake model: files, exit codes, and silence where it is due."""

from __future__ import annotations

import html
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from msr import backbones, catalogue, cli, intake
from msr.backbones.protocol import BackboneError
from msr.cli import Progress
from msr.config import BackboneConfig
from msr.render import report
from tests.fakes import KNOWN, FakeBackbone
from tests.intake_files import HEADER, png, write_folder, write_zip

HISTORY = HEADER + "a,striped mug,a.png\nb,striped bowl,\nc,,a.png\nd,plain lamp,\n"
SHOP = HEADER + "x,striped mug two,x.png\ny,plain chair,\nz,dotted bag,x.png\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(write_folder(tmp_path / "work", {"h/items.csv": HISTORY, "h/a.png": png()}))
    write_zip(Path("shop.zip"), {"items.csv": SHOP, "x.png": png("blue")})
    return Path.cwd()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[BackboneConfig]:
    """The settings that a model was loaded with; the model is a fake."""
    seen: list[BackboneConfig] = []

    def load(config: BackboneConfig, report: Callable[[str, float], None]) -> FakeBackbone:
        seen.append(config)
        report("Loading", 1.0)
        return FakeBackbone()

    monkeypatch.setattr(backbones, "load", load, raising=False)
    return seen


def run(*more: str, history: str = "h", shop: str = "shop.zip", out: str = "run.json") -> int:
    return cli.main(["run", "--history", history, "--catalogue", shop, "--out", out, *more])


def test_run_writes_the_documented_json(asked: list[BackboneConfig], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--block-size", "2", "--top", "2", "--backbone", "some/model", "--adapter", "none") == 0
    assert asked == [BackboneConfig(name="some/model", adapter="none")]
    result = json.loads(Path("run.json").read_text("utf-8"))
    assert result["model"]["name"] == "fake"
    assert [(h["id"], h["title"]) for h in result["history"]] == [
        ("a", "striped mug"),
        ("b", "striped bowl"),
        ("c", ""),
        ("d", "plain lamp"),
    ]
    assert all(h["description"] for h in result["history"])
    assert [(p["block"], p["items"]) for p in result["preferences"]] == [(0, ["a", "b"]), (1, ["c", "d"])]
    assert all(p["text"].startswith("The user appears to have a preference for") for p in result["preferences"])
    assert [r["rank"] for r in result["recommendations"]] == [1, 2]
    for r in result["recommendations"]:
        assert r["id"] in "xyz" and r["title"] and 0 <= r["score"] <= 1 and r["rationale"]
        assert {e["history_id"] for e in r["influence"]} == {"a", "b", "c", "d"}
        assert all(isinstance(e["delta"], float) for e in r["influence"])
    assert result["timings"]["total"] >= 0
    said = capsys.readouterr()
    assert said.out == "run.json\n"
    assert "Loading 100%" in said.err and "rank 3/3 100%" in said.err
    assert sorted(p.name for p in Path().iterdir()) == ["h", "run.json", "shop.zip"]


def test_offline_holds_for_every_command(asked: list[BackboneConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(cli, "go_offline", lambda: told.append(True))
    assert run("--offline", "--top", "1") == 0
    assert asked == [BackboneConfig(offline=True)] and told == [True]


def test_a_bundled_catalogue_that_is_too_large_is_no_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["describe", "--items", "demo", "--most", "10", "--out", "items.jsonl"]) == 2
    said = capsys.readouterr().err
    assert "demo has 288 items; at most 10 are read here. Name fewer, such as demo:STORY." in said
    assert "history" not in said


def test_run_on_the_bundled_catalogue_and_a_story(asked: list[BackboneConfig]) -> None:
    story = catalogue.stories()[0]
    assert run("--top", "1", "--pictures", history=f"demo:{story.id}", shop="demo") == 0
    again = intake.recorded_run(Path("run.json").read_bytes(), "run.json")
    assert again.history == catalogue.story_items(story.id) and again.offered[0].picture
    result = json.loads(Path("run.json").read_text("utf-8"))
    assert tuple(h["id"] for h in result["history"]) == story.items
    assert result["recommendations"][0]["id"] not in story.items
    assert asked == [BackboneConfig()]


def test_describe_writes_one_item_a_line_in_order(asked: list[BackboneConfig]) -> None:
    assert cli.main(["describe", "--items", "h", "--out", "items.jsonl"]) == 0
    lines = [json.loads(line) for line in Path("items.jsonl").read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["a", "b", "c", "d"]
    for line in lines:
        assert list(line) == ["id", "title", "description", "confidence", "familiar"]
        assert line["description"] and line["confidence"] in (KNOWN.name, None) and line["familiar"] is True
    assert lines[0]["description"] == "A red striped mug."


def test_an_older_result_is_replaced_and_links_are_followed(asked: list[BackboneConfig]) -> None:
    Path("old.json").write_text("old")
    Path("run.json").symlink_to("old.json")
    assert run() == 0
    assert Path("run.json").is_symlink() and json.loads(Path("old.json").read_text())["history"]


def test_quiet_says_nothing_but_errors(asked: list[BackboneConfig], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--quiet") == 0
    assert capsys.readouterr().err == ""
    assert run("--quiet", history="nowhere") == 2
    assert capsys.readouterr().err.startswith("error: 'nowhere' does not exist")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"history": "nowhere"}, "'nowhere' does not exist"),
        ({"shop": "h/a.png"}, "neither a folder, a ZIP nor a CSV"),
        ({"history": "demo"}, "demo has 288 items; at most 60 are read here"),
        ({"history": "demo:nobody"}, "no story 'nobody'"),
        ({"out": "no/such/run.json"}, "does not exist"),
        ({"out": "h"}, "is not a file"),
        ({"out": "/dev/null"}, "is not a file"),
        ({"more": ["--block-size", "0"]}, "block_size is 0; it must be from 1 to 20"),
        ({"more": ["--top", "0"]}, "top is 0"),
        ({"more": ["--adapter", "h"]}, "no adapter_model.safetensors"),
        ({"more": ["--adapter", "hub/name"]}, "not a local folder"),
    ],
)
def test_bad_input_is_code_2_before_a_model_is_loaded(
    arguments: dict[str, Any], said: str, asked: list[BackboneConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments.pop("more", []), **arguments) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and error.count("\n") == 1
    assert not asked and not Path("run.json").exists()


def test_a_catalogue_that_holds_only_the_history_is_code_2(asked: list[BackboneConfig]) -> None:
    assert run(shop="h") == 2


@pytest.mark.parametrize("arguments", [[], ["run"], ["dance"], ["run", "--top", "many"]])
def test_bad_usage_is_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)


def test_a_folder_that_cannot_be_written_is_found_at_once(
    asked: list[BackboneConfig], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.os, "access", lambda *_: False)  # root may write everywhere
    assert run() == 2
    assert "cannot be written" in capsys.readouterr().err and not asked


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BackboneError("No weights here. Connect once."), 3, "error: No weights here. Connect once.\n"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device"), 1, "No space left"),
    ],
)
def test_other_ends_have_their_codes(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*_: object) -> FakeBackbone:
        raise error

    monkeypatch.setattr(backbones, "load", load, raising=False)
    assert run() == code
    assert said in capsys.readouterr().err and not Path("run.json").exists()


def test_an_interruption_stops_the_model_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stops = []

    class Interrupted(FakeBackbone):
        def score(self, prompts: Any, stop: Any = None) -> Any:
            stops.append(stop)
            raise KeyboardInterrupt

    monkeypatch.setattr(backbones, "load", lambda *_: Interrupted(), raising=False)
    Path("run.json").write_text("old")
    assert run() == 130
    assert stops[0].is_set() and Path("run.json").read_text() == "old"


def test_a_failed_write_leaves_the_old_file_alone(asked: list[BackboneConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    Path("run.json").write_text("old")
    monkeypatch.setattr(cli.os, "replace", full)
    assert run() == 1
    assert Path("run.json").read_text() == "old"
    assert sorted(p.name for p in Path().iterdir()) == ["h", "run.json", "shop.zip"]


def test_fetch_prints_where_the_model_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Pocket:
        @staticmethod
        def fetch(report: Callable[[str, float], None]) -> Path:
            report("Downloading", 0.5)
            return Path("/somewhere/pocket")

    monkeypatch.setattr("msr.backbones.pocket.assemble.fetch", Pocket.fetch)
    assert cli.main(["fetch"]) == 0
    said = capsys.readouterr()
    assert said.out == "/somewhere/pocket\n" and said.err == "Downloading 50%\n"


def test_help_and_refusals_do_not_wait_for_torch() -> None:
    root = Path(cli.__file__).parents[1]
    code = (
        "import sys; from msr import cli\n"
        "assert cli.main(['run', '--history', 'nowhere', '--catalogue', 'x', '--out', 'y']) == 2\n"
        "heavy = {'torch', 'transformers', 'gradio', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        [sys.executable, "-m", "msr", "run", "--help"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert shown.returncode == 0 and "exit codes: 0 done" in shown.stdout


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_overwrites_one_line_on_a_terminal() -> None:
    stream = Terminal()
    progress = Progress(stream)
    for done in (0, 1, 1, 2):
        progress(f"rank {done}/2", done / 2)
    progress.clear()
    assert stream.getvalue().split("\r\033[K") == ["", "rank 0/2 0%", "rank 1/2 50%", "rank 2/2 100%", ""]


def test_progress_is_sparing_in_a_log() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    for done in range(101):
        progress(f"rank {done}/100", done / 100)
    assert stream.getvalue() == "rank 0/100 0%\nrank 100/100 100%\n"


def test_what_is_not_used_is_on_stderr_and_in_the_run(
    asked: list[BackboneConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(Path("h"), {"h/notes.txt": "x", "notes.txt": "x", "bad.png": b"<html>"})
    Path("h/items.csv").write_text(HISTORY.replace("b,striped bowl,", "b,striped bowl,bad.png") + "a,again,\n", "utf-8")
    assert run("--quiet") == 0
    said = json.loads(Path("run.json").read_text("utf-8"))["left_out"]
    assert ["row 6" in said[0], "bad.png" in said[1], "2 files are not used: h/notes.txt, notes.txt" in said[2]] == [
        True
    ] * 3
    assert capsys.readouterr().err == "".join(f"note: {sentence}\n" for sentence in said)
    again = intake.recorded_run(Path("run.json").read_bytes(), "run.json")
    assert again.left_out == tuple(said)
    assert all(html.escape(sentence) in report.to_html(again) for sentence in said)
    assert cli.main(["describe", "--items", "h", "--out", "items.jsonl", "--quiet"]) == 0
    assert "note: h/items.csv, row 3 (bad.png): this is a web page" in capsys.readouterr().err
    assert len(Path("items.jsonl").read_text("utf-8").splitlines()) == 4
