"""How the columns of a file become product events: a small language in TOML, and ready mappings.

Pure but for reading the mapping itself. docs/how-to/import.md explains the language with examples
that a test runs.
"""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from footfall.ingest.logic import canonical_event_type
from footfall.kernel.errors import Invalid, UserError
from footfall.kernel.instants import zone

FileFormat = Literal["csv", "tsv", "jsonl", "parquet"]
#: A name from the header or of a JSON member, or a number from 1 where there is no header.
Column = str | int


class MappingError(UserError):
    """The mapping cannot be used; the message says where and why."""

    code = "bad_mapping"


class TimeSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an event happened."""

    column: Column
    #: "iso", "unix" (seconds or milliseconds), or formats of strptime, tried in turn.
    format: str | list[str] = "iso"
    zone: str | None = None  #: of times that name none; None: the workspace's


class EventTypeSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What kind of event a row is: always `value`, or what `column` says."""

    value: str | None = None
    column: Column | None = None
    values: dict[str, str] = {}  #: cell -> event type; other cells must name a type themselves
    prefixes: dict[str, str] = {}  #: start of the cell -> event type, the first that fits
    otherwise: str | None = None  #: event type of cells that nothing above fits


class ContactSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who did it; a row with none of these is stored without a contact."""

    custom_id: Column | None = None
    email: Column | None = None
    key: Column | None = None


class ProductSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The product it was done to."""

    custom_id: Column


class FactSources(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What belongs to this occurrence alone."""

    unit_price: Column | None = None
    quantity: Column | None = None
    currency: Column | None = None
    order_id: Column | None = None


class ConstantFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts that every row shares."""

    unit_price: str | float | None = None
    quantity: str | float | None = None
    currency: str | None = None
    order_id: str | None = None


class Constants(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every row shares."""

    facts: ConstantFacts = ConstantFacts()
    attributes: dict[str, Any] = {}  # any JSON value may be an attribute
    custom_data: dict[str, Any] = {}  # any JSON value may be custom data


class RejectRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that are no events. All conditions given must hold."""

    code: str
    message: str
    column: Column
    below: float | None = None
    at_most: float | None = None
    equals: str | None = None
    event_type: str | None = None  #: only rows of this type


class Mapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one kind of file becomes events."""

    time: TimeSource
    event_type: EventTypeSource
    product: ProductSource
    contact: ContactSource = ContactSource()
    facts: FactSources = FactSources()
    attributes: dict[str, Column] = {}
    custom_data: dict[str, Column] = {}
    constants: Constants = Constants()
    reject: list[RejectRule] = []
    #: Column that tells rows apart for ever; None: the row's number and content do.
    event_id: Column | None = None
    format: FileFormat | None = None  #: None: by the file's name
    header: bool = True
    delimiter: str | None = None  #: None: comma, or tab in "tsv"
    encoding: str = "utf-8"
    missing: list[str] = []  #: cells that say nothing, besides blank ones
    whole_number_columns: list[Column] = []  #: where 17850.0 means 17850

    def columns(self) -> list[Column]:
        """Return every column that is read, each once."""
        return list(dict.fromkeys(self._columns()))

    def _columns(self) -> Iterator[Column]:
        contact, facts = self.contact, self.facts
        possible = (
            self.time.column,
            self.event_type.column,
            self.product.custom_id,
            *(contact.custom_id, contact.email, contact.key),
            *(facts.unit_price, facts.quantity, facts.currency, facts.order_id),
            *self.attributes.values(),
            *self.custom_data.values(),
            *(rule.column for rule in self.reject),
            self.event_id,
            *self.whole_number_columns,
        )
        return (column for column in possible if column is not None)


def load_mapping(path: Path) -> Mapping:
    """Return the mapping written in the TOML file at `path`.

    Raises:
        MappingError: It cannot be read or used.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"The mapping {path} cannot be read: {error}.") from error
    return parse_mapping(text, str(path))


def presets() -> list[str]:
    """Return the names of the mappings that come with Footfall."""
    folder = resources.files("footfall.ingest").joinpath("presets")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir())


def load_preset(name: str) -> Mapping:
    """Return the mapping `name` that comes with Footfall.

    Raises:
        MappingError: There is none of that name; the message lists them.
    """
    if name not in presets():
        raise MappingError(f'There is no preset "{name}". There are: {", ".join(presets())}.')
    file = resources.files("footfall.ingest").joinpath("presets", f"{name}.toml")
    return parse_mapping(file.read_text(encoding="utf-8"), name)


def parse_mapping(text: str, origin: str) -> Mapping:
    """Return the mapping written in `text`; `origin` names it in errors."""
    try:
        mapping = msgspec.toml.decode(text, type=Mapping)
    except msgspec.DecodeError as error:
        raise MappingError(f"{origin}: {error}.") from error
    check_mapping(mapping, origin)
    return mapping


def check_mapping(mapping: Mapping, origin: str) -> None:
    """Do nothing for a mapping that can be used.

    Raises:
        MappingError: What is wrong, after the name `origin`.
    """
    problem = _problem(mapping)
    if problem:
        raise MappingError(f"{origin}: {problem}")


def _problem(mapping: Mapping) -> str | None:
    """Return what makes `mapping` unusable, or None."""
    return (
        _event_type_problem(mapping)
        or _column_problem(mapping)
        or _constant_problem(mapping)
        or _text_problem(mapping)
    )


def _event_type_problem(mapping: Mapping) -> str | None:
    source = mapping.event_type
    if (source.value is None) == (source.column is None):
        return "[event_type] needs either `value` or `column`."
    if source.value is not None and (source.values or source.prefixes or source.otherwise):
        return "[event_type] with `value` takes nothing else."
    named = [*source.values.values(), *source.prefixes.values(), source.value, source.otherwise]
    for name in [*named, *(rule.event_type for rule in mapping.reject)]:
        try:
            canonical_event_type(name or "view")
        except Invalid as error:
            return error.message
    return None


def _column_problem(mapping: Mapping) -> str | None:
    for column in mapping.columns():
        if isinstance(column, int):
            if mapping.format not in {None, "csv", "tsv"} or column < 1:
                return "Column numbers begin at 1 and are for CSV and TSV."
        elif not mapping.header:
            return f'Without a header line, columns are numbers from 1, not "{column}".'
    return None


def _constant_problem(mapping: Mapping) -> str | None:
    constants, read = mapping.constants, mapping.facts
    twice = {
        *(name for name in read.__struct_fields__
          if getattr(read, name) is not None and getattr(constants.facts, name) is not None),
        *(constants.attributes.keys() & mapping.attributes.keys()),
        *(constants.custom_data.keys() & mapping.custom_data.keys()),
    }  # fmt: skip
    return f'"{min(twice)}" is both a constant and a column.' if twice else None


def _text_problem(mapping: Mapping) -> str | None:
    if mapping.time.zone is not None and zone(mapping.time.zone) is None:
        return f'"{mapping.time.zone}" is not a time zone such as "Europe/London".'
    if mapping.delimiter is not None and len(mapping.delimiter) != 1:
        return "`delimiter` is one character."
    try:
        "".encode(mapping.encoding)
    except LookupError:
        return f'"{mapping.encoding}" is not a text encoding.'
    for rule in mapping.reject:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", rule.code):
            return f'The code "{rule.code}" of a reject rule must be lower_case_words.'
        if rule.below is None and rule.at_most is None and rule.equals is None:
            return f'The reject rule "{rule.code}" needs `below`, `at_most` or `equals`.'
    return None
