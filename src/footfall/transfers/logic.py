"""What a row of an uploaded file says, by its plan. Pure."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from footfall.contacts.api import Identifiers
from footfall.ingest.api import (
    Column,
    ConstantFacts,
    Constants,
    ContactSource,
    EventTypeSource,
    FactSources,
    Mapping,
    MappingError,
    ProductSource,
    Row,
    TimeSource,
    check_mapping,
)
from footfall.kernel.errors import Invalid
from footfall.kernel.identifiers import checked_email, checked_id
from footfall.kernel.json_values import holds_nul, refuse_deep
from footfall.transfers.suggestions import IDENTIFIERS
from footfall.transfers.types import ImportKind, ImportPlan

#: Tried in turn where no format is named. Months first is left out: 03/04 would be read both ways.
_TIME_FORMATS: Final = [
    *("iso", "unix", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y"),
    *("%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y"),
]
#: Of one list in a cell; JSON is taken, too.
_LIST_MARK: Final = "|"
_LISTS: Final = frozenset({"tags", "categories"})
_decode_list: Final = msgspec.json.Decoder(list[Any]).decode


class ProductRow(NamedTuple):
    """A product as a row tells it."""

    custom_id: str
    values: dict[str, Any]


class ContactRow(NamedTuple):
    """A contact as a row tells it."""

    identifiers: Identifiers
    values: dict[str, Any]


def check_plan(kind: ImportKind, plan: ImportPlan, headings: Sequence[str]) -> None:
    """Do nothing for a plan that can be carried out.

    Raises:
        Invalid: What it lacks, or a column that the file has not.
    """
    for heading in plan.columns:
        if heading not in headings:
            raise Invalid.at(
                f"/columns/{heading}",
                "unknown_column",
                f'The file has no column "{heading[:64]}". Its columns: '
                f"{', '.join(headings)[:1_000]}.",
            )
    targets = [target for target in plan.columns.values() if target]
    for target in targets:
        if targets.count(target) > 1:
            raise Invalid.at(
                "/columns", "repeated_target", f'Two columns are said to hold "{target}".'
            )
    try:
        "".encode(plan.encoding)
    except LookupError as error:
        raise Invalid.at("/encoding", "unknown_encoding", "This is no text encoding.") from error
    if kind == "events":
        event_mapping(plan, headings)
    elif not any(name in targets for name in IDENTIFIERS[kind]):
        raise Invalid.at(
            "/columns",
            "missing_identifier",
            f"Say which column holds one of: {', '.join(IDENTIFIERS[kind])}. "
            f"The file's columns: {', '.join(headings)[:1_000]}.",
        )


def event_mapping(plan: ImportPlan, headings: Sequence[str]) -> Mapping:
    """Return the plan as the reader of events takes it.

    Raises:
        Invalid: It names no time, product or type, or something that an event has not.
    """
    places = {target: _place(plan, headings, name) for name, target in plan.columns.items()}
    apart = _event_targets(plan, places)
    mapping = Mapping(
        time=TimeSource(
            column=places["timestamp"],
            format=plan.time_format or _TIME_FORMATS,
            zone=plan.time_zone,
        ),
        event_type=EventTypeSource(value=plan.event_type)
        if plan.event_type is not None
        else EventTypeSource(column=places["event_type"], values=plan.event_types),
        product=ProductSource(custom_id=places["product_id"]),
        contact=ContactSource(
            custom_id=places.get("user_custom_id"),
            email=places.get("email"),
            key=places.get("user_key"),
        ),
        facts=FactSources(
            **{
                name: places.get(name)
                for name in ("unit_price", "quantity", "currency", "order_id")
            }
        ),
        attributes=apart["data"],
        custom_data=apart["custom_data"],
        constants=Constants(
            facts=ConstantFacts(currency=None if "currency" in places else plan.currency)
        ),
        event_id=places.get("event_id"),
        format=plan.format,
    )
    try:
        check_mapping(mapping, "This plan")
    except MappingError as error:
        raise Invalid(error.message, code="bad_mapping") from error
    return mapping


def _event_targets(plan: ImportPlan, places: dict[str, Column]) -> dict[str, dict[str, Column]]:
    """Return the columns of `data` and `custom_data`, by name."""
    for needed in ("timestamp", "product_id"):
        if needed not in places:
            raise Invalid.at(
                "/columns", "missing_identifier", f"Say which column holds the {needed}."
            )
    if plan.event_type is None and "event_type" not in places:
        raise Invalid.at(
            "/event_type", "required", "Say the event_type of all rows, or which column holds it."
        )
    apart: dict[str, dict[str, Column]] = {"data": {}, "custom_data": {}}
    for target, place in places.items():
        group, dot, name = target.partition(".")
        if dot and name and group in apart:
            apart[group][name] = place
        elif target and target not in IDENTIFIERS["events"]:
            raise Invalid.at(
                "/columns",
                "unknown_target",
                f'"{target[:64]}" is nothing an event has. Use one of '
                f"{', '.join(IDENTIFIERS['events'])}, data.NAME or custom_data.NAME.",
            )
    return apart


def _place(plan: ImportPlan, headings: Sequence[str], heading: str) -> Column:
    return heading if plan.format == "jsonl" else headings.index(heading) + 1


class ObjectMapper:
    """Reads rows as products or contacts; of all columns, in their order."""

    def __init__(self, plan: ImportPlan, headings: Sequence[str]) -> None:
        self._targets = [plan.columns.get(heading, "") for heading in headings]

    def product(self, row: Row) -> ProductRow:
        """Return the product of a row.

        Raises:
            Invalid: It is none, and why.
        """
        values = self._values(row)
        custom_id = values.pop("custom_id", None)
        if custom_id is None:
            raise Invalid("This row names no product.", code="missing_product")
        return ProductRow(_id(custom_id, "/custom_id"), values)

    def contact(self, row: Row) -> ContactRow:
        """Return the contact of a row.

        Raises:
            Invalid: It is none, and why.
        """
        values = self._values(row)
        custom_id, email, key = (values.pop(name, None) for name in IDENTIFIERS["contacts"])
        if custom_id is email is key is None:
            raise Invalid("This row names no contact.", code="missing_contact")
        identifiers = Identifiers(
            custom_id=None if custom_id is None else _id(custom_id, "/custom_id"),
            email=None if email is None else checked_email(str(email)),
            key=None if key is None else _id(key, "/user_key"),
        )
        return ContactRow(identifiers, values)

    def _values(self, row: Row) -> dict[str, Any]:
        """Return what the cells say by target; blank ones say nothing."""
        if row.values is None:
            raise Invalid(row.problem, code="unreadable_row")
        try:
            text = row.content.decode()
        except UnicodeDecodeError as error:
            raise Invalid(
                "This row holds bytes that are not text in the file's encoding.",
                code="invalid_text",
            ) from error
        values: dict[str, Any] = {}
        for target, cell in zip(self._targets, row.values, strict=True):
            if not target or cell is None or (type(cell) is str and not cell.strip()):
                continue
            values[target] = _list(cell) if target in _LISTS and type(cell) is str else cell
        if ("\0" in text or "\\u0000" in text) and holds_nul(values):
            raise Invalid("Text must not hold the NUL character.", code="nul_character")
        refuse_deep(values, "")
        return values


def _id(value: Any, pointer: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Invalid.at(pointer, "wrong_type", "This must be text.")
    return checked_id(value.strip() if isinstance(value, str) else value, pointer)


def _list(cell: str) -> Any:
    """Return the names in a cell, written as JSON or with | between them."""
    if cell.lstrip().startswith("["):
        try:
            return _decode_list(cell.encode())
        except msgspec.DecodeError:
            return [cell]
    return [part.strip() for part in cell.split(_LIST_MARK) if part.strip()]
