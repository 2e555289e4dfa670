"""What people call the API's words."""

from typing import Final

TYPE_NAMES: Final = {
    "string": "Text",
    "integer": "Whole number",
    "float": "Number",
    "boolean": "Yes or no",
    "date": "Date",
    "datetime": "Date and time",
    "fixed": "Choice from a list",
    "json": "Structured data (JSON)",
    "list": "List of texts",
}
#: Whence values and events come.
_SOURCE_NAMES: Final = {
    "api": "your server",
    "import": "an imported file",
    "browser": "a page of the shop",
}


def type_name(value_type: str) -> str:
    """Return what people call a type of attribute."""
    return TYPE_NAMES.get(value_type, value_type)


def source_name(source: str) -> str:
    """Return who it is that says what comes from a source."""
    return _SOURCE_NAMES.get(source, source)
