"""Statements over all workspaces, for the projector and for maintenance.

They do not pass the guard, so each is a constant here and a method of `Warehouse`; nothing else may
be run without a scope.
"""

from collections.abc import Sequence
from typing import Final

from footfall.warehouse.schema import SURVIVORS, Relation

#: Events and activities of a range of the journal that are there; pruned by the index on the id.
POSITIONS_BETWEEN: Final = """
SELECT event_id FROM events WHERE event_id BETWEEN {first:UInt64} AND {last:UInt64}
UNION ALL
SELECT activity_id FROM activities WHERE activity_id BETWEEN {first:UInt64} AND {last:UInt64}
"""

#: Rows as reads will see them, by relation.
ROW_COUNTS: Final = """
SELECT 'events' AS relation, count() AS number FROM events
UNION ALL SELECT 'activities', count() FROM activities
UNION ALL SELECT 'products', count() FROM products FINAL
UNION ALL SELECT 'contacts', count() FROM contacts FINAL
UNION ALL SELECT 'contact_aliases', count() FROM contact_aliases FINAL
"""

#: Deletions that the engine has not finished.
ERASURES_UNDER_WAY: Final = """
SELECT count() FROM system.mutations
WHERE database = currentDatabase() AND table IN {relations:Array(String)} AND NOT is_done
"""

_OF_CONTACTS: Final = (
    "workspace_id = {workspace_id:UInt32} AND contact_id IN {contact_ids:Array(UInt64)}"
)

#: Version of the engine.
ENGINE_VERSION: Final = "SELECT version()"

RELOAD_ALIASES: Final = f"SYSTEM RELOAD DICTIONARY {SURVIVORS}"

#: Newest schema version that was applied, 0 if none.
SCHEMA_VERSION: Final = "SELECT max(version) FROM schema_versions"

RECORD_VERSION: Final = "INSERT INTO schema_versions SELECT {version:UInt32}"


def months_of_contacts(relation: Relation) -> str:
    """Return the statement that finds the months in which contacts have rows, by the sort key."""
    return f"SELECT DISTINCT _partition_id FROM {relation} WHERE {_OF_CONTACTS}"  # noqa: S608 - names of relations are ours, values are bound


def erase_contacts(relation: Relation, months: Sequence[str]) -> str:
    """Return the statement that has the engine hide contacts' rows of some months.

    What a lightweight delete is to the engine: hidden when it has come to the part, gone from the
    disk with the part's next merge. Other months are not touched.

    Args:
        months: Names of partitions, digits only.
    """
    if not all(month.isdecimal() for month in months):
        raise ValueError(f"{months!r} are no months")
    each = (f"UPDATE _row_exists = 0 IN PARTITION ID '{m}' WHERE {_OF_CONTACTS}" for m in months)
    return f"ALTER TABLE {relation} {', '.join(each)}"


def truncate(relation: Relation) -> str:
    """Return the statement that empties `relation`."""
    return f"TRUNCATE TABLE {relation}"
