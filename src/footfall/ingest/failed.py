"""Failed events: input that was refused and is kept, to be looked at, mended and sent again."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row

from footfall.http.paging import packed_cursor
from footfall.http.services import Access
from footfall.ingest import failed_queries
from footfall.ingest.activity_formats import ACTIVITY_FORMATS, activity_of
from footfall.ingest.browser import replayed
from footfall.ingest.collector import Advisor
from footfall.ingest.formats import ProductPath, WireFormat, record_of
from footfall.ingest.intake import entry_of
from footfall.ingest.logic import checked_event_key, key_hash
from footfall.ingest.types import (
    ActivityRecord,
    Doing,
    FailedEvent,
    FailedFilter,
    FailedGroup,
)
from footfall.journal.types import Entry, Journal
from footfall.kernel.errors import Conflict, Invalid, NotFound, UserError
from footfall.kernel.identifiers import checked_id
from footfall.kernel.ids import Position
from footfall.kernel.instants import Clock, Instant, to_iso
from footfall.kernel.scope import Scope
from footfall.state.api import State
from footfall.workspaces.api import get_workspace, record_change

_decode_record = msgspec.msgpack.Decoder(Doing).decode
_encode_record = msgspec.msgpack.Encoder().encode
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode
_encode_item = msgspec.json.Encoder().encode
#: Of an activity, called the same in its record and in the item of a batch.
_ACTIVITY_FIELDS = (
    *("kind", "name", "user_custom_id", "email", "user_key", "url", "referrer"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
    *("device_type", "os", "browser", "language", "session_id"),
)


#: A message begins with the field it is about (`asgi.explained`).
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_./-]{0,99}): ")
#: In one request: some hundred milliseconds of work.
REPLAYED_AT_ONCE = 200
REPLAYED_BYTES = 16 << 20
#: Enough to see what is still wrong.
SHOWN_REFUSALS = 20
#: More reasons than the API has codes.
MAX_GROUPS = 300


class AlreadyReplayed(Conflict):
    """The failed event was accepted by an earlier replay."""

    code = "already_replayed"


class Correction(NamedTuple):
    """What a person mended before a replay; None where nothing."""

    payload: bytes | None = None  #: in place of the kept one, in the same wire format
    product: str | None = None  #: the shop's id, in place of the product that the path named


class Refusal(Struct, frozen=True):
    """A failed event that failed again, and why."""

    id: int
    code: str
    message: str


class Replayed(Struct, frozen=True):
    """What became of some failed events that were sent again."""

    replayed: int
    refused: int  #: failed again and stay as they are
    refusals: list[Refusal]  #: the first of them
    left: int  #: not tried yet
    next: str | None  #: go on from there; null: all were tried


def list_failed_events(
    conn: Connection, scope: Scope, wanted: FailedFilter, *, before_id: int | None, limit: int
) -> tuple[list[FailedEvent], int | None]:
    """Return up to `limit` failed events, the newest first, and the id before which more follow."""
    rows = failed_queries.failed_page(conn, scope, wanted, before_id=before_id, limit=limit + 1)
    shown = [_shown(row) for row in rows[:limit]]
    return shown, shown[-1].id if len(rows) > limit else None


def group_failed_events(conn: Connection, scope: Scope) -> list[FailedGroup]:
    """Return why input was refused, by reason and source; what waits most comes first."""
    rows = failed_queries.failed_groups(conn, scope, MAX_GROUPS)
    messages = failed_queries.failed_messages(conn, scope, [row.newest_id for row in rows])
    return [
        FailedGroup(
            row.code,
            row.source,
            row.number,
            int(row.waiting),
            to_iso(Instant(row.latest)),
            row.newest_id,
            messages[row.newest_id],
        )
        for row in rows
    ]


def dismiss(
    conn: Connection,
    access: Access,
    wanted: FailedFilter,
    ids: Sequence[int] | None,
    *,
    dismissed: bool,
    now: Instant,
) -> int:
    """Put away failed events that a person has seen, or bring them back; return how many."""
    count = failed_queries.dismiss_failed(
        conn, access.scope, wanted, ids, now if dismissed else None
    )
    _write_down(conn, access, now, "dismissed" if dismissed else "listed_again", wanted.code, count)
    return count


def _write_down(
    conn: Connection, access: Access, now: Instant, done: str, object_id: str | None, count: int
) -> None:
    record_change(
        conn,
        access,
        now,
        action=f"failed_events.{done}",
        object_kind="failed_event",
        object_id=object_id or "*",
        before=None,
        after={"count": count},
    )


def get_failed_event(conn: Connection, scope: Scope, failed_id: int) -> FailedEvent:
    """Return one failed event.

    Raises:
        NotFound: This workspace has none of that id (any more: see decision 0006).
    """
    return _shown(_kept(conn, scope, failed_id))


async def replay(
    state: State,
    journal: Journal,
    advisor: Advisor,
    access: Access,
    failed_id: int,
    correction: Correction,
    *,
    clock: Clock,
) -> Position:
    """Accept a failed event after all and return its position.

    Read as the collector would have read it, at the time it came in. Where it fails again, the
    failed event stays as it is. Called on the event loop; the state is used in threads.

    Raises:
        NotFound: There is no such failed event.
        AlreadyReplayed: It was accepted before.
        UserError: What is still wrong with it.
    """
    scope = access.scope
    entries, record = await asyncio.to_thread(_entries, state, scope, failed_id, correction)
    [wrong] = await advisor.check(scope, [record])
    if wrong is not None:
        raise wrong
    appended = (await journal.submit(entries))[-1]
    # After a crash here the entry's key brings the next try to the same position.
    marked = await asyncio.to_thread(
        _mark, state, access, {failed_id: Position(appended.position)}, clock
    )
    if not marked:
        raise _already(appended.position)
    return appended.position


async def replay_many(
    state: State,
    journal: Journal,
    advisor: Advisor,
    access: Access,
    wanted: FailedFilter,
    *,
    after_id: int,
    clock: Clock,
) -> Replayed:
    """Accept the next of these failed events after all, as they are, the oldest first.

    Those that fail again stay. A part of them at a time, so that who asks can tell the progress.
    Two that ask at once count each event once, as its key is the same for both.
    """
    scope = access.scope
    ids, left = await asyncio.to_thread(_next_ids, state, scope, wanted, after_id)
    made, refusals = await asyncio.to_thread(_entries_of, state, scope, ids)
    wrongs = await advisor.check(scope, [record for _, _, record in made])
    positions: dict[int, Position] = {}
    good: list[tuple[int, list[Entry]]] = []
    for (failed_id, entries, _), wrong in zip(made, wrongs, strict=True):
        if wrong is None:
            good.append((failed_id, entries))
        else:
            refusals.append(Refusal(failed_id, wrong.code, wrong.message))
    if good:
        appended = await journal.submit([entry for _, entries in good for entry in entries])
        place = 0
        for failed_id, entries in good:
            place += len(entries)
            positions[failed_id] = Position(appended[place - 1].position)
    marked = await asyncio.to_thread(_mark, state, access, positions, clock)
    return Replayed(
        marked,
        len(refusals),
        refusals[:SHOWN_REFUSALS],
        left,
        packed_cursor(ids[-1]) if left else None,
    )


def _next_ids(
    state: State, scope: Scope, wanted: FailedFilter, after_id: int
) -> tuple[list[int], int]:
    """Return which ones to replay now, and how many more there are."""
    waiting = replace(wanted, state=wanted.state or "waiting")
    with state.read() as conn:
        rows = failed_queries.failed_past(
            conn, scope, waiting, after_id=after_id, limit=REPLAYED_AT_ONCE
        )
        ids: list[int] = []
        size = 0
        for failed_id, payload_bytes in rows:
            size += payload_bytes
            if ids and size > REPLAYED_BYTES:
                break
            ids.append(failed_id)
        past = ids[-1] if ids else after_id
        left = failed_queries.count_failed(conn, scope, waiting, after_id=past)
    return ids, left


def _entries_of(
    state: State, scope: Scope, ids: Sequence[int]
) -> tuple[list[tuple[int, list[Entry], Doing]], list[Refusal]]:
    made: list[tuple[int, list[Entry], Doing]] = []
    refusals: list[Refusal] = []
    for failed_id in ids:
        try:
            made.append((failed_id, *_entries(state, scope, failed_id, Correction())))
        except UserError as error:
            refusals.append(Refusal(failed_id, error.code, error.message))
    return made, refusals


def _entries(
    state: State, scope: Scope, failed_id: int, correction: Correction
) -> tuple[list[Entry], Doing]:
    """Return the entries that a failed event becomes, and the record of the last, its own."""
    with state.read() as conn:
        row = _kept(conn, scope, failed_id)
        workspace = get_workspace(conn, scope.workspace_id)
    if row.replayed_at is not None:
        raise _already(row.replayed_position)
    if row.wire_format == "browser":
        payload = row.payload if correction.payload is None else correction.payload
        *news, record = replayed(payload, workspace, Instant(row.failed_at))
    else:
        news, record = [], _record(row, scope, correction, ZoneInfo(workspace.time_zone))
    # The key of a record that was accepted once stands for the failed event itself.
    key = None if row.wire_format == "record" else record.event_key
    if key is None:
        # No sender can choose this one: keys have no control characters.
        key = f"\nreplay:{row.position}"
    entry = Entry(key_hash(scope.workspace_id, key), _encode_record(record))
    return [*map(entry_of, news), entry], record


def _mark(state: State, access: Access, positions: Mapping[int, Position], clock: Clock) -> int:
    """Note what failed events became; return how many had not become anything before."""
    if not positions:
        return 0
    with state.write() as conn:
        now = clock()
        marked = 0
        for failed_id, position in positions.items():
            marked += failed_queries.mark_replayed(conn, access.scope, failed_id, now, position)
        one = str(next(iter(positions))) if len(positions) == 1 else None
        if marked:
            _write_down(conn, access, now, "replayed", one, marked)
    return marked


def _kept(conn: Connection, scope: Scope, failed_id: int) -> Row[Any]:
    row = failed_queries.failed_event(conn, scope, failed_id)
    if row is None:
        raise NotFound("There is no failed event with this id.")
    return row


def _already(position: int | None) -> AlreadyReplayed:
    return AlreadyReplayed(f"This was replayed before and is the event {position} now.")


def _record(row: Row[Any], scope: Scope, correction: Correction, zone: ZoneInfo) -> Doing:
    """Return the valid record of what is kept, mended.

    Raises:
        UserError: It is none, and why.
    """
    wire_format = row.wire_format
    payload = row.payload if correction.payload is None else correction.payload
    accepted: Doing | None = None
    if wire_format == "body":
        raise Invalid(
            "This is the body of a whole request that could not be split into events."
            " Correct it and send it as a request again.",
            code="not_replayable",
        )
    if wire_format == "record":
        record = _unreadable_or(row.payload)
        if correction.payload is None and correction.product is None:
            return record
        # People mend what they were shown.
        wire_format = "activity" if isinstance(record, ActivityRecord) else "item"
        accepted = record
        payload = _item_of(record) if correction.payload is None else payload
    mended = _read(row, scope, correction, zone, wire_format, payload)
    if accepted is None:
        return mended
    # What an item cannot say: a browser's event stays one, and as believable as it was.
    return msgspec.structs.replace(
        mended,
        session_id=accepted.session_id,
        traffic=accepted.traffic,
        trusted=accepted.trusted,
    )


def _read(
    row: Row[Any],
    scope: Scope,
    correction: Correction,
    zone: ZoneInfo,
    wire_format: str,
    payload: bytes,
) -> Doing:
    """Return the record that `payload` makes in its wire format."""
    workspace_id, received_at = scope.workspace_id, Instant(row.failed_at)
    key = _usable_key(row.event_key)
    for name in ACTIVITY_FORMATS:
        if wire_format == name:
            return activity_of(
                payload,
                name,
                workspace_id=workspace_id,
                received_at=received_at,
                source=row.source,
                zone=zone,
                request_key=key,
            )
    return record_of(
        payload,
        cast("WireFormat", wire_format),
        workspace_id=workspace_id,
        received_at=received_at,
        source=row.source,
        zone=zone,
        path=_path(row.product_id, correction.product),
        request_key=key,
    )


def _unreadable_or(payload: bytes) -> Doing:
    try:
        record: Doing = _decode_record(payload)
    except msgspec.MsgspecError as error:
        raise Invalid(
            "This record cannot be read; send the event again.", code="not_replayable"
        ) from error
    return record


def _path(kept: str | None, product: str | None) -> ProductPath:
    if product is not None:
        return ProductPath(None, checked_id(product, "#product"))
    kind, _, value = (kept or "").partition(":")
    if kind == "id" and not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise Invalid.at(
            "#product", "wrong_type", "The address named no product; say which with ?product=."
        )
    path = ProductPath.parse(kept)
    if path.custom_id is not None:
        checked_id(path.custom_id, "#product")
    return path


def _usable_key(key: str | None) -> str | None:
    """Return the request's key, None where there was none or the key was what was wrong."""
    if key is None:
        return None
    try:
        return checked_event_key(key)
    except Invalid:
        return None


