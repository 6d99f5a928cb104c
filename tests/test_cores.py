"""Every entrance says how threads wait before torch is imported, which reads it once."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from msr.config import ALONE, BESIDE_A_BROWSER

SCRIPT = """
import os, sys
from {module} import main
sys.argv[1:] = ["--help"]
try:
    main()
except SystemExit:
    pass
print("torch" in sys.modules, os.environ["GOMP_SPINCOUNT"])
"""


@pytest.mark.parametrize(("module", "looks"), [("app", BESIDE_A_BROWSER), ("msr.cli", ALONE), ("train.cli", ALONE)])
@pytest.mark.parametrize("given", [None, "7"])
def test_an_entrance_sets_it_before_torch_and_leaves_the_users_own(module, looks, given):
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    environment |= {"GOMP_SPINCOUNT": given} if given else {}
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=Path(__file__).parent.parent,
    )
    assert told.stdout.splitlines()[-1] == f"False {given or looks}"


def test_no_module_writes_an_environment_variable_at_import():
    root = Path(__file__).parent.parent
    paths = [*root.glob("msr/**/*.py"), *root.glob("train/**/*.py"), root / "app.py"]
    written = [
        f"{path.relative_to(root)}: {ast.unparse(node)}"
        for path in paths
        for node in ast.parse(path.read_text("utf-8")).body
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
        and re.search(r"environ(\[[^]]*\])? \|?= |environ\.(setdefault|update)|putenv", ast.unparse(node))
    ]
    assert written == [] and len(paths) > 100
