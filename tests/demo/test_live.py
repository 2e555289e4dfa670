"""Shoppers who come now are others with each start, and each of them acts in order."""

from itertools import islice

from footfall.demo.live import live_steps
from footfall.kernel.instants import Instant

NOW = Instant(1_795_447_200_000)


def steps(catalog, started_at=NOW, seed=1):
    return list(islice(live_steps(catalog, seed, started_at), 400))


def test_event_ids_are_never_the_same_again(catalog):
    ids = [step.event_id for step in steps(catalog)]
    later = [step.event_id for step in steps(catalog, Instant(NOW + 1))]
    assert len({*ids, *later}) == len(ids) + len(later)
    assert max(map(len, ids)) <= 64


def test_many_visit_at_once_and_each_visit_keeps_its_order(catalog):
    times: dict[str, list[int]] = {}
    for step in steps(catalog):
        if step.action.session_id is not None:
            times.setdefault(step.action.session_id, []).append(step.action.at)
    assert len(times) > 12
    assert all(each == sorted(each) for each in times.values())


def test_the_same_start_brings_the_same_shoppers(catalog):
    assert steps(catalog) == steps(catalog)
    assert steps(catalog) != steps(catalog, seed=2)
