import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.kernel.ids import WorkspaceId
from footfall.kernel.scope import Scope
from footfall.warehouse.api import Warehouse, same_contact, statement, survivor
from footfall.warehouse.client import _filters
from footfall.warehouse.statements import Statement
from footfall.warehouse.types import AliasRow, ContactRow, ProductRow
from tests.warehouse.conftest import MakeEvent

ONE, TWO = Scope(WorkspaceId(1)), Scope(WorkspaceId(2))


def contact(
    workspace_id: int, contact_id: int, version: int = 1, email: str | None = None
) -> ContactRow:
    return ContactRow(workspace_id, contact_id, None, email, None, {}, 0.0, 0, version)


def plan(warehouse: Warehouse, read: Statement) -> str:
    parameters = {**read.parameters, "workspace_id": read.scope.workspace_id}
    rows = warehouse._writer.query(
        "EXPLAIN indexes = 1 " + read.sql,
        parameters=parameters,
        settings={"additional_table_filters": _filters(read.scope.workspace_id)},
    ).result_rows
    return "\n".join(line for (line,) in rows)


def granules(text: str, index: str) -> tuple[int, int]:
    found = re.search(index + r".*?Granules: (\d+)/(\d+)", text, re.DOTALL)
    assert found, text
    return int(found[1]), int(found[2])


#: Every shape in which a report reads: each answers ids or numbers of one workspace.
SHAPES = {
    "plain": "SELECT event_id FROM {events}",
    "alias": "SELECT e.event_id FROM {events} AS e WHERE e.event_id > 0",
    "union": (
        "SELECT event_id FROM {events} WHERE event_type = 'view'"
        " UNION ALL SELECT event_id FROM {events} WHERE event_type != 'view'"
    ),
    "with": "WITH a AS (SELECT event_id FROM {events}) SELECT event_id FROM a",
    "subquery": "SELECT event_id FROM {events} WHERE event_id IN (SELECT event_id FROM {events})",
    "left join": (
        "SELECT e.event_id FROM {events} AS e LEFT JOIN {contacts} AS c ON c.id = e.contact_id"
    ),
    "or": "SELECT event_id FROM {events} WHERE event_type = 'view' OR 1 = 1",
    "array join": "SELECT event_id FROM {events} ARRAY JOIN [event_id] AS one",
}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 2), st.integers(0, 4), st.sampled_from(["view", "purchase"])),
        max_size=30,
    )
)
def test_every_guarded_statement_sees_only_its_own_workspace(
    warehouse: Warehouse, event: MakeEvent, rows: list[tuple[int, int, str]]
) -> None:
    warehouse._command("TRUNCATE TABLE events")
    events = [event(workspace_id=w, contact_id=c, event_type=kind) for w, c, kind in rows]
    warehouse.insert("events", events, token=None)
    warehouse.insert("contacts", [contact(w, c) for w in (1, 2) for c in range(5)], token=None)
    for scope in (ONE, TWO):
        own = sorted(e.event_id for e in events if e.workspace_id == scope.workspace_id)
        for name, template in SHAPES.items():
            seen = sorted(number for (number,) in warehouse.rows(statement(scope, template)))
            assert seen == own, name


@pytest.mark.parametrize("relation", ["events", "products", "contacts", "contact_aliases"])
def test_each_relation_is_filtered_by_either_lock_alone(
    warehouse: Warehouse, event: MakeEvent, relation: str
) -> None:
    warehouse.insert("events", [event(workspace_id=w) for w in (1, 2, 2)], token=None)
    warehouse.insert("contacts", [contact(w, i) for w, i in ((1, 1), (2, 2), (2, 3))], token=None)
    warehouse.insert(
        "products",
        [ProductRow(w, i, "p", None, {}, 0.0, 0, 1) for w, i in ((1, 1), (2, 2), (2, 3))],
        token=None,
    )
    warehouse.insert(
        "contact_aliases", [AliasRow(w, i, 9, 1) for w, i in ((1, 1), (2, 2), (2, 3))], token=None
    )
    guarded = statement(TWO, f"SELECT count() FROM {{{relation}}}")
    without_filters = warehouse._read(guarded.sql, {"workspace_id": 2}, {})
    without_guard = warehouse._read(
        f"SELECT count() FROM {relation} UNION ALL SELECT count() FROM default.{relation} AS r",
        {},
        {"additional_table_filters": _filters(2)},
    )
    assert without_filters == [(2,)]
    assert without_guard == [(2,), (2,)]
    assert warehouse.rows(guarded) == [(2,)]


