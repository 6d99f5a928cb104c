"""The package: its metadata agrees with the requirements, and a wheel works away from the checkout."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from msr.storage import assets

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def pins(file: Path) -> dict[str, str]:
    """The versions that a requirements file pins, by name."""
    lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith(("#", "-r"))]
    return dict(line.split("==") for line in lines)


def allowed(requirements: list[str]) -> dict[str, Requirement]:
    return {requirement.name: requirement for requirement in map(Requirement, requirements)}


@pytest.mark.parametrize(
    ("file", "declared"),
    [
        ("requirements.txt", PROJECT["dependencies"]),
        ("tests/requirements.txt", PROJECT["optional-dependencies"]["test"]),
    ],
)
def test_the_metadata_allows_what_the_requirements_pin(file: str, declared: list[str]) -> None:
    pinned, ranges = pins(ROOT / file), allowed(declared)
    assert set(pinned) == set(ranges)
    assert {name: version for name, version in pinned.items() if version not in ranges[name].specifier} == {}


def test_every_option_that_needs_an_extra_package_has_an_extra() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {"mcp", "4bit", "test"} <= set(extras)
    assert [Requirement(line).extras for line in extras["mcp"]] == [{"mcp"}]


def test_bundled_files_are_found_in_the_checkout() -> None:
    assert assets() == ROOT / "assets"
    assert (assets() / "demo" / "items.csv").is_file() and (assets() / "pocket" / "training.json").is_file()


# ---- The wheel, in an environment of its own.


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a new environment that holds the wheel and sees the packages of the running one."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    found = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    (Path(found.stdout.strip()) / "running.pth").write_text(sysconfig.get_path("purelib"))
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    return scripts


@pytest.fixture
def call(installed: Path, tmp_path: Path) -> Iterator[dict]:
    """Arguments for a process that starts in an empty folder and does not see the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    yield {"cwd": tmp_path, "env": environment, "text": True}


@pytest.mark.package
def test_the_wheel_holds_code_and_bundled_files_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in names if ".dist-info/" not in name}
    here = [*ROOT.glob("msr/**/*"), *ROOT.glob("train/**/*")]
    ours = {p.relative_to(ROOT).as_posix() for p in here if p.suffix in (".py", ".css", ".js", ".tsv", ".txt")}
    bundled = {
        f"msr/assets/{p.relative_to(ROOT / 'assets').as_posix()}"
        for folder in ("demo", "pocket", "results")
        for p in (ROOT / "assets" / folder).rglob("*")
        if p.is_file()
    }
    assert inside == ours | bundled
    assert any(re.fullmatch(r"msr_studio-[\d.]+\.dist-info/licenses/LICENSE", name) for name in names)


@pytest.mark.package
def test_an_installed_command_finds_its_files(installed: Path, call: dict) -> None:
    code = "import json, msr, train, msr.catalogue as c; print(json.dumps([msr.__file__, len(c.demo().items)]))"
    said = subprocess.run([installed / "python", "-c", code], capture_output=True, timeout=120, check=True, **call)
    place, items = json.loads(said.stdout)
    assert not Path(place).is_relative_to(ROOT) and items == 288
    for command in (["msr", "--help"], ["msr", "app", "--help"], ["python", "-m", "train", "--help"]):
        shown = subprocess.run([installed / command[0], *command[1:]], capture_output=True, timeout=120, **call)
        assert shown.returncode == 0 and "usage:" in shown.stdout, shown.stderr


@pytest.mark.package
@pytest.mark.pocket
def test_an_installed_command_makes_a_run(installed: Path, call: dict, tmp_path: Path) -> None:
    run = ["run", "--history", "demo:sailor", "--catalogue", "demo", "--top", "2", "--out", "run.json"]
    done = subprocess.run([installed / "msr", *run], capture_output=True, timeout=600, **call)
    assert done.returncode == 0, done.stderr
    made = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert [r["rank"] for r in made["recommendations"]] == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.package
@pytest.mark.pocket
def test_the_installed_page_answers(installed: Path, call: dict) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = subprocess.Popen([installed / "msr", "app", "--port", str(port)], stderr=subprocess.PIPE, **call)
    try:
        for _ in range(300):
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
                break
            except httpx.TransportError:
                assert app.poll() is None, app.stderr.read()
                time.sleep(0.5)
        assert answer.json()["status"] == "ok"
        assert "MSR Studio" in httpx.get(f"http://127.0.0.1:{port}/", timeout=30).text
    finally:
        app.terminate()
        app.wait(30)
