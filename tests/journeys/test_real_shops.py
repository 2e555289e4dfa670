"""The files of real shops, by every way in: the same numbers come back, and they are the file's.

Each expectation is computed here from the file itself, with nothing of ours in between.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
import zstandard
from bench.load import drive, request

from tests.journeys.shop import Client, Shop, product_event_path

REAL_FILES = Path(__file__).parents[3] / "shared" / "data"
TAOBAO = REAL_FILES / "taobao-userbehavior" / "small_sample.csv.zst"
UCI = REAL_FILES / "uci-online-retail" / "online_retail.csv.zst"

needs_real_files = pytest.mark.skipif(
    not REAL_FILES.is_dir(),
    reason="the real files are not beside this repository, in ../shared/data",
)
pytestmark = needs_real_files

TAOBAO_TYPES = {
    "pv": "view",
    "cart": "add to cart",
    "fav": "add to observation",
    "buy": "purchase",
}
#: The published numbers of the file.
TAOBAO_COUNTS = {"view": 89710, "add to cart": 5446, "add to observation": 2744, "purchase": 2101}
CONNECTIONS = 64


def _lines(path: Path) -> list[list[str]]:
    with path.open("rb") as file:
        text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), newline="")
        return list(csv.reader(text))


def _import(shop: Shop, path: Path, preset: str, workspace: str = "default") -> list[str]:
    """Run the command and return what it said; rejects are written beside the link."""
    link = shop.data_dir.parent / path.name
    if not link.exists():
        link.symlink_to(path)
    arguments = ("import", "events", str(link), "--preset", preset, "--workspace", workspace)
    return shop.command(*arguments).stdout.splitlines()


class Told(NamedTuple):
    """What a workspace answers, in words of the shop alone."""

    events: Counter[tuple[str, str, str, int]]  #: (type, contact, product, Unix seconds)
    by_type: dict[str, int]
    by_contact: dict[str, int]
    by_product: dict[str, int]
    by_day: dict[str, int]
    contacts: set[str]
    products: dict[str, dict[str, Any]]


def _told(client: Client) -> Told:
    events = Counter(
        (
            event["event_type"],
            event["contact"]["custom_id"],
            event["product"]["custom_id"],
            int(datetime.fromisoformat(event["occurred_at"]).timestamp()),
        )
        for event in client.every("/api/v1/events", limit=1000)
    )
    counted = {}
    for group in ("event_type", "contact", "product", "day"):
        answer = client.get("/api/v1/events/count", group_by=group, time_zone="UTC")
        assert answer["total"] == events.total()
        counted[group] = {row[group]: row["count"] for row in answer["results"]}
    return Told(
        events,
        counted["event_type"],
        counted["contact"],
        counted["product"],
        counted["day"],
        {contact["custom_id"] for contact in client.every("/api/v1/contacts", limit=1000)},
        {
            product["custom_id"]: product["attributes"]
            for product in client.every("/api/v1/products", limit=1000)
        },
    )


def _expected(lines: list[list[str]]) -> Told:
    events = Counter(
        (TAOBAO_TYPES[behaviour], user, item, int(seconds))
        for user, item, _, behaviour, seconds in lines
    )
    newest: dict[str, tuple[int, str]] = {}
    for _, item, category, _, seconds in lines:
        newest[item] = max(newest.get(item, (0, "")), (int(seconds), category))
    return Told(
        events,
        dict(Counter(TAOBAO_TYPES[line[3]] for line in lines)),
        dict(Counter(line[0] for line in lines)),
        dict(Counter(line[1] for line in lines)),
        dict(Counter(str(datetime.fromtimestamp(int(line[4]), UTC).date()) for line in lines)),
        {line[0] for line in lines},
        {item: {"category_name": category} for item, (_, category) in newest.items()},
    )


def _wait_until_visible(client: Client) -> None:
    """Send things that wait, of a workspace of their own."""
    probe = {"event_type": "view", "product_id": "probe", "user_key": "probe"}
    applied = None
    while applied != "wait":  # the test's time limit ends this
        status, _, headers = client.request("POST", "/api/v1/events", [probe], Prefer="wait=60")
        assert status == 202
        applied = headers.get("preference-applied")


def _item(number: int, line: list[str]) -> dict[str, Any]:
    user, item, category, behaviour, seconds = line
    return {
        "user_custom_id": user,
        "product_id": item,
        "event_type": TAOBAO_TYPES[behaviour],
        "timestamp": int(seconds),
        "event_id": f"line-{number}",
        "data": {"category_name": category},
    }


def _single_requests(lines: list[list[str]], token: str) -> Iterator[bytes]:
    for number, line in enumerate(lines):
        item = _item(number, line)
        path = product_event_path(item.pop("product_id"))
        yield request(path, token, json.dumps(item).encode(), Accept="*/*; version=2")


@pytest.fixture(scope="module")
def taobao() -> list[list[str]]:
    return _lines(TAOBAO)


@pytest.mark.timeout(1200)
def test_the_taobao_file_gives_the_same_answers_by_every_way_in(
    shop: Shop, taobao: list[list[str]]
) -> None:
    whole = "100,001 rows: 100,001 stored, 0 repeated, 0 rejected"
    again = "100,001 rows: 0 stored, 100,001 repeated, 0 rejected"
    tokens = {"default": shop.new_token()}
    for name in ("beside", "batches", "singles", "probe"):
        shop.new_workspace(name)
        tokens[name] = shop.new_token(workspace=name)
    shop.stop()
    assert _import(shop, TAOBAO, "taobao") == [whole]
    shop.start()
    assert _import(shop, TAOBAO, "taobao") == [again]
    assert _import(shop, TAOBAO, "taobao", "beside") == [whole]

    clients = {name: shop.client(token) for name, token in tokens.items()}
    items = [_item(number, line) for number, line in enumerate(taobao)]
    for start in range(0, len(items), 5_000):
        part = items[start : start + 5_000]
        status, body, _ = clients["batches"].request("POST", "/api/v1/events", part)
        assert (status, body["accepted"], body["rejected"]) == (202, len(part), [])
    singles = list(_single_requests(taobao, tokens["singles"]))
    sent = drive(shop.port, singles, connections=CONNECTIONS)
    assert sent.statuses == {201: len(taobao)}
    _wait_until_visible(clients["probe"])

    expected = _expected(taobao)
    assert expected.by_type == TAOBAO_COUNTS
    assert (len(expected.contacts), len(expected.products)) == (983, 64_467)
    for name in ("default", "beside", "batches", "singles"):
        told = _told(clients[name])
        for field, wanted, found in zip(Told._fields, expected, told, strict=True):
            assert found == wanted, (name, field)
        clients[name].close()


# --- UCI Online Retail --------------------------------------------------------------------------
#
# The rule of revenue: the amounts of purchases minus those of returns, an amount being unit price
# times quantity, per calendar day in Europe/London. Two kinds of lines are no sale and are
# rejected: a negative price books a bad debt, and a purchase of no or fewer pieces corrects the
# stock. Lines without customer count like all others.


class _Sales(NamedTuple):
    stored: int
    rejected: Counter[str]
    lines_by_day: dict[str, int]
    revenue_by_day: dict[str, Decimal]
    without_customer: int


def _sales_of_file() -> _Sales:
    rejected: Counter[str] = Counter()
    by_day: Counter[str] = Counter()
    revenue: dict[str, Decimal] = {}
    without_customer = 0
    for invoice, _, _, quantity, time, price, customer, _ in _lines(UCI)[1:]:
        is_return = invoice.startswith("C")
        if Decimal(price) < 0:
            rejected["bad_debt"] += 1
            continue
        if not is_return and Decimal(quantity) <= 0:
            rejected["stock_correction"] += 1
            continue
        day = time[:10]  # the file's times are British ones
        amount = Decimal(price) * abs(Decimal(quantity))
        by_day[day] += 1
        revenue[day] = revenue.get(day, Decimal(0)) + (-amount if is_return else amount)
        without_customer += not customer
    return _Sales(by_day.total(), rejected, dict(by_day), revenue, without_customer)


def _sales_of_shop(client: Client) -> tuple[dict[str, int], dict[str, Decimal], int]:
    london = ZoneInfo("Europe/London")
    by_day: Counter[str] = Counter()
    revenue: dict[str, Decimal] = {}
    without_contact = 0
    for event in client.every("/api/v1/events", limit=1000):
        day = str(datetime.fromisoformat(event["occurred_at"]).astimezone(london).date())
        # The shortest text of a float is the decimal that it was read from.
        amount = Decimal(str(event["unit_price"])) * Decimal(str(event["quantity"]))
        signed = {"purchase": amount, "return": -amount}[event["event_type"]]
        assert event["currency"] == "GBP"
        by_day[day] += 1
        revenue[day] = revenue.get(day, Decimal(0)) + signed
        without_contact += event["contact"] is None
    return dict(by_day), revenue, without_contact


@pytest.mark.timeout(1200)
def test_uci_online_retail_is_accounted_for_whole_with_its_revenue_per_day(shop: Shop) -> None:
    expected = _sales_of_file()
    rejected = expected.rejected.total()
    assert expected.stored + rejected == 541_909
    said = _import(shop, UCI, "uci-online-retail")
    assert said[0] == f"541,909 rows: {expected.stored:,} stored, 0 repeated, {rejected:,} rejected"
    reasons = {code: int(n.replace(",", "")) for n, code in map(str.split, said[1:-1])}
    assert reasons == expected.rejected
    rejects = shop.data_dir.parent / f"{UCI.name}.rejects.jsonl"
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert Counter(reject["code"] for reject in kept) == expected.rejected
    assert all(reject["message"] and reject["content"] for reject in kept)

    client = shop.client(shop.new_token())
    counted = client.get("/api/v1/events/count", group_by="day", time_zone="Europe/London")
    assert counted["total"] == expected.stored
    assert {row["day"]: row["count"] for row in counted["results"]} == expected.lines_by_day
    by_day, revenue, without_contact = _sales_of_shop(client)
    assert by_day == expected.lines_by_day
    assert revenue == expected.revenue_by_day
    assert without_contact == expected.without_customer
    client.close()
