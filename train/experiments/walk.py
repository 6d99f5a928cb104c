"""Simulated users through the stages of the app: described, summarised block by block, ranked for, explained."""

from __future__ import annotations

from collections.abc import Sequence

from msr import explain, preference, ranking, summaries
from msr.backbones.cached import CachedBackbone
from msr.config import PipelineConfig
from msr.evidence.units import Inputs
from msr.schema import Item, ItemSummary, Recommendation
from train.asking import result
from train.experiments.users import SIZE, PlantedUser
from train.heldout import pictured

CONFIG = PipelineConfig(block_size=SIZE)


def shown(user: PlantedUser) -> list[list[Item]]:
    """The user's blocks as the app sees them."""
    return [[pictured(shot, titled=True) for shot in block] for block in user.blocks]


def write(
    backbone: CachedBackbone, users: Sequence[Sequence[Sequence[Item]]]
) -> tuple[dict[str, ItemSummary], list[list[str]]]:
    """Describes the items of several users (blocks of items); returns that and each user's texts after each block."""
    every = [item for blocks in users for block in blocks for item in block]
    unique = list({item.id: item for item in every}.values())
    described = result(summaries.describe(backbone, unique, CONFIG))
    read = [[[(item, described[item.id]) for item in block] for block in blocks] for blocks in users]
    steps = list(preference.recompute(backbone, read, CONFIG.max_preference_tokens))
    return described, [[step[n] for step in steps[: len(blocks)]] for n, blocks in enumerate(users)]


def ranked(backbone: CachedBackbone, user: PlantedUser, top: int) -> tuple[Inputs, tuple[Recommendation, ...]]:
    """The first `top` of the user's candidates with their reasons, and the inputs with those as candidates."""
    blocks = shown(user)
    described, ((*_, text),) = write(backbone, [blocks])
    history = tuple(item for block in blocks for item in block)
    offered = {shot.key: pictured(shot, titled=True) for shot in (user.liked, *user.others)}
    scored = result(ranking.score(backbone, text, [item.title for item in history], list(offered.values())))
    best = ranking.recommendations(scored, offered, top)
    best, more = result(explain.explain(backbone, text, best, offered, CONFIG))
    candidates = tuple(offered[r.item_id] for r in best)
    return Inputs(history, preference.blocks(history, SIZE), described | more, text, candidates), best
