"""Runs routes that wait for a store on threads, so that the event loop goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(route: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Return `route` as Litestar takes it, run on a thread.

    In place of Litestar's `sync_to_thread`, which (2.25) wraps a route of several paths once for
    each of them, and then answers with a coroutine.
    """

    @wraps(route)
    async def on_thread(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(route, *args, **kwargs)

    return on_thread
