"""Places journal records in the state store: whose event is it, which product, what does it say.

One transaction per batch. What cannot be placed becomes a failed event; the rest goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from footfall.attributes.api import load_definitions, name_std
from footfall.attributes.types import BROWSER
from footfall.catalog.api import ProductBook
from footfall.contacts.api import (
    CART_EVENTS,
    CART_MS,
    CartChange,
    ContactBook,
    keep_cart_changes,
)
from footfall.contacts.types import Unplaceable
from footfall.ingest import failed_queries, queries
from footfall.ingest.types import ActivityRecord, Doing, EventRecord, Record, RefusedRecord
from footfall.kernel.errors import NotFound, UserError
from footfall.kernel.ids import Position, WorkspaceId
from footfall.kernel.instants import Instant
from footfall.warehouse.types import ActivityRow, EventRow
from footfall.workspaces.api import get_workspace, scope_of

#: Stands in a range for "no row comes of it": no contact and no product has it.
NOWHERE = -1
#: Stands in a range for the product of what is about none.
NO_PRODUCT = 0

_decode_attributes = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.msgpack.Encoder().encode
#: Reads back what `Placed.resolved` made: the contact ids and the product ids of a range.
decode_resolved = msgspec.msgpack.Decoder(tuple[list[int], list[int]]).decode


class AlreadyPlaced(Exception):
    """The state cursor is past these records: nothing of them may be applied again."""


class Placed(NamedTuple):
    """A range of the journal with the ids found for it, in journal order."""

    first_position: Position
    last_position: Position
    contact_ids: list[int]  #: 0: nobody; NOWHERE: no row of this record
    product_ids: list[int]  #: NO_PRODUCT: an activity's
    #: Whether products or contacts may look different now.
    changes_objects: bool = True
    failed: int = 0  #: how many of them were accepted and could not be placed

    def resolved(self) -> bytes:
        """Return the ids as they are kept in the state store."""
        return _encode((self.contact_ids, self.product_ids))


@dataclass(slots=True)
class _Mentions:
    """Everything the records of one workspace name, so that it can be loaded at once."""

    product_ids: set[int] = field(default_factory=set)
    product_custom_ids: set[str] = field(default_factory=set)
    contact_ids: set[int] = field(default_factory=set)
    custom_ids: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    custom_ids_alone: set[str] = field(default_factory=set)
    latest: int = 0

    def note(self, record: Doing) -> None:
        needs_profile = record.contact_id is not None or not record.trusted
        if isinstance(record, ActivityRecord):
            needs_profile |= record.contact_attributes != "{}"
        elif record.product_id is not None:
            self.product_ids.add(record.product_id)
        elif record.product_custom_id is not None:
            self.product_custom_ids.add(record.product_custom_id)
        self.latest = max(self.latest, record.received_at)
        custom_id, email, key = record.user_custom_id, record.email, record.user_key
        if email is None and key is None and not needs_profile:
            if custom_id is not None:
                self.custom_ids_alone.add(custom_id)
            return
        if custom_id is not None:
            self.custom_ids.add(custom_id)
        if record.contact_id is not None:
            self.contact_ids.add(record.contact_id)
        if email is not None:
            self.emails.add(email)
        if key is not None:
            self.keys.add(key)


class _Shop:
    """One workspace's books, open for one transaction."""

    def __init__(self, conn: Connection, workspace_id: int, mentions: _Mentions) -> None:
        workspace = get_workspace(conn, WorkspaceId(workspace_id))
        self._conn = conn
        self._scope = scope = scope_of(workspace)
        self._names: dict[str, int] = {}  # of ordinary events, with their first position
        self._cart_changes: list[tuple[int, CartChange]] = []  # by contact
        allowed = workspace.browser_attributes
        self._browser_attributes = (
            None if allowed is None else frozenset(name_std(name) or "" for name in allowed)
        )
        self._require_signed_contacts = workspace.require_signed_contacts
        zone = ZoneInfo(workspace.time_zone)
        self._latest = now = Instant(mentions.latest)
        self.products = ProductBook(
            conn,
            scope,
            load_definitions(conn, scope, "product"),
            custom_ids=mentions.product_custom_ids,
            ids=mentions.product_ids,
            now=now,
            zone=zone,
        )
        self.contacts = ContactBook(
            conn,
            scope,
            load_definitions(conn, scope, "contact"),
            ids=mentions.contact_ids,
            custom_ids=mentions.custom_ids,
            emails=mentions.emails,
            keys=mentions.keys,
            custom_ids_alone=mentions.custom_ids_alone - mentions.custom_ids,
            now=now,
            zone=zone,
        )

    def set_now(self, now: int) -> None:
        """Say when what is applied next was received: new things are as old as their event."""
        self.products.now = self.contacts.now = Instant(now)

    def place(self, position: int, event: EventRecord) -> tuple[int, int]:
        """Apply one event; return (contact id or 0, product id).

        Raises:
            UserError: It names a product or contact that is not there.
        """
        if event.product_custom_id is None:
            product = self.products.find(product_id=event.product_id, custom_id=None)
            if product is None:
                raise NotFound(
                    f"There is no product with the id {event.product_id}.",
                    code="product_not_found",
                )
        else:
            product = None
        contact_id = self._contact_id(position, event)
        if product is None:
            assert event.product_custom_id is not None
            product = self.products.find_or_create(event.product_custom_id)
        if product.deleted_at is not None:
            self.products.revive(product, event.occurred_at)
        if event.event_type in CART_EVENTS and contact_id:
            self._change_cart(position, event, contact_id, product.id)
        if event.attributes != "{}":
            self.products.apply(
                product,
                _decode_attributes(event.attributes),
                occurred_at=event.occurred_at,
                position=position,
                source=event.source,
                in_event=True,
                permitted=self._browser_attributes if event.source == BROWSER else None,
            )
        return contact_id, product.id

    def _change_cart(
        self, position: int, event: EventRecord, contact_id: int, product_id: int
    ) -> None:
        if event.occurred_at <= event.received_at - CART_MS:
            return  # history that somebody imports
        change = CartChange(
            event.occurred_at,
            position,
            product_id,
            event.event_type,
            event.quantity,
            event.unit_price,
            event.currency,
            event.order_id,
        )
        self._cart_changes.append((contact_id, change))

    def place_activity(self, position: int, activity: ActivityRecord) -> tuple[int, int]:
        """Apply one activity; return (contact id or 0, NO_PRODUCT), nowhere if it leaves no row.

        Raises:
            UserError: It names a contact that is not there.
        """
        contact_id = self._contact_id(position, activity)
        contact = None
        if activity.contact_attributes != "{}" and contact_id != 0:
            contact = self.contacts.by_id(contact_id)
        if contact is not None:
            self.contacts.learn(
                contact,
                _decode_attributes(activity.contact_attributes),
                occurred_at=activity.occurred_at,
                position=position,
                source=activity.source,
                trusted=activity.trusted,
            )
        if activity.kind == "update":
            return NOWHERE, NOWHERE
        if activity.kind == "event":
            self._names.setdefault(activity.name, position)
        return contact_id, NO_PRODUCT

    def _contact_id(self, position: int, event: Doing) -> int:
        if not event.trusted:
            return self._unsigned_contact_id(position, event)
        email, key = event.email, event.user_key
        if email is None and key is None and event.contact_id is None:
            custom_id = event.user_custom_id
            if custom_id is None:
                return 0
            known = self.contacts.known_id(custom_id)  # nearly every event of a shop's server
            if known is not None:
                return known
        return self._resolved(position, event, event.user_custom_id, email)

    def _unsigned_contact_id(self, position: int, event: Doing) -> int:
        """Return whose event an unsigned browser's is; what it may not say is set aside."""
        contacts = self.contacts
        custom_id, email = event.user_custom_id, event.email
        if self._require_signed_contacts:
            custom_id = None
        if email is not None and contacts.contradicts(
            event.contact_id, custom_id, email, event.user_key
        ):
            email = None
        contact_id = self._resolved(position, event, custom_id, email)
        contact = contacts.by_id(contact_id)
        if contact is not None:
            refused = (("user_id", event.user_custom_id, custom_id), ("email", event.email, email))
            for name, said, used in refused:
                if said != used:
                    contacts.set_unsigned_aside(
                        contact, name, said, event.occurred_at, position, event.source
                    )
        return contact_id

    def _resolved(
        self, position: int, event: Doing, custom_id: str | None, email: str | None
    ) -> int:
        """Return whose event it is by these identifiers, 0 for nobody."""
        key = event.user_key
        contact = self.contacts.resolve(
            contact_id=event.contact_id,
            custom_id=custom_id,
            email=email,
            key=key,
            position=position,
            trusted=event.trusted,
        )
        if contact is None:
            return 0
        if email is not None or key is not None:
            self.contacts.identify(
                contact,
                email=email,
                key=key,
                occurred_at=event.occurred_at,
                position=position,
                source=event.source,
                trusted=event.trusted,
            )
        return contact.id

    def save(self) -> int:
        """Write what changed; return how many contacts, products and carts look different."""
        self.set_now(self._latest)
        queries.remember_names(self._conn, self._scope, self._names)
        changed = self.contacts.save() + self.products.save()
        keep_cart_changes(self._conn, self._scope, self._cart_changes)
        return changed + len(self._cart_changes)


