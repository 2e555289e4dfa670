"""The demo: one command, and there is a shop, its history, and the truth about it."""

import json
import time
from decimal import Decimal

import pytest

from tests.journeys.demo import PATIENCE_SECONDS, Demo
from tests.journeys.shop import Client


@pytest.fixture
def run_demo(tmp_path):
    runs = []

    def run(*options: str) -> Demo:
        runs.append(Demo(tmp_path / "demo", *options))
        return runs[-1]

    yield run
    for demo in runs:
        demo.kill()


def counts(client: Client, group: str) -> dict[str, int]:
    answer = client.get("/api/v1/events/count", group_by=group, limit=1_000)
    return {each[group]: each["count"] for each in answer["results"]}


def test_counts_are_the_truth_and_a_second_start_adds_nothing(run_demo):
    demo = run_demo("--events", "2000")
    demo.wait_for("is being written")
    assert "Skerry backpack" in demo.page("/product/skerry-backpack-tide")
    demo.wait_for("The history can be read.")
    truth = json.loads((demo.folder / "truth.json").read_text())
    client = demo.client()
    assert counts(client, "event_type") == truth["by_type"]
    assert counts(client, "day") == truth["by_day"]
    activities = client.get("/api/v1/activities/count", group_by="kind")["results"]
    assert {each["kind"]: each["count"] for each in activities} == {
        "page_view": truth["page_views"],
        "event": sum(truth["by_name"].values()),
    }
    (revenue,) = client.get("/api/v1/reports/revenue")["results"]
    assert revenue["currency"] == truth["currency"]
    assert (revenue["orders"], revenue["lines"]) == (truth["orders"], truth["order_lines"])
    # Lines that the browser reported, too, are counted once.
    assert truth["by_type"]["purchase"] > truth["order_lines"]
    assert Decimal(str(revenue["revenue"])) == Decimal(truth["revenue"])
    contacts = list(client.every("/api/v1/contacts", limit=100))
    assert len(contacts) == truth["contacts"]
    assert sum(1 for each in contacts if each["custom_id"]) == truth["known_contacts"]
    assert sum(1 for _ in client.every("/api/v1/products", limit=100)) == 515
    assert client.get("/api/v1/failed-events")["results"] == []
    client.close()
    assert demo.stop() == 0

    again = run_demo("--events", "9000")
    again.wait_for("Ctrl-C stops everything")
    assert "This folder keeps its history: 2,000 events of seed 1." in again.log()
    client = again.client()
    assert counts(client, "event_type") == truth["by_type"]
    client.close()
    assert again.stop() == 0


def test_a_history_that_was_interrupted_is_completed_by_the_next_start(run_demo):
    early = run_demo("--events", "12000")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (early.folder / "demo.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # its first trace
    early.stop()
    demo = run_demo("--events", "12000")
    demo.wait_for("20 %")
    assert demo.stop() == 0
    assert not (demo.folder / "truth.json").exists()
    again = run_demo("--events", "12000", "--live", "50/s")
    again.wait_for("Shoppers come now")
    truth = json.loads((again.folder / "truth.json").read_text())
    client = again.client()
    total = sum(truth["by_type"].values())
    deadline = time.monotonic() + PATIENCE_SECONDS
    # Live shoppers are on top, by the browser collector; nothing of the history is there twice.
    while (seen := client.get("/api/v1/events/count", to=iso(truth["ends_at"] + 1))["total"]) < (
        total
    ) or client.get("/api/v1/events/count")["total"] < total + 20:
        assert time.monotonic() < deadline
        time.sleep(0.1)  # shoppers take their time
    assert seen == total
    assert client.get("/api/v1/failed-events")["results"] == []
    client.close()
    assert again.stop() == 0


def iso(instant: int) -> str:
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(instant // 1000)) + f".{instant % 1000:03}Z"
    )
