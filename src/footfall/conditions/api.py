"""The door of the condition language."""

from footfall.conditions.leaf_queries import operators
from footfall.conditions.queries import SAMPLE, everybody, explained, few, matching
from footfall.conditions.reading import (
    MAX_DEPTH,
    MAX_LEAVES,
    checked,
    filters_on_products,
    named_segments,
    problems,
    reached,
    read_condition,
    written,
)

__all__ = [
    "MAX_DEPTH",
    "MAX_LEAVES",
    "SAMPLE",
    "checked",
    "everybody",
    "explained",
    "few",
    "filters_on_products",
    "matching",
    "named_segments",
    "operators",
    "problems",
    "reached",
    "read_condition",
    "written",
]
