"""Where events are scanned: ClickHouse, in this process (chDB) or on a server."""
