"""Statements over all workspaces, for the projector and for maintenance.

They do not pass the guard, so each is a constant here and a method of `Warehouse`; nothing else may
be run without a scope.
"""

from typing import Final

from footfall.warehouse.schema import SURVIVORS, Relation

#: Events of a range of the journal that are there; pruned by the index on event_id.
EVENT_IDS_BETWEEN: Final = """
SELECT event_id FROM events WHERE event_id BETWEEN {first:UInt64} AND {last:UInt64}
"""

#: Rows as reads will see them, by relation.
ROW_COUNTS: Final = """
SELECT 'events' AS relation, count() AS number FROM events
UNION ALL SELECT 'activities', count() FROM activities
UNION ALL SELECT 'products', count() FROM products FINAL
UNION ALL SELECT 'contacts', count() FROM contacts FINAL
UNION ALL SELECT 'contact_aliases', count() FROM contact_aliases FINAL
"""

#: A lightweight delete: hidden at once, gone from the disk with the next merge of the part.
ERASE_CONTACT_EVENTS: Final = """
DELETE FROM events
WHERE workspace_id = {workspace_id:UInt32} AND contact_id IN {contact_ids:Array(UInt64)}
"""

#: Version of the engine.
ENGINE_VERSION: Final = "SELECT version()"

RELOAD_ALIASES: Final = f"SYSTEM RELOAD DICTIONARY {SURVIVORS}"

#: Newest schema version that was applied, 0 if none.
SCHEMA_VERSION: Final = "SELECT max(version) FROM schema_versions"

RECORD_VERSION: Final = "INSERT INTO schema_versions SELECT {version:UInt32}"


def truncate(relation: Relation) -> str:
    """Return the statement that empties `relation`."""
    return f"TRUNCATE TABLE {relation}"
