"""Values that a shop really has, to choose from while a condition is written."""

from typing import Final

from msgspec import Struct

from footfall.attributes.api import load_definitions
from footfall.attributes.types import ObjectKind
from footfall.kernel.errors import Invalid
from footfall.kernel.scope import Scope
from footfall.segments.value_queries import ValuesOf, values
from footfall.state.api import State
from footfall.warehouse.api import Warehouse

#: Somebody who does not see theirs types another letter.
MAX_VALUES: Final = 12
_SECONDS: Final = 3.0


class Value(Struct, frozen=True):
    """A value, and how many have it."""

    value: str
    label: str  #: what people call it, empty if the value says it
    count: int


class Values(Struct, frozen=True):
    """Values, the commonest first."""

    results: list[Value]


def suggested_values(
    state: State, warehouse: Warehouse, scope: Scope, of: ValuesOf, name: str, search: str
) -> Values:
    """Return the commonest values that hold `search`.

    Raises:
        Invalid: There is no such attribute.
        StatementTooSlow: It took too long.
    """
    name_std, listed = "", False
    if of in {"contact_attribute", "product_attribute"}:
        kind: ObjectKind = "contact" if of == "contact_attribute" else "product"
        with state.read() as conn:
            definition = load_definitions(conn, scope, kind).get(name)
        if definition is None:
            raise Invalid.at("#name", "unknown_attribute", "There is no such attribute.")
        name_std, listed = definition.name_std, definition.multiple
    rows = warehouse.rows(
        values(scope, of, name_std, search, MAX_VALUES, listed=listed),
        timeout_seconds=_SECONDS,
    )
    return Values([Value(*row) for row in rows])
