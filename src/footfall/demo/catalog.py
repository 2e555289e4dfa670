"""What the demo shop sells: 200 products in 8 categories, with variants, made of words."""

from decimal import Decimal
from typing import Final, NamedTuple

from footfall.demo.types import Catalog, Category, Product, Variant

#: Name of each colour that something is made in, and its tone.
COLOURS: Final = {
    "Oat": "#d8c3a0",
    "Clay": "#b8674a",
    "Ink": "#33415c",
    "Mist": "#b9c9d3",
    "Slate": "#5d6b78",
    "Tide": "#2f7f8f",
    "Pine": "#2f6b4f",
    "Night": "#2b3a67",
    "Moss": "#7f9152",
    "Heather": "#9a7fa8",
    "Ochre": "#cc9a3b",
    "Stone": "#a39a8c",
    "Chalk": "#ece6d8",
    "Sun": "#f0bd3e",
    "Coral": "#e2725b",
}


class _Series(NamedTuple):
    name: str
    colours: tuple[str, str, str]
    price_factor: Decimal
    text: str


_SERIES: Final = (
    _Series(
        "Alder",
        ("Oat", "Clay", "Ink"),
        Decimal("1.00"),
        "Alder is our plainest series: honest materials, soft edges, nothing to explain.",
    ),
    _Series(
        "Skerry",
        ("Mist", "Slate", "Tide"),
        Decimal("1.15"),
        "Skerry takes its tones from wet rock and a grey morning by the sea.",
    ),
    _Series(
        "Tarn",
        ("Pine", "Night", "Moss"),
        Decimal("1.25"),
        "Tarn is deep and quiet, like a mountain lake with trees around it.",
    ),
    _Series(
        "Heath",
        ("Heather", "Ochre", "Stone"),
        Decimal("0.90"),
        "Heath looks like a dry summer: heather, sand and warm stone.",
    ),
    _Series(
        "Lumen",
        ("Chalk", "Sun", "Coral"),
        Decimal("1.40"),
        "Lumen is the bright one. It is made for rooms that face north.",
    ),
)


class _Kind(NamedTuple):
    """A thing that every series has one of; without sizes it comes in the series' colours."""

    name: str
    price: Decimal
    text: str
    sizes: tuple[str, ...] = ()
    #: Made in one colour and one size only.
    single: bool = False


def _kind(name: str, price: str, text: str, *sizes: str, single: bool = False) -> _Kind:
    return _Kind(name, Decimal(price), text, sizes, single)


