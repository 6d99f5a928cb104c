"""What an experiment found so far: one JSON object a line, so that an interrupted one goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class UserLines:
    """Records by user, or by user and what was asked ("kim/blocks of 3/uniform").

    A file of other settings is started anew; a line that was cut off is measured again.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path = path
        self.known: dict[str, dict[str, Any]] = {}
        head = json.dumps({"settings": settings}, sort_keys=True)
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        kept = lines[1:] if lines[:1] == [head] else []
        path.write_text("\n".join([head, *kept, ""]), encoding="utf-8")
        for record in map(json.loads, kept):
            self.known[record["user"]] = record

    def add(self, user: str, record: dict[str, Any]) -> None:
        self.known[user] = {"user": user, **record}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.known[user], ensure_ascii=False) + "\n")
