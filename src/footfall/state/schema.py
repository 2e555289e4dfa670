"""Every table of the state store.

`footfall.state.migrations` builds exactly this; a test compares them.

Instants are integer milliseconds. Ids of contacts and products come from `id_counters`, so that a
whole batch gets its ids in one statement and no id is ever used twice.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

#: The last of `footfall.state.migrations`, here so that a start need not load Alembic to compare.
NEWEST_REVISION = "0011"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

#: On SQLite only INTEGER makes the key the row's own number; BIGINT would cost a second tree.
_key = BigInteger().with_variant(Integer, "sqlite")

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("time_zone", String(64), nullable=False),
    Column("currency", String(3)),
    Column("created_at", BigInteger, nullable=False),
    #: 64 hexadecimal digits; the shop's server signs contact ids with it.
    Column("identity_secret", String(64), nullable=False),
    Column("require_signed_contacts", Boolean, nullable=False),
    #: JSON array of the product attributes that browsers may write; null: any.
    Column("browser_attributes", Text),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("scope", String(16), nullable=False),
    #: SHA-256 of the token: it is random over 256 bits, so a slow hash would protect nothing more.
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    #: First characters, to tell keys apart on a list.
    Column("token_start", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("allowed_networks", Text),  # JSON array of CIDR; null: any
    Column("requests_per_second", Integer),  # null: unlimited
    Column("last_used_at", BigInteger),  # to the minute
)

#: Public, write-only keys of browsers and mobile apps.
app_keys = Table(
    "app_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("key", String(6), nullable=False, unique=True),
    Column("allowed_origins", Text),  # JSON array of text; null: any
    Column("events_per_second", Integer),  # null: unlimited
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Index(None, "workspace_id"),
)

#: People who sign in to the console. A row stays when its person has left every workspace.
users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(320), nullable=False, unique=True),  # in small letters
    Column("name", String(255), nullable=False),
    Column("password_hash", Text, nullable=False),  # Argon2id, with its parameters
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger),
    Column("disabled_at", BigInteger),
    #: JSON object: footfall.workspaces.types.Preferences.
    Column("preferences", Text, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", Integer, ForeignKey("users.id"), primary_key=True),
    Column("workspace_id", Integer, ForeignKey("workspaces.id"), primary_key=True),
    Column("role", String(16), nullable=False),  # owner, editor, viewer
    Column("created_at", BigInteger, nullable=False),
    Index(None, "workspace_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    #: SHA-256, as in api_keys.
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("user_agent", Text, nullable=False),
    Index(None, "user_id"),
)

#: Links that let somebody in once: the first owner, invited people, those who forgot a password.
one_time_links = Table(
    "one_time_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("purpose", String(16), nullable=False),  # owner, invitation, reset
    Column("email", String(320)),  # null: the first owner, who says it
    Column("workspace_id", Integer, ForeignKey("workspaces.id")),  # null: owner
    Column("role", String(16)),  # only of an invitation
    Column("user_id", Integer, ForeignKey("users.id")),  # only of a reset
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("created_by", Integer, ForeignKey("users.id")),  # null: the command line
    Index(None, "workspace_id"),
)

#: Who changed what; rows are added and, once old, deleted, never changed.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", _key, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor_kind", String(16), nullable=False),  # user, token, operator
    Column("actor_id", Integer, nullable=False),
    Column("actor_name", Text, nullable=False),  # as it was then
    Column("action", String(64), nullable=False),
    Column("object_kind", String(32), nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_name", Text),
    Column("before", Text),  # JSON object of the fields that changed; null: it was made
    Column("after", Text),  # likewise; null: it was deleted
    Index(None, "workspace_id", "id"),
    Index(None, "workspace_id", "at"),
    Index(None, "workspace_id", "object_kind", "object_id"),
)

#: Names of ordinary events, so that the first occurrence of one can be told.
activity_names = Table(
    "activity_names",
    metadata,
    Column("workspace_id", Integer, primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("first_position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

id_counters = Table(
    "id_counters",
    metadata,
    Column("kind", String(16), primary_key=True),  # contact, product, cart copy
    Column("next_id", BigInteger, nullable=False),
)

attribute_definitions = Table(
    "attribute_definitions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # product, contact
    Column("name", String(255), nullable=False),
    Column("name_std", String(64), nullable=False),
    Column("value_type", String(16), nullable=False),
    Column("choices", Text),  # JSON array of text; only for value_type "fixed"
    Column("multiple", Boolean, nullable=False),
    Column("origin", String(16), nullable=False),  # built-in, defined, automatic
    Column("source_rule", String(16), nullable=False),  # any, feed only, api only
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "kind", "name_std"),
)

set_aside_values = Table(
    "set_aside_values",
    metadata,
    Column("workspace_id", Integer, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("object_id", BigInteger, primary_key=True),
    Column("name_std", String(255), primary_key=True),
    Column("name", Text, nullable=False),  # as sent
    Column("raw", Text, nullable=False),  # JSON text, cut at RAW_LIMIT characters
    Column("code", String(32), nullable=False),
    Column("message", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("source", String(16), nullable=False),
    Column("dismissed_at", BigInteger),  # a person has seen it and put it away
    Index(None, "workspace_id", "kind", "name_std"),
)

#: Changes of attributes' types; of each attribute the newest can be undone.
attribute_changes = Table(
    "attribute_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # product, contact
    Column("name_std", String(64), nullable=False),
    Column("before", Text, nullable=False),  # JSON: footfall.attributes.types.Definition
    Column("after", Text, nullable=False),  # the same
    Column("phase", String(16), nullable=False),  # changing, done, undoing, undone
    Column("started_at", BigInteger, nullable=False),
    #: Until then a process works on it; it says so anew with every step.
    Column("leased_until", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("after_id", BigInteger, nullable=False),  # the last object that was reached
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("set_aside", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Index(None, "workspace_id", "kind", "name_std"),
)

#: What each object held before the newest change of an attribute.
attribute_values_before = Table(
    "attribute_values_before",
    metadata,
    Column("change_id", Integer, primary_key=True),
    Column("object_id", BigInteger, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # product, contact
    Column("cell", Text),  # JSON: footfall.attributes.types.Cell
    Column("set_aside", Text),  # JSON: footfall.attributes.types.SetAside
    Index(None, "workspace_id", "kind", "object_id"),
    sqlite_with_rowid=False,
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", _key, primary_key=True, autoincrement=False),
    Column("workspace_id", Integer, nullable=False),
    Column("custom_id", String(255)),
    Column("key", String(255)),
    Column("email", Text),
    Column("phone_number", Text),
    #: JSON object: name_std -> cell (footfall.attributes.types.Cell).
    Column("profile", Text, nullable=False),
    Column("merged_into", BigInteger),  # the surviving contact; never a merged one itself
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Column("revision", BigInteger, nullable=False),
    Index(None, "workspace_id", "id"),
    Index(None, "workspace_id", "email"),
    Index(None, "workspace_id", "phone_number"),
    Index(None, "merged_into"),
)

contact_identities = Table(
    "contact_identities",
    metadata,
    Column("workspace_id", Integer, primary_key=True),
    Column("kind", String(16), primary_key=True),  # custom_id, email, key
    Column("value", String(320), primary_key=True),
    Column("contact_id", BigInteger, nullable=False),
    Index(None, "contact_id"),
    sqlite_with_rowid=False,
)

contact_merges = Table(
    "contact_merges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("merged_id", BigInteger, nullable=False),
    Column("survivor_id", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),  # of the event that named both, or the head
    Column("merged_at", BigInteger, nullable=False),
    Column("cause", String(16), nullable=False),  # event, request
    #: What both were before (footfall.contacts.merging.Before), JSON, so that it can be undone.
    Column("before", Text, nullable=False),
    Column("undone_at", BigInteger),
    Index(None, "workspace_id", "survivor_id"),
    Index(None, "merged_id"),
)

contact_lists = Table(
    "contact_lists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    Index(None, "workspace_id"),
)

#: Who was put on a list; merged contacts stay on it under their own id.
contact_list_members = Table(
    "contact_list_members",
    metadata,
    Column("list_id", Integer, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace_id", Integer, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Index(None, "contact_id"),
    sqlite_with_rowid=False,
)

#: Who is in them is in the warehouse.
segments = Table(
    "segments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("subject", String(16), nullable=False),  # contact, product
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("condition", Text, nullable=False),  # JSON
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    Index(None, "workspace_id"),
)

#: What events did to carts, for as long as it counts; under the contact the event was given to,
#: also where that one was merged since.
cart_changes = Table(
    "cart_changes",
    metadata,
    Column("position", _key, primary_key=True, autoincrement=False),
    Column("workspace_id", Integer, nullable=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("product_id", BigInteger, nullable=False),
    Column("event_type", String(16), nullable=False),
    Column("quantity", Text),  # decimal text, as the two below
    Column("unit_price", Text),
    Column("currency", String(3)),
    Column("order_id", Text),
    Index(None, "contact_id", "occurred_at"),
)

products = Table(
    "products",
    metadata,
    Column("id", _key, primary_key=True, autoincrement=False),
    Column("workspace_id", Integer, nullable=False),
    Column("custom_id", String(255), nullable=False),
    Column("name", Text),  # current value of the built-in attribute, for search
    #: JSON object: name_std -> cell (footfall.attributes.types.Cell).
    Column("profile", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Column("revision", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "custom_id"),
    Index(None, "workspace_id", "id"),
)

#: Objects whose warehouse snapshot is older than their row here.
dirty_objects = Table(
    "dirty_objects",
    metadata,
    Column("workspace_id", Integer, primary_key=True),
    Column("kind", String(16), primary_key=True),  # product, contact, cart
    Column("object_id", BigInteger, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Events of deleted contacts that still have to leave the warehouse.
contact_erasures = Table(
    "contact_erasures",
    metadata,
    Column("contact_id", _key, primary_key=True, autoincrement=False),
    Column("workspace_id", Integer, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
)

#: Journal ranges that are in the state and not yet in the warehouse, with the ids found for them.
projected_ranges = Table(
    "projected_ranges",
    metadata,
    Column("first_position", _key, primary_key=True, autoincrement=False),
    Column("last_position", BigInteger, nullable=False),
    Column("resolved", LargeBinary, nullable=False),  # msgpack: (contact_ids, product_ids)
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", String(32), primary_key=True),  # state, warehouse
    Column("position", BigInteger, nullable=False),
)

failed_events = Table(
    "failed_events",
    metadata,
    Column("id", _key, primary_key=True),
    Column("workspace_id", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("failed_at", BigInteger, nullable=False),
    Column("source", String(16), nullable=False),
    Column("api_key_id", Integer),
    Column("wire_format", String(16), nullable=False),
    Column("product_id", Text),
    Column("event_key", Text),
    Column("payload", LargeBinary, nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("replayed_at", BigInteger),
    Column("replayed_position", BigInteger),
    #: Bytes that the workspace has kept in all, this one's among them; ascending with the id.
    Column("kept_through", BigInteger),
    Column("dismissed_at", BigInteger),  # a person has seen it and put it away
    Index(None, "workspace_id", "id"),
    Index(None, "workspace_id", "kept_through"),
    #: All that groups are counted by: the payloads beside it are a hundred times as much.
    Index(
        "ix_failed_events_groups",
        *("workspace_id", "code", "source", "replayed_at", "dismissed_at", "failed_at"),
    ),
    Index(None, "failed_at"),
)

#: Files on their way into a workspace; the files themselves are in the data folder.
imports = Table(
    "imports",
    metadata,
    Column("number", _key, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("workspace_id", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # events, products, contacts
    Column("status", String(16), nullable=False),
    Column("file_name", Text, nullable=False),  # as sent; no path is made of it
    Column("file_bytes", BigInteger, nullable=False),
    Column("headings", Text, nullable=False),  # JSON array of text
    Column("plan", Text, nullable=False),  # JSON
    Column("counts", Text, nullable=False),  # JSON
    Column("row_errors", Text, nullable=False),  # JSON, the first fifty
    Column("problem", Text),  # why it failed as a whole
    Column("author", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("journal_position", BigInteger, nullable=False),
    Index(None, "workspace_id", "number"),
    Index(None, "status"),
)
