"""The benchmark: how fast the program is, beside what it replaces and the best that the machine could do.

    python -m msr bench --json out.json

One run times, on the same weights and inputs: ours, (a) the published loop, (b) a plain batched forward pass, and (c)
the floor, which is a job's multiply-adds divided by the matrix-multiply rate measured in that run.
"""

from msr.bench.run import Result, run

__all__ = ["Result", "run"]
