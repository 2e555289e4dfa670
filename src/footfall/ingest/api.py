"""What other features use of ingest: reading files of rows, and rows that become events."""

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
from footfall.ingest.unpacking import Bounds, FileUnreadable, damages_said, opened

__all__ = [
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
    "TimeSource",
    "check_mapping",
    "damages_said",
    "entry_of_row",
    "opened",
]
