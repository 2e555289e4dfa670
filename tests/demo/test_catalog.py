"""The catalog is large enough to be a shop's, and its ids hold together."""

from collections import Counter
from decimal import Decimal

from footfall.demo.catalog import COLOURS, PAIR, TREND, build_catalog


def test_there_are_200_products_in_8_categories(catalog):
    sizes = Counter(product.category.slug for product in catalog.products.values())
    assert len(catalog.products) == 200
    assert sizes == {category.slug: 25 for category in catalog.categories}
    assert len(sizes) == 8


def test_a_product_has_variants_which_share_its_id_as_their_group(catalog):
    for product in catalog.products.values():
        assert 1 <= len(product.variants) <= 3
        for variant in product.variants:
            assert variant.group_id == product.id
            assert catalog.product_of(variant) is product
    assert len(catalog.variants) == sum(len(p.variants) for p in catalog.products.values())
    assert len({variant.name for variant in catalog.variants.values()}) == len(catalog.variants)


def test_what_a_variant_says_fits_its_kind(catalog):
    for variant in catalog.variants.values():
        assert variant.price == variant.price.quantize(Decimal("0.01")) > 0
        assert variant.colour in COLOURS
        assert variant.id == variant.id.lower().strip("-")
        assert variant.id.replace("-", "").isalnum()


def test_a_larger_size_costs_more(catalog):
    prices = [variant.price for variant in catalog.products["alder-rug"].variants]
    assert prices == sorted(set(prices))


def test_the_planted_products_have_one_variant_so_that_nothing_is_ambiguous(catalog):
    for product_id in (*PAIR, TREND):
        assert [variant.id for variant in catalog.products[product_id].variants] == [product_id]


def test_the_catalog_is_always_the_same(catalog):
    assert build_catalog() == catalog
