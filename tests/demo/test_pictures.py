"""Every variant has a picture that a browser can draw, of its own colour."""

import re
from xml.etree import ElementTree as ET

from footfall.demo.pictures import picture

SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {SVG + name for name in ("svg", "title", "rect", "ellipse", "path", "g")}
COLOUR = re.compile(r"#[0-9a-f]{3}([0-9a-f]{3})?|none")


def test_every_picture_is_svg_that_says_what_it_shows_and_loads_nothing(catalog):
    for variant in catalog.variants.values():
        root = ET.fromstring(picture(catalog.product_of(variant), variant))
        assert root.tag == f"{SVG}svg"
        assert root.get("viewBox") == "0 0 400 400"
        assert root.findtext(f"{SVG}title") == variant.name
        elements = list(root.iter())
        assert {element.tag for element in elements} <= ALLOWED
        for element in elements:
            for name in ("fill", "stroke"):
                assert COLOUR.fullmatch(element.get(name, "none")), element.attrib


def test_kinds_categories_and_colours_look_different(catalog):
    drawings = {
        re.sub("<title>.*</title>", "", picture(product, variant))
        for product in catalog.products.values()
        for variant in product.variants
    }
    # Series with sizes repeat their colours from the fourth size on only, and none has four.
    assert len(drawings) == len(catalog.variants)
