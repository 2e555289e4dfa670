"""Pictures of what the demo shop sells, drawn as SVG. Pure.

A drawing has a place of 400 by 400 and stands on the line at 320. Its letters are tones: `A` the
colour of the variant, `D` a darker and `L` a lighter one of it, `W` and `V` wood, `K` nearly black.
"""

import re
from typing import Final
from xml.sax.saxutils import escape

from footfall.demo.catalog import COLOURS
from footfall.demo.types import Product, Variant

_GROUND = 320
_WOOD, _DARK_WOOD, _BLACK = "#c79a6b", "#a3754a", "#2e2a27"
#: Of each category: the wall behind its things.
_WALLS: Final = {
    "kitchen": "#f3ebe0",
    "coffee-and-tea": "#efe4da",
    "lighting": "#e4e6ee",
    "textiles": "#f0e6ea",
    "stationery": "#e6ecec",
    "plants": "#e5eee2",
    "bags": "#ece8dd",
    "games": "#e6e9f4",
}


def _box(x: int, y: int, width: int, height: int, tone: str, radius: int = 0) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{tone}"/>'


def _round(x: int, y: int, radius: int, tone: str, height: int = 0) -> str:
    return f'<ellipse cx="{x}" cy="{y}" rx="{radius}" ry="{height or radius}" fill="{tone}"/>'


def _path(tone: str, steps: str) -> str:
    return f'<path d="{steps}" fill="{tone}"/>'


