"""The words that titles state facts with: platforms, colours, materials, patterns, people, sizes, counts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from train.teach.titles import kinds
from train.teach.titles.kinds import ANY, Kind


def listed(text: str) -> tuple[str, ...]:
    """The words and phrases between commas."""
    return tuple(word for word in (" ".join(part.split()) for part in text.split(",")) if word)


PLATFORMS = {  # how titles call it: the name that descriptions use; tried in this order
    r"PlayStation\s?5|PS5": "PlayStation 5",
    r"PlayStation\s?4|PS4": "PlayStation 4",
    r"PlayStation\s?3|PS3": "PlayStation 3",
    r"PlayStation\s?2|PS2": "PlayStation 2",
    r"PlayStation\s?1|PSX|PS1|PSOne": "PlayStation",
    r"(?:PlayStation|PS)\s?Vita|PSVita": "PlayStation Vita",
    r"PlayStation Portable(?: \(PSP\))?|PSP": "PSP",
    r"PlayStation": "PlayStation",
    r"Xbox[\s-]?360": "Xbox 360",
    r"Xbox One(?: [SX]\b)?": "Xbox One",
    r"Xbox Series [XS]": "Xbox Series X",
    r"Xbox": "Xbox",
    r"Nintendo Switch": "Nintendo Switch",
    r"(?:Nintendo )?Wii[\s-]?U": "Wii U",
    r"(?:Nintendo )?Wii(?! (?:Fit|Sports|Play|Music|Party|Points)\b)": "Wii",
    r"(?:Nintendo )?(?:New )?3DS(?:\s?(?:XL|LL))?": "Nintendo 3DS",
    r"(?:Nintendo )?2DS": "Nintendo 2DS",
    r"(?:Nintendo )?DSi(?: XL)?": "Nintendo DSi",
    r"Nintendo DS(?: Lite)?|NDSL?|DS Lite": "Nintendo DS",
    r"(?:Nintendo )?Game\s?Cube": "GameCube",
    r"Nintendo 64|N64": "Nintendo 64",
    r"Super Nintendo(?: Entertainment System)?|(?:Nintendo )?Super NES|SNES": "Super Nintendo",
    r"Nintendo NES|NES\b|Nintendo Entertainment System": "NES",
    r"Game\s?Boy Advance(?: SP)?|GBA": "Game Boy Advance",
    r"Game\s?Boy Color|GBC": "Game Boy Color",
    r"Game\s?Boy": "Game Boy",
    r"(?:Sega )?Dreamcast": "Dreamcast",
    r"Sega Genesis": "Sega Genesis",
    r"Sega Saturn": "Sega Saturn",
    r"Sega CD": "Sega CD",
    r"Atari 2600": "Atari 2600",
    r"(?-i:(?<!\d )(?<!\d)PCs?(?! Engine)(?:[ -](?:DVD|CD)(?:-ROM)?)?)": "PC",
    r"(?-i:Windows(?: (?:\d+|XP|Vista))?)": "PC",
    r"(?-i:Mac(?:intosh)?(?: OS X)?)": "Mac",
}

COLOURS = set(
    listed(
        """black, white, grey, gray, red, blue, green, yellow, orange, purple, pink, brown, beige, navy, navy blue,
        turquoise, teal, ivory, cream, gold, silver, tan, maroon, lilac, aqua, lime, burgundy, charcoal, khaki,
        violet, magenta, dark grey, light grey, charcoal grey, dark blue, light blue, light pink, hot pink, royal
        blue, sky blue, lime green, dark brown, light brown, multicolour, multicolor, off white, off-white, rose
        gold, black-brown, brown-black, dark green, light green, dark gray, light gray, light beige, dark beige,
        lavender, sage, mint, espresso, indigo"""
    )
)
PLAIN_COLOURS = set(listed("black, white, grey, gray, red, blue, green, yellow, purple, pink, brown, beige"))

MATERIALS = {word: word for word in listed(
    """wooden, glass, cotton, organic cotton, silicone, rubber, leather, faux leather, bonded leather, velvet,
    stainless steel, steel, metal, ceramic, bamboo, linen, wool, fleece, microfiber, satin, silk, vinyl, mesh, terry,
    denim, polyester, marble, plastic, muslin, flannel, nylon, jute, porcelain, brass, rattan, walnut, oak, pine"""
)} | {
    "wood": "wooden", "solid wood": "wooden", "natural rubber": "rubber", "microfibre": "microfiber",
    "micro-fleece": "fleece", "microfleece": "fleece",
}  # fmt: skip

DEVICE_MATERIALS = ("silicone", "leather", "vinyl", "plastic")  # "metal" may be of Metal Gear, "satin" of a colour

PATTERNS = {
    "floral": "floral", "striped": "striped", "stripe": "striped", "stripes": "striped", "checkered": "checked",
    "checked": "checked", "plaid": "plaid", "polka dot": "polka dot", "polka dots": "polka dot", "printed": "printed",
    "zigzag": "zigzag", "chevron": "zigzag", "camouflage": "camouflage", "camo": "camouflage", "paisley": "paisley",
}  # fmt: skip

PARTS = set(
    listed(
        """chicken, beef, pork, duck, lamb, fish, shrimp, tuna, salmon, egg, eggs, tofu, rice, corn, potato, potatoes,
        tomato, cabbage, spinach, mushroom, mushrooms, eggplant, cucumber, carrot, carrots, garlic, onion, ginger,
        pepper, chili, cheese, milk, butter, cream, chocolate, banana, apple, strawberry, blueberry, lemon, orange,
        coconut, mango, pineapple, peach, pumpkin, beans, lentil, peanut, almond, oatmeal, honey, vanilla, bacon, ham,
        noodles, seaweed, crab, broccoli, cauliflower, lettuce, celery, walnut, raspberry, grapefruit, oat, soy, lime,
        cherry, caramel, cinnamon, buckwheat, beer, tea, coffee, basil, avocado, zucchini, squash"""
    )
)
COOKED = listed(
    """stir-fried, pan-fried, deep-fried, fried, braised, stewed, steamed, roasted, baked, grilled, boiled, poached,
    smoked"""
)

NUMBERS = listed("zero, one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve")
COUNTS = (  # what is counted, and in which unit; None: in the title's own
    (r"\b(pack|set|box|case|lot|bundle) of (?P<n>\d{1,3}|two|three|four|five|six|eight|ten|twelve)\b", None),
    (r"\b(?P<n>\d{1,3})[\s-]?(?:pack|pk|paks?)\b", "pack"),
    (r"\b(?P<n>two|three|four|six)[\s-](?:pack|pk)\b", "pack"),
    (r"\b(?P<n>\d{1,3})[\s-]?(?:count|ct)\b", "pieces"),
    (r"(?<!xbox )\b(?P<n>\d{1,3}|two|three|four|six)[\s-]?(?:pcs?|pieces?)\b", "pieces"),
)
SIZE = re.compile(
    r"(?<![\w.-])(?P<n>\d+(?:\.\d+)?)[\s-]?(?P<unit>fl\.?\s?oz|fluid ounces?|ounces?|oz|ml|liters?|litres?"
    r"|inch(?:es)?|cm|mm|gb|tb|mb|watts?|ft|feet|foot|gallons?|quarts?|mah|g|w|l)\b\.?(?!\w)",
    re.IGNORECASE,
)
UNITS = {
    "ounce": "oz", "ounces": "oz", "fluid ounces": "fl oz", "fluid ounce": "fl oz", "floz": "fl oz", "inches": "inch",
    "liter": "litre", "liters": "litre", "litres": "litre", "watt": "watts", "w": "watts", "feet": "ft", "foot": "ft",
    "gallons": "gallon", "quarts": "quart", "gb": "GB", "tb": "TB", "mb": "MB", "mah": "mAh",
}  # fmt: skip

PEOPLE = "her|him|women|men|girls|boys|girl|boy|kids|children|toddlers|babies|infants|newborns|ladies|womens|mens"
AUDIENCE = re.compile(
    rf"\bfor ({PEOPLE})(?:(?:,| and| &) ({PEOPLE}))?\b|\b(?:baby )?({PEOPLE.removeprefix('her|him|')})(?:'s|s')?\b",
    re.IGNORECASE,
)
WHOM = {
    "her": "women",
    "him": "men",
    "girl": "girls",
    "boy": "boys",
    "womens": "women",
    "mens": "men",
    "ladies": "women",
}

_EVIDENT = {  # words that speak of a domain, whatever the thing is
    "baby": r"baby|babies|infants?|newborns?|toddlers?|nursery|crib|diapers?|breastmilk|breastfeeding|teeth(?:ing|er)"
    r"|bpa[\s-]free|sippy|pacifier|stroller",
    "beauty": r"skin|facial|hair|spf|eau de|anti-wrinkle|anti-aging|moisturi[sz]\w+|make-?up|cosmetics?|nails?|shaving"
    r"|beard|lips?|wrinkles?|exfoliat\w+|hyaluronic",
    "game": r"video games?|online game code|game of the year|games? \[download\]|\(game only\)|gaming|nintendo"
    r"|playstation|xbox|sega|hidden objects?",
    "food": r"recipes?|" + "|".join(COOKED),
    "drink": r"cocktail|brewery|brewdog",
}
EVIDENT = {d: re.compile(rf"(?<![\w'])(?:{p})(?![\w'])", re.IGNORECASE) for d, p in _EVIDENT.items()}
DOWNLOAD = re.compile(r"\b(?:download|digital code|online game code)\b", re.IGNORECASE)

BREAK = re.compile(  # between the parts of a title; `side`: what follows is not the thing itself
    r"\s*(?:(?P<hard>[|()\[\]]|\s[-–—~]+\s|[-–—]\s)|[,;:]|(?-i:(?<=[a-z]{4})-(?=[A-Z]))|\.\s|w/\s?(?P<w>)"
    r"|(?<!\d )(?<!pump )\b(?P<side>with|without|for|in|by|from|featuring|includes?:?|including"
    r"|compatible (?:with|for)|fits|on(?= (?:a|the|castors|wheels|legs)\b))(?:\s|$))\s*",
    re.IGNORECASE,
)
ASIDE_TO_THE_END = (
    "for",
    "compatible with",
    "compatible for",
    "fits",
    "includes",
    "includes:",
    "including",
)  # what these begin goes on behind a comma: "for PS4, PS3 controller"
DROPPED = re.compile(  # remarks that name things which are not the thing itself
    r"\(?\bjewel case\b\)?|\(requires [^)]*\)|\([\w ]+ (?:not included|sold separately)\)|\(game only\)", re.IGNORECASE
)
THINGS = re.compile(  # words that stand beside things, where most titles are names: "box" alone is none there
    r"\b(?:for|fits|compatible|consoles?|controllers?|wireless|wired|usb|replacement|universal|gaming|official(?:ly)?"
    r"|protective|system|travel|carry(?:ing)?|rechargeable|charg\w+|hard|soft|silicone|portable|dvd|av|mini|pro)\b",
    re.IGNORECASE,
)
DEVICES = re.compile(  # words that no name of a game has
    r"\b(?:wireless|wired|usb|replacement|compatible|rechargeable|charg(?:er|ing)|protective|mice|led|bluetooth"
    r"|custom|controllers?|consoles?|buttons?)\b",
    re.IGNORECASE,
)
LOOSE = {  # words that may stand behind the thing's name without being the thing
    *COLOURS, *MATERIALS, *PATTERNS, *listed(
        """and, &, new, series, edition, model, version, style, type, large, small, medium, mini, xl, l, m, s, size,
        sized, regular, standard, deluxe, plus, pro, value, multi, assorted, colors, colours, may, vary, design,
        neutral, newborn, boy, girl, boys, girls, unisex, kids, men, women, single, double, twin, full, queen, king,
        original, premium, classic, ii, iii, usa, us, uk, only, -, finish, color, colour, x, by, the, a, an,
        refurbished, discontinued, toddler, infant, effect, plated, chrome-plated, clear, pack, combo, bundle,
        collection, duo, trio, spf, stain, recipe, recipes,
        wired, wireless, portable, universal, oem, official, amazon, frustration, frustration-free, free, packaging,
        retail, rich, bulk, enriched, infused"""
    ),
}  # fmt: skip

TOPICS = set(  # words of hashtags that say what a video is about
    listed(
        """food, cooking, gourmet, comic, cartoon, animation, anime, game, games, gaming, funny, comedy, football,
        basketball, sports, fitness, music, song, dance, travel, pets, pet, cat, dog, animals, beauty, makeup, fashion,
        history, science, drama, movie, film, entertainment, love, emotion, rural, children, baby, education, car, cars,
        military, health, handmade, craft, painting, fishing, agriculture, photography, knowledge, news, story,
        minecraft, ultraman, naruto"""
    )
)


# ---- The head of a title: which of its words name the thing, and which only tell of it.
#
# A title falls into parts at its punctuation and prepositions. The head is the kind's name at the end of the first
# part that ends with one: "case" is the head of "silicone case for controllers", and "stroller hook" is a hook.

Domains = Collection[str] | None

_COVERS = {  # things that are sold for other things: two in a row say no more than one
    "base", "bag", "box", "case", "clip", "cover", "faceplate", "grip", "handle", "holder", "hook", "mat", "pad",
    "pouch", "skin", "sleeve", "stand", "sticker", "strap",
}  # fmt: skip


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a title between its punctuation and prepositions, each with the preposition it depends on or ""."""
    start, side = 0, ""
    for found in BREAK.finditer(text):
        if piece := text[start : found.start()].strip():
            yield piece, side
        begins = "with" if found.group("w") is not None else (found.group("side") or "").lower()
        kept = side if side in ASIDE_TO_THE_END and not found.group("hard") else ""
        start, side = found.end(), begins or kept
    if piece := text[start:].strip():
        yield piece, side


