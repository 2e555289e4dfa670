"""Turn the rows of a file into journal entries. Pure but for reading the file.

A row is refused by the same rules as a request, and its refusal leaves the others alone. Every row
has an event key that stays the same from run to run, so that importing a file again adds nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, tzinfo
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from footfall.ingest.logic import (
    Identity,
    build_record,
    canonical_event_type,
    checked_event_key,
    checked_identity,
    key_hash,
)
from footfall.ingest.mappings import Column, Mapping, RejectRule
from footfall.ingest.readers import Layout, Row, RowReader
from footfall.ingest.types import EventRecord
from footfall.journal.types import Entry
from footfall.kernel.errors import Invalid, UserError
from footfall.kernel.identifiers import checked_id
from footfall.kernel.instants import Clock, Instant, from_datetime
from footfall.kernel.instants import zone as find_zone
from footfall.kernel.money import decimal_of

#: Distinct cells remembered for each column that costs to read; then it starts over.
_MEMORY_CELLS = 1 << 16
#: Of a refused row in the list of rejects.
_KEPT_CHARACTERS = 10_000
_NOBODY = Identity()
_encode = msgspec.msgpack.Encoder().encode


class Reject(NamedTuple):
    """A row that is not stored, and why."""

    line: int  #: of the file, from 1
    code: str
    message: str
    content: str  #: the row as it stands in the file


class Chunk(NamedTuple):
    """The next rows of a file."""

    entries: list[Entry]
    rejects: list[Reject]
    bytes_read: int  #: of the file so far


class Importer:
    """One file on its way into one workspace."""

    def __init__(
        self, path: Path, mapping: Mapping, *, workspace_id: int, zone: tzinfo, clock: Clock
    ) -> None:
        """Open the file.

        Args:
            zone: Of times that name none, where the mapping names none either.
            clock: Says when rows are received.

        Raises:
            FileUnreadable: It cannot be opened.
        """
        layout = Layout(mapping.format, mapping.header, mapping.delimiter, mapping.encoding)
        self._rows = RowReader(path, layout, mapping.columns())
        self._mapper = RowMapper(mapping, workspace_id, zone)
        self._clock = clock

    @property
    def total_bytes(self) -> int:
        """Return the size of the file as it is, compressed or not."""
        return self._rows.total_bytes

    def chunks(self, max_rows: int) -> Iterator[Chunk]:
        """Yield all rows, `max_rows` at a time.

        Raises:
            FileUnreadable: From the first place that cannot be read; what came before was yielded.
        """
        entries: list[Entry] = []
        rejects: list[Reject] = []
        received_at = self._clock()
        with closing(self._rows):
            for number, row in enumerate(self._rows, 1):
                entry = self._entry(number, row, received_at)
                if isinstance(entry, Entry):
                    entries.append(entry)
                else:
                    rejects.append(entry)
                if len(entries) + len(rejects) >= max_rows:
                    yield Chunk(entries, rejects, self._rows.bytes_read())
                    entries, rejects = [], []
                    received_at = self._clock()
        if entries or rejects:
            yield Chunk(entries, rejects, self._rows.total_bytes)

    def _entry(self, number: int, row: Row, received_at: Instant) -> Entry | Reject:
        try:
            return entry_of_row(self._mapper, number, row, received_at)
        except UserError as error:
            code, message = error.code, error.message
        except UnicodeEncodeError:
            code = "invalid_text"
            message = "This row holds bytes that are not text in the file's encoding."
        text = self._rows.text_of(row)
        return Reject(row.line, code, message, text[:_KEPT_CHARACTERS])


def entry_of_row(mapper: "RowMapper", number: int, row: Row, received_at: Instant) -> Entry:
    """Return a row as the journal takes it; see `RowMapper.record`."""
    record = mapper.record(number, row, received_at)
    event_key = record.event_key
    assert event_key is not None
    return Entry(key_hash(record.workspace_id, event_key), _encode(record))


class RowMapper:
    """A mapping, made ready for one file's rows."""

    def __init__(
        self,
        mapping: Mapping,
        workspace_id: int,
        zone: tzinfo,
        columns: Sequence[Column] | None = None,
    ) -> None:
        """Prepare for rows that hold `columns`, in this order; None: the mapping's own."""
        columns = mapping.columns() if columns is None else columns
        place = {column: number for number, column in enumerate(columns)}
        self._workspace_id = workspace_id
        self._zone = zone
        self._missing = frozenset({"", *mapping.missing})
        self._whole_numbers = [place[column] for column in mapping.whole_number_columns]
        self._numbers = _Numbers()
        self._time = place[mapping.time.column]
        self._instants = _Instants(mapping, zone)
        self._event_types = _EventTypes(mapping)
        self._event_type = _place(place, mapping.event_type.column)
        self._product = place[mapping.product.custom_id]
        contact = mapping.contact
        self._contact = [_place(place, c) for c in (contact.custom_id, contact.email, contact.key)]
        self._event_id = _place(place, mapping.event_id)
        self._rules = [(rule, place[rule.column]) for rule in mapping.reject]
        self._prepare_fields(mapping, place)

    def _prepare_fields(self, mapping: Mapping, place: dict[Column, int]) -> None:
        """Decide what goes into an event's `data` and its `custom_data` (decision 12)."""
        facts, constant_facts = mapping.facts, mapping.constants.facts
        self._fields = [(name, place[column]) for name, column in mapping.attributes.items()]
        self._custom = [(name, place[column]) for name, column in mapping.custom_data.items()]
        self._constant_fields = dict(mapping.constants.attributes)
        self._constant_custom = dict(mapping.constants.custom_data)
        for name in facts.__struct_fields__:
            column, constant = getattr(facts, name), getattr(constant_facts, name)
            # A unit price that is not the product's price belongs to the occurrence only.
            own = name == "unit_price"
            if own and column is not None and mapping.attributes.get("price") == column:
                continue
            if column is not None:
                (self._custom if own else self._fields).append((name, place[column]))
            elif constant is not None:
                (self._constant_custom if own else self._constant_fields)[name] = constant
        numeric = (facts.unit_price, facts.quantity, mapping.attributes.get("price"))
        self._numeric = sorted({place[column] for column in numeric if column is not None})

    def record(self, number: int, row: Row, received_at: Instant) -> EventRecord:
        """Return the event of a row.

        Args:
            number: Of the row in its file, from 1; part of its event key.

        Raises:
            UserError: The row is no event, or not a valid one.
        """
        if row.values is None:
            raise Invalid(row.problem, code="unreadable_row")
        values = self._read(row.values)
        event_type = self._event_types.of(
            None if self._event_type is None else values[self._event_type]
        )
        for rule, place in self._rules:
            if _forbids(rule, event_type, values[place], self._numbers):
                raise Invalid(rule.message, code=rule.code)
        product = values[self._product]
        if product is None:
            raise Invalid("This row names no product.", code="missing_product")
        fields = _collect(values, self._fields, self._constant_fields)
        custom_fields = _collect(values, self._custom, self._constant_custom)
        if custom_fields:
            fields["custom_data"] = custom_fields
        return build_record(
            workspace_id=self._workspace_id,
            received_at=received_at,
            source="import",
            event_type=event_type,
            timestamp=self._instants.of(values[self._time]),
            event_key=self._event_key(number, row, values),
            identity=self._identity(values),
            product_id=None,
            product_custom_id=checked_id(product, "/product_id"),
            fields=fields,
            zone=self._zone,
        )

    def _read(self, cells: list[Any]) -> list[Any]:
        """Return the cells with None for those that say nothing, and numbers as numbers."""
        missing = self._missing
        values = [
            None if type(cell) is str and (cell in missing or cell.isspace()) else cell
            for cell in cells
        ]
        for place in self._whole_numbers:
            values[place] = _whole_number(values[place])
        for place in self._numeric:
            values[place] = self._numbers.of(values[place])
        return values

    def _identity(self, values: list[Any]) -> Identity:
        custom_id, email, key = (
            None if place is None else values[place] for place in self._contact
        )
        if custom_id is email is key is None:
            return _NOBODY
        return checked_identity(
            None,
            custom_id,
            None if email is None else str(email),
            None if key is None else str(key),
        )

    def _event_key(self, number: int, row: Row, values: list[Any]) -> str:
        if self._event_id is not None:
            own = values[self._event_id]
            if own is None:
                raise Invalid("This row has no event id.", code="missing_event_id")
            return checked_event_key(own)
        # The number tells equal rows apart: a shop does sell the same thing twice.
        digest = blake2b(row.content, digest_size=16, person=number.to_bytes(8, "little"))
        return "import:" + digest.hexdigest()