def _line(tone: str, width: int, steps: str) -> str:
    return (
        f'<path d="{steps}" fill="none" stroke="{tone}" stroke-width="{width}"'
        ' stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _rows(count: int, start: int, step: int, piece: str) -> str:
    return "".join(
        f'<g transform="translate(0 {start + step * row})">{piece}</g>' for row in range(count)
    )


def _columns(count: int, start: int, step: int, piece: str) -> str:
    return "".join(
        f'<g transform="translate({start + step * column} 0)">{piece}</g>'
        for column in range(count)
    )


_CUP = _path("A", "M120 190h160v70a60 60 0 0 1-60 60h-40a60 60 0 0 1-60-60z")
_SHADE = _path("A", "M150 90h100l45 90H105z") + _path("L", "M150 90h30l-35 90h-40z")

_DRAWINGS: Final = {
    "mixing bowl": _path("A", "M80 190h240c0 80-50 130-95 130h-50c-45 0-95-50-95-130z")
    + _round(200, 190, 120, "D", 24)
    + _round(200, 194, 104, "L", 17),
    "serving board": _box(120, 110, 160, 210, "W", 24)
    + _box(182, 60, 36, 70, "W", 16)
    + _round(200, 82, 9, "V")
    + _columns(3, 150, 45, _line("V", 4, "M0 140v150"))
    + _box(120, 270, 160, 50, "A", 20),
    "carafe": _path(
        "A",
        "M170 90h60l-8 80c40 20 58 60 58 100 0 30-20 50-40 50h-80c-20 0-40-20-40-50"
        " 0-40 18-80 58-100z",
    )
    + _path("L", "M150 240c6-28 18-44 36-54v110c-26 0-40-20-36-56z")
    + _box(164, 74, 72, 22, "W", 8),
    "dinner plate": _round(200, 200, 130, "D")
    + _round(200, 196, 126, "A")
    + _round(200, 198, 84, "L")
    + _round(200, 196, 80, "A"),
    "storage jar": _box(120, 130, 160, 190, "A", 26)
    + _box(138, 84, 124, 50, "W", 12)
    + _box(138, 116, 124, 18, "V", 6)
    + _box(140, 190, 120, 70, "L", 8),
    "mug": _CUP
    + _line("A", 22, "M276 215h18a30 30 0 0 1 0 62h-24")
    + _round(200, 190, 80, "D", 14),
    "teapot": _round(200, 235, 100, "A", 85)
    + _path("A", "M290 250c40-10 40-60 68-70l10 18c-20 16-20 80-86 92z")
    + _line("D", 18, "M110 200c-60-20-70 70 8 78")
    + _round(200, 156, 56, "D", 16)
    + _round(200, 138, 14, "W"),
    "coffee dripper": _path("A", "M90 120h220l-80 130h-60z")
    + _columns(3, 160, 40, _line("D", 5, "M0 140v90"))
    + _box(120, 250, 160, 22, "D", 10)
    + _path("L", "M150 272h100v48H150z")
    + _line("A", 18, "M300 140c50 0 46 66-20 70"),
    "filter papers": _path("#f6efe2", "M100 110h200l-60 190h-80z")
    + _path("#e3d6bf", "M130 110h170l-60 190h-30z")
    + _path("#f6efe2", "M160 110h140l-60 190h-6z")
    + _box(90, 250, 220, 70, "A", 8)
    + _box(130, 272, 140, 26, "L", 4),
    "tea tin": _box(125, 130, 150, 190, "A", 14)
    + _box(117, 100, 166, 50, "D", 12)
    + _round(200, 230, 46, "L")
    + _path("A", "M200 200c30 20 30 45 0 62-30-17-30-42 0-62z"),
    "table lamp": _SHADE + _box(192, 180, 16, 120, "K") + _box(140, 300, 120, 20, "W", 10),
    "pendant lamp": _line("K", 5, "M200 0v130")
    + _path("A", "M200 130c70 0 110 50 110 110H90c0-60 40-110 110-110z")
    + _round(200, 240, 110, "D", 14)
    + _round(200, 246, 30, "#fff3c4", 18),
    "lantern": _line("K", 8, "M150 120c0-70 100-70 100 0")
    + _box(130, 120, 140, 24, "A", 8)
    + _box(145, 144, 110, 140, "#fff3c4", 6)
    + _path("Z", "M200 180c26 34 22 66 0 76-22-10-26-42 0-76z")
    + _columns(3, 148, 52, _box(-5, 144, 10, 140, "D"))
    + _box(120, 284, 160, 36, "A", 10),
    "candle": _box(140, 150, 120, 170, "A", 14)
    + _round(200, 152, 60, "L", 14)
    + _line("K", 4, "M200 150v-24")
    + _path("Z", "M200 70c22 28 18 48 0 56-18-8-22-28 0-56z"),
    "wall lamp": _box(60, 110, 24, 120, "W", 10)
    + _line("K", 9, "M84 170h90l50-50")
    + _path("A", "M190 84l90 30-10 70-110-40z")
    + _path("#fff3c4", "M160 144l110 40-20 24-100-44z"),
    "wool blanket": _rows(4, 130, 48, _box(90, 0, 220, 44, "A", 20) + _box(90, 30, 220, 8, "D"))
    + _columns(8, 100, 28, _line("L", 5, "M4 318v18")),
    "cushion": _path(
        "A", "M90 130c60-16 160-16 220 0 16 60 16 120 0 180-60 16-160 16-220 0-16-60-16-120 0-180z"
    )
    + _line("D", 6, "M112 152c50-12 126-12 176 0M112 288c50 12 126 12 176 0")
    + _columns(3, 150, 50, _line("L", 8, "M0 178v84")),
    "tea towel": _box(120, 80, 160, 240, "L", 6)
    + _columns(3, 140, 46, _box(0, 80, 14, 240, "A"))
    + _rows(3, 120, 64, _box(120, 0, 160, 12, "A"))
    + _line("K", 6, "M190 80c0-30 20-30 20 0"),
    "rug": _path("A", "M110 110h180l60 200H50z")
    + _path("L", "M122 140h156l6 20H116zM98 220h204l6 20H92z")
    + _path("D", "M110 180h180l6 20H104zM84 266h232l6 20H78z")
    + _columns(10, 58, 30, _line("W", 4, "M4 312v16")),
    "bath towel": _box(90, 120, 220, 14, "W", 7)
    + _path("A", "M120 126h160v170H120z")
    + _path("D", "M120 126h60v196h-60z")
    + _box(180, 256, 100, 16, "L")
    + _box(120, 282, 60, 16, "L"),
    "notebook": _box(110, 90, 180, 230, "A", 12)
    + _box(110, 90, 34, 230, "D", 10)
    + _box(170, 130, 96, 50, "L", 6)
    + _box(262, 90, 10, 230, "K"),
    "fountain pen": '<g transform="rotate(40 200 200)">'
    + _box(180, 40, 40, 140, "A", 16)
    + _box(176, 170, 48, 16, "K")
    + _box(182, 186, 36, 90, "D", 6)
    + _path("#c9b26a", "M184 276h32l-16 64z")
    + _box(212, 60, 8, 90, "L", 4)
    + "</g>",
    "desk tray": _path("A", "M70 220h260l-24 100H94z")
    + _box(60, 204, 280, 26, "D", 10)
    + _box(110, 120, 14, 90, "W", 5)
    + _box(140, 100, 14, 110, "K", 5)
    + _box(200, 160, 90, 50, "L", 4),
    "wall calendar": _box(110, 90, 180, 230, "#fffdf7", 8)
    + _box(110, 90, 180, 60, "A", 8)
    + _rows(4, 176, 34, _columns(5, 130, 30, _box(0, 0, 18, 18, "L", 3)))
    + _box(190, 210, 18, 18, "D", 3)
    + _round(200, 86, 9, "K"),
    "pencil set": _columns(
        6, 110, 32, _path("W", "M0 130l10-34 10 34z") + _box(0, 130, 20, 170, "A", 2)
    )
    + _columns(6, 118, 32, _path("K", "M-2 108l4-12 4 12z"))
    + _box(96, 230, 208, 90, "D", 10),
    "plant pot": _path("A", "M130 200h140l-20 120H150z")
    + _box(118, 180, 164, 34, "D", 8)
    + _path(
        "P",
        "M196 182C150 150 130 90 150 60c40 20 56 70 50 122zM204 182c46-30 70-80 54-116"
        "-40 16-60 60-54 116z",
    ),
    "watering can": _box(130, 180, 130, 140, "A", 18)
    + _path("A", "M250 230l86-92 14 12-90 130z")
    + _path("D", "M322 124l40 34-12 12-40-34z")
    + _line("D", 14, "M140 190c-90-70-70 120-6 90"),
    "seed box": _columns(
        4,
        130,
        46,
        _line("P", 6, "M0 230v-60") + _round(-10, 168, 14, "P", 9) + _round(10, 150, 14, "P", 9),
    )
    + _path("V", "M80 230h240l-14 90H94z")
    + _box(80, 220, 240, 26, "W", 6)
    + _box(150, 262, 100, 36, "A", 4),
    "hanging planter": _line("K", 4, "M200 20L120 190M200 20l80 170M200 20v160")
    + _path("A", "M110 190h180c0 70-40 110-90 110s-90-40-90-110z")
    + _round(200, 190, 90, "D", 14)
    + _path(
        "P",
        "M130 190c-40 30-50 90-36 120 26-20 46-70 56-118zM270 190c40 30 46 70 34 96-26-14"
        "-46-50-52-94z",
    ),
    "plant stand": _line("W", 14, "M150 220l-30 100M250 220l30 100M200 220v96")
    + _box(120, 204, 160, 22, "W", 8)
    + _path("A", "M140 130h120l-12 76h-96z")
    + _path(
        "P",
        "M200 132c-60-20-70-60-60-90 40 6 60 40 60 90zM204 132c60-16 76-50 66-80-44 4-66 30-66 80z",
    ),
    "tote bag": _line("D", 12, "M150 170c0-110 100-110 100 0")
    + _path("A", "M100 150h200l16 170H84z")
    + _round(200, 236, 40, "L"),
    "backpack": _line("D", 14, "M160 100c0-60 80-60 80 0")
    + _box(110, 90, 180, 230, "A", 56)
    + _box(134, 210, 132, 90, "D", 20)
    + _line("L", 6, "M150 236h100")
    + _box(150, 120, 100, 40, "L", 14),
    "pouch": _box(80, 160, 240, 160, "A", 26)
    + _line("D", 8, "M96 196h208")
    + _box(284, 190, 22, 44, "W", 8)
    + _round(150, 262, 26, "L"),
    "weekender": _line("D", 13, "M140 190c0-110 120-110 120 0")
    + _box(60, 170, 280, 150, "A", 46)
    + _columns(2, 120, 142, _box(0, 170, 18, 150, "D"))
    + _box(176, 220, 48, 34, "W", 8),
    "lunch box": _box(90, 220, 220, 100, "A", 22)
    + _box(90, 130, 220, 84, "L", 22)
    + _box(186, 124, 28, 200, "D", 6)
    + _box(180, 200, 40, 30, "W", 6),
    "building blocks": _box(80, 240, 80, 80, "A", 6)
    + _box(164, 240, 80, 80, "W", 6)
    + _box(248, 240, 80, 80, "D", 6)
    + _box(122, 156, 80, 80, "L", 6)
    + _box(206, 156, 80, 80, "A", 6)
    + _path("D", "M204 70l50 82H154z"),
    "jigsaw puzzle": _box(100, 120, 200, 200, "A", 10)
    + _line("L", 6, "M200 120v70a18 18 0 0 1 0 60v70M100 220h60a18 18 0 0 0 80 0h60")
    + _path("D", "M200 220h40a18 18 0 0 0 24 0h36v90a10 10 0 0 1-10 10h-90z"),
    "card game": '<g transform="rotate(-14 200 220)">'
    + _box(110, 120, 120, 180, "D", 14)
    + '</g><g transform="rotate(10 200 220)">'
    + _box(170, 110, 120, 180, "#fffdf7", 14)
    + _path("A", "M230 160l34 40-34 40-34-40z")
    + "</g>",
    "kite": _path("A", "M210 50l90 100-90 140-90-140z")
    + _path("L", "M210 50l90 100h-90zM210 150v140l-90-140z")
    + _line("K", 4, "M210 290c-30 20 20 40-14 66")
    + _path("D", "M196 320l26 10-10-24z"),
    "spinning top": _path("A", "M90 190h220c-10 50-70 80-100 130h-20c-30-50-90-80-100-130z")
    + _path("L", "M90 190h220l-8 22H98z")
    + _round(200, 190, 110, "D", 20)
    + _box(190, 110, 20, 84, "W", 8),
}

_TONE = re.compile(r'(?<=")([ADLWVKPZ])(?=")')


def picture(product: Product, variant: Variant) -> str:
    """Return the picture of a variant, an SVG document that says what it shows."""
    base = COLOURS[variant.colour]
    tones = {
        "A": base,
        "D": _mixed(base, "#000000", 0.25),
        "L": _mixed(base, "#ffffff", 0.4),
        "W": _WOOD,
        "V": _DARK_WOOD,
        "K": _BLACK,
        "P": "#4c7f4f",
        "Z": "#f2a541",
    }
    drawing = _TONE.sub(lambda tone: tones[tone[1]], _DRAWINGS[product.kind])
    wall = _WALLS[product.category.slug]
    floor = _mixed(wall, "#6b5a48", 0.16)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img">'
        f"<title>{escape(variant.name)}</title>"
        f'<rect width="400" height="400" fill="{wall}"/>'
        f'<rect y="{_GROUND - 20}" width="400" height="{420 - _GROUND}" fill="{floor}"/>'
        f'<ellipse cx="200" cy="{_GROUND}" rx="130" ry="12" fill="#000" opacity=".12"/>'
        f"{drawing}</svg>"
    )


def _mixed(tone: str, other: str, share: float) -> str:
    """Return `tone` with `share` of `other` in it; both are `#rrggbb`."""
    pairs = zip(_channels(tone), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _channels(tone: str) -> tuple[int, int, int]:
    return int(tone[1:3], 16), int(tone[3:5], 16), int(tone[5:7], 16)
