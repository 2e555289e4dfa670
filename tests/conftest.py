"""Fixtures for every suite, the order in which they run, and what Hypothesis may take."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.postgresql", "tests.warehouse_engine"]

# How long an example takes says more about who else uses the machine than about us.
settings.register_profile("footfall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("footfall")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules whose tests may take longest: no worker is left with them at the end.

    Their order is pytest-randomly's else.
    """
    limits: dict[object, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        limit = 0.0 if marker is None else float(marker.args[0])
        module = item.path
        limits[module] = max(limit, limits.get(module, 0.0))
    items.sort(key=lambda item: -limits[item.path])
