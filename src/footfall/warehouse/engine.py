"""Opens clients of ClickHouse, in this process (chDB) or on a server, with our limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client

_MB: Final = 1_000_000

#: Start-up arguments of the engine in this process. Its defaults suit a machine of its own (caches
#: of 5 GB, hundreds of threads, timers that tick all the time); ours shares 2 GB with the rest.
_ENGINE: Final[Mapping[str, int]] = {
    "max_server_memory_usage": 1_200 * _MB,  # counted with the library's own 500 MB of code
    "mark_cache_size": 16 * _MB,
    "index_mark_cache_size": 4 * _MB,
    "primary_index_cache_size": 16 * _MB,
    "uncompressed_cache_size": 0,
    "index_uncompressed_cache_size": 0,
    "query_condition_cache_size": 4 * _MB,
    "compiled_expression_cache_size": 0,
    "mmap_cache_size": 64,
    # Pools of up to 128 threads each, for disks and networks that we do not have.
    "max_parts_cleaning_thread_pool_size": 2,
    "max_active_parts_loading_thread_pool_size": 4,
    "max_outdated_parts_loading_thread_pool_size": 2,
    "max_io_thread_pool_size": 8,
    "threadpool_local_fs_reader_pool_size": 4,
    "prefetch_threadpool_pool_size": 2,
    "load_marks_threadpool_pool_size": 2,
    "threadpool_writer_pool_size": 4,
    # Idle: 0.7 % of a core by default, 0.2 % with these.
    "memory_worker_period_ms": 1_000,
    "global_profiler_real_time_period_ns": 0,
    "global_profiler_cpu_time_period_ns": 0,
}

#: Of each statement: spill to disk early, stop before the machine suffers.
_LIMITS: Final[Mapping[str, Any]] = {
    "max_memory_usage": 600 * _MB,
    "max_bytes_before_external_group_by": 150 * _MB,
    "max_bytes_before_external_sort": 150 * _MB,
    "max_execution_time": 60,
}

#: `readonly = 2` refuses everything that writes or defines, and lets a statement carry its filters.
_READER: Final[Mapping[str, Any]] = {**_LIMITS, "readonly": 2}


@dataclass(frozen=True, slots=True)
class Engine:
    """Where ClickHouse is: a directory of this process, or a server."""

    path: Path | None
    url: str | None

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password by which a server's dictionary reads its own tables."""
        if self.url is None:
            return None
        parts = urlsplit(self.url)
        if parts.username is None:
            return None
        return unquote(parts.username), unquote(parts.password or "")

    def connect(self, *, reader: bool) -> Client:
        """Return a new client; it serves one call at a time."""
        settings = dict(_READER if reader else _LIMITS)
        if self.url is None:
            # Off by default on servers, on in chDB: neither is needed to read events.
            if reader:
                settings |= {"allow_introspection_functions": 0, "implicit_select": 0}
            return clickhouse_connect.get_client(
                interface="chdb",
                path=str(self.path),
                settings=settings,
                chdb_options={name: str(value) for name, value in _ENGINE.items()},
            )
        parts = urlsplit(self.url)
        secure = parts.scheme in ("https", "clickhouses")
        return clickhouse_connect.get_client(
            interface="https" if secure else "http",
            host=parts.hostname,
            port=parts.port or (8443 if secure else 8123),
            username=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.lstrip("/")) or "default",
            settings=settings,
            # A session would forbid the same client two statements that overlap after a timeout.
            autogenerate_session_id=False,
        )
