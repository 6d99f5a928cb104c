"""How large the measured jobs are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Sizes. Raises ValueError for one that is not positive, named."""

    score: tuple[int, ...] = (21, 100, 1000)
    describe: tuple[int, ...] = (24, 96, 240)
    histories: tuple[int, ...] = (3, 9, 30)
    candidates: int = 100  # of the whole job
    preference_tokens: int = 300
    baselines: int = 100  # the most that a baseline runs on
    index: tuple[int, ...] = (5_000, 50_000)  # items to shortlist from

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            for size in value if isinstance(value, tuple) else (value,):
                if size < 1:
                    raise ValueError(f"{name} is {size}; it must be at least 1")


QUICK = Plan(score=(21,), describe=(8,), histories=(3,), candidates=21, baselines=12, index=(5_000,))
