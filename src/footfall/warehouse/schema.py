"""The warehouse's relations, and the numbered steps that build them.

Steps are applied in order and remembered in `schema_versions`; a step is safe to run twice, because
ClickHouse has no transactions around definitions. A step that was released never changes.
"""

from collections.abc import Sequence
from typing import Final, Literal, get_args

Relation = Literal[
    "events",
    "activities",
    "products",
    "contacts",
    "contact_aliases",
    "carts",
    "segment_members",
]

#: Relations that hold shop rows. All have `workspace_id` and may only be read through the guard.
RELATIONS: Final[tuple[Relation, ...]] = get_args(Relation)
#: Relations that hold what contacts did, by month; emptied of a contact when it is deleted.
HISTORIES: Final[tuple[Relation, ...]] = ("events", "activities")
#: Derived from the state store; `rebuild` empties and fills them.
SNAPSHOTS: Final[tuple[Relation, ...]] = ("products", "contacts", "contact_aliases", "carts")
#: The newest row of each key counts.
REPLACING: Final[tuple[Relation, ...]] = (*SNAPSHOTS, "segment_members")
VERSIONS: Final = "schema_versions"
#: Dictionary over contact_aliases.
SURVIVORS: Final = "contact_survivors"

#: The sixteen types of events; Enum8 numbers them from 1 in this order. A test holds it equal to
#: ingest's tuple, which this layer may not import.
EVENT_TYPES: Final = (
    "click",
    "promo click",
    "view",
    "detail",
    "liking",
    "add to observation",
    "reservation",
    "add",
    "add to cart",
    "remove",
    "checkout",
    "checkout option",
    "order",
    "purchase",
    "return",
    "refund",
)

_ENUM: Final = ", ".join(f"'{name}' = {number}" for number, name in enumerate(EVENT_TYPES, 1))

#: What was answered as stored must survive a power cut, also after a merge rewrote it: merged parts
#: are only synced when both minimums say so.
_DURABLE: Final = (
    "fsync_after_insert = 1, fsync_part_directory = 1, "
    "min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1"
)

# Sorted by contact first: a contact's history and a funnel per contact are the reads that hurt.
_EVENTS: Final = f"""
CREATE TABLE IF NOT EXISTS events (
    workspace_id UInt32,
    event_id UInt64,
    event_key Nullable(String),
    occurred_at DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    contact_id UInt64,
    product_id UInt64,
    event_type Enum8({_ENUM}),
    source LowCardinality(String),
    unit_price Nullable(Decimal(18, 4)),
    quantity Nullable(Decimal(18, 4)),
    currency LowCardinality(Nullable(String)),
    order_id Nullable(String),
    attributes String CODEC(ZSTD),
    custom_data Nullable(String) CODEC(ZSTD),
    INDEX by_event_id event_id TYPE minmax
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (workspace_id, contact_id, occurred_at, event_id)
SETTINGS non_replicated_deduplication_window = 1000, {_DURABLE}
"""

_TRAFFIC: Final = "Enum8('visitor' = 1, 'bot' = 2, 'staff' = 3)"

#: Of browsers: which visit an event belongs to, and whose.
_EVENTS_OF_BROWSERS: Final = f"""
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS session_id Nullable(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS traffic {_TRAFFIC} DEFAULT 'visitor'
"""

# As events: what one contact did is read together.
_ACTIVITIES: Final = f"""
CREATE TABLE IF NOT EXISTS activities (
    workspace_id UInt32,
    activity_id UInt64,
    activity_key Nullable(String),
    occurred_at DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    contact_id UInt64,
    kind Enum8('event' = 1, 'page_view' = 2, 'screen' = 3),
    name LowCardinality(String),
    source LowCardinality(String),
    session_id Nullable(String) CODEC(ZSTD),
    url Nullable(String) CODEC(ZSTD),
    referrer Nullable(String) CODEC(ZSTD),
    utm_source LowCardinality(Nullable(String)),
    utm_medium LowCardinality(Nullable(String)),
    utm_campaign LowCardinality(Nullable(String)),
    utm_term LowCardinality(Nullable(String)),
    utm_content LowCardinality(Nullable(String)),
    device_type LowCardinality(Nullable(String)),
    os LowCardinality(Nullable(String)),
    browser LowCardinality(Nullable(String)),
    language LowCardinality(Nullable(String)),
    traffic {_TRAFFIC},
    attributes String CODEC(ZSTD),
    INDEX by_activity_id activity_id TYPE minmax
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (workspace_id, contact_id, occurred_at, activity_id)
SETTINGS non_replicated_deduplication_window = 1000, {_DURABLE}
"""

