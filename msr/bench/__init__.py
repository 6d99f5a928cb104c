"""How fast the program is, held against what it replaces and against what the machine could do at best.

    python -m msr bench --json out.json

In one run, on the same weights and inputs: ours, (a) the published loop, (b) a plain batched forward pass, and (c) the
floor, which is the multiply-adds that a job needs over the matrix-multiply rate measured in that run.
"""

from msr.bench.run import Result, run

__all__ = ["Result", "run"]
