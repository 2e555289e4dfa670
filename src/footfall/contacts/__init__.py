"""People: identities, merges and their latest attribute values."""
