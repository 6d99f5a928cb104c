"""The import rules of the house, read from the syntax tree: data flows one way, and so do imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOUNDATION = (
    "msr.measured",
    "msr.schema",
    "msr.events",
    "msr.config",
    "msr.paths",
    "msr.cores",
    "msr.batches",
    "msr.cache",
    "msr.certainty",
    "msr.prompts",
) + ("msr.backbones",)
STAGES = (  # a stage imports earlier rows only
    ("msr.intake",),
    ("msr.catalog",),
    ("msr.summaries",),
    ("msr.preference",),
    ("msr.ranking", "msr.retrieval"),
    ("msr.evidence", "msr.explain"),
    ("msr.pipeline",),
    ("msr.figures",),
    ("msr.report",),
    ("msr.bench",),
    ("msr.ui",),
    ("app",),
)


def within(module: str, *rooms: str) -> bool:
    """Is the module one of these rooms, or in one of them?"""
    return any(module == room or module.startswith(room + ".") for room in rooms)


def module_name(path: str) -> str:
    """`msr/backbones/__init__.py` -> `msr.backbones`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(path: str, source: str) -> Iterator[str]:
    """Dotted names that a file imports; `from a import b` counts as `a.b`, which is in `a` too."""
    package = path.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            parts = [*base, *([node.module] if node.module else [])]
            yield from (".".join([*parts, alias.name]) for alias in node.names)


def row(module: str) -> int | None:
    """The stage's place in the flow; None for a module that is not a stage."""
    return next((n for n, rooms in enumerate(STAGES) if within(module, *rooms)), None)


def problems(files: Mapping[str, str]) -> list[str]:
    """Every import that breaks a rule, as `file: import: rule`."""
    found = []
    for path, source in files.items():
        me = module_name(path)
        for name in imported(path, source):
            rules = {
                "only msr/ui and app.py import gradio": within(name, "gradio") and not within(me, "msr.ui", "app"),
                "only msr/ui and app.py import msr.ui": within(name, "msr.ui") and not within(me, "msr.ui", "app"),
                "in msr only backbones imports transformers or peft": within(name, "transformers", "peft")
                and not within(me, "msr.backbones", "train"),
                "msr never imports train": within(name, "train") and not within(me, "train"),
                "nothing imports app": within(name, "app"),
                "the foundation stands on itself": within(me, *FOUNDATION)
                and within(name, "msr")
                and not within(name, *FOUNDATION),
                "a stage imports earlier stages only": None not in (row(me), row(name))
                and row(name) >= row(me)
                and not any(within(me, room) and within(name, room) for room in STAGES[row(me)]),
            }
            found.extend(f"{path}: {name}: {rule}" for rule, broken in rules.items() if broken)
    return found


def test_the_house_keeps_its_rules():
    paths = [*ROOT.glob("msr/**/*.py"), *ROOT.glob("train/**/*.py"), *ROOT.glob("app.py")]
    files = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}
    assert {"msr/schema.py", "msr/pipeline.py", "train/__init__.py"} <= set(files)
    assert problems(files) == []


@pytest.mark.parametrize(
    ("path", "source", "rule"),
    [
        ("msr/pipeline.py", "import gradio as gr", "gradio"),
        ("train/sft.py", "from gradio import Blocks", "gradio"),
        ("msr/ranking.py", "import transformers.models.llava", "transformers"),
        ("msr/ui/page.py", "from peft import PeftModel", "transformers"),
        ("app.py", "import peft", "transformers"),
        ("msr/backbones/local.py", "def load():\n    from train import sft", "train"),
        ("msr/report.py", "from msr.ui import page", "msr.ui"),
        ("train/sft.py", "import msr.ui.page", "msr.ui"),
        ("msr/cli.py", "import app", "nothing imports app"),
        ("msr/ranking.py", "from msr import evidence", "a stage"),
        ("msr/ranking.py", "from msr.pipeline import Pipeline", "a stage"),
        ("msr/ranking.py", "from . import pipeline", "a stage"),
        ("msr/intake/images.py", "from ..catalog import Catalogue", "a stage"),
        ("msr/explain.py", "import msr.evidence", "a stage"),
        ("msr/schema.py", "from msr.intake import read", "the foundation"),
        ("msr/backbones/local.py", "from ..summaries import describe", "the foundation"),
    ],
)
def test_a_broken_rule_is_found(path, source, rule):
    assert any(rule in problem.split(": ")[2] for problem in problems({path: source}))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("msr/backbones/local.py", "import transformers, peft"),
        ("train/model.py", "import peft"),
        ("msr/ui/page.py", "import gradio as gr\nfrom msr.ui.html import text\nfrom .view import View"),
        ("app.py", "from msr.ui import build_app\nfrom msr.pipeline import Pipeline"),
        ("msr/evidence/influence.py", "from msr.preference import recompute\nfrom msr import prompts"),
        ("msr/intake/images.py", "from msr.intake.errors import IntakeError"),
        ("train/sft.py", "from msr.prompts import describe\nfrom train.data import rows"),
        ("msr/__main__.py", "from msr.pipeline import Pipeline"),
    ],
)
def test_a_kept_rule_is_not_complained_about(path, source):
    assert problems({path: source}) == []
