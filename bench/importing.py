"""A large import of products beside single events: what it costs those who send them."""

import http.client
import json
import statistics
import time
from contextlib import closing
from typing import Any

from tests.journeys.shop import Shop

from bench.figures import SINGLE_CONNECTIONS, Line, Plan, accepted, single_requests
from bench.stand import Metrics, serving

PRODUCTS = 100_000


def importing(plan: Plan) -> list[Line]:
    """Rate and answer times of single events, without an import and beside one, turn by turn."""
    alone: list[float] = []
    beside: list[float] = []
    waits: dict[str, list[float]] = {"alone": [], "beside": []}
    with serving(plan.folder / "importing") as shop:
        token = shop.new_token()
        with closing(Metrics(shop)) as metrics:
            warm_up = single_requests(token, 3_000, 0)
            rate = 3_000 / accepted(shop.port, warm_up, 201).seconds
            metrics.wait_until_visible()
            count = int(rate * plan.seconds)
            for seed in range(1, plan.runs + 1):
                load = accepted(shop.port, single_requests(token, count, seed), 201)
                alone.append(count / load.seconds)
                waits["alone"].append(load.wait_ms(0.99))
                metrics.wait_until_visible()
                import_id = _begin(shop, token, seed)
                load = accepted(shop.port, single_requests(token, count, 100 + seed), 201)
                beside.append(count / load.seconds)
                waits["beside"].append(load.wait_ms(0.99))
                assert _state(shop, token, import_id)["status"] == "running", "it was too short"
                _cancel(shop, token, import_id)
                metrics.wait_until_visible()
            start = time.perf_counter()
            import_id = _begin(shop, token, 0)
            while _state(shop, token, import_id)["status"] != "finished":
                time.sleep(0.1)  # nothing tells when an import has ended
            quiet = PRODUCTS / (time.perf_counter() - start)
    ratio = statistics.median(b / a for a, b in zip(alone, beside, strict=True))
    p99_alone, p99 = (statistics.median(waits[name]) for name in ("alone", "beside"))
    return [
        Line("single events alone, requests/s", f"{statistics.median(alone):,.0f}", "1", "", None),
        Line(
            f"single events beside an import of {PRODUCTS:,} products, requests/s",
            f"{statistics.median(beside):,.0f}",
            f"{ratio:.2f} of the same alone",
            ">= 0.8",
            ratio >= 0.8,
        ),
        Line(
            f"the same: p99 of the answer, {SINGLE_CONNECTIONS} connections, ms",
            f"{p99:.0f}",
            f"{p99 / p99_alone:.2f} of the same alone, {p99_alone:.0f}",
            "",
            None,
        ),
        Line(f"import of {PRODUCTS:,} products alone, rows/s", f"{quiet:,.0f}", "", "", None),
    ]


def _begin(shop: Shop, token: str, seed: int) -> str:
    rows = "".join(
        f"import-{seed}-{n},Stoneware mug no. {n},{n % 90}.99,EUR,Kitchen/Mugs/{n % 40}\n"
        for n in range(PRODUCTS)
    )
    content = "custom_id,name,price,currency,category_name\n" + rows
    form = (
        '--x\r\ncontent-disposition: form-data; name="file"; filename="products.csv"\r\n\r\n'
        f"{content}\r\n--x--\r\n"
    )
    added = _ask(
        shop,
        token,
        "POST",
        "/api/v1/imports?kind=products",
        form,
        "multipart/form-data; boundary=x",
    )
    import_id: str = added["import"]["id"]
    _ask(shop, token, "POST", f"/api/v1/imports/{import_id}/start")
    return import_id


def _cancel(shop: Shop, token: str, import_id: str) -> None:
    _ask(shop, token, "DELETE", f"/api/v1/imports/{import_id}")


def _state(shop: Shop, token: str, import_id: str) -> Any:
    return _ask(shop, token, "GET", f"/api/v1/imports/{import_id}")


def _ask(
    shop: Shop, token: str, method: str, path: str, body: str = "", media_type: str = ""
) -> Any:
    headers = {"Authorization": f"Token {token}"}
    if media_type:
        headers["Content-Type"] = media_type
    with closing(http.client.HTTPConnection("127.0.0.1", shop.port, timeout=60)) as connection:
        connection.request(method, path, body.encode() or None, headers)
        response = connection.getresponse()
        answer = response.read()
        assert response.status < 300, answer
        return json.loads(answer)
