"""Offsets from UTC as a table agree with the time-zone database they are made of."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.kernel.instants import utc_offsets, zone

_NAMES = sorted(filter(zone, available_timezones()))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def offset_at(name: str, milliseconds: int) -> int:
    moment = (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(ZoneInfo(name))
    offset = moment.utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(_NAMES),
    moments=st.lists(st.integers(946_684_800_000, 4_102_444_799_999), min_size=50),
)
def test_the_table_tells_the_offset_at_any_time_in_any_zone(name: str, moments: list[int]) -> None:
    starts, offsets = zip(*utc_offsets(ZoneInfo(name)), strict=True)
    for moment in moments:
        assert offsets[bisect_right(starts, moment) - 1] == offset_at(name, moment)


def test_changes_are_found_to_the_second() -> None:
    for name in ("Europe/Warsaw", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca"):
        table = utc_offsets(ZoneInfo(name))
        assert len(table) > 20
        for (_, before), (start, after) in pairwise(table):
            assert (offset_at(name, start - 1), offset_at(name, start)) == (before, after)


@pytest.mark.parametrize(
    "name", ["localtime", "posixrules", "right/UTC", "posix/UTC", "Factory", "../UTC", "", "UTC "]
)
def test_what_is_no_iana_name_is_no_zone(name: str) -> None:
    assert zone(name) is None
