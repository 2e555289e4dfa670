"""Who changed what, with what was there before and after."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from footfall.http.services import Access, Actor
from footfall.kernel.instants import DAY_MS, Instant
from footfall.kernel.scope import Scope
from footfall.workspaces import user_queries
from footfall.workspaces.types import AuditEntry, AuditFilter

#: Two years: a whole year of business, and until its books are looked through. A bound by age and
#: not by number, so that nobody can push out what they did by doing more.
KEPT_MS: Final = 730 * DAY_MS
#: Old entries deleted with each new one: more than come, so that a backlog ends, and soon done.
_DELETED_AT_ONCE: Final = 100
#: What stands in place of a secret: that it was changed is worth knowing.
HIDDEN: Final = "(hidden)"
_SECRET_WORDS: Final = ("password", "secret", "token", "hash")
#: A description is recognised by its beginning; a whole feed in one value would fill the log.
_MAX_TEXT_CHARACTERS: Final = 500
_MAX_JSON_CHARACTERS: Final = 2_000
#: More than any form has.
_MAX_FIELDS: Final = 100


class Author(NamedTuple):
    """Who makes a change, and when."""

    access: Access
    now: Instant


def record_by(
    conn: Connection,
    by: Author | None,
    *,
    action: str,
    object_kind: str,
    object_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    object_name: str | None = None,
) -> None:
    """Write down a change as `record_change` does; nothing for what nobody does, a first start."""
    if by is not None:
        record_change(
            conn,
            by.access,
            by.now,
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            before=before,
            after=after,
            object_name=object_name,
        )


def record_change(
    conn: Connection,
    access: Access,
    now: Instant,
    *,
    action: str,
    object_kind: str,
    object_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    object_name: str | None = None,
) -> None:
    """Write down what `access` did; nothing if nothing changed. In the change's own transaction.

    Only fields that differ are kept, long values cut, secrets replaced (by the field's name: one
    that has to do with passwords, secrets, tokens or hashes).

    Args:
        action: What was done, by kind and verb: `product.deleted`.
        before: The fields as they were; None: there was nothing.
        after: The fields as they are; None: it is gone.
    """
    record_of(
        conn,
        access.scope,
        access.actor,
        now,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        before=before,
        after=after,
        object_name=object_name,
    )


def record_of(
    conn: Connection,
    scope: Scope,
    actor: Actor,
    now: Instant,
    *,
    action: str,
    object_kind: str,
    object_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    object_name: str | None = None,
) -> None:
    """Write down what `actor` did in the workspace, as `record_change` does."""
    if before is not None and after is not None:
        before, after = difference(before, after)
        if not before and not after:
            return
    user_queries.insert_audit_entry(
        conn,
        scope,
        actor,
        now,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        object_name=None if object_name is None else _cut(object_name, _MAX_TEXT_CHARACTERS),
        before=_kept(before),
        after=_kept(after),
    )
    old = Instant(now - KEPT_MS)
    user_queries.delete_old_audit_entries(conn, scope, old, _DELETED_AT_ONCE)


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (what was, what is) of the fields that differ; a missing one is as good as null."""
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return (
        {name: value for name, value in before.items() if name in changed},
        {name: value for name, value in after.items() if name in changed},
    )


def list_changes(
    conn: Connection,
    scope: Scope,
    chosen: AuditFilter,
    *,
    before_id: int | None,
    limit: int,
) -> tuple[list[AuditEntry], int | None]:
    """Return (changes, the newest first; the id before which the list goes on, None at its end)."""
    found = user_queries.audit_entries(conn, scope, chosen, before_id, limit + 1)
    more = len(found) > limit
    return found[:limit], found[limit - 1].id if more else None


def _kept(fields: Mapping[str, Any] | None) -> str | None:
    if fields is None:
        return None
    shown = {name: _shown(name, value) for name, value in list(fields.items())[:_MAX_FIELDS]}
    if len(fields) > _MAX_FIELDS:
        shown["…"] = f"{len(fields) - _MAX_FIELDS} more"
    return msgspec.json.encode(shown).decode()


def _shown(name: str, value: Any) -> Any:
    plain = _without_secrets(name, msgspec.to_builtins(value, enc_hook=str, str_keys=True))
    if isinstance(plain, str):
        return _cut(plain, _MAX_TEXT_CHARACTERS)
    if isinstance(plain, dict | list):
        text = msgspec.json.encode(plain).decode()
        return plain if len(text) <= _MAX_JSON_CHARACTERS else _cut(text, _MAX_TEXT_CHARACTERS)
    return plain


def _without_secrets(name: str, value: Any) -> Any:
    if value is not None and any(word in name.lower() for word in _SECRET_WORDS):
        return value if isinstance(value, bool) else HIDDEN
    if isinstance(value, dict):
        return {key: _without_secrets(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets("", inner) for inner in value]
    return value


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"
