"""What the shop sends arrives, also after a closed connection, or the shop says so."""

import pytest

from footfall.demo import api as demo


def test_a_connection_that_was_closed_while_idle_is_opened_again(till):
    line = demo.Line(till.url)
    server = demo.ShopServer(line, "secret")
    till.hang_up = True
    for number in range(3):
        server.send_events([{"event_id": str(number)}])
    line.close()
    assert [item["event_id"] for item in till.events()] == ["0", "1", "2"]
    assert till.requests[0][2]["Authorization"] == "Token secret"


def test_a_refusal_is_an_error_that_says_which(till):
    till.status = 503
    server = demo.ShopServer(demo.Line(till.url), "secret")
    with pytest.raises(demo.DeliveryFailed, match="POST /api/v1/events: 503"):
        server.send_events([{}])


def test_what_is_not_taken_at_once_is_sent_again_in_order(till):
    till.status = 503
    outbox = demo.Outbox(demo.ShopServer(demo.Line(till.url), "secret"), retry_seconds=0.01)
    outbox.send([{"event_id": "1"}])
    outbox.send([{"event_id": "2"}])
    with till.arrived:
        assert till.arrived.wait_for(lambda: len(till.requests) >= 3, 30)
        till.status = 202
        assert till.arrived.wait_for(lambda: len(till.taken) >= 2, 30)
    outbox.close()
    assert [item["event_id"] for item in till.taken] == ["1", "2"]


def test_nobody_there_is_an_error():
    server = demo.ShopServer(demo.Line("http://127.0.0.1:9"), "secret")
    with pytest.raises(demo.DeliveryFailed):
        server.send_events([{}])


def test_the_whole_catalog_is_told_with_groups_pictures_and_prices(till, catalog):
    line = demo.Line(till.url)
    demo.ShopServer(line, "secret").push_catalog(catalog, "http://shop.test")
    line.close()
    told = {path.rpartition("/")[2]: body["attributes"] for _, path, _, body in till.requests}
    assert set(told) == set(catalog.variants)
    mug = told["alder-mug-ink"]
    assert mug["group_id"] == "alder-mug"
    assert mug["price"] == 12.9
    assert mug["color"] == "Ink"
    assert mug["image_url"] == "http://shop.test/pictures/alder-mug-ink.svg"
    assert told["alder-rug-60-x-90-cm"]["size"] == "60 × 90 cm"


def test_a_simulated_browser_sends_as_the_sdk_does(till):
    line = demo.Line(till.url)
    browsers = demo.BrowserLine(line, "ABC123", "http://shop.test")
    browsers.send([{"id": str(n)} for n in range(150)], 1_000, "Mozilla/5.0")
    line.close()
    first, second = till.requests
    assert first[1] == "/api/browser/v1/events/ABC123"
    assert first[2]["Origin"] == "http://shop.test"
    assert first[2]["Content-Type"].startswith("text/plain")
    assert len(first[3]["events"]) == 100
    assert len(second[3]["events"]) == 50
