"""The contacts one transaction works with: found by identifiers, created, joined, saved together.

The projector opens one per batch and workspace, REST writes one per request; so there is one way
in which people are told apart (decision 14).

Identifiers that one event names belong to one person. Written so that the order of events does
not matter as long as the identifiers seen together name at most one custom id: whoever has the
custom id survives, contacts without one are merged into it, and an identifier nobody had goes to
the survivor. Where an event names two contacts with different custom ids, they stay apart; the
event belongs to the first of internal id, custom id, e-mail, visitor key, and the visitor key
points there from then on.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from footfall.attributes.api import (
    Definitions,
    Recast,
    apply_values,
    merge_profiles,
    put_cell,
    recast_profile,
    record_set_aside,
)
from footfall.attributes.types import Cell, Definition, Profile, SetAside
from footfall.contacts import queries
from footfall.contacts.types import KEY_CELL, Contact, Unplaceable
from footfall.kernel.ids import ContactId
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import reserve_ids

IdentityKind = Literal["custom_id", "email", "key"]
_KINDS: tuple[IdentityKind, ...] = ("custom_id", "email", "key")

_decode_profile = msgspec.json.Decoder(dict[str, Cell]).decode
_encode = msgspec.json.Encoder().encode


class OpenContact:
    """A contact under change; made by ContactBook only."""

    __slots__ = (
        "_profile",
        "_profile_text",
        "created_at",
        "custom_id",
        "deleted_at",
        "id",
        "is_new",
        "merged_into",
        "revision",
        "touched",
        "updated_at",
        "visibly_changed",
    )

    def __init__(
        self,
        contact_id: int,
        custom_id: str | None,
        profile_text: str | None,
        merged_into: int | None,
        created_at: int,
        updated_at: int,
        deleted_at: int | None,
        revision: int,
    ) -> None:
        self.id = contact_id
        self.custom_id = custom_id
        self._profile_text = profile_text
        self._profile: Profile | None = None
        self.merged_into = merged_into
        self.created_at = created_at
        self.updated_at = updated_at
        self.deleted_at = deleted_at
        self.revision = revision
        self.is_new = profile_text is None
        self.touched = self.is_new
        self.visibly_changed = self.is_new

    @property
    def profile(self) -> Profile:
        """The attribute cells; decoded at the first look, for most events never take one."""
        if self._profile is None:
            self._profile = _decode_profile(self._profile_text) if self._profile_text else {}
        return self._profile

    @profile.setter
    def profile(self, profile: Profile) -> None:
        self._profile = profile

    def text(self, name_std: str) -> str | None:
        """Return the current value of a text attribute."""
        cell = self.profile.get(name_std)
        return None if cell is None or cell.value is None else str(cell.value)

    def changed(self) -> None:
        """Note that the contact looks different now."""
        self.touched = self.visibly_changed = True

    def as_contact(self) -> Contact:
        """Return the contact as it stands now."""
        return Contact(
            ContactId(self.id),
            self.custom_id,
            self.text(KEY_CELL),
            self.text("email"),
            self.text("phone_number"),
            self.profile,
            Instant(self.created_at),
            Instant(self.updated_at),
            None if self.deleted_at is None else Instant(self.deleted_at),
            None if self.merged_into is None else ContactId(self.merged_into),
            self.revision,
        )


def contact_of(row: Sequence[Any]) -> Contact:
    """Return the contact in a row of `queries.OPEN_COLUMNS`."""
    return OpenContact(*row).as_contact()


class ContactBook:
    """The contacts of one workspace that a transaction may touch."""

    def __init__(
        self,
        conn: Connection,
        scope: Scope,
        definitions: Definitions,
        *,
        ids: Collection[int] = (),
        custom_ids: Collection[str] = (),
        emails: Collection[str] = (),
        keys: Collection[str] = (),
        custom_ids_alone: Collection[str] = (),
        now: Instant,
        zone: tzinfo,
    ) -> None:
        """Load every contact that the identifiers name, and the survivors of merged ones.

        Args:
            custom_ids_alone: Custom ids for `known_id` only: their contacts are not loaded, which
                is most of the work for the events of a shop's server.
            now: Creation time of new contacts, day of new definitions; set anew with each event.
            zone: The workspace's, for dates and times that name none.
        """
        self._conn = conn
        self._scope = scope
        self._definitions = definitions
        self.now = now
        self._zone = zone
        self._by_id: dict[int, OpenContact] = {}
        self._owners: dict[tuple[IdentityKind, str], int] = {}
        self._owned: defaultdict[int, list[tuple[IdentityKind, str]]] = defaultdict(list)
        self._new_identities: dict[tuple[IdentityKind, str], int] = {}
        self._merged_contacts: defaultdict[int, list[OpenContact]] = defaultdict(list)
        self._unknown = 0
        self._reserved: list[int] = []
        self._merge_rows: list[dict[str, Any]] = []
        self._set_aside: list[SetAside] = []
        wanted: dict[IdentityKind, Collection[str]] = {
            "custom_id": custom_ids,
            "email": emails,
            "key": keys,
        }
        for kind, values in wanted.items():
            if values:
                for value, contact_id in queries.identities(conn, scope, kind, values):
                    self._owners[kind, value] = contact_id
                    self._owned[contact_id].append((kind, value))
        self._load({*ids, *self._owners.values()})
        if custom_ids_alone:
            for value, contact_id in queries.identities(conn, scope, "custom_id", custom_ids_alone):
                self._owners["custom_id", value] = contact_id
        known = Counter(kind for kind, _ in self._owners)
        wanted["custom_id"] = {*custom_ids, *custom_ids_alone}
        self._unknown = max(len(values) - known[kind] for kind, values in wanted.items())
        self._load(
            {
                contact.merged_into
                for contact in self._by_id.values()
                if contact.merged_into is not None
            }
        )

    def _load(self, ids: Collection[int]) -> None:
        missing = [contact_id for contact_id in ids if contact_id not in self._by_id]
        if missing:
            self._open(queries.by_id(self._conn, self._scope, missing))

    def _open(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            contact = OpenContact(*row)
            self._by_id[contact.id] = contact
            if contact.merged_into is not None:
                self._merged_contacts[contact.merged_into].append(contact)

    def by_id(self, contact_id: int) -> OpenContact | None:
        """Return the living contact with this id, or the one it was merged into."""
        if contact_id not in self._by_id:
            self._load([contact_id])
        contact = self._by_id.get(contact_id)
        if contact is not None and contact.merged_into is not None:
            contact = self.by_id(contact.merged_into)
        return None if contact is None or contact.deleted_at is not None else contact

    def owner(self, kind: IdentityKind, value: str) -> OpenContact | None:
        """Return the contact that has this identifier."""
        contact_id = self._owners.get((kind, value))
        return None if contact_id is None else self.by_id(contact_id)

    def known_id(self, custom_id: str) -> int | None:
        """Return the id of the contact with this custom id, if there is one."""
        return self._owners.get(("custom_id", custom_id))

    def resolve(
        self,
        *,
        contact_id: int | None,
        custom_id: str | None,
        email: str | None,
        key: str | None,
        position: int,
    ) -> OpenContact | None:
        """Return whose event this is, after creating and joining what it names; None for nobody.

        Raises:
            Unplaceable: No contact has the internal id, or it is another one's custom id.
        """
        if contact_id is None and custom_id is None and email is None and key is None:
            return None
        named = self._named(contact_id, custom_id, email, key)
        contact = self._survivor(named, custom_id) or self.create()
        for other in named:
            if other is not contact and other.custom_id is None:
                self._merge(other, contact, position)
        if custom_id is not None and contact.custom_id is None:
            contact.custom_id = custom_id
            self.own("custom_id", custom_id, contact)
            contact.changed()
        if email is not None and ("email", email) not in self._owners:
            self.own("email", email, contact)
        if key is not None and self._owners.get(("key", key)) != contact.id:
            self.own("key", key, contact)
        return contact

    def _named(
        self, contact_id: int | None, custom_id: str | None, email: str | None, key: str | None
    ) -> list[OpenContact]:
        """Return the contacts the event names, in the order of precedence, each once."""
        named: list[OpenContact] = []
        if contact_id is not None:
            by_id = self.by_id(contact_id)
            if by_id is None:
                raise Unplaceable(f"There is no contact with the id {contact_id}.")
            named.append(by_id)
        for kind, value in zip(_KINDS, (custom_id, email, key), strict=True):
            owner = None if value is None else self.owner(kind, value)
            if owner is not None and owner not in named:
                named.append(owner)
        if contact_id is not None and custom_id is not None:
            owner = self.owner("custom_id", custom_id)
            known_as = named[0].custom_id
            if owner is not named[0] and (owner is not None or known_as is not None):
                raise Unplaceable(
                    f"The contact with the id {contact_id} does not have this custom id.",
                    code="contact_mismatch",
                )
        return named

    @staticmethod
    def _survivor(named: list[OpenContact], custom_id: str | None) -> OpenContact | None:
        """Return who keeps the event, None if it has to be somebody new.

        With a custom id in the event: its owner, else the first who has none and gets it now.
        Without: the first who has one, else the first.
        """
        if custom_id is None:
            with_custom_id = (contact for contact in named if contact.custom_id is not None)
            return next(with_custom_id, named[0] if named else None)
        for wanted in (custom_id, None):
            for contact in named:
                if contact.custom_id == wanted:
                    return contact
        return None

    def create(self) -> OpenContact:
        """Return a new contact without identifiers."""
        if not self._reserved:
            # Some at once: ids cost nothing, a statement for each would.
            count = max(self._unknown, 1)
            self._unknown = 0
            first = reserve_ids(self._conn, "contact", count)
            self._reserved = list(range(first + count - 1, first - 1, -1))
        contact = OpenContact(self._reserved.pop(), None, None, None, self.now, self.now, None, 0)
        self._by_id[contact.id] = contact
        return contact

    def own(self, kind: IdentityKind, value: str, contact: OpenContact) -> None:
        """Point this identifier at `contact`, whoever had it before."""
        self._owners[kind, value] = contact.id
        self._new_identities[kind, value] = contact.id
        self._owned[contact.id].append((kind, value))

    def _merge(self, merged: OpenContact, survivor: OpenContact, position: int) -> None:
        """Join `merged` into `survivor`; values win only where they are later."""
        self._merge_rows.append(
            {
                "workspace_id": self._scope.workspace_id,
                "merged_id": merged.id,
                "survivor_id": survivor.id,
                "position": position,
                "merged_at": self.now,
                "before": _encode(
                    {"merged": merged.profile, "survivor": survivor.profile}
                ).decode(),
            }
        )
        survivor.profile = merge_profiles(survivor.profile, merged.profile)
        survivor.changed()
        if not merged.is_new:
            for kind, value, _ in queries.identities_of(self._conn, self._scope, [merged.id]):
                self._owners.setdefault((kind, value), merged.id)
                self._owned[merged.id].append((kind, value))
            earlier = queries.merged_into(self._conn, self._scope, [merged.id])
            self._load([row.id for row in earlier])
        for kind, value in self._owned.pop(merged.id, ()):
            if self._owners[kind, value] == merged.id:
                self.own(kind, value, survivor)
        for contact in self._merged_contacts.pop(merged.id, []):
            contact.merged_into = survivor.id
            contact.changed()
            self._merged_contacts[survivor.id].append(contact)
        self._merged_contacts[survivor.id].append(merged)
        merged.merged_into = survivor.id
        merged.changed()

    def identify(
        self,
        contact: OpenContact,
        *,
        email: str | None,
        key: str | None,
        occurred_at: int,
        position: int,
        source: str,
        wins_ties: bool = False,
    ) -> None:
        """Remember e-mail and visitor key in the profile, where they are the latest.

        Args:
            wins_ties: Whether this is a write of the profile, of which the later call wins.
        """
        for name, value in (("email", email), (KEY_CELL, key)):
            if value is not None:
                cell = Cell(value, value, occurred_at, position, source)
                contact.touched = True
                if put_cell(contact.profile, name, cell, wins_ties):
                    contact.visibly_changed = True

    def apply(
        self,
        contact: OpenContact,
        values: Mapping[str, Any],
        *,
        occurred_at: int,
        position: int,
        source: str,
    ) -> None:
        """Give `contact` the attribute `values`, each where it is the latest; `null` clears."""
        contact.touched = True
        if apply_values(
            contact.profile,
            self._definitions,
            values,
            object_id=contact.id,
            occurred_at=occurred_at,
            position=position,
            source=source,
            now=self.now,
            zone=self._zone,
            set_aside=self._set_aside,
            in_event=False,
        ):
            contact.visibly_changed = True

    def disown(self, kind: IdentityKind, value: str, contact: OpenContact) -> None:
        """Take this identifier from `contact`, if it has it; nobody has it then."""
        queries.forget_identity(self._conn, self._scope, kind, value, contact.id)
        if self._owners.get((kind, value)) == contact.id:
            del self._owners[kind, value]
            self._owned[contact.id].remove((kind, value))
            self._new_identities.pop((kind, value), None)

    def delete(self, contact: OpenContact) -> list[int]:
        """Blank `contact` and those merged into it (decision 22); return all their ids.

        Saved by `save`; what hangs on them elsewhere is erased by `queries.erase`.
        """
        merged = queries.merged_into(self._conn, self._scope, [contact.id])
        self._load([row.id for row in merged])
        gone = [contact, *(self._by_id[row.id] for row in merged)]
        for one in gone:
            one.custom_id = None
            one.profile = {}
            one.deleted_at = self.now
            one.changed()
        return [one.id for one in gone]

    def recast(self, definition: Definition, ids: Collection[int]) -> Recast:
        """Coerce the values of a changed attribute again, of those of `ids` that live."""
        kept = set_aside = 0
        for contact_id in ids:
            contact = self._by_id[contact_id]
            if contact.merged_into is not None or contact.deleted_at is not None:
                continue
            done = recast_profile(
                contact.profile,
                definition,
                object_id=contact.id,
                zone=self._zone,
                set_aside=self._set_aside,
            )
            kept += done.kept
            set_aside += done.set_aside
            if done.kept or done.set_aside:
                contact.changed()
        return Recast(kept, set_aside)

    @property
    def set_aside(self) -> Sequence[SetAside]:
        """The values given so far that did not fit."""
        return self._set_aside

    def save(self) -> int:
        """Write every change; return how many contacts look different than before."""
        new_rows: list[dict[str, Any]] = []
        changed_rows: list[dict[str, Any]] = []
        dirty_rows: list[dict[str, Any]] = []
        for contact in self._by_id.values():
            if not contact.touched:
                continue
            if contact.visibly_changed:
                contact.revision += 1
                contact.updated_at = self.now
                dirty_rows.append(
                    {
                        "workspace_id": self._scope.workspace_id,
                        "kind": "contact",
                        "object_id": contact.id,
                        "revision": contact.revision,
                    }
                )
            (new_rows if contact.is_new else changed_rows).append(self._row(contact))
        self._definitions.save(self._conn)
        queries.insert(self._conn, new_rows)
        queries.save(self._conn, changed_rows)
        queries.save_identities(
            self._conn,
            [
                {
                    "workspace_id": self._scope.workspace_id,
                    "kind": kind,
                    "value": value,
                    "contact_id": contact_id,
                }
                for (kind, value), contact_id in self._new_identities.items()
            ],
        )
        queries.log_merges(self._conn, self._merge_rows)
        queries.mark_dirty(self._conn, dirty_rows)
        record_set_aside(self._conn, self._scope, self._set_aside)
        return len(dirty_rows)

    def _row(self, contact: OpenContact) -> dict[str, Any]:
        gone = contact.merged_into is not None or contact.deleted_at is not None
        return {
            "id": contact.id,
            "workspace_id": self._scope.workspace_id,
            "created_at": contact.created_at,
            "custom_id": contact.custom_id,
            "key": None if gone else contact.text(KEY_CELL),
            "email": None if gone else contact.text("email"),
            "phone_number": None if gone else contact.text("phone_number"),
            "profile": _encode(contact.profile).decode(),
            "merged_into": contact.merged_into,
            "updated_at": contact.updated_at,
            "deleted_at": contact.deleted_at,
            "revision": contact.revision,
        }
