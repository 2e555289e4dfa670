"""The contacts' statements on the state store, and their search in the warehouse.

Those of named lists are in list_queries.py.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from footfall.attributes.filters import AttributeFilter, condition
from footfall.contacts.cart_queries import mark_carts_dirty
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import (
    fetch_rows,
    insert_many,
    one_of,
    upsert,
)
from footfall.state.schema import (
    attribute_values_before,
    cart_changes,
    contact_erasures,
    contact_identities,
    contact_list_members,
    contact_merges,
    contacts,
    dirty_objects,
    set_aside_values,
)
from footfall.warehouse.api import CURRENT_MEMBERS, Parameter, Statement, statement, survivor

#: However many columns; the schema, not the type checker, says which.
AnyRow = Row[*tuple[Any, ...]]
#: What an open contact is made of, in this order.
OPEN_COLUMNS = (
    contacts.c.id,
    contacts.c.custom_id,
    contacts.c.profile,
    contacts.c.merged_into,
    contacts.c.created_at,
    contacts.c.updated_at,
    contacts.c.deleted_at,
    contacts.c.revision,
)
_CHANGING = (
    "custom_id",
    "key",
    "email",
    "phone_number",
    "profile",
    "merged_into",
    "updated_at",
    "deleted_at",
    "revision",
)
_NAMES = select(
    contacts.c.id,
    contacts.c.custom_id,
    contacts.c.email,
    contacts.c.key,
    contacts.c.merged_into,
    contacts.c.deleted_at,
)


def by_id(conn: Connection, scope: Scope, ids: Collection[int]) -> list[list[Any]]:
    """Return OPEN_COLUMNS of the contacts with these ids, merged and deleted ones too."""
    if not ids:
        return []
    own = select(*OPEN_COLUMNS).where(contacts.c.workspace_id == scope.workspace_id)
    return fetch_rows(conn, own.where(one_of(conn, contacts.c.id, ids)))


def identities(
    conn: Connection, scope: Scope, kind: str, values: Collection[str]
) -> list[list[Any]]:
    """Return (value, contact_id) of the known identifiers of one kind."""
    if not values:
        return []
    own = select(contact_identities.c.value, contact_identities.c.contact_id).where(
        contact_identities.c.workspace_id == scope.workspace_id,
        contact_identities.c.kind == kind,
    )
    return fetch_rows(conn, own.where(one_of(conn, contact_identities.c.value, values)))


class NameRow(NamedTuple):
    """How a contact is called, and where it went."""

    id: int
    custom_id: str | None
    email: str | None
    key: str | None
    merged_into: int | None
    deleted_at: int | None


def names(conn: Connection, scope: Scope, ids: Collection[int]) -> list[NameRow]:
    """Return the names of these contacts, merged and deleted ones too."""
    if not ids:
        return []
    own = _NAMES.where(contacts.c.workspace_id == scope.workspace_id)
    rows = fetch_rows(conn, own.where(one_of(conn, contacts.c.id, ids)))
    return [NameRow(*row) for row in rows]


def merged_into(conn: Connection, scope: Scope, survivor_ids: Collection[int]) -> list[AnyRow]:
    """Return (id, merged_into) of every contact that was merged into one of these."""
    # A sum, which no index holds: by that of the workspace SQLite would read all of its contacts.
    own = contacts.c.workspace_id + 0 == scope.workspace_id
    return list(
        conn.execute(
            select(contacts.c.id, contacts.c.merged_into).where(
                own, one_of(conn, contacts.c.merged_into, survivor_ids)
            )
        )
    )


def _living(scope: Scope) -> Any:
    return and_(
        contacts.c.workspace_id == scope.workspace_id,
        contacts.c.deleted_at.is_(None),
        contacts.c.merged_into.is_(None),
    )


def _matching(scope: Scope, email: str | None, phone_number: str | None) -> Any:
    conditions = [_living(scope)]
    if email is not None:
        conditions.append(contacts.c.email == email)
    if phone_number is not None:
        conditions.append(contacts.c.phone_number == phone_number)
    return and_(*conditions)


def page(
    conn: Connection,
    scope: Scope,
    *,
    past_id: int,
    backward: bool = False,
    limit: int,
    email: str | None = None,
    phone_number: str | None = None,
) -> Sequence[AnyRow]:
    """Return up to `limit` living contacts.

    Args:
        past_id: They lie past it by id, or before it if `backward`; the nearest to it come first.
    """
    side = contacts.c.id < past_id if backward else contacts.c.id > past_id
    return conn.execute(
        select(*OPEN_COLUMNS)
        .where(_matching(scope, email, phone_number), side)
        .order_by(contacts.c.id.desc() if backward else contacts.c.id)
        .limit(limit)
    ).all()


def count(
    conn: Connection, scope: Scope, *, email: str | None = None, phone_number: str | None = None
) -> int:
    """Return how many living contacts there are."""
    statement = select(func.count()).select_from(contacts)
    return conn.execute(statement.where(_matching(scope, email, phone_number))).scalar_one()


def insert(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert new contacts, whole rows."""
    insert_many(conn, contacts, rows)


