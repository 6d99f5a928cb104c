"""Every entrance says how threads wait before torch is imported, which reads it once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("module", ["app", "msr.cli", "train.__main__"])
@pytest.mark.parametrize(("given", "expected"), [(None, "5000"), ("7", "7")])
def test_an_entrance_sets_it_before_torch_and_leaves_the_users_own(module, given, expected):
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
    assert told.stdout.splitlines()[-1] == f"False {expected}"
