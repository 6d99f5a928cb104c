"""The demo's four stories: people whose taste drifts from one block of three things to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

from .attributes import Look

BLOCK = 3  # things in a block

Wants = dict[str, str]


@dataclass(frozen=True)
class Story:
    """A person: what they want in each block of their history, and what their last block leans to besides."""

    id: str
    name: str
    tagline: str
    blocks: tuple[Wants, ...]
    leaning: Wants = field(default_factory=dict)

    def taste(self) -> list[dict[str, object]]:
        """The taste as it changes: one entry for each block that wants something new."""
        return [
            {"from_block": i, "wants": wants}
            for i, wants in enumerate(self.blocks)
            if i == 0 or wants != self.blocks[i - 1]
        ]

    def lean(self, count: int) -> Wants:
        """The first `count` things that the last block leans to."""
        return dict(list(self.leaning.items())[:count])

    def elsewhere(self, block: int) -> set[tuple[str, str]]:
        """The (attribute, value) pairs that other blocks want and `block` does not; they would blur the drift."""
        return {pair for wants in self.blocks for pair in wants.items()} - set(self.blocks[block].items())


STORIES = (
    Story(
        "sailor",
        "The sailor who moved to the woods",
        "Navy stripes at first, then wood and linen.",
        (
            {"pattern": "striped", "colour": "navy"},
            {"pattern": "striped", "colour": "navy"},
            {"material": "wood", "style": "rustic"},
        ),
        leaning={"colour": "brown", "pattern": "plain"},
    ),
    Story(
        "sprinter",
        "The sprinter who took up pottery",
        "Fast red things, then ceramics with flowers.",
        (
            {"style": "sporty", "colour": "red"},
            {"material": "ceramic", "pattern": "floral"},
            {"material": "ceramic", "pattern": "floral"},
        ),
    ),
    Story(
        "minimalist",
        "The minimalist who had twins",
        "Calm and white, then dots everywhere.",
        (
            {"style": "minimal", "colour": "white"},
            {"style": "minimal", "colour": "white"},
            {"style": "playful", "pattern": "dotted"},
        ),
    ),
    Story(
        "goth",
        "The goth who fell for a gardener",
        "All black, then black with flowers, then pink.",
        (
            {"colour": "black", "pattern": "plain"},
            {"colour": "black", "pattern": "floral"},
            {"colour": "pink", "pattern": "floral"},
        ),
    ),
)


def matches(look: Look, wants: Wants) -> bool:
    """Whether `look` has all that is wanted."""
    return all(getattr(look, field) == value for field, value in wants.items())
