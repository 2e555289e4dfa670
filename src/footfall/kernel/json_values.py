"""Rules for decoded JSON values before any store holds them (decision 24). Pure."""

from typing import Any, Final

from footfall.kernel.errors import Invalid

MAX_NESTING: Final = 10
#: All that JSON decodes to that holds values.
CONTAINERS: Final = frozenset({dict, list})


def refuse_deep(value: Any, pointer: str, levels_left: int = MAX_NESTING) -> None:
    """Do nothing for a value nested at most `levels_left` levels deep.

    Raises:
        Invalid: It is deeper.
    """
    if type(value) not in CONTAINERS:
        return
    if levels_left == 0:
        raise Invalid.at(pointer, "nested_too_deeply", "Values may be nested ten levels deep.")
    for item in value.values() if type(value) is dict else value:
        if type(item) in CONTAINERS:
            refuse_deep(item, pointer, levels_left - 1)


def holds_nul(value: Any) -> bool:
    """Return whether a text or a name in `value` holds the NUL character."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in name or holds_nul(item) for name, item in value.items())
    return isinstance(value, list) and any(holds_nul(item) for item in value)
