"""For those who run Footfall: is it up, is it ready, what is it doing."""

import logging
from collections.abc import Iterable
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from footfall.http.services import Services, TheServices
from footfall.http.threads import in_thread

_log = logging.getLogger(__name__)

#: Litestar adds the charset itself.
_TEXT_FORMAT = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
_EVENT_COUNTERS = (
    ("events_accepted", "Events taken into the journal"),
    ("events_repeated", "Events whose key was known"),
    ("events_refused", "Events answered with an error"),
    ("events_projected", "Events carried into the state store"),
    ("events_failed", "Events accepted that could not be placed"),
)


class CountersCollector(Collector):
    """Reads the counters and gauges when they are scraped; between scrapes it costs nothing."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Yield every metric with its present value."""
        counters = self._services.counters
        for name, help_text in _EVENT_COUNTERS:
            yield CounterMetricFamily(f"footfall_{name}", help_text, value=getattr(counters, name))
        answers = CounterMetricFamily(
            "footfall_http_responses", "Answers by status code", labels=["status"]
        )
        for status, number in sorted(counters.responses.copy().items()):
            answers.add_metric([str(status)], number)
        yield answers
        for name, read in self._services.gauges.items():
            text = name.replace("_", " ")
            yield GaugeMetricFamily(f"footfall_{name}", text.capitalize(), value=read())


def metrics_registry(services: Services) -> CollectorRegistry:
    """Return a registry of this process's metrics and Footfall's."""
    registry = CollectorRegistry()
    registry.register(CountersCollector(services))
    ProcessCollector(registry=registry)
    return registry


@get("/healthz", sync_to_thread=False, summary="Is the process up?", tags=["operations"])
def health() -> dict[str, str]:
    """Answer as long as the process serves at all."""
    return {"status": "ok"}


@get("/readyz", summary="Do the stores answer?", tags=["operations"])
@in_thread
def readiness(services: TheServices) -> Response[dict[str, Any]]:
    """Ask every store; 503 and the names of those that do not answer, if any."""
    stores: dict[str, str] = {}
    for name, check in services.store_checks.items():
        try:
            check()
        except Exception:  # noqa: BLE001 - whatever a store does wrong, it is not ready
            _log.warning("store %s does not answer", name, exc_info=True)
            stores[name] = "unavailable"
        else:
            stores[name] = "ok"
    ready = all(answer == "ok" for answer in stores.values())
    return Response(
        {"status": "ok" if ready else "unavailable", "stores": stores},
        status_code=200 if ready else 503,
        headers={} if ready else {"retry-after": "1"},
    )


@get("/metrics", summary="Prometheus metrics", tags=["operations"])
@in_thread
def metrics(
    registry: NamedDependency[SkipValidation[CollectorRegistry]],
) -> Response[bytes]:
    """Return all metrics in Prometheus' text format."""
    return Response(generate_latest(registry), media_type=_TEXT_FORMAT)


routes = [health, readiness, metrics]
