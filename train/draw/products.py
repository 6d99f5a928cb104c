"""The drawer of each product type."""

from __future__ import annotations

import random
from collections.abc import Callable

from . import shapes_carry, shapes_gear, shapes_home, shapes_table, shapes_wear
from .pen import Pen

Drawer = Callable[[Pen, str, random.Random], None]

DRAWERS: dict[str, Drawer] = {
    "mug": shapes_table.mug,
    "teapot": shapes_table.teapot,
    "vase": shapes_table.vase,
    "plant pot": shapes_table.plant_pot,
    "water bottle": shapes_table.water_bottle,
    "lamp": shapes_home.lamp,
    "clock": shapes_home.clock,
    "chair": shapes_home.chair,
    "armchair": shapes_home.armchair,
    "cushion": shapes_home.cushion,
    "backpack": shapes_carry.backpack,
    "notebook": shapes_carry.notebook,
    "umbrella": shapes_carry.umbrella,
    "t-shirt": shapes_wear.t_shirt,
    "sneaker": shapes_wear.sneaker,
    "hat": shapes_wear.hat,
    "scarf": shapes_wear.scarf,
    "headphones": shapes_gear.headphones,
    "bike helmet": shapes_gear.bike_helmet,
    "guitar": shapes_gear.guitar,
}
