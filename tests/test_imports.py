"""The import rules, read from the syntax tree: data flows one way, and so do imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Lowest first. A module may import its own room and the rooms of lower layers, never a room beside or above its own.
LAYERS = (
    ("msr.config", "msr.storage", "msr.shards", "msr.untrusted"),
    ("msr.schema",),
    ("msr.certainty",),
    ("msr.events", "msr.prompts", "msr.render.html"),
    ("msr.backbones",),
    ("msr.stages", "msr.retrieval"),
    ("msr.evidence", "msr.fusion"),
    ("msr.intake",),
    ("msr.catalogue", "msr.reviews", "msr.results"),
    ("msr.pipeline", "msr.render"),
    ("msr.bench",),
    ("msr.options",),
    ("msr.ui",),
    ("msr.cli",),
    ("msr.__main__", "app"),
    ("train.names", "train.metrics", "train.draw"),
    ("train.data",),
    ("train.teach",),
    ("train.learn",),
    ("train.evaluate",),
    ("train.card", "train.doc_tables"),
    ("train.cli",),
    ("train.__main__",),
)
TABS = ("msr.ui.recommend", "msr.ui.inspect", "msr.ui.review", "msr.ui.evaluate")
PACKAGES = ("msr", "train")  # their own `__init__` holds a docstring and belongs to no room


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


def place(module: str) -> tuple[int, str] | None:
    """The module's layer and room; None for a module of no room."""
    return next(((n, room) for n, rooms in enumerate(LAYERS) for room in rooms if within(module, room)), None)


def tab(module: str) -> str | None:
    """The tab of the page that a module belongs to."""
    return next((room for room in TABS if within(module, room)), None)


def problems(files: Mapping[str, str]) -> list[str]:
    """Every import that breaks a rule, as `file: import: rule`, and every module that has no room."""
    found = []
    for path, source in files.items():
        me = module_name(path)
        here = place(me)
        if here is None and me not in PACKAGES:
            found.append(f"{path}: {me}: the module belongs to a room of LAYERS")
        for name in imported(path, source):
            there = place(name)
            rules = {
                "only msr/ui and app.py import gradio": within(name, "gradio") and not within(me, "msr.ui", "app"),
                "in msr only backbones imports transformers or peft": within(name, "transformers", "peft")
                and not within(me, "msr.backbones", "train"),
                "msr never imports train": within(name, "train") and not within(me, "train"),
                "train never imports the page": within(name, "msr.ui", "app") and within(me, "train"),
                "a tab imports no other tab": tab(me) is not None and tab(name) not in (None, tab(me)),
                "of msr.ui only page.py imports tabs": within(me, "msr.ui")
                and tab(me) is None
                and tab(name) is not None
                and me != "msr.ui.page",
                "imports go to lower layers": None not in (here, there) and here[1] != there[1] and here[0] <= there[0],
            }
            found.extend(f"{path}: {name}: {rule}" for rule, broken in rules.items() if broken)
    return found


def test_the_rules_are_kept():
    paths = [*ROOT.glob("msr/**/*.py"), *ROOT.glob("train/**/*.py"), *ROOT.glob("app.py")]
    files = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}
    assert {"msr/schema.py", "msr/pipeline.py", "train/__init__.py"} <= set(files)
    assert problems(files) == []


@pytest.mark.parametrize(
    ("path", "source", "rule"),
    [
        ("msr/pipeline.py", "import gradio as gr", "gradio"),
        ("train/learn/loop.py", "from gradio import Blocks", "gradio"),
        ("msr/stages/rank.py", "import transformers.models.llava", "transformers"),
        ("msr/ui/page.py", "from peft import PeftModel", "transformers"),
        ("app.py", "import peft", "transformers"),
        ("msr/backbones/remote/answers.py", "def load():\n    from train import learn", "train"),
        ("msr/render/report.py", "from msr.ui import page", "lower"),
        ("msr/render/html.py", "from msr.render import report", "lower"),
        ("msr/evidence/kinds/shapley.py", "from msr.render.report import figures", "lower"),
        ("train/learn/loop.py", "import msr.ui.page", "the page"),
        ("msr/cli.py", "import app", "lower"),
        ("msr/ui/launch.py", "from msr import cli", "lower"),
        ("msr/stages/rank.py", "from msr import evidence", "lower"),
        ("msr/stages/rank.py", "from msr.retrieval import shortlist", "lower"),
        ("msr/stages/rank.py", "from .. import pipeline", "lower"),
        ("msr/intake/images.py", "from ..catalogue import Catalogue", "lower"),
        ("msr/schema.py", "from msr.intake import items", "lower"),
        ("msr/backbones/wrappers.py", "from ..stages import describe", "lower"),
        ("train/data/splits.py", "from train.learn import loop", "lower"),
        ("train/learn/loop.py", "from train.evaluate import comparison", "lower"),
        ("msr/ui/inspect/inspect_tab.py", "from msr.ui.recommend import handlers", "no other tab"),
        ("msr/ui/review/review_tab.py", "from ..evaluate.evaluate_tab import Scale", "no other tab"),
        ("msr/ui/api.py", "from msr.ui.inspect.comparison import growing", "only page.py imports tabs"),
        ("msr/ui/__init__.py", "from msr.ui import review", "only page.py imports tabs"),
        ("msr/helpers.py", "", "belongs to a room"),
        ("train/helpers.py", "", "belongs to a room"),
    ],
)
def test_a_broken_rule_is_found(path, source, rule):
    assert any(rule in problem.split(": ")[2] for problem in problems({path: source}))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("msr/backbones/pocket/model.py", "import transformers, peft"),
        ("train/learn/model.py", "import peft"),
        ("msr/ui/page.py", "import gradio as gr\nfrom msr.render.html import text\nfrom .parts import heading_html"),
        ("msr/ui/page.py", "from msr.ui.review import review_tab\nfrom msr.ui.recommend import recommend_tab"),
        ("msr/ui/review/review_tab.py", "import gradio as gr\nfrom msr.ui.parts import html"),
        ("app.py", "from msr.ui import build_app\nfrom msr.pipeline import Pipeline"),
        ("msr/evidence/probe.py", "from msr.stages.preference import recompute\nfrom msr import prompts"),
        ("msr/evidence/kinds/shapley.py", "from msr.render.html import figure"),
        ("msr/intake/images.py", "from msr.intake.text import IntakeError"),
        ("train/learn/loop.py", "from msr.prompts import describe\nfrom train.data import splits"),
        ("msr/__main__.py", "from msr.cli import main"),
    ],
)
def test_a_kept_rule_is_not_complained_about(path, source):
    assert problems({path: source}) == []


def test_every_tab_has_a_folder():
    folders = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in ROOT.glob("msr/ui/*/__init__.py")}
    assert folders == set(TABS)