def test_a_reader_cannot_write_even_past_the_guard(warehouse: Warehouse) -> None:
    client = warehouse._readers.get()
    try:
        for sql in ("TRUNCATE TABLE events", "CREATE TABLE t (a Int8) ENGINE = Memory"):
            with pytest.raises(Exception, match="READONLY"):
                client.command(sql)
    finally:
        warehouse._readers.put(client)


def test_a_snapshot_shows_its_newest_version(warehouse: Warehouse) -> None:
    warehouse.insert("contacts", [contact(1, 7, 1, "old@x.pl")], token=None)
    warehouse.insert("contacts", [contact(1, 7, 3, "new@x.pl")], token=None)
    warehouse.insert("contacts", [contact(1, 7, 2, "mid@x.pl")], token=None)
    read = statement(ONE, "SELECT c.email FROM {contacts} AS c WHERE c.id = {id:UInt64}", id=7)
    assert warehouse.rows(read) == [("new@x.pl",)]


def test_the_sort_key_prunes_through_the_guard(warehouse: Warehouse, event: MakeEvent) -> None:
    # Ten contacts with 8,192 rows (one granule) each.
    rows = [event(contact_id=n // 8_192) for n in range(81_920)]
    warehouse.insert("events", rows, token=None)
    listing = (
        "SELECT event_id FROM {events} AS e WHERE e.contact_id = {who:UInt64}"
        " ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT 5"
    )
    read, total = granules(plan(warehouse, statement(ONE, listing, who=3)), "PrimaryKey")
    assert total >= 10
    assert read <= 2
    merged = f"SELECT event_id FROM {{events}} AS e WHERE {same_contact('e.contact_id', 'who')}"
    read, _ = granules(plan(warehouse, statement(ONE, merged, who=3)), "PrimaryKey")
    assert read <= 2
    read, _ = granules(plan(warehouse, statement(TWO, "SELECT * FROM {events}")), "PrimaryKey")
    assert read == 0
    by_id = "SELECT 1 FROM {events} WHERE event_id BETWEEN {a:UInt64} AND {b:UInt64}"
    last = rows[-1].event_id
    read, _ = granules(plan(warehouse, statement(ONE, by_id, a=last, b=last)), "by_event_id")
    assert read <= 2


def test_events_of_merged_contacts_are_read_as_the_survivors(
    warehouse: Warehouse, event: MakeEvent
) -> None:
    warehouse.insert("events", [event(contact_id=c) for c in (5, 6, 7, 7, 8)], token=None)
    warehouse.insert("contact_aliases", [AliasRow(1, 5, 7, 1), AliasRow(1, 6, 7, 1)], token=None)
    warehouse.reload_aliases()
    per_contact = statement(
        ONE,
        f"SELECT {survivor('e.contact_id')} AS who, count() FROM {{events}} AS e"
        " GROUP BY who ORDER BY who",
    )
    history = statement(
        ONE, f"SELECT count() FROM {{events}} WHERE {same_contact('contact_id', 'who')}", who=7
    )
    assert warehouse.rows(per_contact) == [(7, 4), (8, 1)]
    assert warehouse.rows(history) == [(4,)]
    # A merge is taken back by a newer alias to itself.
    warehouse.insert("contact_aliases", [AliasRow(1, 5, 5, 2)], token=None)
    warehouse.reload_aliases()
    assert warehouse.rows(per_contact) == [(5, 1), (7, 3), (8, 1)]
    assert warehouse.rows(history) == [(3,)]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.text(), texts=st.lists(st.text(), max_size=4))
def test_bound_values_arrive_as_they_are(warehouse: Warehouse, text: str, texts: list[str]) -> None:
    read = statement(ONE, "SELECT {a:String}, {b:Array(String)}", a=text, b=texts)
    assert warehouse.rows(read) == [(text, texts)]