def place(conn: Connection, first_position: Position, records: Sequence[Record]) -> Placed:
    """Apply neighbouring records to the state, keep the range, and move the state cursor.

    Raises:
        AlreadyPlaced: An earlier try was committed after all.
    """
    if queries.cursor(conn, "state") >= first_position:
        raise AlreadyPlaced
    mentions: dict[int, _Mentions] = {}
    for record in records:
        if not isinstance(record, RefusedRecord):
            noted = mentions.get(record.workspace_id)
            if noted is None:
                noted = mentions[record.workspace_id] = _Mentions()
            noted.note(record)
    shops = {
        workspace_id: _Shop(conn, workspace_id, noted)
        for workspace_id, noted in sorted(mentions.items())
    }
    contact_ids: list[int] = []
    product_ids: list[int] = []
    failed: list[dict[str, Any]] = []
    unplaced = 0
    for position, record in enumerate(records, first_position):
        contact_id = product_id = NOWHERE
        if isinstance(record, RefusedRecord):
            failed.append(_failed_request(position, record))
        else:
            shop = shops[record.workspace_id]
            shop.set_now(record.received_at)
            try:
                if isinstance(record, EventRecord):
                    contact_id, product_id = shop.place(position, record)
                else:
                    contact_id, product_id = shop.place_activity(position, record)
            except (NotFound, Unplaceable) as error:
                unplaced += 1
                failed.append(failed_record(position, record, error))
        contact_ids.append(contact_id)
        product_ids.append(product_id)
    changed = sum(shop.save() for shop in shops.values())
    failed_queries.add_failed_events(conn, failed)
    last_position = Position(first_position + len(records) - 1)
    placed = Placed(first_position, last_position, contact_ids, product_ids, changed > 0, unplaced)
    keep(conn, placed)
    return placed


