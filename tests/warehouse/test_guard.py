import re
import subprocess
import sys

import pytest

from footfall.kernel.ids import WorkspaceId
from footfall.kernel.scope import Scope
from footfall.warehouse.api import Statement, UnguardedStatement, Warehouse, statement, survivor
from footfall.warehouse.guard import _REFUSED_FUNCTIONS, guarded, verify

OURS = Scope(WorkspaceId(1))
EVENTS = guarded("events")
CONTACTS = guarded("contacts")

ATTACKS = {
    "no guard": "SELECT * FROM events",
    "a guard of its own": "SELECT * FROM events WHERE workspace_id = {workspace_id:UInt32}",
    "guard on the wrong alias": (
        f"SELECT * FROM {EVENTS} AS a JOIN events AS b ON a.workspace_id = {{workspace_id:UInt32}}"
    ),
    "OR-ed guard": (
        "SELECT * FROM (SELECT * FROM events WHERE workspace_id = {workspace_id:UInt32} OR 1 = 1)"
    ),
    "another parameter in the guard": (
        "SELECT * FROM (SELECT * FROM events WHERE workspace_id = {other:UInt32})"
    ),
    "a number in the guard": "SELECT * FROM (SELECT * FROM events WHERE workspace_id = 2)",
    "snapshot without FINAL": (
        "SELECT * FROM (SELECT * FROM contacts WHERE workspace_id = {workspace_id:UInt32})"
    ),
    "UNION": f"SELECT event_id FROM {EVENTS} UNION ALL SELECT event_id FROM events",
    "subquery": f"SELECT (SELECT count() FROM events) FROM {EVENTS}",
    "JOIN": f"SELECT * FROM {EVENTS} AS e JOIN contacts AS c ON c.id = e.contact_id",
    "comma join": f"SELECT * FROM {EVENTS} AS e, customers",
    "comma join behind an alias that is a keyword": f"SELECT * FROM {EVENTS} AS where, customers",
    "IN table": f"SELECT * FROM {EVENTS} WHERE event_id IN customers",
    "IN table in parentheses": f"SELECT * FROM {EVENTS} WHERE event_id IN (customers)",
    "IN function on a table": f"SELECT * FROM {EVENTS} WHERE in((SELECT 1), customers)",
    "IN function by another name": f"SELECT * FROM {EVENTS} WHERE globalNotNullIn(1, customers)",
    "line comment": f"SELECT * FROM {EVENTS} -- \n UNION ALL SELECT * FROM events",
    "block comment": "SELECT * FROM/**/events",
    "hash comment": "SELECT 1 # \n FROM events",
    "text that a comment opens": "SELECT 1 /* ' */ FROM customers /* ' */",
    "a harmless comment": f"SELECT 1 FROM {EVENTS} -- why",
    "guard inside a comment": f"SELECT * FROM events /* {EVENTS} */",
    "guard inside a string": f"SELECT * FROM events WHERE '{EVENTS}' != ''",
    "quotes: back ticks": "SELECT * FROM `events`",
    "quotes: double": 'SELECT * FROM "events"',
    "quotes: escaped": 'SELECT * FROM "\\x65vents"',
    "quotes: typographic": "SELECT * FROM “events”",
    "quotes: dollars": "SELECT $a$'$a$ FROM events",
    "quotes: one that does not end": "SELECT 'x FROM events",
    "qualified": "SELECT * FROM default.events",
    "upper case": "SELECT * FROM EVENTS",
    "system.tables": "SELECT * FROM system.tables",
    "system in back ticks": "SELECT * FROM `system`.`tables`",
    "information_schema": "SELECT * FROM INFORMATION_SCHEMA.TABLES",
    "file()": "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "file as a function": "SELECT file('/etc/passwd')",
    "file through APPLY": "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
    "url()": "SELECT * FROM url('http://127.0.0.1/', 'CSV')",
    "remote()": "SELECT * FROM remote('127.0.0.1', currentDatabase(), 'x')",
    "merge()": "SELECT * FROM merge('default', '.*')",
    "dictionary()": "SELECT * FROM dictionary('contact_survivors')",
    "dictGet": "SELECT dictGet('contact_survivors', 'survivor_id', 5)",
    "another dictionary": "SELECT dictGetOrDefault('others', 'survivor_id', 5, 5)",
    "joinGet": "SELECT joinGet('x', 'y', 1)",
    "second statement": f"SELECT * FROM {EVENTS}; SELECT * FROM events",
    "semicolon at the end": f"SELECT * FROM {EVENTS};",
    "settings that lift the second lock": (
        f"SELECT * FROM {EVENTS} SETTINGS additional_table_filters = ''"
    ),
    "INTO OUTFILE": f"SELECT * FROM {EVENTS} INTO OUTFILE '/tmp/x'",
    "FORMAT": f"SELECT * FROM {EVENTS} FORMAT CSV",
    "PARALLEL WITH": "SELECT 1 PARALLEL WITH SELECT * FROM x",
    "INSERT": f"INSERT INTO contacts {EVENTS}",
    "DROP": "DROP TABLE events",
    "EXPLAIN": f"EXPLAIN SELECT * FROM {EVENTS}",
    "SHOW in a subquery": "SELECT * FROM (SHOW TABLES)",
    "FROM first": "FROM events SELECT *",
    "identifier parameter": "SELECT * FROM {t:Identifier}",
    "identifier parameter, spaced": "SELECT * FROM { t : Identifier }",
    "WITH name that is a relation": "WITH events AS (SELECT 1) SELECT * FROM events",
    "WITH name before it is made": (
        "WITH a AS (SELECT * FROM customers), customers AS (SELECT 1) SELECT * FROM a"
    ),
    "WITH name of an inner scope": (
        "SELECT * FROM (WITH customers AS (SELECT 1) SELECT 1) AS a JOIN customers AS b ON 1 = 1"
    ),
    "WITH name as a database": "WITH mine AS (SELECT 1) SELECT * FROM mine.events2",
    "an alias in place of the guarded column": f"WITH 1 AS workspace_id SELECT * FROM {EVENTS}",
    "alias named like a keyword before FROM": "SELECT 1 AS as FROM customers",
    "alias named array before JOIN": f"SELECT * FROM {EVENTS} AS array JOIN customers ON 1 = 1",
    "unmatched parenthesis": f"SELECT * FROM {EVENTS}) UNION ALL (SELECT 1",
    "nothing": "",
}

