"""What a merge of contacts changes and what undoing it gives back. Pure (decision 14)."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from footfall.attributes.api import merge_profiles
from footfall.attributes.types import Cell, Profile
from footfall.contacts.types import KEY_CELL


class Before(Struct, omit_defaults=True):
    """What was before a merge, as it is kept with it."""

    merged: dict[str, Cell] = {}
    survivor: dict[str, Cell] = {}
    #: Kind and value of what named the merged contact; None: made by a version that kept none.
    identities: list[tuple[str, str]] | None = None
    #: What the survivor lost, as the merged contact had a better address.
    let_go: list[tuple[str, str]] = []
    #: Whether the survivor had no custom id and got the merged one's.
    gave_custom_id: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Before).decode


def packed(before: Before) -> str:
    """Return `before` as it is stored."""
    return _encode(before).decode()


def unpacked(text: str) -> Before:
    """Return what `packed` stored."""
    return _decode(text)


def identities_before(before: Before, custom_id: str | None) -> list[tuple[str, str]]:
    """Return kind and value of what named the merged contact, as far as it is known.

    Args:
        custom_id: The merged contact's.
    """
    if before.identities is not None:
        return before.identities
    known = [] if custom_id is None else [("custom_id", custom_id)]
    for kind, name in (("email", "email"), ("key", KEY_CELL)):
        cell = before.merged.get(name)
        if cell is not None and cell.value is not None:
            known.append((kind, str(cell.value)))
    return known


def without(profile: Profile, gone: Before, others: Sequence[Profile] = ()) -> Profile:
    """Return `profile` without what the merge of `gone` brought into it.

    Where the merged contact's value shows, the survivor's earlier one comes back. What was said
    since stays.

    Args:
        others: Profiles of contacts that were merged after that one and still are.
    """
    base = merge_profiles(gone.survivor, {})
    for other in others:
        base = merge_profiles(base, other)
    left: Profile = {}
    for name, cell in profile.items():
        if _is_same(cell, gone.merged.get(name)):
            if name in base:
                left[name] = base[name]
        else:
            left[name] = cell
    return left


def _is_same(cell: Cell, other: Cell | None) -> bool:
    """Return whether both were said by one sentence; the type may have changed since."""
    return other is not None and (
        (cell.occurred_at, cell.position, cell.source)
        == (other.occurred_at, other.position, other.source)
        and _encode(cell.raw) == _encode(other.raw)
    )


def followers(merged_id: int, pairs: Iterable[tuple[int, int]]) -> set[int]:
    """Return who was merged into the contact, into them, and so on.

    Args:
        pairs: Merged and survivor of every merge that stands.
    """
    children: dict[int, list[int]] = {}
    for child, survivor in pairs:
        children.setdefault(survivor, []).append(child)
    found: set[int] = set()
    waiting = [merged_id]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def changed_values(mine: Profile, other: Mapping[str, Cell]) -> list[tuple[str, object, object]]:
    """Return name, value before and value after, of what a merge would change of `mine`."""
    after = merge_profiles(mine, dict(other))
    changes: list[tuple[str, object, object]] = []
    for name, cell in sorted(after.items()):
        before = mine.get(name)
        value = None if before is None else before.value
        if _encode(cell.value) != _encode(value):
            changes.append((name, value, cell.value))
    return changes
