"""What other features use of ingest: files of rows, rows that become events, events that arrive."""

from footfall.ingest.importer import RowMapper, entry_of_row
from footfall.ingest.mappings import (
    Column,
    ConstantFacts,
    Constants,
    ContactSource,
    EventTypeSource,
    FactSources,
    Mapping,
    MappingError,
    ProductSource,
    TimeSource,
    check_mapping,
)
from footfall.ingest.readers import Layout, Row, RowReader
from footfall.ingest.stream import Streams
from footfall.ingest.stream_routes import KINDS, TheStreams, last_seen, watched
from footfall.ingest.types import EVENT_TYPES
from footfall.ingest.unpacking import Bounds, FileUnreadable, damages_said, opened

__all__ = [
    "EVENT_TYPES",
    "KINDS",
    "Bounds",
    "Column",
    "ConstantFacts",
    "Constants",
    "ContactSource",
    "EventTypeSource",
    "FactSources",
    "FileUnreadable",
    "Layout",
    "Mapping",
    "MappingError",
    "ProductSource",
    "Row",
    "RowMapper",
    "RowReader",
    "Streams",
    "TheStreams",
    "TimeSource",
    "check_mapping",
    "damages_said",
    "entry_of_row",
    "last_seen",
    "opened",
    "watched",
]