def keep(conn: Connection, placed: Placed) -> None:
    """Remember a placed range for the warehouse and move the state cursor behind it."""
    queries.add_range(conn, placed.first_position, placed.last_position, placed.resolved())
    queries.move_cursor(conn, "state", placed.last_position)


def _failed_request(position: int, record: RefusedRecord) -> dict[str, Any]:
    return {
        "workspace_id": record.workspace_id,
        "position": position,
        "failed_at": record.received_at,
        "source": record.source,
        "api_key_id": record.api_key_id,
        "wire_format": record.wire_format,
        "product_id": record.product_id,
        "event_key": record.event_key,
        "payload": record.payload,
        "code": record.code,
        "message": record.message,
    }


def failed_record(position: int, record: Doing, error: UserError) -> dict[str, Any]:
    """Return the failed-events row of what was accepted and could not be placed."""
    return {
        "workspace_id": record.workspace_id,
        "position": position,
        "failed_at": record.received_at,
        "source": record.source,
        "api_key_id": None,
        "wire_format": "record",
        "product_id": None,
        "event_key": record.event_key,
        "payload": _encode(record),
        "code": error.code,
        "message": error.message,
    }


def warehouse_rows(placed: Placed, records: Sequence[Record]) -> list[EventRow]:
    """Return the warehouse rows of a placed range's events; the same every time."""
    rows: list[EventRow] = []
    append = rows.append
    position = placed.first_position - 1
    for record, contact_id, product_id in zip(
        records, placed.contact_ids, placed.product_ids, strict=True
    ):
        position += 1
        if product_id == NOWHERE or not isinstance(record, EventRecord):
            continue
        append(
            EventRow(
                record.workspace_id,
                position,
                record.event_key,
                record.occurred_at / 1000,
                record.received_at / 1000,
                contact_id,
                product_id,
                record.event_type,
                record.source,
                record.unit_price,
                record.quantity,
                record.currency,
                record.order_id,
                record.attributes,
                record.custom_data,
                record.session_id,
                record.traffic,
            )
        )
    return rows


def activity_rows(placed: Placed, records: Sequence[Record]) -> list[ActivityRow]:
    """Return the warehouse rows of a placed range's activities; the same every time."""
    return [
        ActivityRow(
            activity.workspace_id,
            position,
            activity.event_key,
            activity.occurred_at / 1000,
            activity.received_at / 1000,
            contact_id,
            activity.kind,
            activity.name,
            activity.source,
            activity.session_id,
            activity.url,
            activity.referrer,
            activity.utm_source,
            activity.utm_medium,
            activity.utm_campaign,
            activity.utm_term,
            activity.utm_content,
            activity.device_type,
            activity.os,
            activity.browser,
            activity.language,
            activity.traffic,
            activity.attributes,
        )
        for position, (activity, contact_id) in enumerate(
            zip(records, placed.contact_ids, strict=True), placed.first_position
        )
        if isinstance(activity, ActivityRecord) and contact_id != NOWHERE
    ]