_PRODUCTS: Final = f"""
CREATE TABLE IF NOT EXISTS products (
    workspace_id UInt32,
    id UInt64,
    custom_id String,
    name Nullable(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD),
    created_at DateTime64(3, 'UTC'),
    deleted UInt8,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace_id, id)
SETTINGS {_DURABLE}
"""

_CONTACTS: Final = f"""
CREATE TABLE IF NOT EXISTS contacts (
    workspace_id UInt32,
    id UInt64,
    custom_id Nullable(String),
    email Nullable(String),
    key Nullable(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD),
    created_at DateTime64(3, 'UTC'),
    deleted UInt8,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace_id, id)
SETTINGS {_DURABLE}
"""

_CONTACT_ALIASES: Final = f"""
CREATE TABLE IF NOT EXISTS contact_aliases (
    workspace_id UInt32,
    contact_id UInt64,
    survivor_id UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace_id, contact_id)
SETTINGS {_DURABLE}
"""

_CONTACTS_ON_LISTS: Final = "ALTER TABLE contacts ADD COLUMN IF NOT EXISTS list_ids Array(UInt32)"

# One row per contact with all that lies in its cart: an emptied cart is one new row.
_CARTS: Final = f"""
CREATE TABLE IF NOT EXISTS carts (
    workspace_id UInt32,
    contact_id UInt64,
    product_ids Array(UInt64),
    quantities Array(Decimal(18, 4)),
    unit_prices Array(Nullable(Decimal(18, 4))),
    currencies Array(Nullable(String)),
    added_at Array(DateTime64(3, 'UTC')),
    changed_at Array(DateTime64(3, 'UTC')),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace_id, contact_id)
SETTINGS {_DURABLE}
"""

# A row is one stay of a member: it is written when it enters, and again when it leaves.
_SEGMENT_MEMBERS: Final = f"""
CREATE TABLE IF NOT EXISTS segment_members (
    workspace_id UInt32,
    segment_id UInt32,
    member_id UInt64,
    entered_at Int64,
    left_at Int64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace_id, segment_id, member_id, entered_at)
SETTINGS {_DURABLE}
"""

_VERSIONS: Final = f"""
CREATE TABLE IF NOT EXISTS {VERSIONS} (version UInt32)
ENGINE = ReplacingMergeTree ORDER BY version SETTINGS {_DURABLE}
"""


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _survivors(credentials: tuple[str, str] | None) -> str:
    # Contact ids are unique over all workspaces, so the contact alone is the key. LIFETIME(0):
    # it changes only when it is told to (`Warehouse.reload_aliases`).
    login = ""
    if credentials is not None:
        login = f"USER {_quoted(credentials[0])} PASSWORD {_quoted(credentials[1])} "
    source = "QUERY 'SELECT contact_id, survivor_id FROM contact_aliases FINAL'"
    return f"""
CREATE DICTIONARY IF NOT EXISTS {SURVIVORS} (contact_id UInt64, survivor_id UInt64)
PRIMARY KEY contact_id
SOURCE(CLICKHOUSE({login}DB currentDatabase() {source}))
LAYOUT(HASHED())
LIFETIME(0)
"""


def steps(credentials: tuple[str, str] | None) -> Sequence[Sequence[str]]:
    """Return the statements of every version; version n is the n-th entry, from 1.

    Args:
        credentials: User and password a server's dictionary must log in with to read its own
            tables; None where no one has to.
    """
    return (
        (_EVENTS, _PRODUCTS, _CONTACTS, _CONTACT_ALIASES, _survivors(credentials)),
        (_EVENTS_OF_BROWSERS, _ACTIVITIES),
        (_CONTACTS_ON_LISTS, _CARTS, _SEGMENT_MEMBERS),
    )


#: Remembers which versions were applied; exists before the first of them.
VERSIONS_STATEMENT: Final = _VERSIONS
