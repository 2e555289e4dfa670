"""Shoppers who come now: the simulation's visits, one action at a time, many visits at once."""

import random
from collections.abc import Iterator
from itertools import count
from typing import Final, NamedTuple

from footfall.demo.assortment import Assortment
from footfall.demo.people import Population
from footfall.demo.types import Action, Catalog, Device
from footfall.demo.visits import Visitor
from footfall.kernel.instants import SECOND_MS, Instant

#: Visits under way at any time.
_OPEN_VISITS: Final = 12


class LiveStep(NamedTuple):
    """What a shopper does next."""

    action: Action  #: its time is the visit's own and means nothing here
    event_id: str
    device: Device


def live_steps(catalog: Catalog, seed: int, started_at: Instant) -> Iterator[LiveStep]:
    """Yield what shoppers do, without end; each visit in its order.

    Args:
        started_at: Makes people, orders and event ids differ from those of another start.
    """
    rng = random.Random(f"live {seed} {started_at}")  # noqa: S311 - a simulation, no secret
    assortment = Assortment(catalog, rng, started_at)
    people = Population(rng, len(catalog.categories), first_number=started_at // SECOND_MS)
    numbers = count(1)
    visits: list[tuple[Iterator[Action], Device]] = []
    while True:
        while len(visits) < _OPEN_VISITS:
            person, browser = people.visitor()
            name = f"live-{started_at}-{next(numbers)}"
            visitor = Visitor(
                rng, assortment, person, browser, starts_at=started_at, session_id=name
            )
            visits.append((iter(visitor.visit(name).actions), browser.device))
        place = rng.randrange(len(visits))
        actions, device = visits[place]
        action = next(actions, None)
        if action is None:
            del visits[place]
        else:
            yield LiveStep(action, f"live-{started_at}-e{next(numbers)}", device)