_SHELVES: Final[tuple[tuple[Category, tuple[_Kind, ...]], ...]] = (
    (
        Category("kitchen", "Kitchen", "Things that are on the table every day."),
        (
            _kind("mixing bowl", "24", "Stoneware with a lip that pours without a drip."),
            _kind("serving board", "32", "One piece of oiled wood.", "30 cm", "45 cm", "60 cm"),
            _kind("carafe", "28", "Holds a litre and fits the door of a fridge."),
            _kind("dinner plate", "16", "Glazed on both sides, safe in the dishwasher."),
            _kind("storage jar", "14", "Closes tight with a cork lid.", "0.5 l", "1 l", "2 l"),
        ),
    ),
    (
        Category("coffee-and-tea", "Coffee and tea", "For the first cup and the last one."),
        (
            _kind("mug", "12", "Keeps its warmth, and a thumb finds its place."),
            _kind("teapot", "38", "Four cups, with a strainer that can be taken out."),
            _kind("coffee dripper", "22", "Spiral ribs for an even cup.", single=True),
            _kind("filter papers", "5", "One hundred, unbleached, for our drippers.", single=True),
            _kind("tea tin", "11", "Two lids keep the leaves dry."),
        ),
    ),
    (
        Category("lighting", "Lighting", "Light that is kind to eyes and evenings."),
        (
            _kind("table lamp", "69", "Dims at the touch of its foot."),
            _kind("pendant lamp", "89", "Hangs low over a table.", "25 cm", "40 cm"),
            _kind("lantern", "35", "For the garden, the balcony, the tent.", single=True),
            _kind("candle", "9", "Burns for forty hours, smells of nothing."),
            _kind("wall lamp", "59", "Turns to the page you read."),
        ),
    ),
    (
        Category("textiles", "Home textiles", "Wool, linen and cotton, woven to last."),
        (
            _kind("wool blanket", "79", "Spun from the wool of one valley."),
            _kind("cushion", "27", "The cover comes off for the wash.", "40 cm", "50 cm"),
            _kind("tea towel", "8", "Half linen, dries glass without fluff."),
            _kind("rug", "119", "Woven flat, warm under bare feet.", "60 × 90 cm", "140 × 200 cm"),
            _kind("bath towel", "19", "Heavy cotton loops.", "50 × 100 cm", "70 × 140 cm"),
        ),
    ),
    (
        Category("stationery", "Stationery", "For notes, letters and the week ahead."),
        (
            _kind("notebook", "13", "Lies flat; 160 pages take ink well.", "A6", "A5", "A4"),
            _kind("fountain pen", "45", "A steel nib that forgives."),
            _kind("desk tray", "21", "Keeps what would roll away."),
            _kind("wall calendar", "18", "One month a page, room to write.", single=True),
            _kind("pencil set", "10", "Six pencils from soft to hard."),
        ),
    ),
    (
        Category("plants", "Plants and pots", "A home for what grows."),
        (
            _kind("plant pot", "15", "Has a hole and a saucer.", "12 cm", "18 cm", "24 cm"),
            _kind("watering can", "29", "Its long neck reaches the back row."),
            _kind("seed box", "17", "Herbs for a window sill, with soil and labels.", single=True),
            _kind("hanging planter", "26", "Comes with its cord and hook."),
            _kind("plant stand", "42", "Three legs, steady on old floors."),
        ),
    ),
    (
        Category("bags", "Bags", "For the market, the office and a weekend away."),
        (
            _kind("tote bag", "20", "Carries fifteen kilos and folds small."),
            _kind("backpack", "95", "A place for a laptop, and a dry one for lunch."),
            _kind("pouch", "14", "For cables, or everything else small.", "S", "M", "L"),
            _kind("weekender", "129", "Fits over a seat and under one."),
            _kind("lunch box", "23", "Two layers, one strap, no leaks."),
        ),
    ),
    (
        Category("games", "Games and play", "For children, and for adults when they sleep."),
        (
            _kind("building blocks", "34", "Fifty pieces of beech in a bag."),
            _kind("jigsaw puzzle", "25", "Our own landscape.", "500 pieces", "1,000 pieces"),
            _kind("card game", "12", "Rules on one page, done in twenty minutes.", single=True),
            _kind("kite", "31", "Flies in a light wind."),
            _kind("spinning top", "7", "Stands for two minutes in a good hand."),
        ),
    ),
)

#: Planted in the history: bought together far more often than chance would have it.
PAIR: Final = ("alder-coffee-dripper", "alder-filter-papers")
#: Planted in the history: looked at more and more.
TREND: Final = "tarn-lantern"


def build_catalog() -> Catalog:
    """Return the catalog, always the same."""
    products = {
        product.id: product
        for category, kinds in _SHELVES
        for kind in kinds
        for series in _SERIES
        for product in [_product(category, kind, series)]
    }
    variants = {variant.id: variant for p in products.values() for variant in p.variants}
    return Catalog(tuple(category for category, _ in _SHELVES), products, variants)


def _product(category: Category, kind: _Kind, series: _Series) -> Product:
    name = f"{series.name} {kind.name}"
    group_id = _slug(name)
    price = kind.price * series.price_factor
    variants: tuple[Variant, ...]
    if kind.single:
        variants = (Variant(group_id, group_id, "", series.colours[0], _rounded(price), name),)
    elif kind.sizes:
        variants = tuple(
            _variant(name, size, series.colours[place % 3], price * (2 + place) / 2)
            for place, size in enumerate(kind.sizes)
        )
    else:
        variants = tuple(_variant(name, colour, colour, price) for colour in series.colours)
    text = f"{kind.text} {series.text}"
    return Product(group_id, name, kind.name, series.name, text, category, variants)


def _variant(name: str, label: str, colour: str, price: Decimal) -> Variant:
    group_id = _slug(name)
    return Variant(
        f"{group_id}-{_slug(label)}", group_id, label, colour, _rounded(price), f"{name}, {label}"
    )


def _rounded(price: Decimal) -> Decimal:
    """Return a price that ends in .90, as prices in shops do."""
    return Decimal(int(price)) + Decimal("0.90")


def _slug(text: str) -> str:
    plain = text.lower().replace(",", "").replace(".", "-").replace("×", "x")
    return "-".join(plain.split())