def save(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Write changed contacts, whole rows."""
    upsert(conn, contacts, rows, update=_CHANGING)


def save_identities(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Point identifiers at contacts."""
    upsert(conn, contact_identities, rows)


def forget_identities(conn: Connection, scope: Scope, contact_ids: Collection[int]) -> None:
    """Remove every identifier of these contacts."""
    conn.execute(
        delete(contact_identities).where(
            contact_identities.c.workspace_id == scope.workspace_id,
            one_of(conn, contact_identities.c.contact_id, contact_ids),
        )
    )


def forget_identity(conn: Connection, scope: Scope, kind: str, value: str, contact_id: int) -> bool:
    """Remove one identifier if it is this contact's; return whether it was."""
    gone = conn.execute(
        delete(contact_identities).where(
            contact_identities.c.workspace_id == scope.workspace_id,
            contact_identities.c.kind == kind,
            contact_identities.c.value == value,
            contact_identities.c.contact_id == contact_id,
        )
    )
    return gone.rowcount > 0


def identities_of(conn: Connection, scope: Scope, contact_ids: Collection[int]) -> Iterable[AnyRow]:
    """Yield (kind, value, contact_id) of these contacts."""
    yield from conn.execute(
        select(
            contact_identities.c.kind,
            contact_identities.c.value,
            contact_identities.c.contact_id,
        ).where(
            contact_identities.c.workspace_id == scope.workspace_id,
            one_of(conn, contact_identities.c.contact_id, contact_ids),
        )
    )


def log_merges(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Write down merges with what they changed."""
    insert_many(conn, contact_merges, rows)


def merge_by_id(conn: Connection, scope: Scope, merge_id: int) -> AnyRow | None:
    """Return one merge, None if this workspace has none of that id."""
    return conn.execute(
        select(contact_merges).where(
            contact_merges.c.workspace_id == scope.workspace_id, contact_merges.c.id == merge_id
        )
    ).one_or_none()


def merges_of(conn: Connection, scope: Scope, contact_ids: Collection[int]) -> Sequence[AnyRow]:
    """Return the merges that these contacts took part in, undone ones too, the newest first."""
    return conn.execute(
        select(contact_merges)
        .where(
            contact_merges.c.workspace_id == scope.workspace_id,
            or_(
                one_of(conn, contact_merges.c.survivor_id, contact_ids),
                one_of(conn, contact_merges.c.merged_id, contact_ids),
            ),
        )
        .order_by(contact_merges.c.id.desc())
    ).all()


def close_merge(
    conn: Connection, scope: Scope, merge_id: int, undone_at: int, rewritten: dict[int, str]
) -> None:
    """Note that a merge is undone, and what was before others without it, by their ids."""
    own = contact_merges.c.workspace_id == scope.workspace_id
    conn.execute(
        update(contact_merges)
        .where(own, contact_merges.c.id == merge_id)
        .values(undone_at=undone_at)
    )
    for other_id, before in rewritten.items():
        conn.execute(
            update(contact_merges).where(own, contact_merges.c.id == other_id).values(before=before)
        )


def mark_dirty(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Note that these contacts' snapshots are old."""
    upsert(conn, dirty_objects, rows, update=["revision"])


def mark_all_dirty(conn: Connection) -> None:
    """Note that every contact's snapshot is to be made again, in every workspace."""
    conn.execute(delete(dirty_objects).where(dirty_objects.c.kind == "contact"))
    conn.execute(
        dirty_objects.insert().from_select(
            ["workspace_id", "kind", "object_id", "revision"],
            select(
                contacts.c.workspace_id,
                bindparam("kind", "contact", dirty_objects.c.kind.type),
                contacts.c.id,
                contacts.c.revision,
            ),
        )
    )


def count_all(conn: Connection, scope: Scope) -> int:
    """Return how many contacts there are, merged and deleted ones too."""
    own = contacts.c.workspace_id == scope.workspace_id
    return conn.execute(select(func.count()).select_from(contacts).where(own)).scalar_one()


def ids_past(conn: Connection, scope: Scope, after_id: int, limit: int) -> list[int]:
    """Return up to `limit` ids past `after_id`, merged and deleted ones too."""
    return list(
        conn.scalars(
            select(contacts.c.id)
            .where(contacts.c.workspace_id == scope.workspace_id, contacts.c.id > after_id)
            .order_by(contacts.c.id)
            .limit(limit)
        )
    )


def living_ids(conn: Connection, scope: Scope, ids: Collection[int]) -> list[int]:
    """Return those of these contacts that are not deleted, merged ones too."""
    return list(
        conn.scalars(
            select(contacts.c.id).where(
                contacts.c.workspace_id == scope.workspace_id,
                one_of(conn, contacts.c.id, ids),
                contacts.c.deleted_at.is_(None),
            )
        )
    )


def erase(conn: Connection, scope: Scope, contact_ids: Collection[int], now: int) -> None:
    """Blank these contacts and all that hangs on them; their events are listed for erasure."""
    ids = list(contact_ids)
    forget_identities(conn, scope, ids)
    for values in (set_aside_values, attribute_values_before):
        conn.execute(
            delete(values).where(
                values.c.workspace_id == scope.workspace_id,
                values.c.kind == "contact",
                one_of(conn, values.c.object_id, ids),
            )
        )
    mark_carts_dirty(conn, ids, merged=False)
    for table in (cart_changes, contact_list_members):
        own = table.c.workspace_id == scope.workspace_id
        conn.execute(delete(table).where(own, one_of(conn, table.c.contact_id, ids)))
    merges = and_(
        contact_merges.c.workspace_id == scope.workspace_id,
        or_(
            one_of(conn, contact_merges.c.merged_id, ids),
            one_of(conn, contact_merges.c.survivor_id, ids),
        ),
    )
    conn.execute(delete(contact_merges).where(merges, contact_merges.c.undone_at.is_(None)))
    # That one was undone must stay known: the warehouse's aliases say whose the events are now.
    conn.execute(update(contact_merges).where(merges).values(before="{}"))
    upsert(
        conn,
        contact_erasures,
        [{"contact_id": i, "workspace_id": scope.workspace_id, "requested_at": now} for i in ids],
    )


SearchOrder = Literal["id", "created", "name", "last_seen"]
#: How a list calls a contact.
_CALLED = """multiIf(
    attributes['name'] != '', attributes['name'],
    attributes['first_name'] != '' OR attributes['last_name'] != '',
    trimBoth(concat(attributes['first_name'], ' ', attributes['last_name'])),
    coalesce(email, custom_id, '')
)"""
_TEXTS = """concat(
    ifNull(custom_id, ''), ' ', ifNull(email, ''), ' ', ifNull(key, ''), ' ',
    attributes['name'], ' ', attributes['first_name'], ' ', attributes['last_name'], ' ',
    attributes['phone_number']
)"""
_ORDERS: dict[SearchOrder, tuple[str, str]] = {
    "id": ("toInt64(id)", "Int64"),
    "created": ("toUnixTimestamp64Milli(created_at)", "Int64"),
    "name": (f"lowerUTF8({_CALLED})", "String"),
    "last_seen": ("seen", "Int64"),
}


_EACH_MEMBER = "arrayJoin(splitByChar(',', {members:String}))"


def _seen(condition: str) -> str:
    """Return the SQL of (contact, when it did something last) of those who did something."""
    each = " UNION ALL ".join(
        f"SELECT contact_id, max(occurred_at) AS at FROM {{{history}}}"  # noqa: S608 - constants of this file
        f" WHERE {condition} GROUP BY contact_id"
        for history in ("events", "activities")
    )
    return (
        f"SELECT {survivor('contact_id')} AS contact,"  # noqa: S608 - constants of this file
        f" max(toUnixTimestamp64Milli(at)) AS seen FROM ({each}) GROUP BY contact"
    )


def last_seen(scope: Scope, contact_ids: Collection[int]) -> Statement:
    """Return (contact, instant) of the last thing each did, for those who did something.

    Args:
        contact_ids: With those that were merged into them.
    """
    condition = "contact_id IN {contact_ids:Array(UInt64)}"
    return statement(scope, _seen(condition), contact_ids=sorted(contact_ids))


@dataclass(frozen=True, slots=True)
class Matching:
    """Which living contacts a search finds; what is empty or None does not matter."""

    words: Sequence[str] = ()  #: each is part of an identifier, the name or the number, in any case
    exact: Sequence[int] = ()  #: contacts that are found whatever the words are
    tag: str | None = None
    filters: Sequence[AttributeFilter] = ()  #: all of them hold
    members: Sequence[int] | None = None  #: only these
    segment_id: int | None = None  #: only those in it now

    @property
    def is_everybody(self) -> bool:
        """Return whether it finds all there are."""
        narrowed = (self.tag, self.members, self.segment_id) != (None, None, None)
        return not (self.words or self.filters or narrowed)


def _matched(wanted: Matching) -> tuple[str, dict[str, Parameter]]:
    """Return the condition on the columns of `contacts`, and its values."""
    conditions, values = ["deleted = 0"], dict[str, Parameter]()
    for number, one in enumerate(wanted.filters):
        asked, bound = condition(one, number)
        conditions.append(asked)
        values |= bound
    if wanted.words:
        conditions.append(f"({_words(wanted.words, values)} OR id IN {{exact:Array(UInt64)}})")
        values["exact"] = list(wanted.exact)
    if wanted.tag is not None:
        conditions.append("has(JSONExtract(attributes['tags'], 'Array(String)'), {tag:String})")
        values["tag"] = wanted.tag
    if wanted.members is not None:
        # One text: the engine takes half a second to read an array of a hundred thousand.
        conditions.append(f"id IN (SELECT toUInt64OrZero({_EACH_MEMBER}))")
        values["members"] = ",".join(map(str, wanted.members))
    if wanted.segment_id is not None:
        conditions.append(f"id IN ({CURRENT_MEMBERS})")
        values["segment_id"] = wanted.segment_id
    return " AND ".join(conditions), values


def _words(words: Sequence[str], values: dict[str, Parameter]) -> str:
    """Return the SQL of "each of `words` is somewhere", after putting them among `values`."""
    each = []
    for number, word in enumerate(words):
        each.append(f"positionCaseInsensitiveUTF8({_TEXTS}, {{word_{number}:String}}) > 0")
        values[f"word_{number}"] = word
    return f"({' AND '.join(each)})"


def matching_ids(scope: Scope, wanted: Matching, limit: int) -> Statement:
    """Return the ids of contacts that are found, in no order; any `limit` of them if more."""
    matched, values = _matched(wanted)
    return statement(
        scope,
        f"SELECT id FROM {{contacts}} WHERE {matched} LIMIT {{limit:UInt32}}",  # noqa: S608 - conditions are constants of this file, values are bound
        limit=limit,
        **values,
    )


def search(
    scope: Scope,
    wanted: Matching,
    *,
    order: SearchOrder,
    descending: bool,
    past: tuple[int | str, int] | None,
    limit: int,
    seen_since: Instant | None = None,
) -> Statement:
    """Return (id, sort key, how many there are) of up to `limit` contacts that are found.

    Args:
        past: Sort key and id of the contact behind which the page begins.
        seen_since: What was done before is not looked at: the sort key of who was seen last
            before it is 0, like that of who never was.
    """
    matched, values = _matched(wanted)
    key, kind = _ORDERS[order]
    joined = ""
    if order == "last_seen":
        acts = "contact_id != 0"
        if seen_since is not None:
            acts += " AND occurred_at >= fromUnixTimestamp64Milli({seen_since:Int64})"
            values["seen_since"] = seen_since
        joined = f"LEFT JOIN ({_seen(acts)}) AS s ON s.contact = c.id"
    after = "1"
    if past is not None:
        sign = "<" if descending else ">"
        after = f"(sort_key, id) {sign} ({{past_key:{kind}}}, {{past_id:UInt64}})"
        values |= {"past_key": past[0], "past_id": past[1]}
    direction = "DESC" if descending else "ASC"
    return statement(
        scope,
        f"""
        SELECT id, sort_key, total FROM (
            SELECT id, {key} AS sort_key, count() OVER () AS total
            FROM {{contacts}} AS c {joined}
            WHERE {matched}
        )
        WHERE {after}
        ORDER BY sort_key {direction}, id {direction}
        LIMIT {{limit:UInt32}}
        """,  # noqa: S608 - every part is a constant of this file, values are bound
        limit=limit,
        **values,
    )
