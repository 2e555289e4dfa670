"""Guesses what the columns of an uploaded file hold, by their names. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from footfall.attributes.api import BUILT_IN, RESERVED, name_std
from footfall.transfers.types import ImportKind

#: Names that shops' exports give the same thing, best first; without accents.
_PRODUCT_IDS: Final = (
    *("custom_id", "product_id", "sku", "id", "item_id", "product_code", "variant_id", "asin"),
    *("symbol", "kod", "kod_produktu", "id_produktu", "indeks", "stockcode", "itemid"),
)
_PRODUCT: Final[Mapping[str, Sequence[str]]] = {
    "custom_id": _PRODUCT_IDS,
    "name": ("name", "title", "product_name", "nazwa", "nazwa_produktu", "tytul"),
    "price": ("price", "cena", "cena_brutto", "sale_price", "regular_price", "amount"),
    "currency": ("currency", "waluta"),
    "description": ("description", "opis", "short_description"),
    "product_url": ("product_url", "url", "link", "product_link", "adres_url"),
    "image_url": ("image_url", "image", "image_link", "picture", "photo", "zdjecie", "main_image"),
    "category_name": ("category_name", "category", "product_type", "kategoria", "categories"),
    "brand": ("brand", "marka", "producent", "manufacturer", "vendor"),
    "availability": ("availability", "dostepnosc", "stock_status"),
    "gtin": ("gtin", "ean", "barcode", "upc", "isbn"),
    "group_id": ("group_id", "item_group_id", "parent_sku", "parent_id"),
    "tags": ("tags", "tagi"),
}
_CONTACT_IDS: Final = (
    *("custom_id", "user_custom_id", "user_id", "customer_id", "client_id", "contact_id", "id"),
    *("id_klienta", "klient", "customerid", "visitorid"),
)
_CONTACT: Final[Mapping[str, Sequence[str]]] = {
    "custom_id": _CONTACT_IDS,
    "email": ("email", "e_mail", "mail", "email_address", "adres_email"),
    "user_key": ("user_key",),
    "first_name": ("first_name", "firstname", "imie", "given_name"),
    "last_name": ("last_name", "lastname", "surname", "nazwisko", "family_name"),
    "phone_number": ("phone_number", "phone", "mobile", "telefon", "telephone"),
    "city": ("city", "miasto"),
    "country": ("country", "kraj"),
}
_EVENT: Final[Mapping[str, Sequence[str]]] = {
    "timestamp": (
        *("timestamp", "time", "occurred_at", "event_time", "datetime", "date", "created_at"),
        *("ordered_at", "order_date", "invoicedate", "data", "czas", "data_zamowienia"),
    ),
    "event_type": ("event_type", "event", "type", "action", "behavior", "behaviour", "typ"),
    "product_id": _PRODUCT_IDS,
    "user_custom_id": ("user_custom_id", "custom_user_id", "user", "contact", *_CONTACT_IDS[2:]),
    "email": _CONTACT["email"],
    "user_key": ("user_key", "visitor_key"),
    "event_id": ("event_id",),
    "unit_price": ("unit_price", "price", "cena", "unitprice"),
    "quantity": ("quantity", "qty", "ilosc", "pieces"),
    "currency": _PRODUCT["currency"],
    "order_id": ("order_id", "order", "transaction_id", "order_number", "invoice", "invoiceno"),
    "data.name": _PRODUCT["name"],
    "data.category_name": _PRODUCT["category_name"],
    "data.brand": _PRODUCT["brand"],
}
_KNOWN: Final[Mapping[ImportKind, Mapping[str, Sequence[str]]]] = {
    "products": _PRODUCT,
    "contacts": _CONTACT,
    "events": _EVENT,
}
#: Every name a column may be given, besides names of attributes: who or what, and facts.
IDENTIFIERS: Final[Mapping[ImportKind, tuple[str, ...]]] = {
    "products": ("custom_id",),
    "contacts": ("custom_id", "email", "user_key"),
    "events": (
        *("timestamp", "event_type", "product_id", "user_custom_id", "email", "user_key"),
        *("event_id", "unit_price", "quantity", "currency", "order_id"),
    ),
}
#: What our exports add to a product or contact, and no import sets.
_FRAME: Final = frozenset({"created_at", "updated_at"})


def suggested_columns(kind: ImportKind, headings: Sequence[str]) -> dict[str, str]:
    """Return what each column seems to hold; columns that say nothing are left out."""
    plain = {heading: _plain(heading) for heading in headings}
    found: dict[str, str] = {}
    for target, names in _KNOWN[kind].items():
        for name in names:
            fitting = (h for h, spelled in plain.items() if spelled == name and h not in found)
            heading = next(fitting, None)
            if heading is not None:
                found[heading] = target
                break
    for heading in headings:
        standard = name_std(heading)
        if heading in found or standard is None or standard in RESERVED | _FRAME:
            continue
        if kind != "events":
            found[heading] = standard
        elif standard not in {"source", "session", "traffic"}:
            found[heading] = f"custom_data.{standard}"
    return {heading: found[heading] for heading in headings if heading in found}


def targets_of(kind: ImportKind) -> list[str]:
    """Return what a column may hold, as a person may choose it; other attributes can be named."""
    if kind == "events":
        return [*IDENTIFIERS[kind], *(f"data.{name}" for name in BUILT_IN["product"])]
    names = BUILT_IN["product" if kind == "products" else "contact"]
    return [*IDENTIFIERS[kind], *(name for name in names if name not in IDENTIFIERS[kind])]


def _plain(heading: str) -> str:
    """Return the standard name without accents, `zdjecie` for `Zdjęcie`."""
    apart = unicodedata.normalize("NFKD", heading.replace("ł", "l").replace("Ł", "L"))
    bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return (name_std(bare) or "").strip("_")
