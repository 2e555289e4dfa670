"""Actions become what the journal and the collectors take."""

import msgspec
import pytest

from footfall.demo.records import RecordMaker, browser_item, server_item
from footfall.demo.simulation import Simulation
from footfall.demo.types import Plan
from footfall.ingest.logic import build_record, checked_identity, key_hash
from footfall.ingest.types import ActivityRecord, EventRecord, Record
from footfall.kernel.instants import zone

NOW = 1_795_447_200_000
decode = msgspec.msgpack.Decoder(Record).decode


@pytest.fixture(scope="module")
def actions(catalog):
    days = Simulation(Plan(3, 3_000, NOW), catalog).days()
    return [action for day in days for action in day]


@pytest.fixture(scope="module")
def entries(actions):
    maker = RecordMaker(1, received_at=NOW, shop_url="http://shop.test", key_prefix="h3-")
    return [maker.entry(action) for action in actions]


def test_every_action_becomes_a_record_of_its_kind_with_a_key_of_its_own(actions, entries):
    records = [decode(entry.payload) for entry in entries]
    for action, record in zip(actions, records, strict=True):
        is_event = action.kind == "product_event"
        assert isinstance(record, EventRecord if is_event else ActivityRecord)
        assert record.occurred_at == action.at
    assert len({entry.key_hash for entry in entries}) == len(entries)
    assert entries[0].key_hash == key_hash(1, "h3-1")


def test_a_product_event_is_the_record_that_the_rules_of_requests_would_make(actions, entries):
    for action, entry in zip(actions, entries, strict=True):
        if action.kind != "product_event":
            continue
        record = decode(entry.payload)
        item = server_item(action, record.event_key)
        shopper = action.shopper
        fields = {**item["data"], "price": float(item["data"]["price"])}
        by_rules = build_record(
            workspace_id=1,
            received_at=NOW,
            source=action.sender,
            event_type=item["event_type"],
            timestamp=item["timestamp"],
            event_key=record.event_key,
            identity=checked_identity(None, shopper.user_id, shopper.email, shopper.visitor_key),
            product_id=None,
            product_custom_id=item["product_id"],
            fields=fields,
            zone=zone("UTC"),
        )
        assert float(record.unit_price) == float(by_rules.unit_price)
        same = {"quantity", "order_id", "occurred_at", "event_type", "user_custom_id", "email"}
        for name in same | {"user_key", "product_custom_id", "event_key"}:
            assert getattr(record, name) == getattr(by_rules, name), name
        assert msgspec.json.decode(record.attributes) == msgspec.json.decode(by_rules.attributes)


def test_a_browser_item_says_who_only_with_a_signature(actions):
    for action in actions:
        if action.sender == "browser":
            item = browser_item(action, "e1", NOW, shop_url="http://shop.test", sign=str.upper)
            assert item["visitor"] == action.shopper.visitor_key
            assert item.get("signature") == (action.shopper.user_id or "").upper() or (
                "user_id" not in item
            )
