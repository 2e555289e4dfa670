"""A mapping that cannot work is refused before the first row, with a sentence saying where."""

import pytest

from footfall.ingest.mappings import (
    MappingError,
    load_mapping,
    load_preset,
    parse_mapping,
    presets,
)

GOOD = """
[time]
column = "when"
[event_type]
column = "what"
[product]
custom_id = "sku"
"""


def test_the_smallest_mapping_says_when_what_and_which_product():
    assert parse_mapping(GOOD, "m").columns() == ["when", "what", "sku"]


def test_the_presets_that_come_along_are_valid():
    assert presets() == ["taobao", "uci-online-retail"]
    assert load_preset("taobao").columns() == [5, 4, 2, 1, 3]


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(MappingError, match="taobao, uci-online-retail"):
        load_preset("../taobao")


MISTAKES = {
    "no TOML": ("=", "m: "),
    "a part is missing": ('[time]\ncolumn = "t"', "event_type"),
    "an unknown setting": (GOOD + 'colour = "red"', "colour"),
    "both a value and a column": (
        GOOD.replace('column = "what"', 'column = "what"\nvalue = "view"'),
        "either `value` or `column`",
    ),
    "a translation to no event type": (
        GOOD.replace('column = "what"', 'column = "what"\nvalues = { a = "vieww" }'),
        'Did you mean "view"',
    ),
    "an unknown time zone": (
        GOOD.replace('column = "when"', 'column = "when"\nzone = "Mars/Base"'),
        "Mars/Base",
    ),
    "names without a header": ("header = false" + GOOD, "columns are numbers"),
    "column zero": (GOOD.replace('"sku"', "0"), "begin at 1"),
    "numbers in JSON": ('format = "jsonl"' + GOOD.replace('"sku"', "3"), "for CSV and TSV"),
    "a constant that is a column too": (
        GOOD + '[facts]\ncurrency = "cur"\n[constants.facts]\ncurrency = "EUR"',
        '"currency" is both',
    ),
    "a rule without a condition": (
        GOOD + '[[reject]]\ncode = "a"\nmessage = "b"\ncolumn = "sku"',
        "`below`, `at_most` or `equals`",
    ),
    "a rule whose code is a sentence": (
        GOOD + '[[reject]]\ncode = "Not good"\nmessage = "b"\ncolumn = "sku"\nequals = "x"',
        "lower_case_words",
    ),
    "an unknown encoding": ('encoding = "utf-9"' + GOOD, "utf-9"),
    "a long delimiter": ('delimiter = "||"' + GOOD, "one character"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_refuses(text, message):
    with pytest.raises(MappingError, match=message):
        parse_mapping(text, "m")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MappingError, match=r"absent\.toml cannot be read"):
        load_mapping(tmp_path / "absent.toml")