def _collect(
    values: list[Any], sources: list[tuple[str, int]], constants: dict[str, Any]
) -> dict[str, Any]:
    found = {name: value for name, place in sources if (value := values[place]) is not None}
    return {**constants, **found} if constants else found


def _place(places: dict[Column, int], column: Column | None) -> int | None:
    return None if column is None else places[column]


def _whole_number(value: Any) -> Any:  # Any: a cell, which JSON and Parquet give types
    """Return `17850.0` as `17850`, text or number; anything else as it is."""
    if isinstance(value, str) and value.endswith(".0") and value[:-2].isdigit():
        return value[:-2]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _forbids(rule: RejectRule, event_type: str, value: Any, numbers: "_Numbers") -> bool:
    if rule.event_type is not None and rule.event_type != event_type:
        return False
    if rule.equals is not None and str(value) != rule.equals:
        return False
    if rule.below is None and rule.at_most is None:
        return True
    number = numbers.of(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return (rule.below is None or number < rule.below) and (
        rule.at_most is None or number <= rule.at_most
    )


class _Memory(dict[str, Any]):  # Any: what a cell was read as
    """What cells were read as; prices, quantities and minutes repeat all the time."""

    def __missing__(self, cell: str) -> Any:
        if len(self) >= _MEMORY_CELLS:
            self.clear()
        value = self[cell] = self._read(cell)
        return value

    def _read(self, cell: str) -> Any:  # Any: as above
        raise NotImplementedError


class _Numbers(_Memory):
    """Reads cells as numbers."""

    def of(self, value: Any) -> Any:  # Any: a cell, which JSON and Parquet give types
        """Return text as the number it writes; what is no plain number, as it is."""
        return self[value] if type(value) is str else value

    def _read(self, cell: str) -> int | float | str:
        number = decimal_of(cell)
        if number is None:
            return cell
        if number == number.to_integral_value():
            return int(number) if abs(number) < 10**15 else cell
        near = float(number)
        return near if Decimal(repr(near)) == number else cell


class _Instants(_Memory):
    """Reads cells as times."""

    def __init__(self, mapping: Mapping, zone: tzinfo) -> None:
        super().__init__()
        named = mapping.time.format
        self._formats = [named] if isinstance(named, str) else named
        own = find_zone(mapping.time.zone) if mapping.time.zone else None
        self._zone = own or zone

    def of(self, value: Any) -> float:  # Any: a cell, which JSON and Parquet give types
        """Return Unix seconds.

        Raises:
            Invalid: It is no time of the mapping's formats.
        """
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if value is None:
            raise Invalid("This row has no time.", code="missing_timestamp")
        seconds: float = self[str(value)]
        return seconds

    def _read(self, cell: str) -> float:
        for time_format in self._formats:
            try:
                if time_format == "unix":
                    return float(cell)
                if time_format == "iso":
                    moment = datetime.fromisoformat(cell.strip())
                else:
                    moment = datetime.strptime(cell.strip(), time_format)  # noqa: DTZ007 - zone below
                if moment.tzinfo is None:
                    moment = moment.replace(tzinfo=self._zone)
                return from_datetime(moment) / 1000
            except (ValueError, OverflowError):
                continue
        formats = ", ".join(f'"{name}"' for name in self._formats)
        raise Invalid(
            f'"{cell[:64]}" is not a time in the format {formats}.', code="unreadable_timestamp"
        )


class _EventTypes(_Memory):
    """Reads cells as event types."""

    def __init__(self, mapping: Mapping) -> None:
        super().__init__()
        self._source = mapping.event_type

    def of(self, value: Any) -> str:  # Any: a cell, which JSON and Parquet give types
        """Return one of the sixteen types.

        Raises:
            Invalid: It names none of them.
        """
        event_type: str = self["" if value is None else str(value)]
        return event_type

    def _read(self, cell: str) -> str:
        source = self._source
        named = source.value or source.values.get(cell)
        if named is None:
            fitting = (t for prefix, t in source.prefixes.items() if cell.startswith(prefix))
            named = next(fitting, source.otherwise)
        return canonical_event_type(cell if named is None else named)
