"""How many events a key may bring per second."""

from collections.abc import Callable, Hashable
from math import ceil

from footfall.kernel.errors import UserError


class Throttled(UserError):
    """The key is over its limit; the same request is welcome after the seconds given."""

    status = 429
    code = "throttled"

    def __init__(self, retry_after_seconds: int) -> None:
        unit = "second" if retry_after_seconds == 1 else "seconds"
        super().__init__(
            f"Request was throttled. Expected available in {retry_after_seconds} {unit}."
        )
        self.retry_after_seconds = retry_after_seconds


#: An event, but for what sums of fractions lose: who comes when it was told comes in.
_ONE = 1 - 1e-6


class RateLimiter:
    """A token bucket for each key that has a limit, one second's worth deep. On one event loop.

    A request is let in for one event before it is read, so that a flood costs next to nothing, and
    owes the others once they are counted: whoever sends a hundred at once waits for as long as they
    would have taken one by one.

    Args:
        monotonic: Seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        #: key -> (events it may still bring, as of when). As many as there are keys with limits.
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def admit(self, key: Hashable, per_second: int | None) -> None:
        """Let one event in.

        Raises:
            Throttled: The key is over its limit.
        """
        if per_second is None:
            return
        now = self._monotonic()
        left, since = self._buckets.get(key, (float(per_second), now))
        left = min(left + (now - since) * per_second, float(per_second))
        if left < _ONE:
            self._buckets[key] = (left, now)
            raise Throttled(ceil((1 - left) / per_second))
        self._buckets[key] = (left - 1, now)

    def owe(self, key: Hashable, per_second: int | None, more: int) -> None:
        """Count `more` events of a request that was let in."""
        if per_second is not None and more > 0:
            left, since = self._buckets[key]
            self._buckets[key] = (left - more, since)
