"""What shoppers look at and what it costs then: popularity, the planted trend, price history."""

import random
from bisect import bisect
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Final

from footfall.demo.catalog import PAIR, TREND
from footfall.demo.types import Catalog, Product, Variant
from footfall.kernel.instants import DAY_MS, Instant

#: Of all looks at products, how many go to the trend product before it begins to rise.
TREND_SHARE: Final = 0.01
#: In so many days before the end its share grows by this factor, evenly by day.
TREND_DAYS: Final = 84
TREND_GROWTH: Final = 8.0
#: Of those who put the first product of the planted pair into the cart, so many add the second.
PAIR_PROBABILITY: Final = 0.55
#: Makes the pair's first product popular enough to be in some hundred carts.
_PAIR_WEIGHT: Final = 3.0
_SHELF_SHARE: Final = 0.6
#: A product's first variant is the one in its pictures, and sells best.
_VARIANT_WEIGHTS: Final = (0.5, 0.8, 1.0)
#: Prices rose twice: by age of the history in days, what was paid of today's price.
_PRICE_STEPS: Final = ((240, Decimal("0.92")), (120, Decimal("0.96")), (0, Decimal(1)))
_CENT: Final = Decimal("0.01")


class Assortment:
    """The catalog as shoppers see it on one day of the history."""

    def __init__(self, catalog: Catalog, rng: random.Random, ends_at: Instant) -> None:
        self.catalog = catalog
        self.trend = catalog.variants[TREND]
        self.pair = (catalog.variants[PAIR[0]], catalog.variants[PAIR[1]])
        self._ends_at = ends_at
        self._prices: dict[str, Decimal] = {}
        self._price_factor = Decimal(0)
        self._trend_share = 0.0
        ranked = [product for product in catalog.products.values() if product.id != TREND]
        rng.shuffle(ranked)
        # Sales by rank fall off by a power law in every shop; 5 keeps the first from towering.
        weights = {p.id: 1 / (rank + 5) ** 0.8 for rank, p in enumerate(ranked)}
        weights[PAIR[0]] = _PAIR_WEIGHT * max(weights.values())
        weights[PAIR[1]] = min(weights.values())
        self._all = _Shelf(ranked, weights)
        self._shelves = [
            _Shelf([p for p in ranked if p.category is category], weights)
            for category in catalog.categories
        ]
        self.turn_to(ends_at)

    def turn_to(self, at: Instant) -> None:
        """Make prices and the trend those of this moment."""
        days_left = max(0, self._ends_at - at) / DAY_MS
        risen = max(0.0, 1 - days_left / TREND_DAYS)
        self._trend_share = TREND_SHARE * TREND_GROWTH**risen
        factor = next(factor for age, factor in _PRICE_STEPS if days_left >= age)
        if factor != self._price_factor:
            self._price_factor = factor
            self._prices.clear()

    def price(self, variant: Variant) -> Decimal:
        """Return what a piece costs now."""
        price = self._prices.get(variant.id)
        if price is None:
            price = (variant.price * self._price_factor).quantize(_CENT)
            self._prices[variant.id] = price
        return price

    def pick(self, rng: random.Random, shelf: int) -> Variant:
        """Return what somebody who likes a shelf looks at next."""
        if rng.random() < self._trend_share:
            return self.trend
        if rng.random() < _SHELF_SHARE:
            return self._shelves[shelf].pick(rng)
        return self._all.pick(rng)


class _Shelf:
    """Products to pick from, some more often than others."""

    def __init__(self, products: Sequence[Product], weights: dict[str, float]) -> None:
        self._products = products
        self._sums = tuple(accumulate(weights[product.id] for product in products))

    def pick(self, rng: random.Random) -> Variant:
        product = self._products[bisect(self._sums, rng.random() * self._sums[-1])]
        variants = product.variants
        if len(variants) == 1:
            return variants[0]
        place = bisect(_VARIANT_WEIGHTS, rng.random() * _VARIANT_WEIGHTS[len(variants) - 1])
        return variants[place]