def asides(text: str) -> str:
    """The short parts behind the first, where colour and material may stand."""
    return " , ".join(piece for piece, _ in list(pieces(text))[1:] if len(piece.split()) <= 4)


@dataclass(frozen=True)
class Head:
    kind: Kind
    many: bool  # said in the plural
    before: str  # the words of its part of the title that stand before it
    own: str  # the words that name it


def head_of(text: str, domains: Domains, evident: set[str]) -> Head | None:
    """From the end of the first part that ends with a kind.

    Names that need the domain's help come second, and what stands behind "by", which may be a part of a name, third.
    """
    weak: Head | None = None
    for wanted in ("", "by"):
        for piece, side in pieces(text):
            if side != wanted:
                continue
            part = re.findall(r"[^\s\"!?*]+", piece.lower().replace(" / ", "/"))
            found = _ending(part, domains, evident) or _ending(_first_of_several(part), domains, evident)
            if found and not found[1]:
                return found[0]
            weak = weak or (found and found[0])
        if weak:
            return weak
    return None


def _first_of_several(part: list[str]) -> list[str]:
    """What stands before "and": "primer and brightener" is a primer."""
    place = next((n for n, word in enumerate(part) if word in ("and", "&", "+")), 0)
    return part[:place]


def _ending(part: list[str], domains: Domains, evident: set[str]) -> tuple[Head, bool] | None:
    """(head, whether it is weak) of a part of a title whose last words may be loose."""
    part, grouped = list(part), ""
    while part:
        if found := kinds.ending(part, domains, evident):
            own, before = part[-found.count :], part[: -found.count]
            return _compound(found.kind, grouped, own, before, domains, evident), found.weak
        if len(part) > 1 and part[-1] in ("set", "kit") and not grouped:
            grouped = part.pop()
        elif len(part) > 1 and loose(part[-1]):
            part.pop()
        else:
            break
    return None


def loose(word: str) -> bool:
    """Whether a word may stand behind the head: a colour, a size, a number, a model's name."""
    return word in LOOSE or any(letter.isdigit() for letter in word) or all(part in COLOURS for part in word.split("/"))


def _compound(kind: Kind, grouped: str, own: list[str], before: list[str], domains: Domains, evident: set[str]) -> Head:
    """The head with the kind that stands directly before it, as in "stroller hook", and with "set" behind it."""
    many = own[-1].endswith("s") and not own[-1].endswith("ss") and not kind.name.endswith(("s", "dish"))
    many = many and kind.domain != "exercise"
    owner = kinds.ending(before, domains, evident) if kind.domain == ANY else None
    if owner and owner.kind.domain != "clothing" and not _COVERS & {*owner.kind.name.split(), *kind.name.split()[1:]}:
        own, before = [*before[-owner.count :], *own], before[: -owner.count]
        kind = Kind(owner.kind.domain, f"{owner.kind.name} {kind.name}")
    if grouped and "set" not in kind.name and "kit" not in kind.name:
        kind, many = Kind(kind.domain, f"{kind.name} {grouped}"), False
    return Head(kind, many, " ".join(before), " ".join(own))