HONEST = (
    f"SELECT count() FROM {EVENTS}",
    f"SELECT e.event_id FROM {EVENTS} AS e WHERE e.event_type IN ('view', 'purchase')",
    f"SELECT 1 FROM {EVENTS} WHERE contact_id IN {{ids:Array(UInt64)}} AND source NOT IN ('api')",
    f"SELECT {survivor('e.contact_id')} AS who, count() FROM {EVENTS} AS e GROUP BY who",
    (
        f"SELECT c.email, count(*) FROM {EVENTS} AS e LEFT JOIN {CONTACTS} AS c ON id = contact_id"
        " GROUP BY c.email HAVING count(*) > 1 ORDER BY count(*) DESC, c.email LIMIT 10 OFFSET 5"
    ),
    (
        f"WITH a AS (SELECT contact_id FROM {EVENTS}), b AS (SELECT * FROM a)"
        " SELECT count() FROM b JOIN a ON a.contact_id = b.contact_id"
    ),
    f"SELECT word FROM {EVENTS} ARRAY JOIN splitByChar(' ', attributes) AS word WHERE word != ''",
    f"SELECT 'it''s; -- not /* a */ comment FROM events', x -> x + 1 FROM {EVENTS}",
    f"SELECT * FROM {EVENTS} UNION ALL SELECT * FROM {EVENTS}",
    f"SELECT contact_id IN (SELECT id FROM {CONTACTS} AS c WHERE deleted = 1) FROM {EVENTS} AS e",
)


@pytest.mark.parametrize("sql", ATTACKS.values(), ids=ATTACKS)
def test_the_executor_runs_nothing_that_could_read_beyond_its_workspace(
    warehouse: Warehouse, sql: str
) -> None:
    with pytest.raises(UnguardedStatement):
        warehouse.rows(Statement(sql, {}, OURS, frozenset()))


@pytest.mark.parametrize("sql", HONEST)
def test_honest_statements_pass(sql: str) -> None:
    verify(sql)


def test_a_statement_without_a_scope_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        statement(template="SELECT 1")  # type: ignore[call-arg, misc]  # the mistake under test


@pytest.mark.parametrize("marker", ["{orders}", "{}", "{Events}", "{events final}"])
def test_an_unknown_marker_is_refused(marker: str) -> None:
    with pytest.raises(UnguardedStatement, match=re.escape(marker)):
        statement(OURS, f"SELECT * FROM {marker}")


def test_the_workspace_cannot_be_passed_as_a_parameter(warehouse: Warehouse) -> None:
    with pytest.raises(UnguardedStatement):
        statement(OURS, "SELECT 1 FROM {events}", workspace_id=2)
    with pytest.raises(UnguardedStatement):
        warehouse.rows(Statement("SELECT 1", {"workspace_id": 2}, OURS, frozenset()))


@pytest.mark.parametrize("column", ["contact_id) FROM events --", "", "a b", "contact_id, 1"])
def test_a_survivor_is_asked_of_a_column_only(column: str) -> None:
    with pytest.raises(UnguardedStatement):
        survivor(column)


def test_every_function_of_the_engine_that_reads_elsewhere_is_refused(
    warehouse: Warehouse,
) -> None:
    listed = warehouse._write(
        "SELECT lower(name) FROM system.functions WHERE NOT is_aggregate AND ("
        "categories IN ('Dictionary', 'Embedded Dictionary', 'AI')"
        " OR match(lower(name), '^(joinget|sleep|file|filesystem|.*tableexist|hascolumnintable)')"
        " OR match(lower(name), '^(global)?(not)?(null)?in(ignoreset)?$'))",
        {},
    )
    names = {name for (name,) in listed}
    assert len(names) > 50
    assert {name for name in names if not _REFUSED_FUNCTIONS.fullmatch(name)} == set()


def test_the_lexer_refuses_long_rubbish_quickly() -> None:
    script = (
        "from footfall.warehouse.guard import verify, UnguardedStatement\n"
        "for text in ('SELECT ' + \"'\" * 100_001, 'SELECT ' + '(' * 50_000, 'a' * 10**6):\n"
        "    try: verify(text)\n"
        "    except UnguardedStatement: pass\n"
        "    else: raise SystemExit('passed')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
