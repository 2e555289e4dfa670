"""The limiter lets through exactly what a key may bring, however it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.http.rate_limit import RateLimiter, Throttled


class Watch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_without_a_limit_everything_comes_in() -> None:
    limiter = RateLimiter(Watch())
    for _ in range(1_000):
        limiter.admit("a", None)
        limiter.owe("a", None, 99)


def test_a_flood_on_one_key_leaves_the_others_alone() -> None:
    limiter = RateLimiter(Watch())
    for key in ("a", "b"):
        limiter.admit(key, 1)
        with pytest.raises(Throttled) as refusal:
            limiter.admit(key, 1)
        assert refusal.value.retry_after_seconds == 1
    limiter.admit("c", 1)


def test_a_new_limit_holds_at_once() -> None:
    watch = Watch()
    limiter = RateLimiter(watch)
    for _ in range(10):
        limiter.admit("a", 10)
    with pytest.raises(Throttled):
        limiter.admit("a", 10)
    watch.seconds = 0.01
    limiter.admit("a", 100)


@given(
    per_second=st.integers(1, 50),
    requests=st.lists(st.tuples(st.integers(1, 100), st.floats(0, 3)), max_size=60),
)
def test_over_any_time_no_more_comes_in_than_the_limit_allows(
    per_second: int, requests: list[tuple[int, float]]
) -> None:
    watch = Watch()
    limiter = RateLimiter(watch)
    brought = last = 0
    for events, pause in requests:
        watch.seconds += pause
        try:
            limiter.admit("a", per_second)
        except Throttled as refusal:
            # The word is kept: at that moment it comes in.
            watch.seconds += refusal.retry_after_seconds
            limiter.admit("a", per_second)
        limiter.owe("a", per_second, events - 1)
        brought, last = brought + events, events
        # One second's worth is there at the start; what comes last is owed afterwards.
        assert brought - last <= per_second * (watch.seconds + 1) + 1e-3
