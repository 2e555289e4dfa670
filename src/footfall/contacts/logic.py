"""How compatible clients write and read contacts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from footfall.attributes.api import BUILT_IN, name_std, shown_labels
from footfall.attributes.types import Definition
from footfall.contacts.types import KEY_CELL, Contact
from footfall.http.headers import ApiVersion
from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_email, checked_id
from footfall.kernel.instants import Instant, to_iso_microseconds

#: Names that say who the contact is, by version of the API; the first that is given counts.
_CUSTOM_ID_NAMES: Final[Mapping[ApiVersion, Sequence[str]]] = {
    1: ("user_id", "custom_id", "user_custom_id"),
    2: ("custom_id", "user_custom_id"),
}
_KEY_NAMES: Final[Mapping[ApiVersion, Sequence[str]]] = {
    1: ("key", "user_key"),
    2: ("user_key",),
}
#: What answers hold and no write changes, so that an answer can be sent back as it came.
_ANSWER_FRAME: Final = frozenset(
    {
        "attributes",
        "companies",
        "created_at",
        "first_seen",
        "gravatar_url",
        "last_seen",
        "lists",
        "page_views",
        "updated_at",
        "web_push_subscription",
    }
)


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Who is meant; None: not said."""

    custom_id: str | None = None
    email: str | None = None
    key: str | None = None
    clears_email: bool = False  #: said to be `null`

    def __bool__(self) -> bool:
        return any((self.custom_id, self.email, self.key))


def identifiers_in(body: Mapping[str, Any], version: ApiVersion) -> Identifiers:
    """Return the identifiers that `body` names, checked; blank ones count as not sent.

    Raises:
        Invalid: One that cannot be.
    """
    email = body.get("email")
    if email is not None and not isinstance(email, str):
        raise Invalid.at("/email", "not_an_email", "This is not an e-mail address.")
    return Identifiers(
        custom_id=_first(body, _CUSTOM_ID_NAMES[version]),
        email=checked_email(email) if email and not email.isspace() else None,
        key=_first(body, _KEY_NAMES[version]),
        clears_email="email" in body and email is None,
    )


def custom_id_name(version: ApiVersion) -> str:
    """Return what the custom id is called in this version."""
    return _CUSTOM_ID_NAMES[version][0]


def _first(body: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        sent = body.get(name)
        if sent is None or sent == "":
            continue
        if isinstance(sent, bool) or not isinstance(sent, str | int):
            raise Invalid.at(f"/{name}", "wrong_type", "This must be text.")
        return checked_id(sent, f"/{name}")
    return None


def attributes_in(body: Mapping[str, Any], version: ApiVersion) -> dict[str, Any]:
    """Return what in `body` are attribute values: neither identifiers nor the answer's frame."""
    without = _ANSWER_FRAME | {"email", KEY_CELL} | ({"key"} if version == 1 else frozenset())
    return {name: value for name, value in body.items() if name_std(name) not in without}


def compatible_contact(
    contact: Contact,
    version: ApiVersion,
    definitions: Sequence[Definition],
    lists: Sequence[tuple[int, str]],
) -> dict[str, Any]:
    """Return a contact as clients of this version read it (wire contract, section 7).

    Args:
        definitions: Of the workspace's contacts; only the first version looks at them.
        lists: Id and name of those the contact is on.
    """
    values = {name: cell.value for name, cell in contact.profile.items() if name != KEY_CELL}
    names = (values.get("first_name"), values.get("last_name"))
    seen = max((cell.occurred_at for cell in contact.profile.values()), default=0)
    shown: dict[str, Any] = {"id": contact.id}
    if version == 1:
        shown["user_id"] = contact.custom_id
    shown["custom_id"] = contact.custom_id
    shown["key" if version == 1 else KEY_CELL] = contact.key
    for name in BUILT_IN["contact"]:
        shown[name] = values.get(name)
    shown["name"] = values.get("name") or " ".join(str(name) for name in names if name) or None
    shown["gender"] = values.get("gender") or "unknown"
    shown["status"] = values.get("status") or ("user" if contact.custom_id else "visitor")
    shown["unsubscribed"] = bool(values.get("unsubscribed"))
    shown["tags"] = shown_labels(values.get("tags"))
    shown |= {"companies": [], "page_views": 0, "gravatar_url": None}
    shown["lists"] = [{"id": list_id, "name": name} for list_id, name in lists]
    shown["web_push_subscription"] = False
    shown["first_seen"] = values.get("first_seen") or to_iso_microseconds(contact.created_at)
    shown["last_seen"] = to_iso_microseconds(Instant(max(seen, contact.created_at)))
    shown["created_at"] = to_iso_microseconds(contact.created_at)
    shown["updated_at"] = to_iso_microseconds(contact.updated_at)
    if version == 1:
        shown["attributes"] = [
            {
                "id": definition.id,
                "name": definition.name,
                "name_std": definition.name_std,
                "value": values.get(definition.name_std),
            }
            for definition in definitions
            if definition.origin != "built-in"
        ]
        return shown
    for name, value in values.items():
        if value is not None:
            shown.setdefault(name, value)
    return shown
