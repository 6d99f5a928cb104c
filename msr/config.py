"""Settings as frozen dataclasses, validated at construction, and OpenMP's spin count.

An error names the setting and its value.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

ALONE, BESIDE_A_BROWSER = 5000, 1000  # OpenMP's spin counts: how often a waiting thread looks before it sleeps


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; it must be from {low} to {high}")


@dataclass(frozen=True)
class Limits:
    """What intake accepts."""

    max_history: int = 60
    max_catalogue: int = 5_000
    max_title: int = 200  # characters after cleaning
    max_image_bytes: int = 30 * 2**20
    max_pixels: int = 26_000_000  # of a picture that must be decoded whole
    max_jpeg_pixels: int = 52_000_000  # of a JPEG that can be decoded small: not a progressive one
    max_scans: int = 100  # of a progressive JPEG; cameras and tools write about ten
    max_total_pixels: int = 2_000_000_000  # decoded for one request of a visitor
    max_seconds: int = 60  # of reading for one request of a visitor
    max_side: int = 512  # pixels kept on the longer side
    max_aspect: float = 20.0  # longer side over shorter side
    max_zip_bytes: int = 300 * 2**20  # unpacked, all entries together
    max_zip_entries: int = 12_000
    max_zip_ratio: float = 200.0
    max_csv_bytes: int = 5 * 2**20
    max_session_bytes: int = 40 * 2**20
    max_upload_bytes: int = 300 * 2**20  # of one request, all files together
    max_held_bytes: int = 2 * 2**30  # uploaded and not read yet, of all visitors; a quarter of it of one
    max_offer_bytes: int = 512 * 2**20  # catalogues that visitors brought; those used longest ago go first

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            _between(f"limits.{name}", getattr(self, name), 1, 2**40)


LIMITS = Limits()


@dataclass(frozen=True)
class PipelineConfig:
    """How a run is made."""

    block_size: int = 3  # the paper's best (arXiv 2408.09698, section 4.5)
    top: int = 10
    explain_top: int = 10  # recommendations that get a rationale and measured influence
    describe_batch: int = 24
    max_describe_tokens: int = 40
    max_preference_tokens: int = 90
    max_rationale_tokens: int = 56
    shortlist: int = 400  # candidates that are scored; a larger catalogue is shortlisted first
    adapter: bool = True  # False: the base model answers alone

    def __post_init__(self) -> None:
        _between("block_size", self.block_size, 1, 20)
        _between("top", self.top, 1, 200)
        _between("explain_top", self.explain_top, 0, 200)
        _between("describe_batch", self.describe_batch, 1, 256)
        _between("shortlist", self.shortlist, 1, 10**6)
        for name in ("max_describe_tokens", "max_preference_tokens", "max_rationale_tokens"):
            _between(name, getattr(self, name), 1, 1024)


@dataclass(frozen=True)
class BackboneConfig:
    """Which model answers.

    `name` is "pocket", a checkpoint or `openai:http://host/v1#model`; `adapter` is a folder, "bundled" or "none".
    """

    name: str = "pocket"
    adapter: str = "bundled"
    device: str = "auto"  # auto, cpu, cuda, mps
    dtype: str = "auto"  # auto, bfloat16, float32
    weights: str = "full"  # full, or 4bit for a checkpoint on a GPU with bitsandbytes
    offline: bool = False  # connect to no other computer

    def __post_init__(self) -> None:
        if self.device not in ("auto", "cpu", "cuda", "mps"):
            raise ValueError(f"device is {self.device!r}; it must be auto, cpu, cuda or mps")
        if self.dtype not in ("auto", "bfloat16", "float32"):
            raise ValueError(f"dtype is {self.dtype!r}; it must be auto, bfloat16 or float32")
        if self.weights not in ("full", "4bit"):
            raise ValueError(f"weights is {self.weights!r}; it must be full or 4bit")


def set_spin_count(count: int = ALONE) -> None:
    """Set OpenMP's spin count, unless the user has set it. Call it before torch is imported, which reads it once.

    By default a waiting thread keeps its core busy. Beside another busy program it then delays the very thread that it
    waits for: on two cores decoding took 25 times as long. A small count helps beside other programs; alone it costs
    time, because a thread that sleeps has to be woken.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", str(count))
