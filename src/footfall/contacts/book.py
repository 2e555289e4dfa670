"""The contacts one transaction works with: found by identifiers, created, joined, saved together.

The projector opens one per batch and workspace, REST writes one per request; so there is one way
in which people are told apart (decision 14).

Identifiers that one event names belong to one person. Written so that the order of events does
not matter as long as the identifiers seen together name at most one custom id: whoever has the
custom id survives, contacts without one are merged into it, and an identifier nobody had goes to
the survivor. Where an event names two contacts with different custom ids, they stay apart; the
event belongs to the first of internal id, custom id, e-mail, visitor key, and the visitor key
points there from then on.

What a browser says without the signature of the shop's server is not trusted: it may name a
contact, and cannot change an e-mail address or phone number that is known. Where it contradicts
one, that part is set aside; there the order of events may matter, as what is known first stands.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Literal, cast

import msgspec
from sqlalchemy import Connection

from footfall.attributes.api import (
    RAW_LIMIT,
    Definitions,
    apply_values,
    json_text,
    merge_profiles,
    name_std,
    put_cell,
    recast_profile,
    record_set_aside,
)
from footfall.attributes.types import BROWSER, SIGNED, Cell, Profile, Revalue, SetAside
from footfall.contacts import queries
from footfall.contacts.cart_queries import mark_carts_dirty
from footfall.contacts.merging import Before, identities_before, packed, without
from footfall.contacts.opened import OpenContact, differ, may_say
from footfall.contacts.types import KEY_CELL, Unplaceable
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.state.api import reserve_ids

IdentityKind = Literal["custom_id", "email", "key"]
_KINDS: tuple[IdentityKind, ...] = ("custom_id", "email", "key")

#: Source of the visitor key's cell.
_ANYBODY = "key"

_encode = msgspec.json.Encoder().encode


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

    def contradicts(
        self, contact_id: int | None, custom_id: str | None, email: str, key: str | None
    ) -> bool:
        """Return whether the contact that the other identifiers name has another address."""
        named = None if contact_id is None else self.by_id(contact_id)
        if named is None and custom_id is not None:
            named = self.owner("custom_id", custom_id)
        if named is None and key is not None:
            named = self.owner("key", key)
            if named is not None and custom_id is not None and named.custom_id is not None:
                named = None  # a new contact's: the key was somebody else's until now
        return named is not None and not may_say(named, "email", email)

    def resolve(
        self,
        *,
        contact_id: int | None,
        custom_id: str | None,
        email: str | None,
        key: str | None,
        position: int,
        trusted: bool = True,
    ) -> OpenContact | None:
        """Return whose event this is, after creating and joining what it names; None for nobody.

        Args:
            trusted: Whether this may join contacts that are known by different addresses or
                numbers. If not, `email` has passed `contradicts`.

        Raises:
            Unplaceable: No contact has the internal id, or it is another one's custom id.
        """
        if contact_id is None and custom_id is None and email is None and key is None:
            return None
        named = self._named(contact_id, custom_id, email, key)
        known = None if custom_id is None else self.owner("custom_id", custom_id)
        contact = known or self._survivor(named, custom_id) or self.create()
        for other in named:
            if other is contact or other.custom_id is not None:
                continue
            if trusted or not differ(other, contact):
                self.merge(other, contact, position)
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

        With a custom id in the event that nobody has: the first who has none and gets it now.
        Without: the first who has one, else the first.
        """
        if custom_id is not None:
            return next((contact for contact in named if contact.custom_id is None), None)
        with_custom_id = (contact for contact in named if contact.custom_id is not None)
        return next(with_custom_id, named[0] if named else None)

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

    def merge(
        self,
        merged: OpenContact,
        survivor: OpenContact,
        position: int,
        *,
        cause: Literal["event", "request"] = "event",
    ) -> None:
        """Join `merged` into `survivor`; values win only where they are later.

        The survivor keeps its custom id; the merged one's names the survivor from now on.
        """
        before = Before(merged.profile, survivor.profile)
        cells = (survivor.profile.get("email"), merged.profile.get("email"))
        survivor.profile = merge_profiles(survivor.profile, merged.profile)
        survivor.changed()
        if not merged.is_new:
            for kind, value, _ in queries.identities_of(self._conn, self._scope, [merged.id]):
                self._owners.setdefault((kind, value), merged.id)
                self._owned[merged.id].append((kind, value))
            earlier = queries.merged_into(self._conn, self._scope, [merged.id])
            self._load([row.id for row in earlier])
        owned = [one for one in self._owned[merged.id] if self._owners.get(one) == merged.id]
        before.identities = list(dict.fromkeys(owned))
        for cell, holder in zip(cells, (survivor, merged), strict=True):
            if self._outrank(cell, holder, survivor) and holder is survivor and cell is not None:
                before.let_go.append(("email", cell.value))
        for kind, value in self._owned.pop(merged.id, ()):
            if self._owners.get((kind, value)) == merged.id:
                self.own(kind, value, survivor)
        if survivor.custom_id is None and merged.custom_id is not None:
            survivor.custom_id = merged.custom_id
            before.gave_custom_id = True
        for contact in self._merged_contacts.pop(merged.id, []):
            contact.merged_into = survivor.id
            contact.changed()
            self._merged_contacts[survivor.id].append(contact)
        self._merged_contacts[survivor.id].append(merged)
        merged.merged_into = survivor.id
        merged.changed()
        self._merge_rows.append(
            {
                "workspace_id": self._scope.workspace_id,
                "merged_id": merged.id,
                "survivor_id": survivor.id,
                "position": position,
                "merged_at": self.now,
                "cause": cause,
                "before": packed(before),
            }
        )

    def take_apart(
        self,
        merged_id: int,
        survivor: OpenContact,
        before: Before,
        *,
        others: Sequence[Profile],
        followers: Collection[int],
    ) -> OpenContact:
        """Undo a merge into `survivor`, which lives; return the contact that lives again.

        Args:
            before: What was before that merge.
            others: Profiles of those merged into the survivor later, who still are.
            followers: Whom the contact had with it, as they had been merged into it.
        """
        self._load([merged_id, *followers])
        merged = self._by_id[merged_id]
        survivor.profile = without(survivor.profile, before, others)
        if before.gave_custom_id and survivor.custom_id == merged.custom_id:
            survivor.custom_id = None
        mark_carts_dirty(self._conn, [merged_id, survivor.id])
        merged.merged_into = None
        for contact in (merged, *(self._by_id[follower] for follower in followers)):
            contact.changed()
            if contact is not merged:
                contact.merged_into = merged_id
        survivor.changed()
        # Their types may have changed since they were put away.
        for contact in (merged, survivor):
            for definition in self._definitions.all():
                recast_profile(
                    contact.profile,
                    definition,
                    object_id=contact.id,
                    zone=self._zone,
                    set_aside=self._set_aside,
                )
        for holder, identities in (
            (merged, identities_before(before, merged.custom_id)),
            (survivor, before.let_go),
        ):
            for kind, value in identities:
                self._give_back(cast("IdentityKind", kind), value, holder, survivor)
        return merged

    def _give_back(
        self, kind: IdentityKind, value: str, holder: OpenContact, survivor: OpenContact
    ) -> None:
        """Have an identifier name `holder` again, unless it came to name somebody else."""
        owners = queries.identities(self._conn, self._scope, kind, [value])
        if not owners or owners[0][1] == survivor.id:
            self.own(kind, value, holder)

    def _outrank(self, cell: Cell | None, holder: OpenContact, contact: OpenContact) -> bool:
        """Take an address that only a browser gave from `holder` if `contact` has a better one now.

        As if the browser's had come last: then it would have been set aside. Return whether it
        named `holder` until now.
        """
        current = contact.profile.get("email")
        if cell is None or current is None or cell.source != BROWSER or current.source == BROWSER:
            return False
        if cell.value is None or cell.value == current.value:
            return False
        self.set_unsigned_aside(
            contact, "email", cell.value, cell.occurred_at, cell.position, cell.source
        )
        return self.disown("email", cell.value, holder)

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
        trusted: bool = True,
    ) -> None:
        """Remember e-mail and visitor key in the profile, where they are the latest.

        Args:
            wins_ties: Whether this is a write of the profile, of which the later call wins.
            trusted: Whether the e-mail may take the place of a known one.
        """
        if email is not None and not trusted and not may_say(contact, "email", email):
            self.set_unsigned_aside(contact, "email", email, occurred_at, position, source)
            email = None
        vouched = SIGNED if trusted and source == BROWSER else source
        before = contact.profile.get("email")
        # Nobody vouches for a key: the one seen last counts, whoever sent it.
        for name, value, said_by in (("email", email, vouched), (KEY_CELL, key, _ANYBODY)):
            if value is not None:
                cell = Cell(value, value, occurred_at, position, said_by)
                contact.touched = True
                if put_cell(contact.profile, name, cell, wins_ties):
                    contact.visibly_changed = True
        if email is not None:
            self._outrank(before, contact, contact)

    def set_unsigned_aside(
        self,
        contact: OpenContact,
        name: str,
        raw: Any,
        occurred_at: int,
        position: int,
        source: str,
    ) -> None:
        """Keep what a browser said without a signature and may not say."""
        self._set_aside.append(
            SetAside(
                kind="contact",
                object_id=contact.id,
                name=name,
                name_std=name,
                raw=json_text(raw)[:RAW_LIMIT],
                code="unsigned",
                message="The shop's server must vouch for this; the browser's call was unsigned.",
                occurred_at=Instant(occurred_at),
                position=position,
                source=source,
            )
        )

    def learn(
        self,
        contact: OpenContact,
        values: Mapping[str, Any],
        *,
        occurred_at: int,
        position: int,
        source: str,
        trusted: bool,
    ) -> None:
        """Give `contact` what an event says of it: `null` says nothing, as in every event.

        Identifiers stand beside these values and are passed over among them.
        """
        vouched: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for name, value in values.items():
            standard = name_std(name)
            if value is None or standard in {"email", KEY_CELL}:
                continue
            if standard != "phone_number":
                others[name] = value
            elif trusted:
                vouched[name] = value
            elif may_say(contact, standard, str(value)):
                others[name] = value
            else:
                self.set_unsigned_aside(contact, standard, value, occurred_at, position, source)
        said_by = SIGNED if source == BROWSER else source
        for said, who in ((vouched, said_by), (others, source)):
            if said:
                self.apply(contact, said, occurred_at=occurred_at, position=position, source=who)

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

    def disown(self, kind: IdentityKind, value: str, contact: OpenContact) -> bool:
        """Take this identifier from `contact`, if it has it; nobody has it then."""
        had = queries.forget_identity(self._conn, self._scope, kind, value, contact.id)
        if self._owners.get((kind, value)) == contact.id:
            had = True
            del self._owners[kind, value]
            self._owned[contact.id].remove((kind, value))
            self._new_identities.pop((kind, value), None)
        return had

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

    def revalue(self, revalue: Revalue, ids: Collection[int]) -> None:
        """Let `revalue` change the profiles of those of `ids` that live."""
        contacts = (self._by_id[contact_id] for contact_id in ids if contact_id in self._by_id)
        profiles = {
            contact.id: contact.profile
            for contact in contacts
            if contact.merged_into is None and contact.deleted_at is None
        }
        for contact_id in revalue(profiles):
            self._by_id[contact_id].changed()

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
        if self._merge_rows:
            merged = {row["merged_id"] for row in self._merge_rows}
            mark_carts_dirty(self._conn, merged)  # and those they are merged into
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
