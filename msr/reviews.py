"""Judgements of reviewers in an append-only file; each line is on disk before it is confirmed."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
import time
import warnings
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from msr.intake import csv_cell
from msr.schema import InputProblem, Run

MOST = 50_000  # judgements that are kept; each costs room on disk for good
EACH = 5_000  # of one caller, since the program began
A_MINUTE = 60  # of one caller
VERDICTS = ("faithful", "partly", "wrong")
Key = tuple[str, str, str]  # run id, kind, id of the item or number of the block


@dataclass(frozen=True)
class Target:
    """One text to judge; `kind` is description, preference or reason."""

    run: str
    kind: str
    item: str
    text: str

    @property
    def key(self) -> Key:
        return self.run, self.kind, self.item


@dataclass(frozen=True)
class Judgement:
    """One reviewer's verdict on one text; `at` is the time in UTC, as ISO 8601."""

    reviewer: str
    run: str
    kind: str
    item: str
    verdict: str
    note: str
    text: str
    at: str

    @property
    def key(self) -> Key:
        return self.run, self.kind, self.item


@dataclass(frozen=True)
class Agreement:
    """Agreement of two reviewers on the texts that both judged; `kappa` is Cohen's, or None if undefined."""

    reviewers: tuple[str, str]
    shared: int
    percent: float
    kappa: float | None


def targets(run: Run) -> tuple[Target, ...]:
    """The texts of a run to judge: descriptions of the history, preference texts and reasons."""
    texts = {s.item_id: s.text for s in run.summaries}
    found = [Target(run.id, "description", i.id, texts[i.id]) for i in run.history if i.id in texts]
    found += [Target(run.id, "preference", str(p.block.index), p.text) for p in run.preferences if not p.edited]
    found += [Target(run.id, "reason", r.item_id, r.rationale) for r in run.recommendations if r.rationale]
    return tuple(found)


class ReviewLog:
    """All judgements, oldest first, in a file or only in memory. Raises InputProblem for a file that cannot be read."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._added: Counter[str] = Counter()
        self._latest: dict[str, deque[float]] = {}  # when the last `A_MINUTE` of a caller came
        try:
            self._kept = list(_read(path)) if path and path.exists() else []
        except OSError as error:
            raise InputProblem(f"The judgements in {path} cannot be read ({error.strerror}). Name a file.") from None

    def add(self, target: Target, reviewer: str, verdict: str, note: str = "", caller: str = "") -> Judgement:
        """Keep a judgement; it replaces an earlier one of the same reviewer on the same text.

        A `caller` that is named gets only a share of the room. Raises InputProblem for what is no judgement or one
        too many, and OSError if it cannot be written.
        """
        if not reviewer:
            raise InputProblem("Enter your name first: judgements are kept by reviewer.")
        if verdict not in VERDICTS:
            raise InputProblem(f"Choose one of {', '.join(VERDICTS)}.")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        said = Judgement(reviewer, *target.key, verdict, note, target.text, now)
        with self._lock:
            if len(self._kept) >= MOST:
                raise InputProblem(
                    f"There are {MOST:,} judgements, and no more are kept. Start with a new --reviews file."
                )
            self._check(caller)
            if self.path is not None:
                _append(self.path, json.dumps(asdict(said), ensure_ascii=False))
            self._kept.append(said)
            if caller:
                self._added[caller] += 1
                self._latest.setdefault(caller, deque(maxlen=A_MINUTE)).append(time.monotonic())
        return said

    def _check(self, caller: str) -> None:
        if self._added[caller] >= EACH:
            raise InputProblem(f"You gave {EACH:,} judgements, and no more are taken from one visitor.")
        latest = self._latest.get(caller, deque())
        if len(latest) >= A_MINUTE and latest[0] > time.monotonic() - 60:
            raise InputProblem(f"At most {A_MINUTE} judgements a minute are taken. Wait a moment, then press again.")

    def latest(self, run: str | None = None) -> list[Judgement]:
        """The last judgement of every reviewer on every text, of one run or of all."""
        with self._lock:
            last = {(j.reviewer, j.key): j for j in self._kept if run is None or j.run == run}
        return list(last.values())

    def by(self, reviewer: str, run: str) -> dict[Key, Judgement]:
        """One reviewer's judgements of a run, by text."""
        return {j.key: j for j in self.latest(run) if j.reviewer == reviewer}


def agreements(judgements: Iterable[Judgement]) -> list[Agreement]:
    """The agreement of each pair of reviewers who judged a common text."""
    said: dict[str, dict[Key, str]] = defaultdict(dict)
    for judgement in judgements:
        said[judgement.reviewer][judgement.key] = judgement.verdict
    told = []
    for one, two in combinations(sorted(said), 2):
        shared = [key for key in said[one] if key in said[two]]
        if shared:
            pairs = [(said[one][key], said[two][key]) for key in shared]
            equal = sum(a == b for a, b in pairs) / len(pairs)
            told.append(Agreement((one, two), len(pairs), equal, _kappa(pairs)))
    return told


def to_jsonl(judgements: Iterable[Judgement]) -> str:
    """The judgements as JSON lines."""
    return "".join(json.dumps(asdict(j), ensure_ascii=False) + "\n" for j in judgements)


def to_csv(judgements: Iterable[Judgement]) -> str:
    """The judgements as CSV with a header; no cell is run as a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(field.name for field in fields(Judgement))
    writer.writerows([csv_cell(value) for value in asdict(j).values()] for j in judgements)
    return out.getvalue()


def _kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    from sklearn.metrics import cohen_kappa_score  # slow to import and rarely needed

    one, two = zip(*pairs, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NaN if all verdicts are equal
        kappa = float(cohen_kappa_score(one, two, labels=list(VERDICTS)))
    return None if kappa != kappa else kappa


def _append(path: Path, line: str) -> None:
    """Append a line and flush it to disk. Raises OSError, and then leaves no part of the line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        end = os.lseek(handle, 0, os.SEEK_END)
        torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"  # a process was killed while writing
        left = f"{chr(10) if torn else ''}{line}\n".encode()
        try:
            while left:  # a full disk may take a part of the line; the next call then fails
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)


def _read(path: Path) -> Iterable[Judgement]:
    """The judgements in a file; incomplete and other lines are skipped, not removed."""
    names = [field.name for field in fields(Judgement)]
    for line in path.read_bytes().split(b"\n"):  # texts may contain other line separators, such as U+2028
        try:
            record = json.loads(line.decode("utf-8", errors="replace"))
            if all(isinstance(record[name], str) for name in names) and record["verdict"] in VERDICTS:
                yield Judgement(**{name: record[name] for name in names})
        except (ValueError, TypeError, KeyError):
            continue
