"""The last steps that all readers share: clean items, interactions with known items, one `Dataset`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from msr import intake
from msr.intake import IntakeError
from train.dataset import CatalogueItem, Dataset
from train.readers.interactions import Interactions
from train.readers.lines import digest

MAX_WORDS = 16  # attributes of one item


def item(id: str, title: str, image: Path | None, words: Iterable[str] = ()) -> CatalogueItem:
    """An item with its title and lower-case words cleaned as `msr.intake` cleans them, so both sides see the same."""
    cleaned = (intake.title(word).lower().replace("|", "/") for word in words)
    return CatalogueItem(id, intake.title(title), image, tuple(dict.fromkeys(filter(None, cleaned)))[:MAX_WORDS])


def catalogue(items: Iterable[CatalogueItem], dropped: Counter[str]) -> dict[str, CatalogueItem]:
    """The items by id: of equal ids the first, and none that has neither a title nor a picture."""
    found: dict[str, CatalogueItem] = {}
    for one in items:
        if one.id in found:
            dropped["items listed twice"] += 1
        elif not one.title and one.image is None:
            dropped["items without a title or a picture"] += 1
        else:
            found[one.id] = one
    return found


def narrow(interactions: Interactions, core: int, dropped: Counter[str]) -> Interactions:
    """The first interaction of each user with each item, and of these the `core`-core; the others are counted.

    Raises:
        IntakeError: nothing is left.
    """
    first = interactions.first_only()
    left = first.core(core)
    if not len(left):
        raise IntakeError(f"None of the {len(interactions)} interactions is in the {core}-core.")
    dropped["repeated interactions"] += len(interactions) - len(first)
    dropped[f"interactions outside the {core}-core"] += len(first) - len(left)
    return left


def assemble(
    kind: str,
    items: Mapping[str, CatalogueItem],
    interactions: Interactions,
    dropped: Counter[str],
    files: Iterable[Path],
    core: int = 1,
) -> Dataset:
    """The data set of the interactions with known items, narrowed to its `core`.

    `files` are those that were read, for their hashes. With a core above 1, items outside it are left out too.

    Raises:
        IntakeError: nothing is left.
    """
    known = interactions.of_items(items)
    if not len(known):
        raise IntakeError(f"None of the {len(interactions)} interactions is with a known item; do the ids fit?")
    dropped["interactions with unknown items"] += len(interactions) - len(known)
    left = narrow(known, core, dropped)
    if core > 1:
        inside = left.item_ids()
        items = {id: one for id, one in items.items() if id in inside}
    users = left.logs()
    dropped["users of whom nothing is left"] += len(interactions.users) - len(users)
    return Dataset(kind, dict(items), users, dict(+dropped), {file.name: digest(file) for file in files})