def _item_of(record: Doing) -> bytes:
    """Return a journal record as the item of a batch that would make it."""
    if isinstance(record, ActivityRecord):
        fields = {name: getattr(record, name) for name in _ACTIVITY_FIELDS}
        fields["user_id"], fields["event_id"] = record.contact_id, record.event_key
        fields["timestamp"] = record.occurred_at
        fields["data"] = _decode_fields(record.attributes) or None
        fields["contact"] = _decode_fields(record.contact_attributes) or None
        return _encode_item({name: value for name, value in fields.items() if value})
    fields = _decode_fields(record.attributes)
    if record.custom_data is not None:
        fields["custom_data"] = msgspec.Raw(record.custom_data.encode())
    item = {
        "event_type": record.event_type,
        "product_id": record.product_custom_id,
        "user_id": record.contact_id,
        "user_custom_id": record.user_custom_id,
        "email": record.email,
        "user_key": record.user_key,
        "timestamp": record.occurred_at,
        "event_id": record.event_key,
        "data": fields,
    }
    return _encode_item({name: value for name, value in item.items() if value is not None})


def _shown(row: Row[Any]) -> FailedEvent:
    payload = row.payload
    if row.wire_format == "record":
        try:
            payload = _item_of(_decode_record(payload))
        except msgspec.MsgspecError:
            payload = row.payload
    found = _FIELD.match(row.message)
    return FailedEvent(
        row.id,
        to_iso(Instant(row.failed_at)),
        row.source,
        row.code,
        row.message,
        row.wire_format,
        row.product_id,
        row.event_key,
        payload.decode(errors="replace"),
        b64encode(row.payload).decode(),
        None if row.replayed_at is None else to_iso(Instant(row.replayed_at)),
        row.replayed_position,
        None if row.dismissed_at is None else to_iso(Instant(row.dismissed_at)),
        None if found is None else found[1],
    )
