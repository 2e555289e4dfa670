"""What browsers send, beside the same events over the REST API."""

import json
import statistics
from collections.abc import Sequence
from contextlib import closing

from bench.events import shop_events
from bench.figures import SINGLE_CONNECTIONS, Line, Plan, accepted, single_requests
from bench.load import request
from bench.stand import Metrics, serving

_USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36"
)
_ORIGIN = "https://shop.example"


def _browser_requests(key: str, count: int, seed: int) -> list[bytes]:
    made = []
    for event in shop_events(count, seed, keyed=True):
        item = {
            "kind": "product_event",
            "id": f"b{event['event_id'][1:]}",
            "at": event["timestamp"],
            "visitor": event["user_custom_id"][-12:],
            "session": "s3mPq8sTv1Yz",
            "product_id": event["product_id"],
            "event_type": event["event_type"],
            "data": event["data"],
        }
        body = json.dumps({"sent_at": event["timestamp"], "events": [item]}).encode()
        path = f"/api/browser/v1/events/{key}"
        made.append(request(path, "", body, Origin=_ORIGIN, User_Agent=_USER_AGENT))
    return made


def browser(plan: Plan) -> list[Line]:
    """Keyed single-event requests of browsers beside those of a shop's server, in turn."""
    rates: dict[str, list[float]] = {"rest": [], "browser": []}
    with serving(plan.folder / "browser") as shop, closing(Metrics(shop)) as metrics:
        token = shop.new_token()
        key = shop.command(
            "app-keys", "create", "bench", "--origin", _ORIGIN, "--events-per-second", "1000000"
        ).stdout.strip()
        warm_up = 3_000
        speed = warm_up / accepted(shop.port, single_requests(token, warm_up, 0), 201).seconds
        accepted(shop.port, _browser_requests(key, warm_up, 0), 202)
        count = int(speed * plan.seconds)

        def measure(name: str, requests: Sequence[bytes], status: int) -> None:
            metrics.wait_until_visible()  # what is left of the other is not this one's
            rates[name].append(count / accepted(shop.port, requests, status).seconds)

        for seed in range(1, plan.runs + 1):
            measure("rest", single_requests(token, count, seed), 201)
            measure("browser", _browser_requests(key, count, seed), 202)
    rest, found = statistics.median(rates["rest"]), statistics.median(rates["browser"])
    return [
        Line(
            f"single events/s over REST, {SINGLE_CONNECTIONS} connections",
            f"{rest:,.0f}",
            "1",
            "",
            None,
        ),
        Line(
            "the same from browsers: app key, origin, limit, User-Agent",
            f"{found:,.0f}",
            f"{found / rest:.2f} of REST",
            ">= 0.80",
            found / rest >= 0.8,
        ),
    ]
