"""The door of the condition language."""

from footfall.conditions.leaf_queries import age_ms, operators
from footfall.conditions.queries import (
    SAMPLE,
    chosen_products,
    difference,
    everybody,
    explained,
    few,
    matching,
)
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
from footfall.conditions.windows import duration_ms, edges, local_day, shifted, start_of_day

__all__ = [
    "MAX_DEPTH",
    "MAX_LEAVES",
    "SAMPLE",
    "age_ms",
    "checked",
    "chosen_products",
    "difference",
    "duration_ms",
    "edges",
    "everybody",
    "explained",
    "few",
    "filters_on_products",
    "local_day",
    "matching",
    "named_segments",
    "operators",
    "problems",
    "reached",
    "read_condition",
    "shifted",
    "start_of_day",
    "written",
]
