"""`python -m msr` on a fake model, for tests that start processes: python -m tests.fake_cli ARGUMENTS"""

from __future__ import annotations

import sys

from msr import backbones, cli
from tests.fakes import FakeBackbone

if __name__ == "__main__":
    backbones.load = lambda config, report: FakeBackbone()
    sys.exit(cli.main(sys.argv[1:]))
