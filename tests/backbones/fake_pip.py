"""A pip of a few lines, run as a program of its own: it "downloads" from the folder MSR_TEST_INDEX.

MSR_TEST_PIP says how it ends: ok, offline, full, slow (writes half a wheel and waits) or empty (brings nothing).
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path


def main() -> None:
    arguments = sys.argv[1:]
    log = Path(os.environ["MSR_TEST_INDEX"]) / "calls.txt"
    with log.open("a", encoding="utf-8") as file:
        file.write(" ".join(arguments) + "\n")
    destination = Path(arguments[arguments.index("--dest") + 1])
    project = arguments[-1].partition("==")[0].replace("-", "_")
    wheel = next(Path(os.environ["MSR_TEST_INDEX"]).glob(f"{project}-*.whl"))
    (Path(os.environ["TMPDIR"]) / "unpacking").write_bytes(b"x" * 10)
    how = os.environ.get("MSR_TEST_PIP", "ok")
    if how == "offline":
        sys.exit("WARNING: Retrying after connection broken\nERROR: No matching distribution found")
    if how == "full":
        (destination / wheel.name).write_bytes(wheel.read_bytes()[:5])
        sys.exit("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
    if how == "slow":
        (destination / wheel.name).write_bytes(wheel.read_bytes()[:5])
        time.sleep(60)
    if how != "empty":
        shutil.copyfile(wheel, destination / wheel.name)


if __name__ == "__main__":
    main()
