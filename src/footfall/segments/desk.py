"""What routes of segments need of the process: the keeper, and a turn for long questions."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Final

from footfall.kernel.errors import Conflict
from footfall.segments.keeper import SegmentKeeper

#: A question that somebody waits for at a screen is stopped then.
ANSWER_SECONDS: Final = 10.0


class SegmentDesk:
    """One per process."""

    def __init__(self, keeper: SegmentKeeper) -> None:
        """Take the keeper."""
        self.keeper = keeper
        # One question at a time: the others that the warehouse reads at once are for lists and
        # pages, which answer while somebody counts all of history.
        self._turn = asyncio.Semaphore(1)
        self._newest: dict[Hashable, int] = {}

    @asynccontextmanager
    async def turn(self, asker: Hashable) -> AsyncIterator[None]:
        """Wait for a turn. Of those of one asker who wait, only the newest gets one.

        Raises:
            Conflict: The same asker has asked something newer meanwhile.
        """
        mine = self._newest.get(asker, 0) + 1
        self._newest[asker] = mine
        try:
            async with self._turn:
                if self._newest[asker] != mine:
                    message = "A newer question has taken the place of this one."
                    raise Conflict(message, code="superseded")
                yield
        finally:
            if self._newest.get(asker) == mine:
                del self._newest[asker]
