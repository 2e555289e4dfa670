"""How compatible clients write and read attribute values. Pure."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from zlib import crc32

from footfall.attributes.logic import name_std
from footfall.attributes.types import Profile

#: Lists of names; clients may send them as read, `[{"id", "name"}]`.
_LABELS: Final = frozenset({"tags", "categories"})


def written_values(
    body: Mapping[str, Any],
    profile: Profile,
    *,
    without: Collection[str],
    clears: bool,
    adds_tags: bool,
) -> dict[str, Any]:
    """Return the attribute values in `body`, as the attributes take them.

    Args:
        profile: Of the object that is written; its tags stay where `adds_tags`.
        without: Standard names that are no attributes in this place.
        clears: Whether `null` clears; else it is passed over (decision 7).
        adds_tags: Whether tags are only added, as the compatible API does.
    """
    values: dict[str, Any] = {}
    for name, raw in body.items():
        standard = name_std(name)
        if standard in without or (raw is None and not clears):
            continue
        if standard in _LABELS and raw is not None:
            items = raw if isinstance(raw, list) else [raw]
            names = [item["name"] if _is_label(item) else item for item in items]
            kept = profile.get(standard) if standard == "tags" and adds_tags else None
            values[name] = names if kept is None else [*(kept.value or ()), *names]
        else:
            values[name] = raw
    return values


def _is_label(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str)


def shown_labels(names: Any) -> list[dict[str, Any]]:
    """Return names as compatible clients read them, `[{"id", "name"}]`.

    Names have no numbers here; the id is made of the name, so that it is always the same.
    """
    return [{"id": crc32(name.encode()), "name": name} for name in names or ()]
